import { type Instant, type PoseView, type Transform, transform } from '@trocar/core';
import { type GatePhase, MotionGate } from '@trocar/core/guidance';

/** The gate is open in this lowest share of the reference's range, and closes so much of it higher. */
export const GATE = { openBelow: 0.1, hysteresis: 0.05 } as const;
/**
 * How far the liver moves against the reference in a quiet breath, mm: from head to foot mostly. Livers move by 5 to 25 mm (Keall et
 * al. 2006, Med. Phys. 33:3874, table I); skin follows in part. It is assumed, not measured, and the figures that rest on it say so.
 */
const ASSUMED_LIVER_MM = [1, 5, 12] as const;
/** How well the end of expiration comes back to where it was in the CT, mm, one standard deviation along each axis: assumed. */
const ASSUMED_REST_MM = [0.2, 0.6, 0.6] as const;

/**
 * The gate on breathing, found in the motion of the reference, which sits on the patient's skin: what was registered at the end of
 * expiration holds there and nowhere else.
 */
export class GateStep {
  readonly gate = new MotionGate(GATE);
  readonly #sample = new Float64Array(4);
  #phase: GatePhase = 'unknown';
  #measuredAt = Number.NaN;

  /**
   * Takes where the tracker saw the reference, at the time of that measurement: a screen that is slow to draw must not lose breaths.
   * @param now the moment that is drawn: for it the gate says what it says, and after a quarter of a breath without news it does not know
   */
  push(view: PoseView, now: Instant): GatePhase {
    if (view.status === 'ok' && view.measuredAt !== this.#measuredAt) {
      this.#measuredAt = view.measuredAt;
      this.#sample.set([view.measuredAt, view.matrix[12] as number, view.matrix[13] as number, view.matrix[14] as number]);
      this.gate.push(this.#sample);
    }
    this.#phase = this.gate.phase(now);
    return this.#phase;
  }

  /** What the gate says of the newest measurement: what a touch goes by, which is a mean over measurements. */
  get measuredPhase(): GatePhase {
    return Number.isNaN(this.#measuredAt) ? 'unknown' : this.gate.phase(this.#measuredAt);
  }

  /** What it said last. */
  get phase(): GatePhase {
    return this.#phase;
  }

  /** Begins anew: the table was moved, and with it the reference. */
  reset(): void {
    this.gate.reset();
    this.#phase = 'unknown';
    this.#measuredAt = Number.NaN;
  }
}

/**
 * A registration of the skin as it holds for the liver while the gate is open: its covariance with what the liver still moves then, and
 * with how well the end of expiration comes back. While the gate is open the level is taken to be anything up to where it closes.
 * @param more what else the edge is not known by at the target, 3×3, row-major, mm²: the stylus's tip
 */
export function gatedEdge(edge: Transform<'ct', 'reference'>, more: ArrayLike<number>): Transform<'ct', 'reference'> {
  if (edge.covariance === undefined) return edge;
  const covariance = Float64Array.from(edge.covariance);
  const level = (GATE.openBelow + GATE.hysteresis) / Math.sqrt(3);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      const along = level * level * (ASSUMED_LIVER_MM[i] as number) * (ASSUMED_LIVER_MM[j] as number);
      const rest = i === j ? (ASSUMED_REST_MM[i] as number) ** 2 : 0;
      covariance[6 * i + j] = (covariance[6 * i + j] as number) + along + rest + (more[3 * i + j] as number);
    }
  }
  return transform(edge.to, edge.from, edge.matrix, {
    covariance,
    ...(edge.degreesOfFreedom !== undefined && { degreesOfFreedom: edge.degreesOfFreedom }),
    provenance: {
      ...edge.provenance,
      method: `${edge.provenance?.method ?? 'points'}, with what the liver moves while the gate is open`,
    },
  });
}
