import type { ContentReader } from './reader.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/** Numbers given for every point or every cell. */
export interface PolyDataAttribute {
  readonly name: string;
  /** Low four bits: 0 scalars, 1 vectors, 2 normals, 3 tensors, 4 colours; bit 4: of cells, not of points. */
  readonly attributeType: number;
  /** Numbers per point or cell. */
  readonly components: number;
  readonly values: Float64Array;
}

/**
 * POLYDATA: a surface. Each kind of cell is a flat list: how many points the cell has, then their indices, and again.
 */
export interface PolyDataContent {
  readonly kind: 'polydata';
  /** x y z of each point in mm, in the sender's axes: the protocol has no flag for them, and Slicer sends RAS. */
  readonly points: Float64Array;
  readonly vertices: Uint32Array;
  readonly lines: Uint32Array;
  readonly polygons: Uint32Array;
  readonly triangleStrips: Uint32Array;
  readonly attributes: readonly PolyDataAttribute[];
}

/**
 * Numbers per element of vectors, normals, tensors, colours; scalars have any. The protocol gives a tensor 9 and a colour
 * 4; the reference library writes them the other way round, so both are taken: the message says which.
 */
const COMPONENTS: readonly (readonly number[] | undefined)[] = [undefined, [3], [3], [9, 4], [4, 9]];
const CELL_DATA = 0x10;
const CELL_KINDS = ['vertices', 'lines', 'polygons', 'triangleStrips'] as const;

/** @throws NavError `igtl/bad-value`, `igtl/size-mismatch`, `igtl/wrong-size` */
export function decodePolyData(r: ContentReader): PolyDataContent {
  const pointCount = r.u32();
  const cells = CELL_KINDS.map(() => ({ count: r.u32(), bytes: r.u32() }));
  const attributeCount = r.u32();
  const points = r.f32s(3 * pointCount);
  const [vertices, lines, polygons, triangleStrips] = cells.map(({ count, bytes }) => takeCells(r, count, bytes, pointCount));
  const attributes = takeAttributes(r, attributeCount);
  r.finish();
  return {
    kind: 'polydata',
    points,
    vertices: vertices as Uint32Array,
    lines: lines as Uint32Array,
    polygons: polygons as Uint32Array,
    triangleStrips: triangleStrips as Uint32Array,
    attributes,
  };
}

function takeCells(r: ContentReader, count: number, bytes: number, pointCount: number): Uint32Array {
  if (bytes % 4 !== 0) throw r.badValue('a list of cells of a size in bytes of', bytes);
  const list = r.u32s(bytes / 4);
  const walked = walkCells(list, pointCount);
  if (walked < 0) throw r.badValue('a cell with a point', list[-1 - walked]);
  if (walked !== count) throw r.mismatch('cells', count, walked);
  return list;
}

/** How many cells a list holds; −1 − i where its i-th number cannot be. */
function walkCells(list: Uint32Array, pointCount: number): number {
  let count = 0;
  for (let at = 0; at < list.length; count += 1) {
    const n = list[at] as number;
    if (n > list.length - at - 1) return -1 - at;
    for (let i = at + 1; i <= at + n; i += 1) if ((list[i] as number) >= pointCount) return -1 - i;
    at += n + 1;
  }
  return count;
}

function takeAttributes(r: ContentReader, count: number): PolyDataAttribute[] {
  // Each needs 6 bytes of header and a NUL: asked before anything of that count is made.
  if (count * 7 > r.left) throw r.mismatch('bytes of attributes at least', count * 7, r.left);
  const headers = Array.from({ length: count }, () => ({ attributeType: r.u8(), components: r.u8(), n: r.u32() }));
  const from = r.at;
  const names = headers.map(() => r.terminated());
  if ((r.at - from) % 2 === 1) r.skip(1);
  return headers.map(({ attributeType, components, n }, i) => {
    requireKind(r, attributeType, components);
    return { name: names[i] as string, attributeType, components, values: r.f32s(components * n) };
  });
}

function requireKind(r: ContentReader, type: number, components: number): void {
  const kind = type & 0x0f;
  if ((type & ~(CELL_DATA | 0x0f)) !== 0 || kind >= COMPONENTS.length) throw r.badValue('attribute type', type);
  if (components === 0) throw r.badValue('an attribute of a number of components of', components);
  const wanted = COMPONENTS[kind];
  if (wanted?.includes(components) === false) throw r.mismatch('components of an attribute', wanted[0] as number, components);
}

/** @throws NavError `igtl/does-not-fit` */
export function encodePolyData(w: IgtlStorage, content: PolyDataContent): void {
  const pointCount = content.points.length / 3;
  w.u32(pointCount);
  for (const kind of CELL_KINDS) {
    const count = walkCells(content[kind], pointCount);
    if (count < 0) throw doesNotFit(`the ${kind} of a surface: number ${-1 - count} leads nowhere.`);
    w.u32(count);
    w.u32(4 * content[kind].length);
  }
  w.u32(content.attributes.length);
  w.f32s(content.points, content.points.length);
  for (const kind of CELL_KINDS) w.u32s(content[kind]);
  putAttributes(w, content.attributes);
}

function putAttributes(w: IgtlStorage, attributes: readonly PolyDataAttribute[]): void {
  for (const { attributeType, components, values, name } of attributes) {
    if (values.length % components !== 0) throw doesNotFit(`${values.length} numbers of "${name}" by ${components}.`);
    w.u8(attributeType);
    w.u8(components);
    w.u32(values.length / components);
  }
  const from = w.at;
  for (const { name } of attributes) w.terminated(name);
  if ((w.at - from) % 2 === 1) w.u8(0);
  for (const { values } of attributes) w.f32s(values, values.length);
}
