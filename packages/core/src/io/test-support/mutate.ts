import type { Random } from '../../math/index.js';
import { type PlainElement, plainParse } from './plain-parser.js';

/** Damage to DICOM files of the kinds that disks, networks and other programs do, and that an attacker would. */
export type Mutator = (bytes: Uint8Array, random: Random) => Uint8Array;

const VRS = ['DS', 'IS', 'US', 'SQ', 'OB', 'OW', 'UN', 'UL', 'FD', 'LO', 'ZZ'];
/** What decides where voxels are: position, orientation, spacing, size, bits, frames. */
const GEOMETRY = new Set([
  0x00200032, 0x00200037, 0x00280030, 0x00280010, 0x00280011, 0x00280008, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
  0x00180050, 0x00180088, 0x00280002, 0x00281053, 0x00281052,
]);

function insert(bytes: Uint8Array, at: number, extra: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + extra.length);
  out.set(bytes.subarray(0, at));
  out.set(extra, at);
  out.set(bytes.subarray(at), at + extra.length);
  return out;
}

function without(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const out = new Uint8Array(bytes.length - count);
  out.set(bytes.subarray(0, at));
  out.set(bytes.subarray(at + count), at);
  return out;
}

/** Elements at every depth with their places in the file; none where the file is deflated or already irregular. */
function located(bytes: Uint8Array): { readonly element: PlainElement; readonly base: number }[] {
  const set = plainParse(bytes);
  if (set === undefined || set.syntax.endsWith('.1.99')) return [];
  const base = 144 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(140, true);
  const all: { element: PlainElement; base: number }[] = [];
  const visit = (elements: Iterable<PlainElement>): void => {
    for (const element of elements) {
      all.push({ element, base });
      for (const item of element.items ?? []) visit(item.elements.values());
    }
  };
  visit(set.elements.values());
  return all;
}

function some<T>(list: readonly T[], random: Random): T | undefined {
  return list[random.below(list.length)];
}

const bytesAnywhere: Mutator = (bytes, random) => {
  const out = bytes.slice();
  // Half of the time in the header, where it matters.
  const limit = random.uniform() < 0.5 ? Math.min(out.length, 2500) : out.length;
  for (let n = 1 + random.below(12); n > 0; n -= 1) out[random.below(limit)] = random.below(256);
  return out;
};

const bitFlip: Mutator = (bytes, random) => {
  const out = bytes.slice();
  const at = 132 + random.below(Math.max(1, Math.min(out.length, 3000) - 132));
  out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
  return out;
};

const cut: Mutator = (bytes, random) => bytes.slice(0, random.below(bytes.length));

const lengths: Mutator = (bytes, random) => {
  const out = bytes.slice();
  const found = some(located(bytes), random);
  if (found === undefined) return bitFlip(bytes, random);
  const { element, base } = found;
  const view = new DataView(out.buffer);
  const at = base + element.from;
  const wide = element.vr === '' || element.from - element.at === 12;
  const value =
    some(
      [0, 1, 2, 0xffff, 0xfffffffe, 0xffffffff, 0x7fffffff, element.length + 2, element.length - 2, random.below(4096)],
      random,
    ) ?? 0;
  if (wide) view.setUint32(at - 4, value >>> 0, true);
  else view.setUint16(at - 2, value & 0xffff, true);
  return out;
};

const tags: Mutator = (bytes, random) => {
  const out = bytes.slice();
  const all = located(bytes);
  const found = some(all, random);
  const other = some(all, random);
  if (found === undefined || other === undefined) return bitFlip(bytes, random);
  const at = found.base + found.element.at;
  if (random.uniform() < 0.5) out.set(bytes.subarray(other.base + other.element.at, other.base + other.element.at + 4), at);
  else out[at + random.below(4)] = random.below(256);
  return out;
};

const representations: Mutator = (bytes, random) => {
  const out = bytes.slice();
  const found = some(located(bytes), random);
  if (found === undefined || found.element.vr === '') return bitFlip(bytes, random);
  const vr = some(VRS, random) as string;
  out[found.base + found.element.at + 4] = vr.charCodeAt(0);
  out[found.base + found.element.at + 5] = vr.charCodeAt(1);
  return out;
};

/** A character of a number, or a byte of a size, becomes another. */
const geometry: Mutator = (bytes, random) => {
  const out = bytes.slice();
  const found = some(
    located(bytes).filter((l) => GEOMETRY.has(l.element.tag) && l.element.length > 0),
    random,
  );
  if (found === undefined) return bitFlip(bytes, random);
  const { element, base } = found;
  const binary = element.length === 2 && (element.tag & 0xffff0000) === 0x00280000;
  for (let n = 1 + random.below(2); n > 0; n -= 1) {
    const at = base + element.from + random.below(element.length);
    out[at] = binary ? random.below(256) : '0123456789.-+eE\\ '.charCodeAt(random.below(17));
  }
  return out;
};

const insertion: Mutator = (bytes, random) => {
  const extra = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
  return insert(bytes, random.below(Math.min(bytes.length, 3000)), extra);
};

const deletion: Mutator = (bytes, random) => {
  const at = random.below(Math.min(bytes.length, 3000));
  return without(bytes, at, Math.min(bytes.length - at, 1 + random.below(16)));
};

/** A whole element once more, right behind itself or elsewhere, with a digit changed: which of the two is meant? */
const repetition: Mutator = (bytes, random) => {
  const all = located(bytes);
  const found =
    some(
      all.filter((l) => GEOMETRY.has(l.element.tag)),
      random,
    ) ?? some(all, random);
  const place = some(all, random);
  if (found === undefined || place === undefined) return bitFlip(bytes, random);
  const { element, base } = found;
  const copy = bytes.slice(base + element.at, base + element.from + element.length);
  if (element.length > 0) copy[copy.length - 1 - random.below(element.length)] = 0x30 + random.below(10);
  const at = random.uniform() < 0.5 ? base + element.from + element.length : place.base + place.element.at;
  return insert(bytes, at, copy);
};

const removal: Mutator = (bytes, random) => {
  const found = some(located(bytes), random);
  if (found === undefined) return cut(bytes, random);
  return without(bytes, found.base + found.element.at, found.element.from - found.element.at + found.element.length);
};

/** All kinds of damage, by name. */
export const MUTATORS: Readonly<Record<string, Mutator>> = {
  bytesAnywhere,
  bitFlip,
  cut,
  lengths,
  tags,
  representations,
  geometry,
  geometryAgain: geometry,
  insertion,
  deletion,
  repetition,
  removal,
};
