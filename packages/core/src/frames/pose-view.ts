import type { Instant } from '../time/index.js';
import { hasPose, isLive, type Status } from './status.js';
import type { AnyTransform } from './transform.js';

/**
 * The answer of one path at one query time: owned by the caller, reused for every frame, never allocated by a read.
 *
 * Look at {@link status} before anything else: without a pose every number in here is NaN.
 */
export class PoseView {
  /** to-from-from, 16 doubles, column-major, mm; all NaN where there is no pose. */
  readonly matrix: Float64Array = new Float64Array(16).fill(Number.NaN);
  /** 6×6 row-major as in Transform.covariance; all NaN where it is not known. */
  readonly covariance: Float64Array = new Float64Array(36).fill(Number.NaN);
  /**
   * query, measured (oldest along the path), arrived (its arrival), device error (mm), predicted (longest along the path):
   * read through the getters.
   */
  readonly times: Float64Array = new Float64Array(5).fill(Number.NaN);
  /** The worst status along the path. */
  status: Status = 'missing';
  /** Whether every edge of the path knows its error; if not, the covariance is unknown, not zero. */
  covarianceKnown = false;
  /** Degrees of freedom behind the covariance: the smallest along the path; Infinity where the noise was known. */
  degreesOfFreedom: number = Number.POSITIVE_INFINITY;
  /** The edge that made the status what it is; undefined while it is `ok`, or where no route exists. */
  worstEdge: Pick<AnyTransform, 'to' | 'from'> | undefined = undefined;

  /** The query time this view answers for. */
  get at(): Instant {
    return this.times[0] as Instant;
  }
  /** When the oldest measurement that went in was made; NaN for a path of fixed edges, or with no measurement. */
  get measuredAt(): Instant {
    return this.times[1] as Instant;
  }
  /** When that measurement arrived on this host. */
  get arrivedAt(): Instant {
    return this.times[2] as Instant;
  }
  /** How old the oldest measurement was at the query time, ms; NaN where there is none. */
  get ageMs(): number {
    return (this.times[0] as number) - (this.times[1] as number);
  }
  /** The device's own error figure of that measurement, mm; NaN where it gives none. */
  get errorMm(): number {
    return this.times[3] as number;
  }
  /** How far beyond its measurement a pose along the path was extrapolated, ms: the longest; 0 where none was. */
  get predictedMs(): number {
    return this.times[4] as number;
  }
  /** Whether there is a matrix. */
  get hasPose(): boolean {
    return hasPose(this.status);
  }
  /** Whether the pose may be drawn as the tool's present place. */
  get isLive(): boolean {
    return isLive(this.status);
  }
}
