import type { Status } from '../frames/index.js';
import type { GatePhase } from '../guidance/index.js';
import type { EntryKind } from './guidance/entry-looks.js';
import type { MarginKind } from './guidance/margin-steps.js';
import type { SliceViewName } from './planes.js';
import type { Slab } from './slab.js';
import type { SliceDriveMode } from './slice-drive.js';

type ByStatus = Readonly<Record<Status, string>>;

/** What a depth bar says of the tip. */
export type DepthWord = 'toTarget' | 'onTarget' | 'pastTarget' | 'beside';

/**
 * Every word that the stage and its graphics put into pictures, legends and names for a screen reader: {@link ENGLISH_WORDS}, or an
 * application's own in another language, given to `createStage` and, when the language changes, to `Stage.setWords`.
 *
 * They are ready to be drawn: render asks for none of them with every frame, and calls a function only where its number has changed. What a
 * function takes is written already, as `4.2 mm`. Units, figures, a dash for what is not known and the patient's letters L R A P S I are the
 * same in every language and are not among them; nor are identifiers, as those of cores, and what an application writes itself, as fiducials' labels.
 */
export interface DrawnWords {
  /** What stands on a graphic that is not simply live; empty for `ok`. */
  readonly status: ByStatus;
  /** The same of the tip alone, beside a structure that stands in the patient whatever becomes of the tip. */
  readonly tip: ByStatus;
  /** The same of a probe, under its image; empty for `ok`. */
  readonly probe: ByStatus;
  /** What a structure or a target is called where it is drawn, by the name that the application gave it. */
  readonly named: (name: string) => string;
  /** A slice's name in its corner. */
  readonly views: Readonly<Record<SliceViewName, string>>;
  /** Its name while a tool leads it. */
  readonly drives: Readonly<Record<SliceDriveMode, string>>;
  /** How a thick slice was made, before its thickness. */
  readonly slabs: Readonly<Record<Slab['mode'], string>>;
  /** A slice that stands whatever its tool does. */
  readonly locked: string;
  /** That the 3D view draws errors so many times as large. */
  readonly errorsDrawn: (times: number) => string;
  /** The error of a pose is not known. */
  readonly errorUnknown: string;
  readonly depth: Readonly<Record<DepthWord, string>>;
  /** The breathing gate's phase; `stale`: it was not asked in time. */
  readonly gate: Readonly<Record<GatePhase | 'stale', string>>;
  /** The usual time of a breath. @param period as `4.2 s` */
  readonly every: (period: string) => string;
  /** Of which zone a margin is. */
  readonly margins: Readonly<Record<MarginKind, string>>;
  /** There is no margin, for there is no zone. */
  readonly marginNotKnown: string;
  /** The steps of a margin's scale: not covered, to 5 mm, to 10 mm, more. */
  readonly marginSteps: readonly [string, string, string, string];
  readonly leastMargin: string;
  /** What the margin at that place is not below with 95 %. */
  readonly leastMarginBound: string;
  /** Names of the legend of margins. */
  readonly marginLegend: Readonly<Record<MarginKind, string>>;
  /** The table of the probabilities of coverage, and its rows: the whole tumour, and so much around it. */
  readonly coverage: { readonly name: string; readonly all: string; readonly around: (margin: string) => string };
  readonly entries: EntryWords;
  /** What stands under an ultrasound image that is not there, or old. */
  readonly noImage: string;
  readonly imageStale: string;
  /** That a target was sampled with less than the probability asked for. @param probability as `90 %` */
  readonly below: (probability: string) => string;
  /** That a model in the room is one. @param times its scale; 1 is true size */
  readonly model: (times: number) => string;
  /** What a screen reader calls the stage's canvas, where the page does not name it, and the panels. */
  readonly panels: Readonly<Record<'stage' | 'bullseye' | 'depthBar' | 'gate' | 'ultrasound', string>>;
}

/** What is said of entries on the skin. */
export interface EntryWords {
  /** What a legend says of each kind, and a pin of one that cannot be used. */
  readonly kinds: Readonly<Record<EntryKind, string>>;
  /** The legend's name, and its row of the least and the best score. */
  readonly legend: string;
  readonly scores: string;
  /** Before what is said of the chosen one. */
  readonly entry: string;
  readonly refused: string;
  readonly notSearched: string;
  /** On a skin that was not searched. */
  readonly noneSearched: string;
  /** How far the way stays from what must not be touched. @param room as `4.2 mm` */
  readonly spare: (room: string) => string;
  readonly nothingNear: string;
  /** @param angle between the way and the skin's normal, as `12°` */
  readonly toSkin: (angle: string) => string;
}

const STATUS: ByStatus = {
  ok: '',
  predicted: 'PREDICTED',
  unknown: 'NOT CONFIRMED',
  outOfVolume: 'OUT OF VOLUME',
  stale: 'STALE',
  missing: 'NOT VISIBLE',
  disconnected: 'DISCONNECTED',
};

const TIP: ByStatus = {
  ok: 'TIP',
  predicted: 'TIP PREDICTED',
  unknown: 'TIP NOT CONFIRMED',
  outOfVolume: 'TIP OUT OF VOLUME',
  stale: 'TIP STALE',
  missing: 'TIP NOT VISIBLE',
  disconnected: 'TIP DISCONNECTED',
};

const PROBE: ByStatus = {
  ok: '',
  predicted: 'PROBE PREDICTED',
  unknown: 'PROBE NOT CONFIRMED',
  outOfVolume: 'PROBE OUT OF VOLUME',
  stale: 'PROBE STALE',
  missing: 'PROBE NOT VISIBLE',
  disconnected: 'PROBE DISCONNECTED',
};

const ENTRIES: EntryWords = {
  kinds: {
    possible: 'possible: the brighter, the better',
    tooNear: 'too near a structure',
    tooOblique: 'too oblique to the skin',
    tooDeep: 'deeper than the needle reaches',
    offDirection: 'off the preferred direction',
    notFinite: 'no way at all',
  },
  legend: 'Entries on the skin',
  scores: 'scores',
  entry: 'ENTRY',
  refused: 'REFUSED',
  notSearched: 'NOT SEARCHED',
  noneSearched: 'ENTRIES NOT SEARCHED',
  spare: (room) => `${room} to spare`,
  nothingNear: 'nothing near',
  toSkin: (angle) => `${angle} to the skin`,
};

/** What is drawn unless an application says otherwise. */
export const ENGLISH_WORDS: DrawnWords = {
  status: STATUS,
  tip: TIP,
  probe: PROBE,
  named: (name) => name,
  views: { axial: 'AXIAL', coronal: 'CORONAL', sagittal: 'SAGITTAL' },
  drives: { inPlane0: 'IN-PLANE 0°', inPlane90: 'IN-PLANE 90°', probesEye: 'PROBE’S EYE' },
  slabs: { max: 'MIP', min: 'MinIP', mean: 'mean' },
  locked: 'LOCKED',
  errorsDrawn: (times) => `ERRORS DRAWN × ${times}`,
  errorUnknown: 'ERROR UNKNOWN',
  depth: { toTarget: 'TO TARGET', onTarget: 'ON TARGET', pastTarget: 'PAST TARGET', beside: 'BESIDE THE WAY' },
  gate: { open: 'GATE OPEN', closed: 'GATE CLOSED', unknown: 'NO BREATHING FOUND', stale: 'NO MOTION SIGNAL' },
  every: (period) => `every ${period}`,
  margins: { planned: 'PLANNED MARGIN', tracked: 'MARGIN NOW', confirmed: 'CONFIRMED MARGIN' },
  marginNotKnown: 'NOT KNOWN',
  marginSteps: ['below 0 mm: not covered', '0 – 5 mm', '5 – 10 mm', '10 mm and more'],
  leastMargin: 'least margin',
  leastMarginBound: 'with 95 %, there',
  marginLegend: {
    planned: 'Ablation margin, planned',
    tracked: 'Ablation margin, tracked',
    confirmed: 'Ablation margin, confirmed',
  },
  coverage: {
    name: 'Probability, by the pose’s error',
    all: 'all of the tumour covered',
    around: (margin) => `with ${margin} around it`,
  },
  entries: ENTRIES,
  noImage: 'NO IMAGE',
  imageStale: 'IMAGE STALE',
  below: (probability) => `below ${probability}`,
  model: (times) => (times === 1 ? 'MODEL · NOT IN PLACE' : `MODEL × ${Number(times.toPrecision(2))} · NOT IN PLACE`),
  panels: {
    stage: 'Slices and 3D view',
    bullseye: 'bullseye: lateral deviation from the plan',
    depthBar: 'depth bar: distance left to the target',
    gate: 'breathing gate: open, closed or unknown, and the motion',
    ultrasound: 'live ultrasound image',
  },
};
