import { NavError } from '../../base/index.js';
import { type Frame, type Point, requireSameFrame } from '../../frames/index.js';
import { transformPoint } from '../../math/index.js';
import { pausesOf } from '../pauses.js';
import { type Applicator, zoneShapeOf } from './applicators.js';
import { type Candidate, countBits, type Reach, SearchSpace } from './candidates.js';
import { ellipsoidDistance } from './ellipsoid.js';
import { type MarginMap, marginMap } from './margin.js';
import type { AblationTarget } from './target.js';
import { ellipsoidZone, type PlacedProbe, plannedProbe } from './zone.js';

/** A way that a probe may take: what a trajectory search found to be safe. */
export interface ProbeWay<in out F extends string> {
  readonly entry: Point<F>;
  /** The deepest place the tip may reach; it may stop anywhere before, on the line from the entry. */
  readonly target: Point<F>;
}

/** A zone that may be burnt. */
export interface ProbeSetting {
  readonly applicator: Applicator;
  readonly powerW: number;
  readonly minutes: number;
}

/** What {@link proposeProbes} is told. */
export interface ProposalInit<F extends string> {
  readonly target: AblationTarget<F>;
  /** The only ways that are proposed. */
  readonly ways: readonly ProbeWay<NoInfer<F>>[];
  /** The only settings that are. */
  readonly settings: readonly ProbeSetting[];
  /** The margin to cover the target with, mm. Default 5. */
  readonly marginMm?: number;
  /** Default 3, at most 6. */
  readonly maxProbes?: number;
  readonly signal?: AbortSignal;
  /** 0 … 1. */
  readonly onProgress?: (done: number) => void;
}

/** One probe of a proposal. */
export interface ProposedProbe<in out F extends string> {
  /** The number of its way and of its setting in what was given. */
  readonly way: number;
  readonly setting: number;
  /** From the entry to the tip, mm. */
  readonly depthMm: number;
  /** Where it is to lie; the error of its pose is not known before it lies there. */
  readonly probe: PlacedProbe<F>;
}

/** Probes that {@link proposeProbes} found. */
export interface AblationProposal<in out F extends string> {
  readonly probes: readonly ProposedProbe<F>[];
  /** Whether they cover the target with the margin. False: no choice of ways, settings and `maxProbes` was found that does; these come nearest. */
  readonly complete: boolean;
  readonly map: MarginMap<F>;
  /** Destroyed tissue outside the target, mm³, to about 5 %. */
  readonly healthyMm3: number;
}

/** How many sets of probes are kept while one more is added to each. */
const BEAM = 24;
/** How many of the best sets, by either, have their tips moved to where they cover best. */
const MOVED = 12;
/** The tips are moved in steps down to this, mm. */
const FINEST_MM = 0.02;
/** Depths this near to the least count nearly as much in the end, mm. */
const FINEST_SOFT_MM = 0.05;

/** A set of probes on the grid of steps. */
interface Choice {
  readonly candidates: readonly Candidate[];
  readonly covered: Uint32Array;
  readonly reachable: Uint32Array;
  readonly cells: Uint32Array;
  /** Points that it does not cover, or could not reach by half a step: by whichever of the two it was chosen. */
  readonly missed: number;
  /** Destroyed cells outside the target. */
  readonly healthy: number;
}

/** What a set is chosen by: what it covers as it is, or what it might once its tips are moved by half a step. */
type By = 'covered' | 'reachable';

/**
 * Probes that cover a target with a margin: as few as do, and of those sets the one that destroys least healthy tissue. Among given ways and settings
 * every one is tried with its tip in steps of 2 mm; sets of several grow from the best sets of one fewer (a beam search: the best of two or
 * more is not proven). The tips of the best are then moved along their ways to where the least margin is largest. Nothing is random.
 *
 * It knows nothing of vessels that cool, of how probes heat together, or of what a way passes: ways come from a trajectory search.
 * @throws NavError `ablation/bad-option` without ways or settings, `ablation/outside-table`, `frame/mismatch`, `ablation/aborted`
 */
export async function proposeProbes<F extends string>(init: ProposalInit<F>): Promise<AblationProposal<F>> {
  const { target, ways, settings, marginMm = 5, maxProbes = 3 } = init;
  if (ways.length === 0 || settings.length === 0 || !(Number.isInteger(maxProbes) && maxProbes >= 1 && maxProbes <= 6)) {
    throw new NavError(
      'ablation/bad-option',
      `${ways.length} ways, ${settings.length} settings and at most ${maxProbes} probes leave nothing to choose. Give at least one way and one ` +
        'setting, and 1 to 6 probes.',
    );
  }
  for (const way of ways) {
    requireSameFrame(target.frame, way.entry.frame, 'Proposing probes');
    requireSameFrame(target.frame, way.target.frame, 'Proposing probes');
  }
  const space = new SearchSpace(target, {
    marginMm,
    ways: ways.map((way) => ({ entry: Array.from(way.entry.xyz), deepest: Array.from(way.target.xyz) })),
    shapes: settings.map((s) => zoneShapeOf(s.applicator, s.powerW, s.minutes)),
  });
  const pause = pausesOf({ signal: init.signal, everyMs: PIECE_MS, aborted });
  const reaches = await allReaches(space, pause, (done) => init.onProgress?.(0.6 * done));
  if (reaches.length === 0) {
    throw new NavError(
      'ablation/bad-option',
      'On none of the ways does any of the zones reach the target. Give ways that lead to it.',
    );
  }
  let sets: readonly Choice[] = [nothing(reaches[0] as Reach)];
  let best: Moved | undefined;
  for (let count = 1; count <= maxProbes; count += 1) {
    const likely = await grown(space, sets, reaches, 'reachable', pause);
    const sure = await grown(space, sets, reaches, 'covered', pause);
    sets = [...likely, ...sure];
    // What half a step leaves uncovered no small move covers: worth moving only where there will be no more probes.
    const hopeful = count === maxProbes ? likely : likely.filter((set) => set.missed === 0);
    const tried = hopeful.length === 0 ? [] : [...hopeful.slice(0, MOVED), ...sure.slice(0, MOVED)];
    best = better(best, await bestMoved(space, tried, pause));
    init.onProgress?.(0.6 + (0.4 * count) / maxProbes);
    if (best !== undefined && best.spareMm >= 0) break;
  }
  return proposal(target, space, best as Moved, marginMm);
}

/** How long to search before other work gets its turn, ms. */
const PIECE_MS = 25;

type Pause = ReturnType<typeof pausesOf>;

function aborted(cause: unknown): NavError {
  return new NavError('ablation/aborted', 'The search for probes was stopped.', { cause });
}

async function allReaches(space: SearchSpace, pause: Pause, progress: (done: number) => void): Promise<Reach[]> {
  const out: Reach[] = [];
  for (let way = 0; way < space.ways.length; way += 1) {
    for (let setting = 0; setting < space.shapes.length; setting += 1) {
      out.push(...space.reaches(way, setting));
      await pause();
    }
    progress((way + 1) / space.ways.length);
  }
  return out;
}

/** The set of no probe. */
function nothing({ covered, cells }: Reach): Choice {
  const none = new Uint32Array(covered.length);
  return {
    candidates: [],
    covered: none,
    reachable: none,
    cells: new Uint32Array(cells.length),
    missed: Number.POSITIVE_INFINITY,
    healthy: 0,
  };
}

/** The best sets of one probe more: those that miss least, and of equals those that destroy least; a few with each last setting. */
async function grown(
  space: SearchSpace,
  sets: readonly Choice[],
  reaches: readonly Reach[],
  by: By,
  pause: Pause,
): Promise<readonly Choice[]> {
  const all = space.points.length / 3;
  const perSetting = Math.max(4, Math.ceil(BEAM / space.shapes.length));
  const kept = space.shapes.map(
    (): { readonly from: Choice; readonly add: Reach; readonly missed: number; readonly healthy: number }[] => [],
  );
  for (const from of sets) {
    await pause();
    for (const add of reaches) {
      const list = kept[add.candidate.setting] as (typeof kept)[number];
      const missed = all - countBits(from[by], add[by]);
      const last = list.length < perSetting ? undefined : list.at(-1);
      if (last !== undefined && missed > last.missed) continue;
      const healthy = countBits(from.cells, add.cells, space.inTarget);
      if (last !== undefined && missed === last.missed && healthy >= last.healthy) continue;
      list.push({ from, add, missed, healthy });
      list.sort((a, b) => a.missed - b.missed || a.healthy - b.healthy);
      if (list.length > perSetting) list.pop();
    }
  }
  return kept
    .flat()
    .map(({ from, add, missed, healthy }) => ({
      candidates: [...from.candidates, add.candidate],
      covered: joined(from.covered, add.covered),
      reachable: joined(from.reachable, add.reachable),
      cells: joined(from.cells, add.cells),
      missed,
      healthy,
    }))
    .sort((a, b) => a.missed - b.missed || a.healthy - b.healthy);
}

function joined(a: Uint32Array, b: Uint32Array): Uint32Array {
  return a.map((word, n) => word | (b[n] as number));
}

/** A set whose tips were moved. */
interface Moved {
  readonly candidates: readonly Candidate[];
  /** The least depth of the enlarged target's points in a zone, mm: below 0 where one is missed. */
  readonly spareMm: number;
  readonly healthy: number;
}

/** Of two: one that covers before one that does not; of two that do the one that destroys less, and of equals the one with more to spare. */
function better(a: Moved | undefined, b: Moved | undefined): Moved | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.spareMm < 0 || b.spareMm < 0) return b.spareMm > a.spareMm ? b : a;
  const alike = Math.abs(a.healthy - b.healthy) <= ALIKE * Math.max(a.healthy, b.healthy);
  return (alike ? b.spareMm > a.spareMm : b.healthy < a.healthy) ? b : a;
}

/** Volumes nearer than this part of them are one: they are counted in cells. */
const ALIKE = 0.02;

async function bestMoved(space: SearchSpace, sets: readonly Choice[], pause: Pause): Promise<Moved | undefined> {
  let best: Moved | undefined;
  for (const set of sets) {
    await pause();
    best = better(best, moved(space, set));
  }
  return best;
}

/** Moves the tips, one after the other, by steps that are halved until they are fine, to where the least depth is largest. */
function moved(space: SearchSpace, set: Choice): Moved {
  let candidates = [...set.candidates];
  let spare = spareOf(space, candidates, FINEST_SOFT_MM);
  for (let step = 1; step >= FINEST_MM; step /= 2) {
    // Soft at first, so that a probe with depth to spare goes to the middle of what it covers as well.
    const soft = Math.max(FINEST_SOFT_MM, step / 2);
    spare = spareOf(space, candidates, soft);
    for (let again = true; again; ) {
      again = false;
      for (let i = 0; i < candidates.length; i += 1) {
        for (const by of [step, -step]) {
          const tried = candidates.map((c, n) => (n === i ? within(space, c, by) : c));
          const other = spareOf(space, tried, soft);
          if (other.softMm <= spare.softMm + 1e-6) continue;
          candidates = tried;
          spare = other;
          again = true;
        }
      }
    }
  }
  return { candidates, spareMm: spare.leastMm, healthy: set.healthy };
}

/** A candidate with its tip moved, no further than its way goes. */
function within(space: SearchSpace, c: Candidate, by: number): Candidate {
  const { entry, deepest } = space.ways[c.way] as SearchSpace['ways'][number];
  const length = Math.hypot(...[0, 1, 2].map((k) => (deepest[k] as number) - (entry[k] as number)));
  return { ...c, depthMm: Math.min(length, Math.max(1, c.depthMm + by)) };
}

/**
 * The least depth of the points in the zones, each point in its deepest; and a soft least that is smooth: where two probes have equally bad points, moving
 * either must count.
 */
function spareOf(
  space: SearchSpace,
  candidates: readonly Candidate[],
  soft: number,
  points: Float64Array = space.points,
): { readonly leastMm: number; readonly softMm: number } {
  const parts = candidates.map((c) => space.ellipsoid(c));
  const [local, foot] = [new Float64Array(3), new Float64Array(3)];
  const depths = new Float64Array(points.length / 3).fill(Number.NEGATIVE_INFINITY);
  let leastMm = Number.POSITIVE_INFINITY;
  for (let n = 0; n < depths.length; n += 1) {
    const p = points.subarray(3 * n, 3 * n + 3);
    for (const { inverse, radii } of parts) {
      const depth = -ellipsoidDistance(foot, transformPoint(local, inverse, p), radii);
      if (depth > (depths[n] as number)) depths[n] = depth;
      // Deep enough to decide nothing, soft or not.
      if (depth > leastMm + 20 * soft) break;
    }
    leastMm = Math.min(leastMm, depths[n] as number);
  }
  const sum = depths.reduce((s, depth) => s + Math.exp((leastMm - depth) / soft), 0);
  return { leastMm, softMm: leastMm - soft * Math.log(sum) };
}

function proposal<F extends string>(
  target: AblationTarget<F>,
  space: SearchSpace,
  best: Moved,
  marginMm: number,
): AblationProposal<F> {
  const frame: Frame<F> = target.frame;
  const probes = best.candidates.map((c) => ({
    ...c,
    probe: plannedProbe({ frame, matrix: space.pose(c), shape: space.shapes[c.setting] as PlacedProbe<F>['shape'] }),
  }));
  const zone = ellipsoidZone(probes.map(({ probe }) => probe));
  const map = marginMap(target, zone);
  return Object.freeze({
    probes,
    complete: spareOf(space, best.candidates, FINEST_SOFT_MM, target.points(marginMm)).leastMm >= 0,
    map,
    healthyMm3: best.healthy * space.cellMm3,
  });
}
