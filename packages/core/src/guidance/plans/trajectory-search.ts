import { NavError } from '../../base/index.js';
import { requireSameFrame } from '../../frames/index.js';
import type { Mesh } from '../../volume/index.js';
import { pausesOf } from '../pauses.js';
import { type TrajectoryDemands, TrajectoryEvaluator } from './trajectory.js';

/** Where a needle may go in. */
export interface EntryCandidates {
  /** x, y, z of each, mm, in the target's frame. */
  readonly positions: Float64Array;
  /** The skin's outward normal at each, of any length; 0, 0, 0: not known. */
  readonly normals: Float64Array;
}

/** What {@link searchTrajectories} is asked. */
export interface TrajectorySearchInit<in out F extends string> extends TrajectoryDemands<F> {
  /** The skin: each of its vertices is an entry. Or candidates of one's own. */
  readonly entries: Mesh<F> | EntryCandidates;
  /** Ends the search with `guidance/aborted`. */
  readonly signal?: AbortSignal;
  /** Called now and then with the fraction done, 0 … 1. */
  readonly progress?: (fraction: number) => void;
}

/** The map of entries: one number an entry in each array, in the order of the candidates or of the skin's vertices. */
export interface TrajectorySearch {
  /** Bits of {@link TRAJECTORY_REFUSALS}; 0: the target can be reached from there. */
  readonly refusals: Uint8Array;
  /** 0 … 1; NaN where refused. */
  readonly scores: Float64Array;
  /** The least room beyond a margin, mm; NaN where the way was refused before it was measured. */
  readonly spareMm: Float32Array;
  /** The structure with the least room, as a number in the list given; −1: none, or not measured. */
  readonly tightest: Int16Array;
  readonly depthMm: Float32Array;
  readonly skinAngleDeg: Float32Array;
  /** The entries from which the target can be reached, best first; equal ones in their own order. */
  readonly ranked: Uint32Array;
}

/** Other work is let in after this much, ms. */
const PIECE_MS = 12;

/**
 * Judges the way from every entry to a target, and ranks those that can be gone; see {@link TrajectoryEvaluator} for how. Runs in pieces of
 * some milliseconds, so that a page goes on.
 *
 * A way is straight from the vertex to the target. That it leaves the body in between (past an arm, an ear) is not looked for: make what may not
 * be crossed a structure.
 *
 * @throws NavError `guidance/bad-option`, `guidance/aborted`, `frame/mismatch`
 */
export async function searchTrajectories<F extends string>(init: TrajectorySearchInit<F>): Promise<TrajectorySearch> {
  const evaluator = new TrajectoryEvaluator(init);
  const { positions, normals } = candidatesOf(init);
  const count = positions.length / 3;
  const out = {
    refusals: new Uint8Array(count),
    scores: new Float64Array(count),
    spareMm: new Float32Array(count),
    tightest: new Int16Array(count),
    depthMm: new Float32Array(count),
    skinAngleDeg: new Float32Array(count),
  };
  const entry = new Float64Array(3);
  const normal = new Float64Array(3);
  let done = 0;
  const pause = pausesOf({ signal: init.signal, everyMs: PIECE_MS, aborted, progress: () => init.progress?.(done / count) });
  for (let n = 0; n < count; n += 1) {
    for (let k = 0; k < 3; k += 1) {
      entry[k] = positions[3 * n + k] as number;
      normal[k] = normals[3 * n + k] as number;
    }
    evaluator.evaluate(entry, normal);
    out.refusals[n] = evaluator.refusal;
    out.scores[n] = evaluator.score;
    out.spareMm[n] = evaluator.spareMm;
    out.tightest[n] = evaluator.tightest;
    out.depthMm[n] = evaluator.depthMm;
    out.skinAngleDeg[n] = evaluator.skinAngleDeg;
    done = n + 1;
    const waits = pause();
    if (waits !== undefined) await waits;
  }
  init.progress?.(1);
  return { ...out, ranked: rankedOf(out.refusals, out.scores) };
}

function rankedOf(refusals: Uint8Array, scores: Float64Array): Uint32Array {
  const possible = Uint32Array.from(refusals.keys()).filter((n) => refusals[n] === 0);
  return possible.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

function aborted(cause: unknown): NavError {
  return new NavError('guidance/aborted', 'The search for a trajectory was stopped by the caller.', { cause });
}

function candidatesOf<F extends string>({ entries, target }: TrajectorySearchInit<F>): EntryCandidates {
  if ('triangles' in entries) {
    requireSameFrame(target.frame, entries.frame, 'Searching entries on a skin');
    return { positions: entries.positions, normals: vertexNormals(entries) };
  }
  if (entries.positions.length % 3 !== 0 || entries.normals.length !== entries.positions.length) {
    throw new NavError(
      'guidance/bad-option',
      `${entries.positions.length} coordinates and ${entries.normals.length} of normals are not three of each for every entry.`,
    );
  }
  return entries;
}

/** Sums of the normals of the triangles about each vertex, each as long as its triangle's area. */
function vertexNormals({ positions: p, triangles }: Pick<Mesh<string>, 'positions' | 'triangles'>): Float64Array {
  const out = new Float64Array(p.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((n) => 3 * (triangles[t + n] as number)) as [number, number, number];
    for (let k = 0; k < 3; k += 1) {
      const [y, z] = [(k + 1) % 3, (k + 2) % 3];
      const side = (to: number, axis: number): number => (p[to + axis] as number) - (p[a + axis] as number);
      const n = (side(b, y) * side(c, z) - side(b, z) * side(c, y)) / 2;
      for (const v of [a, b, c]) out[v + k] = (out[v + k] as number) + n;
    }
  }
  return out;
}
