import { NavError } from '../../base/index.js';
import { merged, type Polygons } from './polygons.js';
import { Scanner } from './scanner.js';

/** Bytes before the triangles of a binary STL: 80 of anything, 4 for their number. */
const HEAD = 84;
const TRIANGLE = 50;

/** How many triangles the file would hold if it were binary. */
function countOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(80, true);
}

/** Whether the bytes are an STL: by a binary one's exact length first, because its header may begin with "solid" as well. */
export function isStl(bytes: Uint8Array, name: string): boolean {
  return isExactlyBinary(bytes) || isAscii(bytes) || /\.stl$/i.test(name);
}

function isExactlyBinary(bytes: Uint8Array): boolean {
  return bytes.length >= HEAD && bytes.length === HEAD + TRIANGLE * countOf(bytes);
}

function isAscii(bytes: Uint8Array): boolean {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  return (
    /^\s*solid\b/i.test(start) &&
    (/^\s*(facet|endsolid)\b/im.test(start.replace(/^.*?(\n|$)/, '')) || !/[^\s\x20-\x7e]/.test(start))
  );
}

/**
 * An STL, ASCII (one or several solids) or binary, its repeated vertices merged where they are the same to the bit.
 * @throws NavError `mesh/damaged`
 */
export function readStl(bytes: Uint8Array, name: string): Polygons {
  if (!isExactlyBinary(bytes) && isAscii(bytes)) return readAscii(bytes, name);
  return readBinary(bytes, name);
}

function readBinary(bytes: Uint8Array, name: string): Polygons {
  const count = bytes.length < HEAD ? 0 : countOf(bytes);
  if (bytes.length < HEAD + TRIANGLE * count || bytes.length < HEAD) {
    throw new NavError(
      'mesh/damaged',
      `"${name}" is cut short, or is no STL: its header says ${count} triangles, but there are bytes for ` +
        `${Math.max(0, Math.floor((bytes.length - HEAD) / TRIANGLE))}. Export or transfer the file again.`,
      { detail: { file: name, triangles: count, bytes: bytes.length } },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const corners = new Float64Array(9 * count);
  for (let k = 0; k < count; k += 1) {
    for (let i = 0; i < 9; i += 1) {
      const value = view.getFloat32(HEAD + TRIANGLE * k + 12 + 4 * i, true);
      if (!Number.isFinite(value)) {
        throw new NavError(
          'mesh/damaged',
          `"${name}": triangle ${k + 1} of ${count} has the coordinate ${value}. Export it again.`,
          {
            detail: { file: name, triangle: k },
          },
        );
      }
      corners[9 * k + i] = value;
    }
  }
  const header = new TextDecoder('latin1').decode(bytes.subarray(0, 80));
  return fromCorners(corners, undefined, header, bytes.length - HEAD - TRIANGLE * count);
}

function readAscii(bytes: Uint8Array, name: string): Polygons {
  const scanner = new Scanner(bytes, name);
  const corners: number[] = [];
  const sizes: number[] = [];
  let comments = '';
  let open = false;
  for (let word = scanner.word(); word !== undefined; word = scanner.word()) {
    const key = word.toLowerCase();
    if (key === 'solid' && !open) {
      open = true;
      comments += `${scanner.rest()}\n`;
    } else if (key === 'endsolid' && open) {
      open = false;
      scanner.rest();
    } else if (key === 'facet' && open) sizes.push(facet(scanner, corners));
    else throw scanner.damaged(`has "${word.slice(0, 40)}" where a facet should begin or the solid end`);
  }
  if (open) throw scanner.damaged('ends before its "endsolid": it is cut short');
  return fromCorners(Float64Array.from(corners), sizes, comments, 0);
}

/** The corners of `facet normal … outer loop vertex … endloop endfacet`; the normal is not needed and may be NaN. */
function facet(scanner: Scanner, corners: number[]): number {
  expectWord(scanner, 'normal');
  for (let i = 0; i < 3; i += 1) scanner.word();
  expectWord(scanner, 'outer');
  expectWord(scanner, 'loop');
  let n = 0;
  for (let word = scanner.word(); word?.toLowerCase() !== 'endloop'; word = scanner.word()) {
    if (word?.toLowerCase() !== 'vertex') throw scanner.damaged(`has "${word ?? 'its end'}" where a vertex should stand`);
    for (let i = 0; i < 3; i += 1) corners.push(scanner.number('a coordinate'));
    n += 1;
  }
  if (n < 3) throw scanner.damaged(`has a facet of ${n} vertices`);
  expectWord(scanner, 'endfacet');
  return n;
}

function expectWord(scanner: Scanner, expected: string): void {
  const word = scanner.word();
  if (word?.toLowerCase() !== expected) throw scanner.damaged(`has "${word ?? 'its end'}" where "${expected}" should stand`);
}

/** @param sizes corners of each facet; three each where undefined */
function fromCorners(
  corners: Float64Array,
  sizes: readonly number[] | undefined,
  comments: string,
  trailingBytes: number,
): Polygons {
  const { positions, index } = merged(corners);
  const polygons: number[] = [];
  const facets = sizes?.length ?? corners.length / 9;
  for (let k = 0, at = 0; k < facets; k += 1) {
    const n = sizes?.[k] ?? 3;
    polygons.push(n);
    for (let i = 0; i < n; i += 1) polygons.push(index[at + i] as number);
    at += n;
  }
  return { format: 'STL', positions, polygons, comments, otherCells: 0, trailingBytes };
}
