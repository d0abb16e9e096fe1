import type { Status } from '@trocar/core';
import { type DrawnWords, ENGLISH_WORDS, type EntryWords } from '@trocar/core/render';
import type { Said } from './texts/index.js';

/** What says a message of the suite's catalogue. */
type Say = Said['say'];

type ByStatus = Readonly<Record<Status, string>>;

/** Every word that the renderer draws, as `t` says it: made once for a language, and not while anything is drawn. */
export function drawnWords(t: Say): DrawnWords {
  const status = statusWords(t);
  const of = (whole: (word: string) => string, ok: string): ByStatus => ({
    ...(Object.fromEntries(Object.entries(status).map(([name, word]) => [name, whole(word)])) as Record<Status, string>),
    ok,
  });
  return {
    status,
    tip: of((word) => t('TIP {status}', { status: word }), t('TIP')),
    probe: of((word) => t('PROBE {status}', { status: word }), ''),
    named: (name) => structureName(name, t),
    views: { axial: t('AXIAL'), coronal: t('CORONAL'), sagittal: t('SAGITTAL') },
    drives: { inPlane0: t('IN-PLANE 0°'), inPlane90: t('IN-PLANE 90°'), probesEye: t('PROBE’S EYE') },
    // The others are abbreviations that stand on every scanner.
    slabs: { ...ENGLISH_WORDS.slabs, mean: t('mean') },
    locked: t('LOCKED'),
    errorsDrawn: (times) => t('ERRORS DRAWN × {times}', { times }),
    errorUnknown: t('ERROR UNKNOWN'),
    depth: { toTarget: t('TO TARGET'), onTarget: t('ON TARGET'), pastTarget: t('PAST TARGET'), beside: t('BESIDE THE WAY') },
    gate: { open: t('GATE OPEN'), closed: t('GATE CLOSED'), unknown: t('NO BREATHING FOUND'), stale: t('NO MOTION SIGNAL') },
    every: (period) => t('every {period}', { period }),
    ...marginWords(t),
    entries: entryWords(t),
    noImage: t('NO IMAGE'),
    imageStale: t('IMAGE STALE'),
    below: (probability) => t('below {probability}', { probability }),
    model: (times) =>
      times === 1 ? t('MODEL · NOT IN PLACE') : t('MODEL × {times} · NOT IN PLACE', { times: Number(times.toPrecision(2)) }),
    panels: {
      stage: t('Slices and 3D view'),
      bullseye: t('bullseye: lateral deviation from the plan'),
      depthBar: t('depth bar: distance left to the target'),
      gate: t('breathing gate: open, closed or unknown, and the motion'),
      ultrasound: t('live ultrasound image'),
    },
  };
}

/** The structures that the suite's phantoms and commands name, some of them with the label's number. */
const STRUCTURE = /^(Vessels|Ventricles|Gallbladder|Bone|Kidneys|Stomach)( \(\d+\))?$/;

/** What a structure is called on the screen, in pictures and in lists; one that a user named is called so. */
export function structureName(name: string, t: Say): string {
  const [, known, number = ''] = STRUCTURE.exec(name) ?? [];
  return known === undefined ? name : t(known as 'Vessels') + number;
}

function statusWords(t: Say): ByStatus {
  return {
    ok: '',
    predicted: t('PREDICTED'),
    unknown: t('NOT CONFIRMED'),
    outOfVolume: t('OUT OF VOLUME'),
    stale: t('STALE'),
    missing: t('NOT VISIBLE'),
    disconnected: t('DISCONNECTED'),
  };
}

type MarginWord = 'margins' | 'marginNotKnown' | 'marginSteps' | 'leastMargin' | 'leastMarginBound' | 'marginLegend' | 'coverage';

function marginWords(t: Say): Pick<DrawnWords, MarginWord> {
  const [, to5, to10] = ENGLISH_WORDS.marginSteps;
  return {
    margins: { planned: t('PLANNED MARGIN'), tracked: t('MARGIN NOW'), confirmed: t('CONFIRMED MARGIN') },
    marginNotKnown: t('NOT KNOWN'),
    // Figures and a unit alone are the same everywhere.
    marginSteps: [t('below 0 mm: not covered'), to5, to10, t('10 mm and more')],
    leastMargin: t('least margin'),
    leastMarginBound: t('with 95 %, there'),
    marginLegend: {
      planned: t('Ablation margin, planned'),
      tracked: t('Ablation margin, tracked'),
      confirmed: t('Ablation margin, confirmed'),
    },
    coverage: {
      name: t('Probability, by the pose’s error'),
      all: t('all of the tumour covered'),
      around: (margin) => t('with {margin} around it', { margin }),
    },
  };
}

function entryWords(t: Say): EntryWords {
  return {
    kinds: {
      possible: t('possible: the brighter, the better'),
      tooNear: t('too near a structure'),
      tooOblique: t('too oblique to the skin'),
      tooDeep: t('deeper than the needle reaches'),
      offDirection: t('off the preferred direction'),
      notFinite: t('no way at all'),
    },
    legend: t('Entries on the skin'),
    scores: t('scores'),
    entry: t('ENTRY'),
    refused: t('REFUSED'),
    notSearched: t('NOT SEARCHED'),
    noneSearched: t('ENTRIES NOT SEARCHED'),
    spare: (room) => t('{room} to spare', { room }),
    nothingNear: t('nothing near'),
    toSkin: (angle) => t('{angle} to the skin', { angle }),
  };
}
