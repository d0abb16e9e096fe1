import type { Compatibility } from './compatibility.js';
import { at } from './rigid-fit.js';

/** What one test of a set costs, in words of bits looked at: about two microseconds. */
const TEST_WORK = 2000;

/** How a search went. */
export interface SearchEffort {
  /** Branches entered. */
  readonly nodes: number;
  /** Whether nothing was left out: only then is a largest clique known to be the largest. */
  readonly complete: boolean;
}

/**
 * All cliques of at least a wanted size that pass a test, by branch and bound over bit sets: a clique needs a colour of its own
 * for each node, so a set of candidates that takes few colours cannot hold a large one (Tomita & Seki 2003, LNCS 2731:278;
 * bits as in San Segundo 2011, Comput. Oper. Res. 38:571).
 */
export class CliqueSearch {
  readonly #graph: Compatibility;
  readonly #accepts: (clique: readonly number[]) => boolean;
  readonly #maxWork: number;
  #nodes = 0;
  #work = 0;
  readonly #clique: number[] = [];
  readonly #pool: { candidates: Uint32Array; uncoloured: Uint32Array; colour: Uint32Array }[] = [];

  /**
   * @param accepts whether a clique can be part of an answer; must hold for every subset where it holds for a set
   * @param maxWork bound on the words of bits looked at
   */
  constructor(graph: Compatibility, accepts: (clique: readonly number[]) => boolean, maxWork: number) {
    this.#graph = graph;
    this.#accepts = accepts;
    this.#maxWork = maxWork;
  }

  get effort(): SearchEffort {
    return { nodes: this.#nodes, complete: this.#work <= this.#maxWork };
  }

  /**
   * Hands over cliques that cannot be extended. `found` returns the least size that is still of interest.
   * @param least the least size of interest at first
   */
  run(least: number, found: (clique: readonly number[]) => number): void {
    let wanted = least;
    const expand = (depth: number): void => {
      const { candidates, order, bounds } = this.#coloured(depth);
      for (let n = order.length - 1; n >= 0; n -= 1) {
        if (this.#clique.length + at(bounds, n) < wanted || this.#work > this.#maxWork) return;
        const v = order[n] as number;
        this.#clique.push(v);
        this.#work += TEST_WORK;
        if (this.#accepts(this.#clique)) {
          this.#nodes += 1;
          const deeper = this.#level(depth + 1).candidates;
          if (this.#graph.neighbours(deeper, candidates, v)) expand(depth + 1);
          if (this.#clique.length >= wanted) wanted = found(this.#clique);
        }
        this.#clique.pop();
        candidates[v >> 5] = at(candidates, v >> 5) & ~(1 << (v & 31));
      }
    };
    const { candidates } = this.#level(0);
    for (let v = 0; v < this.#graph.nodes; v += 1) candidates[v >> 5] = at(candidates, v >> 5) | (1 << (v & 31));
    expand(0);
  }

  #level(depth: number): { candidates: Uint32Array; uncoloured: Uint32Array; colour: Uint32Array } {
    const words = (): Uint32Array => new Uint32Array(this.#graph.words);
    this.#pool[depth] ??= { candidates: words(), uncoloured: words(), colour: words() };
    return this.#pool[depth] as { candidates: Uint32Array; uncoloured: Uint32Array; colour: Uint32Array };
  }

  /** The candidates in the order of their colours, with the number of colours up to each. */
  #coloured(depth: number): { candidates: Uint32Array; order: number[]; bounds: number[] } {
    const { candidates, uncoloured, colour } = this.#level(depth);
    const order: number[] = [];
    const bounds: number[] = [];
    uncoloured.set(candidates);
    for (let colours = 1; ; colours += 1) {
      colour.set(uncoloured);
      let any = false;
      for (let w = 0; w < colour.length; w += 1) {
        while (at(colour, w) !== 0) {
          const word = at(colour, w);
          const v = 32 * w + 31 - Math.clz32(word & -word);
          any = true;
          order.push(v);
          bounds.push(colours);
          uncoloured[w] = at(uncoloured, w) & ~(1 << (v & 31));
          this.#graph.strike(colour, v);
          this.#work += this.#graph.words;
        }
      }
      this.#work += this.#graph.words;
      if (!any) return { candidates, order, bounds };
    }
  }
}
