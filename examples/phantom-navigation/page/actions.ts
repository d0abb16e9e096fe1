import { point } from '@trocar/core';
import type { Stage, Tool } from '@trocar/core/render';
import type { Errands } from '../../suite/page/errands.js';
import type { Action } from '../../suite/page/panel.js';
import { worded } from '../../suite/page/texts/index.js';
import { keepsLimit } from '../../suite/src/acceptance.js';
import { BODIES, type BodyName } from '../../suite/src/frames.js';
import { PIVOT_CONE_DEG } from '../../suite/src/hand.js';
import { FEWEST_FIDUCIALS } from '../../suite/src/registration-step.js';
import { CT } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import { type ImagesPlace, imagesActions, secondAction } from './images.js';
import type { Keeping } from './keeping.js';
import type { Pictures } from './pictures.js';
import { t } from './texts/index.js';

/** A cone that a hand in a hurry pivots in, degrees: too narrow to find a tip by. */
const NARROW_CONE_DEG = 4;

/** What the buttons work on. */
export interface Workplace {
  readonly procedure: Procedure;
  readonly errands: Errands<BodyName>;
  readonly pictures: Pictures;
  readonly stage: Stage<'ct'>;
  readonly stylus: Tool;
  /** What keeps what is accepted. */
  readonly keeping: Keeping;
  /** Makes the report. */
  report(): void;
  /** The second image. */
  readonly images: ImagesPlace;
}

/** The buttons of this moment. */
export function actionsOf(w: Workplace): Action[] {
  if (!w.keeping.planned) return planActions(w);
  if (w.images.images.isOpen) return imagesActions(w.images);
  return [...stageActions(w), ...secondAction(w.images), ...disturbActions(w)];
}

function stageActions(w: Workplace): Action[] {
  switch (w.procedure.stage) {
    case 'calibrate':
      return calibrateActions(w);
    case 'collect':
      return collectActions(w);
    case 'review':
      return reviewActions(w);
    case 'navigate':
      return navigateActions(w);
    case 'finished':
      return [{ id: 'report', label: t('Report'), primary: true, run: () => w.report() }];
    default:
      return [];
  }
}

function planActions({ procedure, stage, keeping }: Workplace): Action[] {
  const targetHere = (): void => {
    const refusal = procedure.planTo(procedure.plan.entry, point(CT, stage.crosshair.xyz));
    if (refusal === undefined) stage.setPlan(procedure.plan);
  };
  const [newest] = keeping.open;
  const disabled = keeping.busy;
  const anew = newest === undefined ? t('Accept this plan') : t('Accept this plan, begin anew');
  const accept = { id: 'accept-plan', label: anew, disabled, accepts: true, run: () => keeping.acceptPlan() } as const;
  const go: Action[] =
    newest === undefined
      ? [{ ...accept, primary: true }]
      : [
          {
            id: 'resume',
            label: t('Resume the open procedure'),
            primary: true,
            disabled,
            run: () => keeping.resume(newest.name),
          },
          { ...accept, wide: true },
        ];
  return [
    ...go,
    { id: 'set-target', label: t('Target at crosshair'), run: targetHere },
    { id: 'see-target', label: t('Show target'), run: () => stage.setCrosshair(procedure.plan.target) },
  ];
}

function calibrateActions({ procedure, errands, keeping }: Workplace): Action[] {
  const { calibration } = procedure;
  const busy = errands.busy || calibration.isRecording || keeping.busy;
  const pivot = (cone: number) => (): void => void errands.pivot(procedure, cone);
  const actions: Action[] = [];
  if (calibration.isRecording) {
    actions.push({ id: 'stop-pivot', label: t('End the recording'), primary: true, run: () => void procedure.stopPivot() });
  } else if (calibration.result === undefined) {
    actions.push({
      id: 'pivot',
      label: t('Pivot the stylus in the divot'),
      primary: true,
      disabled: busy,
      run: pivot(PIVOT_CONE_DEG),
    });
  } else {
    const isGood = calibration.result.outcome === 'ok';
    const accept = (): void => keeping.acceptCalibration();
    actions.push(
      {
        id: 'accept-calibration',
        label: t('Accept this calibration'),
        primary: isGood,
        disabled: busy,
        accepts: true,
        run: accept,
      },
      { id: 'pivot', label: t('Pivot again'), primary: !isGood, disabled: busy, run: pivot(PIVOT_CONE_DEG) },
    );
  }
  if (calibration.hasStored && !calibration.isRecording) {
    const stored = (): void => keeping.acceptCalibration(true);
    actions.push({
      id: 'use-stored',
      label: t('Use stored calibration'),
      wide: calibration.result === undefined,
      disabled: busy,
      accepts: true,
      run: stored,
    });
  }
  actions.push(
    { id: 'pivot-narrow', label: t('Pivot narrowly'), simulated: true, disabled: busy, run: pivot(NARROW_CONE_DEG) },
    { id: 'pivot-still', label: t('Hold still'), simulated: true, disabled: busy, run: pivot(0) },
  );
  return actions;
}

function collectActions({ procedure, errands }: Workplace): Action[] {
  const busy = errands.busy || procedure.touching !== undefined;
  const left = procedure.touches.flatMap((t, i) => (t === undefined ? [i] : []));
  const next = left[0];
  const actions: Action[] = [];
  if (next !== undefined) {
    actions.push(
      {
        id: 'touch-all',
        label: t('Touch all {count} left', { count: left.length }),
        primary: true,
        disabled: busy,
        run: () => errands.touch(...left),
      },
      { id: 'touch-next', label: t('Touch {next}', { next: next + 1 }), disabled: busy, run: () => errands.touch(next) },
    );
  }
  const enough = procedure.registration.used.length >= FEWEST_FIDUCIALS;
  actions.push({
    id: 'register',
    label: t('Register'),
    primary: left.length === 0,
    disabled: busy || !enough,
    run: () => void procedure.register(),
  });
  actions.push({ id: 'recalibrate', label: t('Calibrate again'), disabled: busy, run: () => void procedure.calibrateAgain() });
  actions.push(slipAction(errands));
  return actions;
}

function slipAction(errands: Errands<BodyName>): Action {
  const run = (): void => {
    errands.slips = !errands.slips;
  };
  return { id: 'slip', label: t('Slip next touch'), pressed: errands.slips, simulated: true, run };
}

function reviewActions({ procedure, errands, pictures, stage, stylus, keeping }: Workplace): Action[] {
  const { proposal, plan } = procedure;
  const suspect = proposal !== undefined && proposal.registration.outcome !== 'ok';
  const kept = proposal !== undefined && keepsLimit(plan, proposal.bound.p95Mm);
  const accept = (): void => {
    keeping.accept(suspect, () => stage.follow(stylus));
  };
  const busy = errands.busy || procedure.touching !== undefined || keeping.busy;
  const label = suspect && kept ? t('Accept although suspect') : t('Accept registration');
  return [
    // Beyond the limit it is not taken, but stays there to be asked why.
    { id: 'accept', label, primary: kept && !suspect, wide: true, disabled: busy, accepts: true, run: accept },
    { id: 'reject', label: t('Back to touching'), disabled: busy, run: () => void procedure.reject() },
    pictures.isClose
      ? { id: 'look', label: t('Whole image'), run: () => pictures.lookAtAll() }
      : { id: 'look', label: t('Look at target'), run: () => pictures.lookAtTarget(procedure) },
    slipAction(errands),
  ];
}

function navigateActions({ procedure, errands, pictures, keeping }: Workplace): Action[] {
  const { entry, target } = procedure.plan;
  const insert = (beyondMm: number) => (): void =>
    void errands.send({ insert: { beyondMm, entry: Array.from(entry.xyz), target: Array.from(target.xyz) } });
  const busy = errands.busy;
  const onTarget = procedure.guidance === 'onTarget';
  const touching = busy || procedure.touching !== undefined;
  const { asksForTouch: asked, moved } = keeping;
  const verify = (): void => errands.touch(landmarkOf(procedure));
  return [
    {
      id: 'finish',
      label: t('Tip is on target'),
      primary: onTarget && !asked,
      wide: true,
      disabled: keeping.busy,
      accepts: true,
      run: () => keeping.finish(),
    },
    {
      id: 'verify',
      label: t('Touch landmark {n}', { n: landmarkOf(procedure) + 1 }),
      primary: asked,
      disabled: touching,
      run: verify,
    },
    {
      id: 'register-again',
      label: t('Register again'),
      primary: moved,
      disabled: touching || keeping.busy,
      run: () => keeping.registerAgain(),
    },
    pictures.isClose
      ? { id: 'look', label: t('Whole image'), run: () => pictures.lookAtAll() }
      : { id: 'look', label: t('Look at the way'), run: () => pictures.lookAtWay(procedure) },
    { id: 'insert', label: t('Advance to target'), simulated: true, disabled: busy, run: insert(0) },
    { id: 'beyond', label: t('Go 8 mm past it'), simulated: true, disabled: busy, run: insert(8) },
    { id: 'retract', label: t('Retract'), simulated: true, disabled: busy, run: () => void errands.send({ retract: true }) },
  ];
}

/** The landmark that is touched to verify: the nearest to the target, where it counts; another one every time. */
function landmarkOf({ case: given, plan, verification }: Procedure): number {
  const apart = (i: number): number =>
    Math.hypot(...[0, 1, 2].map((k) => (given.fiducials[i]?.xyz[k] as number) - (plan.target.xyz[k] as number)));
  const others = given.fiducials.map((_, i) => i).filter((i) => i !== verification?.index);
  return others.reduce((best, i) => (apart(i) < apart(best) ? i : best), others[0] ?? 0);
}

/** How far the reference is pushed, mm. */
const BUMP_MM = 3;

/** What goes wrong in a room. */
function disturbActions({ errands }: Workplace): Action[] {
  const covers = BODIES.map((name): Action => {
    const hidden = errands.covered.has(name);
    const label = hidden ? t('Uncover {name}', { name: worded(name) }) : t('Cover {name}', { name: worded(name) });
    return { id: `cover-${name}`, label, pressed: hidden, simulated: true, run: () => errands.cover(name) };
  });
  const { frozen } = errands;
  return [
    ...covers,
    { id: 'bump', label: t('Bump the reference'), simulated: true, run: () => void errands.send({ bump: BUMP_MM }) },
    {
      id: 'freeze',
      label: frozen ? t('Unfreeze the tracker') : t('Freeze the tracker'),
      pressed: frozen,
      simulated: true,
      run: () => errands.freeze(),
    },
  ];
}
