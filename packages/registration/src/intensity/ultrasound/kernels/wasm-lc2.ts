import type { Lc2Options, PatchCorrelation } from '../lc2.js';
import { Lc2 } from '../lc2.js';
import type { MovingFields } from '../moving-fields.js';
import type { Patches } from '../patches.js';
import { KERNEL } from './lc2.generated.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  sample(...args: number[]): void;
  patches(...args: number[]): void;
}

const PAGE = 65536;
/** Fields a cube that the kernel works on at once. */
const LANES = 4;
/** Bytes of one place's sample, and of the kernel's scratch. */
const SAMPLE = 80;
const SCRATCH = 1024;

let compiled: Promise<WebAssembly.Module | undefined> | undefined;

/** The compiled kernel, compiled once; undefined where WebAssembly or its SIMD is missing. */
export function lc2Module(): Promise<WebAssembly.Module | undefined> {
  const compile = async (): Promise<WebAssembly.Module> =>
    WebAssembly.compile(Uint8Array.from(atob(KERNEL), (c) => c.charCodeAt(0)));
  compiled ??= compile().catch(() => undefined);
  return compiled;
}

/**
 * LC2 by whatever is fastest here: the kernel for one or two moving images, typed arrays for more or without WebAssembly.
 * The kernel sums in single precision: costs agree to about 1e-6.
 */
export function lc2Over(
  patches: Patches,
  fields: MovingFields,
  options: Lc2Options,
  module: WebAssembly.Module | undefined,
): PatchCorrelation {
  if (module === undefined || fields.count > LANES) return new Lc2(patches, fields, options);
  return new WasmLc2(patches, fields, options, module);
}

/** An instance of the kernel that holds one set of fields, and where its memory is free. */
interface Room {
  readonly exports: Exports;
  readonly fields: number;
  next: number;
}

/** Fields are big: everything that looks at the same ones shares an instance. */
const rooms = new WeakMap<MovingFields, Room>();

function roomFor(fields: MovingFields, module: WebAssembly.Module): Room {
  const known = rooms.get(fields);
  if (known !== undefined) return known;
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  const { count, values } = fields;
  const floats = (LANES * values.length) / count;
  const room = { exports, fields: 1024, next: 1024 + 4 * floats };
  reserve(room, 0);
  const lanes = new Float32Array(exports.memory.buffer, room.fields, floats);
  if (count === LANES) lanes.set(values);
  else for (let n = 0; n < values.length; n += 1) lanes[LANES * Math.floor(n / count) + (n % count)] = values[n] as number;
  rooms.set(fields, room);
  return room;
}

/** Where so many bytes are free, zero; the memory grows for them. */
function reserve(room: Room, bytes: number): number {
  const here = room.next;
  room.next = (here + bytes + 15) & ~15;
  const missing = room.next - room.exports.memory.buffer.byteLength;
  if (missing > 0) room.exports.memory.grow(Math.ceil(missing / PAGE));
  return here;
}

/** {@link Lc2} in WebAssembly. */
export class WasmLc2 implements PatchCorrelation {
  readonly gradient: Float64Array = new Float64Array(6);
  readonly hessian: Float64Array = new Float64Array(36);
  readonly scatter: Float64Array = new Float64Array(36);
  readonly similarity: Float64Array;
  overlap = 0;

  readonly #room: Room;
  readonly #exports: Exports;
  readonly #patches: Patches;
  readonly #fields: MovingFields;
  readonly #options: Lc2Options;
  readonly #totalWeight: number;
  readonly #at: Addresses;

  constructor(patches: Patches, fields: MovingFields, options: Lc2Options, module: WebAssembly.Module) {
    this.#room = roomFor(fields, module);
    this.#exports = this.#room.exports;
    this.#patches = patches;
    this.#fields = fields;
    this.#options = options;
    this.similarity = new Float64Array(patches.weights.length);
    this.#totalWeight = patches.weights.reduce((a, b) => a + b, 0);
    this.#at = this.#place();
  }

  evaluate(matrix: ArrayLike<number>, pivot?: ArrayLike<number>): number {
    const { memory, sample, patches } = this.#exports;
    const at = this.#at;
    const { size } = this.#fields;
    this.#setParameters(matrix, pivot ?? [0, 0, 0]);
    const derivatives = pivot === undefined ? 0 : 1;
    const [ni, nj, nk] = size;
    const places = this.#patches.values.length;
    sample(places, at.params, at.places, at.values, at.fields, ni, nj, nk, at.samples, at.inside, derivatives);
    const { ridge = 0.002, leastShare = 0.6, chance = 0 } = this.#options;
    const lists = [at.starts, at.members, at.shares] as const;
    const count = this.similarity.length;
    patches(count, ...lists, at.samples, at.inside, ridge, leastShare, derivatives, at.seen, at.scratch, at.similarity, at.out);
    this.similarity.set(new Float64Array(memory.buffer, at.similarity, count));
    this.#takeDerivatives(new Float64Array(memory.buffer, at.out, 78));
    return this.#cost(chance);
  }

  #cost(chance: number): number {
    const { weights } = this.#patches;
    let cost = 0;
    let seen = 0;
    for (let p = 0; p < weights.length; p += 1) {
      const w = weights[p] as number;
      const s = this.similarity[p] as number;
      const there = !Number.isNaN(s);
      if (there) seen += w;
      cost += w * (1 - (there ? s : chance));
    }
    this.overlap = seen / this.#totalWeight;
    return cost / this.#totalWeight;
  }

  #takeDerivatives(out: Float64Array): void {
    this.gradient.set(out.subarray(0, 6));
    for (let i = 0; i < 6; i += 1) {
      for (let j = 0; j <= i; j += 1) {
        this.hessian[6 * i + j] = this.hessian[6 * j + i] = out[6 + 6 * i + j] as number;
        this.scatter[6 * i + j] = this.scatter[6 * j + i] = out[42 + 6 * i + j] as number;
      }
    }
  }

  #setParameters(m: ArrayLike<number>, pivot: ArrayLike<number>): void {
    const { origin, spacingMm } = this.#fields;
    const params = new Float64Array(this.#exports.memory.buffer, this.#at.params, 16);
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 4; c += 1) params[4 * r + c] = (m[4 * c + r] as number) - (c === 3 ? (pivot[r] as number) : 0);
      params[12 + r] = ((pivot[r] as number) - (origin[r] as number)) / spacingMm;
    }
    params[15] = 1 / spacingMm;
  }

  /** Lays everything out in the module's memory. */
  #place(): Addresses {
    const { places, values, starts, members, weights } = this.#patches;
    let largest = 0;
    for (let p = 0; p < weights.length; p += 1) {
      largest = Math.max(largest, (starts[p + 1] as number) - (starts[p] as number));
    }
    const take = (bytes: number): number => reserve(this.#room, bytes);
    const at: Addresses = {
      params: take(128),
      scratch: take(SCRATCH),
      out: take(78 * 8),
      places: take(8 * places.length),
      values: take(4 * values.length),
      fields: this.#room.fields,
      samples: take(SAMPLE * values.length),
      inside: take(values.length),
      starts: take(4 * starts.length),
      members: take(4 * members.length),
      shares: take(8 * weights.length),
      seen: take(4 * largest),
      similarity: take(8 * weights.length),
    };
    const { buffer } = this.#exports.memory;
    new Float64Array(buffer, at.places, places.length).set(places);
    new Float32Array(buffer, at.values, values.length).set(values);
    new Int32Array(buffer, at.starts, starts.length).set(starts);
    new Int32Array(buffer, at.members, members.length).set(members);
    new Float64Array(buffer, at.shares, weights.length).set(weights.map((w) => w / this.#totalWeight));
    return at;
  }
}

interface Addresses {
  readonly params: number;
  readonly scratch: number;
  readonly out: number;
  readonly places: number;
  readonly values: number;
  readonly fields: number;
  readonly samples: number;
  readonly inside: number;
  readonly starts: number;
  readonly members: number;
  readonly shares: number;
  readonly seen: number;
  readonly similarity: number;
}
