import { NavError, Signal } from '../base/index.js';
import { invertRigid, type Mat4 } from '../math/index.js';
import type { Instant } from '../time/index.js';
import type { AnyFrame, Frame } from './frame.js';
import { Path, type PathStep } from './path.js';
import { PoseBuffer, type PoseBufferOptions } from './pose-buffer.js';
import type { AnyTransform, Transform } from './transform.js';

/** An edge as the graph keeps it: a fixed transform, or a buffer of streamed poses. */
interface Edge {
  readonly to: AnyFrame;
  readonly from: AnyFrame;
  readonly fixed: Transform<string, string> | undefined;
  readonly inverse: Mat4 | undefined;
  readonly buffer: PoseBuffer | undefined;
}

/**
 * The frames of a procedure and what joins them: a forest of fixed edges (calibrations, registrations) and streamed
 * ones (tools). Between two frames there is at most one way; an edge that would close a loop is refused, because two
 * ways would sooner or later give two answers.
 *
 * Once per drawn frame {@link tick} fixes ONE query time; every path then answers for that instant.
 */
export class FrameGraph {
  readonly #edges = new Map<string, Edge>();
  readonly #neighbours = new Map<string, Set<Edge>>();
  readonly #time = new Float64Array(1).fill(Number.NaN);
  #revision = 0;
  /** Emitted with the new revision whenever an edge is set or removed. */
  readonly changed: Signal<number> = new Signal();

  /** Raised whenever an edge is set or removed. */
  get revision(): number {
    return this.#revision;
  }

  /** The query time of the last {@link tick}; NaN before the first. */
  get at(): Instant {
    return this.#time[0] as Instant;
  }

  /** Fixes the query time that every path of this graph reads at, until the next tick. */
  tick(at: Instant): void {
    this.#time[0] = at;
  }

  /**
   * Sets a fixed edge, or replaces the fixed edge between the same two frames (in either direction).
   * @throws NavError `frame/cycle`; `frame/duplicate-edge` where a streamed edge joins them
   */
  set<To extends string, From extends string>(edge: Transform<To, From>): void {
    const fixed = edge as unknown as Transform<string, string>;
    this.#put({
      to: edge.to,
      from: edge.from,
      fixed,
      inverse: invertRigid(new Float64Array(16), edge.matrix),
      buffer: undefined,
    });
  }

  /**
   * Adds a streamed edge `to` from `from`, and returns the buffer a driver pushes its poses into.
   * @throws NavError `frame/cycle`, `frame/duplicate-edge`, `pose/bad-option`, `frame/bad-covariance`
   */
  stream<To extends string, From extends string>(to: Frame<To>, from: Frame<From>, options: PoseBufferOptions = {}): PoseBuffer {
    const buffer = new PoseBuffer(options);
    this.#put({ to, from, fixed: undefined, inverse: undefined, buffer });
    return buffer;
  }

  /** Removes the edge between two frames, in whichever direction it was set; false where there was none. */
  remove(a: AnyFrame, b: AnyFrame): boolean {
    const edge = this.#edges.get(pairKey(a.name, b.name));
    if (edge === undefined) return false;
    this.#edges.delete(pairKey(a.name, b.name));
    this.#neighbours.get(a.name)?.delete(edge);
    this.#neighbours.get(b.name)?.delete(edge);
    this.#raise();
    return true;
  }

  /** The fixed edge between two frames as it was set, or undefined. */
  get(a: AnyFrame, b: AnyFrame): AnyTransform | undefined {
    return this.#edges.get(pairKey(a.name, b.name))?.fixed;
  }

  /**
   * A path that answers `to` from `from` at the graph's query time. It may be made before its edges are: until they
   * are all there, it reads as `missing`. It follows every later change of the graph.
   * @param at one cell of the caller's, ms: the path answers for the moment in it instead, as for an image that was taken earlier
   */
  path<To extends string, From extends string>(to: Frame<To>, from: Frame<From>, at: Float64Array = this.#time): Path<To, From> {
    return new Path(to, from, at, {
      revision: () => this.#revision,
      route: () => this.#route(to.name, from.name),
    });
  }

  #put(edge: Edge): void {
    const { to, from } = edge;
    if (to.name === from.name) {
      throw new NavError('frame/cycle', `"${to.name}" cannot be joined to itself.`, { detail: { to: to.name, from: from.name } });
    }
    const key = pairKey(to.name, from.name);
    const existing = this.#edges.get(key);
    if (existing !== undefined && (existing.buffer !== undefined || edge.buffer !== undefined)) {
      throw new NavError(
        'frame/duplicate-edge',
        `"${to.name}" and "${from.name}" are already joined by ${existing.buffer ? 'a stream' : 'a fixed edge'}. Remove it first.`,
        { detail: { to: to.name, from: from.name } },
      );
    }
    if (existing === undefined) this.#refuseLoop(to, from);
    else this.remove(to, from);
    this.#edges.set(key, edge);
    for (const f of [to, from]) {
      const set = this.#neighbours.get(f.name) ?? new Set<Edge>();
      set.add(edge);
      this.#neighbours.set(f.name, set);
    }
    this.#raise();
  }

  #refuseLoop(to: AnyFrame, from: AnyFrame): void {
    const route = this.#route(to.name, from.name);
    if (route === undefined) return;
    const names = [to.name, ...route.map((step) => (step.reversed ? step.to.name : step.from.name))];
    throw new NavError(
      'frame/cycle',
      `An edge "${to.name}" from "${from.name}" would close a loop: they are already joined through ${names.join(' – ')}. ` +
        'Remove one of those edges first.',
      { detail: { to: to.name, from: from.name, route: names } },
    );
  }

  /** The only way between two frames as steps from `to` outwards, or undefined. Breadth first; no allocation matters here. */
  #route(to: string, from: string): readonly PathStep[] | undefined {
    const cameBy = new Map<string, { readonly edge: Edge; readonly before: string } | undefined>([[to, undefined]]);
    const queue = [to];
    for (let name = queue.shift(); name !== undefined && !cameBy.has(from); name = queue.shift()) {
      for (const edge of this.#neighbours.get(name) ?? []) {
        const next = edge.to.name === name ? edge.from.name : edge.to.name;
        if (cameBy.has(next)) continue;
        cameBy.set(next, { edge, before: name });
        queue.push(next);
      }
    }
    if (!cameBy.has(from)) return undefined;
    const steps: PathStep[] = [];
    for (let name = from, via = cameBy.get(name); via !== undefined; name = via.before, via = cameBy.get(name)) {
      steps.unshift({ ...via.edge, reversed: via.edge.to.name !== via.before });
    }
    return steps;
  }

  #raise(): void {
    this.#revision += 1;
    this.changed.emit(this.#revision);
  }
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
