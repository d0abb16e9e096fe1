import { NavError } from '../../base/index.js';
import { type Status, worstStatus } from '../../frames/index.js';
import { identity4, invert4, multiply4 } from '../../math/index.js';
import type { SequenceFrame } from './sequence.js';

/** A constant transform beside those of the frames: p_to = matrix · p_from, column-major, mm. */
export interface ConstantTransform {
  readonly from: string;
  readonly to: string;
  readonly matrix: ArrayLike<number>;
}

/** Where one frame of a sequence lies in another. */
export interface ChainedTransform {
  /** p_to = matrix · p_from; the identity where the status says that there is none. */
  readonly matrix: Float64Array;
  /** The worst of the recorded transforms on the way. */
  readonly status: Status;
}

interface Step {
  /** A recorded transform by its name, or a constant one. */
  readonly source: string | ConstantTransform;
  readonly inverted: boolean;
}

/** `ProbeToTracker` as its two frames; undefined where it can be read in several ways, or in none. */
export function framesInName(name: string): { from: string; to: string } | undefined {
  const places = [...name.matchAll(/To(?=[A-Z0-9])/g)].map((match) => match.index).filter((at) => at > 0);
  const [at, second] = places;
  if (at === undefined || second !== undefined) return undefined;
  return { from: name.slice(0, at), to: name.slice(at + 2) };
}

/**
 * The way from one frame to another through the transforms of a sequence and constant ones, each in either direction: the shortest, as PLUS's
 * transform repository finds it. A recorded transform is preferred to a constant one of the same two frames.
 */
export class TransformChain {
  readonly #steps: readonly Step[];
  readonly #name: string;

  /**
   * @param recorded names of the transforms that frames of the sequence have
   * @param name what messages call the recording
   * @throws NavError `sequence/no-path`, with the frames that are known
   */
  constructor(
    from: string,
    to: string,
    recorded: readonly string[],
    constants: readonly ConstantTransform[],
    name: string = 'the sequence',
  ) {
    this.#name = name;
    const edges = edgesOf(recorded, constants);
    const reached = new Map<string, { readonly step: Step; readonly next: string } | undefined>([[to, undefined]]);
    const queue = [to];
    for (const frame of queue) {
      for (const edge of edges) {
        const inverted = edge.from === frame;
        if (!inverted && edge.to !== frame) continue;
        const other = inverted ? edge.to : edge.from;
        if (reached.has(other)) continue;
        reached.set(other, { step: { source: edge.source, inverted }, next: frame });
        queue.push(other);
      }
    }
    if (!reached.has(from)) throw noPath(from, to, edges, name);
    const steps: Step[] = [];
    for (let frame = from; frame !== to; ) {
      const { step, next } = reached.get(frame) as { step: Step; next: string };
      steps.unshift(step);
      frame = next;
    }
    this.#steps = steps;
  }

  /** Names of the recorded transforms on the way, from the target on. */
  get recorded(): readonly string[] {
    return this.#steps.map(({ source }) => source).filter((source) => typeof source === 'string');
  }

  /** Where it is in one frame of the sequence. */
  at(frame: SequenceFrame): ChainedTransform {
    const m = identity4();
    const other = new Float64Array(16);
    let status: Status = 'ok';
    for (const { source, inverted } of this.#steps) {
      const found = typeof source === 'string' ? frame.transforms.find((t) => t.name === source) : undefined;
      const matrix = typeof source === 'string' ? found?.matrix : source.matrix;
      if (matrix === undefined) return { matrix: identity4(), status: 'missing' };
      if (found !== undefined) status = worstStatus(status, found.status);
      if (inverted && !invert4(other, matrix)) return this.#singular(source);
      multiply4(m, m, inverted ? other : matrix);
    }
    // Elimination leaves the last row right to rounding only.
    m[3] = m[7] = m[11] = 0;
    m[15] = 1;
    return { matrix: m, status };
  }

  #singular(source: string | ConstantTransform): ChainedTransform {
    if (typeof source === 'string') return { matrix: identity4(), status: 'missing' };
    throw new NavError(
      'sequence/no-path',
      `${this.#name}: the transform from ${source.from} to ${source.to} cannot be inverted.`,
    );
  }
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly source: string | ConstantTransform;
}

function edgesOf(recorded: readonly string[], constants: readonly ConstantTransform[]): Edge[] {
  const edges: Edge[] = [];
  for (const source of recorded) {
    const frames = framesInName(source);
    if (frames !== undefined) edges.push({ ...frames, source });
  }
  for (const source of constants) edges.push({ from: source.from, to: source.to, source });
  return edges;
}

function noPath(from: string, to: string, edges: readonly Edge[], name: string): NavError {
  const known = edges.map((edge) => `${edge.from}To${edge.to}`);
  const message = `${name}: nothing leads from ${from} to ${to}. Known are ${known.join(', ') || 'no transforms'}.`;
  return new NavError('sequence/no-path', message, { detail: { from, to, known } });
}

/** Names of the transforms that any frame has, in the order of their first appearance. */
export function transformNames(frames: readonly SequenceFrame[]): string[] {
  const names = new Set<string>();
  for (const { transforms } of frames) for (const { name } of transforms) names.add(name);
  return [...names];
}
