import { formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import { calibrateDetail } from '../../suite/page/calibrate.js';
import type { Detail } from '../../suite/page/detail.js';
import { h } from '../../suite/page/dom.js';
import { resumedNote } from '../../suite/page/resumed.js';
import { inEnglish } from '../../suite/page/texts/language.js';
import type { Procedure } from '../src/procedure.js';
import type { Stage } from '../src/stages.js';
import { type PlanState, planDetail } from './plan-detail.js';
import { refusalText, t } from './texts/index.js';
import { answer, facts, lead, marginAnswer } from './words.js';

/** What the free part says beside what the procedure does. */
export interface DetailState extends PlanState {
  /** What is being worked out, and how much of it is done; empty for nothing. */
  readonly work: string;
}

/** What must be done after a restart. */
const verifyFirst = (): string =>
  t('Touch the landmarks and verify before anything is guided: patient or reference may lie otherwise now.');
const BEFORE_GUIDANCE: ReadonlySet<Stage> = new Set(['connect', 'calibrate', 'breathe', 'collect', 'confirm']);

/** The free part of the panel in this moment. */
export function detailOf(procedure: Procedure, state: DetailState): Detail {
  const step = STEPS[procedure.stage](procedure, state);
  const refusal = procedure.refusal === undefined ? '' : refusalText(procedure.refusal);
  const { unverified } = state.keeping;
  // Said until what was taken up has been looked at.
  const said = unverified || BEFORE_GUIDANCE.has(procedure.stage);
  const message = said ? state.keeping.message : '';
  return {
    key: [procedure.stage, refusal, state.work, message, unverified, step.key].join('|'),
    build: () => [
      ...(message === '' ? [] : [resumedNote(message, unverified ? verifyFirst() : '')]),
      ...(refusal === '' ? [] : [h('p', { class: 'refused' }, refusal)]),
      ...(state.work === '' ? [] : [h('p', { class: 'quiet', role: 'status' }, state.work)]),
      ...step.build(),
    ],
  };
}

type Say = (procedure: Procedure, state: DetailState) => Detail;

const STEPS: Readonly<Record<Stage, Say>> = {
  plan: planDetail,
  connect: () => still([h('p', { class: 'lead' }, t('Waiting for the tracker to see every tool.'))]),
  calibrate: toolsDetail,
  breathe: breatheDetail,
  collect: collectDetail,
  review: reviewDetail,
  verify: verifyDetail,
  guide: guideDetail,
  burn: burnDetail,
  assess: assessDetail,
  confirm: confirmDetail,
  finished: confirmDetail,
};

function still(content: readonly HTMLElement[]): Detail {
  return { key: '', build: () => [...content] };
}

function toolsDetail({ calibrating }: Procedure): Detail {
  const { stylus, applicator } = calibrating;
  const onStylus = stylus.accepted === undefined;
  const busy = onStylus ? stylus.isRecording || stylus.result !== undefined : true;
  if (busy && (!onStylus || stylus.isRecording || stylus.result)) {
    const step = calibrateDetail(onStylus ? stylus : applicator);
    const idle = !onStylus && !applicator.isRecording && applicator.result === undefined;
    if (!idle) return step;
  }
  const tool = onStylus ? 'stylus' : 'applicator';
  return {
    key: `${tool}`,
    build: () => [
      lead(t('Where is the tip on the {tool}?', { tool: t(tool) })),
      h('p', {}, t('Set the {tool}’s tip into the divot on the table and tilt it to all sides.', { tool: t(tool) })),
      h(
        'p',
        { class: 'quiet' },
        onStylus
          ? t('A stored calibration can be used instead; that it is still true is not checked.')
          : t('A tip that is not where the planned applicator has it is refused: it is another one, or it is bent.'),
      ),
    ],
  };
}

function breatheDetail(): Detail {
  return still([
    lead(t('Let the patient breathe quietly')),
    h(
      'p',
      {},
      t(
        'The gate is found in the motion of the reference: four breaths are needed. Everything that follows holds at the end of expiration only.',
      ),
    ),
  ]);
}

function collectDetail({ touches, touching }: Procedure): Detail {
  const done = touches.filter((t) => t !== undefined).length;
  const how =
    touching === undefined
      ? ''
      : touching.waiting
        ? t('{n}: waiting for the gate', { n: touching.index + 1 })
        : t('{n}: hold still', { n: touching.index + 1 });
  return {
    key: `${done}|${how}`,
    build: () => [
      lead(t('Touch the markers while the gate is open')),
      answer(t('{done} of {whole}', { done, whole: touches.length }), true),
      h('p', { class: 'quiet', role: 'status' }, how || t('A touch begins when the gate opens, and ends by itself.')),
    ],
  };
}

function reviewDetail(procedure: Procedure): Detail {
  const { proposal, probes } = procedure;
  const tip = probes[0]?.tip;
  const bound = tip === undefined ? Number.NaN : procedure.bound95Mm(tip);
  const limit = { maxTre95Mm: procedure.planning.demands.maxTre95Mm };
  return {
    key: `${bound}|${proposal?.fiducials.length}`,
    build: () => [
      lead(t('Expected at the planned tip, 95 %')),
      answer(formatBound(bound), bound <= limit.maxTre95Mm),
      facts([
        [t('Limit of the plan'), formatMm(limit.maxTre95Mm)],
        [t('From the markers alone'), formatBound(proposal?.bound.p95Mm ?? Number.NaN)],
        [t('One touch errs by'), formatMm(proposal?.registration.fleMm ?? Number.NaN)],
        [t('Findings'), inEnglish(proposal?.registration.findings.map((f) => f.message).join(' ') ?? '') || t('none')],
      ]),
      h(
        'p',
        { class: 'quiet' },
        t('Most of it is the breath: what the liver may move while the gate is open is assumed, not measured.'),
      ),
    ],
  };
}

function verifyDetail({ verifying, touching }: Procedure, { keeping }: DetailState): Detail {
  const done = verifying.touches.filter((t) => t !== undefined).length;
  const { result } = verifying;
  const waiting = touching === undefined ? '' : touching.waiting ? t('waiting for the gate') : t('hold still');
  return {
    key: `${done}|${waiting}|${result?.rmsMm}`,
    build: () => [
      lead(t('Touch landmarks that the registration was not made from')),
      answer(t('{done} of {whole}', { done, whole: verifying.touches.length }), true),
      ...(result === undefined
        ? [
            h(
              'p',
              { class: 'quiet', role: 'status' },
              waiting || (keeping.unverified ? '' : t('The residuals of the registration say nothing of its error here.')),
            ),
          ]
        : [
            facts([
              [t('Off by, rms'), formatMm(result.rmsMm)],
              [t('Shown to be below'), formatBound(result.upperMm)],
            ]),
          ]),
    ],
  };
}

function guideDetail(procedure: Procedure): Detail {
  const { probe, guiding, gate } = procedure;
  const not = procedure.whyNotBurn();
  const say = guiding.referenceMoved
    ? t('Nothing may be believed: the reference was pushed.')
    : not === undefined
      ? t('The tip lies as planned.')
      : refusalText(not);
  return {
    key: `${probe?.name}|${say}|${gate.phase}`,
    build: () => [h('p', { role: 'status' }, h('strong', {}, `${t('Probe {name}', { name: probe?.name ?? UNKNOWN })}: `), say)],
  };
}

function burnDetail({ burning, probe, guiding }: Procedure): Detail {
  const percent = Math.round(100 * burning.progress(guiding.tip.at));
  const moved = formatMm(burning.movedMm);
  return {
    key: `${percent}|${moved}`,
    build: () => [
      answer(t('Burning {percent} %', { percent }), true),
      facts([
        [t('Probe'), `${probe?.name}: ${probe?.setting.powerW} W, ${probe?.setting.minutes} min`],
        [t('Tip moved by at most'), moved],
      ]),
    ],
  };
}

function assessDetail({ burning, planning }: Procedure, { legends }: DetailState): Detail {
  const { achieved } = burning;
  const { marginMm } = planning.demands;
  return {
    key: `${burning.burns.length}|${achieved?.withMargin.probability}`,
    build: () => [
      h('p', { class: 'lead' }, burning.isUnknown ? t('Where one burn lies is not known') : t('Expected from the tracked pose')),
      ...marginAnswer(achieved?.map.minimalMarginMm ?? Number.NaN, marginMm),
      legends.coverage,
      h(
        'p',
        { class: 'quiet' },
        t('By the applicator’s table at the tracked pose. Tissue that heats otherwise, as beside a vein, is not in it.'),
      ),
    ],
  };
}

function confirmDetail({ confirming, planning }: Procedure, { legends }: DetailState): Detail {
  const { stage, result, check, confirmation, fraction } = confirming;
  const percent = stage === 'running' ? Math.round(100 * fraction) : 0;
  return {
    key: `${stage}|${percent}|${confirmation?.map.minimalMarginMm}`,
    build: () => {
      if (stage === 'waiting')
        return [
          lead(t('What does a CT show?')),
          h('p', {}, t('It is registered to the planning CT, and held against anatomy that both show.')),
        ];
      if (stage === 'running') return [lead(t('Registering the two CTs')), answer(`${percent} %`, true)];
      const held = facts([
        [t('Confidence of the registration'), formatProbability(result?.confidence ?? Number.NaN)],
        [t('Anatomy off by, rms'), formatMm(check?.rmsMm ?? Number.NaN)],
        [t('Shown to be below'), formatBound(check?.upperMm ?? Number.NaN)],
      ]);
      if (confirmation === undefined) {
        return [lead(stage === 'refused' ? t('No margin can be told') : t('Do the two CTs lie on each other?')), held];
      }
      const { map, complete, withMargin } = confirmation;
      const { marginMm } = planning.demands;
      return [
        ...marginAnswer(map.minimalMarginMm, marginMm),
        legends.confirmed,
        h('p', { class: 'necrosis' }, t('Necrosis, as drawn on this CT')),
        facts([
          [t('All of the tumour in the necrosis'), formatProbability(complete?.probability ?? Number.NaN)],
          [t('With {marginMm}', { marginMm: formatMm(marginMm, 0) }), formatProbability(withMargin?.probability ?? Number.NaN)],
        ]),
        held,
      ];
    },
  };
}
