import { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import { MeshDistance } from '../volume/index.js';
import { DistanceOneWay } from '../volume/mesh-hausdorff.js';
import type { Isosurface } from './surface-mesh.js';
import { Pieces, SurfaceTopology } from './surface-topology.js';

/** What quadrics call an error is an average; the greatest distance is two to four times that. */
const TOLD_PER_MEASURED = 0.5;
const MOST_ROUNDS = 20;
/** From this round on what lies around is held, too: few triangles are no aim any more, an end is. */
const PATIENT_ROUNDS = 5;

/** A thinned surface, by numbers of the whole one's vertices, and how far both are from each other at most. */
export interface Thinned {
  readonly indices: Uint32Array;
  readonly errorMm: number;
}

/**
 * Thins one surface out. Quadrics neither hold the greatest distance nor how a surface hangs together, so both are looked at afterwards:
 * where something is wrong the whole surface's vertices are held, and it is thinned out again around them.
 */
export class Thinning {
  readonly #whole: Isosurface;
  readonly #topology: SurfaceTopology;
  readonly #pieces: Pieces;
  readonly #euler: Float64Array;
  readonly #positions: Float64Array;
  /** 1: this vertex stays. */
  readonly #held: Uint8Array;
  #lostPieces: ReadonlySet<number> = new Set();
  #tree: MeshDistance | undefined;

  constructor(whole: Isosurface) {
    this.#whole = whole;
    this.#topology = new SurfaceTopology(whole.indices, whole.positions.length / 3);
    this.#pieces = new Pieces(this.#topology);
    this.#euler = this.#pieces.euler(this.#topology);
    this.#positions = Float64Array.from(whole.positions);
    this.#held = new Uint8Array(whole.positions.length / 3);
  }

  /**
   * @param limitMm the greatest distance; Infinity for none
   * @param triangles not fewer than so many
   * @param progress told after each round, 0 … 1
   * @returns undefined where no round came to a sound surface within the limit
   */
  run(limitMm: number, triangles: number, progress?: (fraction: number) => void): Thinned | undefined {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const indices = this.#simplified(3 * triangles, TOLD_PER_MEASURED * limitMm);
      const found = this.#look(indices, limitMm);
      progress?.((round + 1) / MOST_ROUNDS);
      if (typeof found === 'number') return { indices, errorMm: found };
      this.#hold(found, round >= PATIENT_ROUNDS);
    }
    return undefined;
  }

  /** The greatest distance, mm; or, where something is wrong, the whole surface's vertices that are to be held. */
  #look(indices: Uint32Array, limitMm: number): number | readonly number[] {
    const whole = { positions: this.#positions, triangles: this.#whole.indices };
    const thin = { positions: this.#positions, triangles: indices };
    const options = Number.isFinite(limitMm) ? { enoughMm: 0.95 * limitMm } : {};
    const there = new DistanceOneWay(whole, new MeshDistance(thin), options, 0, limitMm);
    const wrong = [...this.#under(this.#wrong(indices), indices, there), ...this.#lost()];
    for (let v = 0; v < there.distances.length; v += 1) if ((there.distances[v] as number) > limitMm) wrong.push(v);
    if (wrong.length > 0) return wrong;
    there.run();
    if (there.far.length > 0) return there.far.flatMap((t) => Array.from(whole.triangles.subarray(3 * t, 3 * t + 3)));
    this.#tree ??= new MeshDistance(whole);
    const back = new DistanceOneWay(thin, this.#tree, options, there.found, limitMm);
    back.run();
    return back.far.length > 0 ? this.#under(back.far, indices, there) : Math.max(there.bound, back.bound);
  }

  /** The whole surface's vertices that some triangles of the thinned one stand for, and the triangles' own. */
  #under(triangles: readonly number[], indices: Uint32Array, there: DistanceOneWay): number[] {
    const chosen = new Uint8Array(indices.length / 3);
    for (const t of triangles) chosen[t] = 1;
    const out = triangles.flatMap((t) => Array.from(indices.subarray(3 * t, 3 * t + 3)));
    for (let v = 0; triangles.length > 0 && v < this.#held.length; v += 1) if (chosen[there.nearestTo(v)] === 1) out.push(v);
    return out;
  }

  #simplified(wanted: number, told: number): Uint32Array {
    const { indices, positions } = this.#whole;
    const [thin] = MeshoptSimplifier.simplifyWithAttributes(
      indices,
      positions,
      3,
      NONE,
      0,
      [],
      this.#held,
      Math.min(indices.length, wanted),
      Math.min(told, 3e38),
      ['LockBorder', 'ErrorAbsolute'],
    );
    return thin;
  }

  /** Triangles of a thinned surface that do not hang together as the whole one's do, or are turned round. */
  #wrong(indices: Uint32Array): number[] {
    const thin = new SurfaceTopology(indices, this.#held.length);
    const whole = this.#topology;
    const out: number[] = [];
    for (let v = 0; v < this.#held.length; v += 1) {
      const worse =
        (thin.groups[v] as number) > (whole.groups[v] as number) ||
        (thin.border[v] as number) > (whole.border[v] as number) ||
        (thin.crowded[v] as number) > (whole.crowded[v] as number);
      if (worse) out.push(...thin.fans.triangles.subarray(thin.fans.from[v] as number, thin.fans.from[v + 1] as number));
    }
    for (let n = 0; n < indices.length; n += 3) if (this.#turned(indices, n) && !this.#stood(indices, n)) out.push(n / 3);
    this.#lostPieces = this.#piecesLost(thin, out.length === 0);
    return out;
  }

  /** The vertices of pieces that are gone, lie flat, or hang together otherwise where no place tells why. */
  #lost(): number[] {
    const out: number[] = [];
    const { size } = this.#lostPieces;
    for (let v = 0; size > 0 && v < this.#held.length; v += 1) {
      if (this.#lostPieces.has(this.#pieces.of[v] as number)) out.push(v);
    }
    return out;
  }

  #piecesLost(thin: SurfaceTopology, eulerToo: boolean): Set<number> {
    const euler = this.#pieces.euler(thin);
    const triangles = this.#pieces.triangles(thin);
    const before = this.#pieces.triangles(this.#topology);
    const out = new Set<number>();
    for (let piece = 0; piece < this.#pieces.count; piece += 1) {
      const few = (triangles[piece] as number) < Math.min(4, before[piece] as number);
      const other = Math.abs((euler[piece] as number) - (this.#euler[piece] as number)) > 0.5;
      if (few || (eulerToo && other)) out.add(piece);
    }
    return out;
  }

  /** Whether a triangle faces where the whole surface's normals at its corners do not. */
  #turned(indices: Uint32Array, n: number): boolean {
    const { normals } = this.#whole;
    const p = this.#positions;
    const a = 3 * (indices[n] as number);
    const b = 3 * (indices[n + 1] as number);
    const c = 3 * (indices[n + 2] as number);
    let facing = 0;
    for (let k = 0; k < 3; k += 1) {
      const i = (k + 1) % 3;
      const j = (k + 2) % 3;
      const across =
        ((p[b + i] as number) - (p[a + i] as number)) * ((p[c + j] as number) - (p[a + j] as number)) -
        ((p[b + j] as number) - (p[a + j] as number)) * ((p[c + i] as number) - (p[a + i] as number));
      facing += across * ((normals[a + k] as number) + (normals[b + k] as number) + (normals[c + k] as number));
    }
    return facing < 0;
  }

  /** Whether the whole surface has this triangle, too. */
  #stood(indices: Uint32Array, n: number): boolean {
    const { fans, indices: whole } = this.#topology;
    const v = indices[n] as number;
    const wanted = indices.subarray(n, n + 3);
    for (let f = fans.from[v] as number; f < (fans.from[v + 1] as number); f += 1) {
      const o = 3 * (fans.triangles[f] as number);
      if (whole.subarray(o, o + 3).every((w) => wanted.includes(w))) return true;
    }
    return false;
  }

  /** Holds vertices, and those around them where it is wanted, or where all of them were held already. */
  #hold(vertices: readonly number[], around: boolean): void {
    const held = this.#held;
    const { fans, indices } = this.#topology;
    const wide = around || vertices.every((v) => held[v] === 1);
    for (const v of vertices) {
      held[v] = 1;
      for (let f = fans.from[v] as number; wide && f < (fans.from[v + 1] as number); f += 1) {
        for (let c = 0; c < 3; c += 1) held[indices[3 * (fans.triangles[f] as number) + c] as number] = 1;
      }
    }
  }
}

const NONE = new Float32Array(0);
