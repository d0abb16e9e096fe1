import { formatBound } from '@trocar/core/guidance';
import { type FiducialState, SLICE_VIEWS, type Stage, type StageFiducial } from '@trocar/core/render';
import { language } from '../../suite/page/texts/language.js';
import type { FitFlag, Proposal } from '../../suite/src/registration-step.js';
import type { Procedure } from '../src/procedure.js';
import { t } from './texts/index.js';

/** Errors are drawn larger in the 3D view by the largest of these that keeps every arrow within the picture. */
const SCALES = [50, 20, 10, 5, 2, 1] as const;
/** No arrow is drawn longer than this, mm. */
const LONGEST_ARROW_MM = 45;
/** A close look shows so many times the expected error, within these, mm. */
const CLOSE = { times: 22, least: 16, most: 90 } as const;
/** While navigating, the views show the way's length so many times, and at least so much, mm. */
const WAY = { times: 3, least: 130 } as const;

const STATES: Readonly<Record<FitFlag, FiducialState>> = {
  fits: 'done',
  untold: 'done',
  watch: 'watch',
  suspect: 'suspect',
  leftOut: 'rejected',
};

/** What the pictures show of the procedure: fiducials and how they fit, the error at the target, and how near they look. */
export class Pictures {
  readonly #stage: Stage<'ct'>;
  #key: unknown[] = [];
  #isSceneClose = false;
  /** Whether the slices look closely. */
  isClose = false;

  constructor(stage: Stage<'ct'>) {
    this.#stage = stage;
  }

  /** Brings the pictures up to date: once per frame. */
  show(procedure: Procedure): void {
    const { stage, proposal } = procedure;
    const states = this.#states(procedure);
    const key = [stage, proposal, language.locale.language, ...states];
    if (key.length === this.#key.length && key.every((v, n) => v === this.#key[n])) return;
    const entered = this.#key[0] !== stage;
    this.#key = key;
    this.#fiducials(procedure, states);
    const shown = stage === 'review' || stage === 'navigate' || stage === 'finished' ? proposal : undefined;
    this.#error(procedure, shown);
    this.#stage.setErrorScale(stage === 'review' && shown !== undefined ? scaleOf(shown) : 1);
    if (!entered) return;
    if (stage === 'review') this.lookAtTarget(procedure);
    else if (stage === 'navigate') this.lookAtWay(procedure);
    else if (stage !== 'finished' && this.isClose) this.lookAtAll();
  }

  #states(procedure: Procedure): FiducialState[] {
    const active = procedure.touching?.index;
    const fits = procedure.stage === 'review' ? procedure.proposal?.fits : undefined;
    return procedure.touches.map((touch, i) => {
      if (i === active) return 'active';
      const fit = fits?.find((f) => f.index === i);
      if (fit !== undefined) return STATES[fit.flag];
      if (touch === undefined) return 'pending';
      return procedure.registration.isExcluded(i) ? 'rejected' : 'done';
    });
  }

  #fiducials(procedure: Procedure, states: readonly FiducialState[]): void {
    const { stage, proposal } = procedure;
    if (stage === 'navigate' || stage === 'finished') {
      this.#stage.setFiducials([]);
      return;
    }
    const fits = stage === 'review' ? proposal?.fits : undefined;
    const marks = procedure.case.fiducials.map((point, i): StageFiducial<'ct'> => {
      const fit = fits?.find((f) => f.index === i);
      const state = states[i] as FiducialState;
      const label =
        state === 'suspect'
          ? t('{n} suspect', { n: i + 1 })
          : state === 'rejected'
            ? t('{n} left out', { n: i + 1 })
            : String(i + 1);
      return { point, state, label, ...(fit !== undefined && fit.flag !== 'leftOut' && { offset: fit.offset }) };
    });
    this.#stage.setFiducials(marks);
    const active = procedure.touching === undefined ? undefined : procedure.case.fiducials[procedure.touching.index];
    if (active !== undefined && stage === 'collect') this.#stage.setCrosshair(active);
  }

  #error(procedure: Procedure, proposal: Proposal<'ct'> | undefined): void {
    const { bound } = proposal ?? {};
    const known = bound !== undefined && Number.isFinite(bound.p95Mm);
    if (!known) {
      this.#stage.setTargetError(undefined);
      return;
    }
    const label = `95 % ${formatBound(bound.p95Mm)}`;
    const { shape95, inPlane95 } = bound;
    this.#stage.setTargetError({ centre: procedure.plan.target, shape: shape95, inSlice: inPlane95, label });
  }

  /** The slices cut through the target, near enough to see the error that is expected there. */
  lookAtTarget(procedure: Procedure): void {
    this.#lookClosely(procedure.plan.target, procedure.proposal);
  }

  /** The slices cut through a fiducial. */
  lookAtFiducial(procedure: Procedure, index: number): void {
    const at = procedure.case.fiducials[index];
    if (at !== undefined) this.#lookClosely(at, procedure.proposal);
  }

  #lookClosely(at: Procedure['plan']['target'], proposal: Proposal<'ct'> | undefined): void {
    const p95 = proposal?.bound.p95Mm ?? Number.NaN;
    const across = Number.isFinite(p95) ? Math.min(CLOSE.most, Math.max(CLOSE.least, CLOSE.times * p95)) : CLOSE.most;
    this.#stage.setCrosshair(at);
    for (const view of SLICE_VIEWS) this.#stage.slice(view).lookAt(at.xyz, across);
    this.isClose = true;
  }

  /** The target in the middle of every view, with the whole way to it. The slices still cut where the tip is. */
  lookAtWay({ plan }: Procedure): void {
    const across = Math.max(WAY.least, WAY.times * plan.lengthMm);
    for (const view of SLICE_VIEWS) this.#stage.slice(view).lookAt(plan.target.xyz, across);
    const { orbit } = this.#stage;
    orbit.target.set(plan.target.xyz);
    // The structures around the way belong into the picture, too.
    orbit.reset(0.65 * across);
    this.isClose = true;
    this.#isSceneClose = true;
  }

  /** The whole image again. */
  lookAtAll(): void {
    for (const view of SLICE_VIEWS) this.#stage.fit(view);
    // Where only the slices were near, the 3D view is the person's own.
    if (this.#isSceneClose) this.#stage.fit('3d');
    this.#isSceneClose = false;
    this.isClose = false;
  }
}

function scaleOf({ fits, bound }: Proposal<'ct'>): number {
  const arrows = fits.filter((f) => f.flag !== 'leftOut').map((f) => Math.hypot(...f.offset));
  const longest = Math.max(...arrows, Number.isFinite(bound.p95Mm) ? bound.p95Mm : 0);
  return SCALES.find((s) => s * longest <= LONGEST_ARROW_MM) ?? 1;
}
