import { type FrameGraph, type Path, PoseView, type Transform, worstStatus } from '@trocar/core';
import {
  type GatePhase,
  type GuidanceLimits,
  gatedStatus,
  type KeepClear,
  type Needle,
  ReferenceWatch,
  type ReferenceWatched,
  ShaftGuidance,
  type StraightPlan,
} from '@trocar/core/guidance';
import { ANCHOR, REFERENCE } from '../../suite/src/frames.js';
import { APPLICATOR_TIP, CT } from './frames.js';

/** Within this of the planned tip the applicator lies as planned, mm: what the breath lets one promise. */
export const ON_TARGET_MM = 3;
/** A push of the reference by more than this is found, mm: below it, two bodies on breathing skin say nothing. */
const BUMP_LIMIT_MM = 1;

/**
 * The applicator against its planned way, and whether what is shown may be believed: outside the gate, and after the reference was pushed,
 * its pose is stale.
 */
export class GuideStep {
  /** The applicator's tip in the image: outside the gate it is stale. */
  readonly tip = new PoseView();
  readonly #shaft: Needle;
  readonly #structures: readonly KeepClear<'ct'>[];
  readonly #limits: GuidanceLimits;
  readonly #path: Path<'ct', 'applicator-tip'>;
  readonly #anchorPath: Path<'anchor', 'reference'>;
  readonly #view = new PoseView();
  /** Filled by the watch at every look: no object a frame. */
  readonly #figures: ReferenceWatched = { movedMm: Number.NaN, limitMm: Number.NaN, noiseMm: Number.NaN, touchesSayMoved: false };
  #guide: ShaftGuidance<'ct'> | undefined;
  #watch: ReferenceWatch | undefined;
  #moved = false;

  constructor(graph: FrameGraph, shaft: Needle, structures: readonly KeepClear<'ct'>[], limits?: GuidanceLimits) {
    this.#shaft = shaft;
    this.#structures = structures;
    this.#limits = limits ?? { onTargetMm: ON_TARGET_MM };
    this.#path = graph.path(CT, APPLICATOR_TIP);
    this.#anchorPath = graph.path(ANCHOR, REFERENCE);
  }

  /** When the tip counts as on the target. */
  get limits(): GuidanceLimits {
    return this.#limits;
  }
  get guide(): ShaftGuidance<'ct'> | undefined {
    return this.#guide;
  }
  /** Whether the reference was pushed against the patient since it was registered; stays until it is registered anew. */
  get referenceMoved(): boolean {
    return this.#moved;
  }
  /** By how much, as the second body has it, mm; NaN while that is not known. */
  get referenceMovedMm(): number {
    return this.#watch === undefined ? Number.NaN : this.#figures.movedMm;
  }
  /** The watch's figures: how far the reference moved, the limit, and what noise may fake. */
  get reference(): Readonly<ReferenceWatched> {
    return this.#figures;
  }

  /** A registration was accepted: from here on the reference must stay where it is on the patient. */
  watch(edge: Transform<'ct', 'reference'>, target: ArrayLike<number>): void {
    this.#watch = new ReferenceWatch({ points: [[0, 0, 0], inReference(edge.matrix, target)], limitMm: BUMP_LIMIT_MM });
    this.#figures.movedMm = Number.NaN;
    this.#moved = false;
  }

  /** Leads along a way. */
  lead(plan: StraightPlan<'ct'>): void {
    const limits = this.#limits;
    this.#guide = new ShaftGuidance({ plan, needle: this.#shaft, structures: this.#structures, limits });
  }

  /** Leads no more. */
  end(): void {
    this.#guide = undefined;
  }

  /** Forgets the registration. */
  forget(): void {
    this.#guide = undefined;
    this.#watch = undefined;
    this.#moved = false;
  }

  /** Reads the graph's moment. True where the reference was found to be pushed just now. */
  update(phase: GatePhase): boolean {
    const pushed = this.#lookAtReference();
    if (this.#guide === undefined) return pushed;
    this.#path.read(this.tip);
    const gated = gatedStatus(this.tip.status, phase);
    this.tip.status = this.#moved ? worstStatus(gated, 'stale') : gated;
    this.#guide.measure(this.tip);
    return pushed;
  }

  #lookAtReference(): boolean {
    const watch = this.#watch;
    if (watch === undefined) return false;
    this.#anchorPath.read(this.#view);
    watch.push(this.#view);
    watch.fill(this.#figures);
    if (this.#moved || !(this.#figures.movedMm > watch.limitMm)) return false;
    this.#moved = true;
    return true;
  }
}

/** A place of the image in the reference, by ct-from-reference. */
function inReference(m: ArrayLike<number>, p: ArrayLike<number>): [number, number, number] {
  const d = [0, 1, 2].map((k) => (p[k] as number) - (m[12 + k] as number));
  const row = (r: number): number => [0, 1, 2].reduce((sum, k) => sum + (m[4 * r + k] as number) * (d[k] as number), 0);
  return [row(0), row(1), row(2)];
}
