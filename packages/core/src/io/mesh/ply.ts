import { NavError } from '../../base/index.js';
import type { Polygons } from './polygons.js';
import { Scanner } from './scanner.js';

/** PLY's types by both of their names. */
const TYPES: Readonly<Record<string, keyof typeof BYTES>> = {
  char: 'int8',
  uchar: 'uint8',
  short: 'int16',
  ushort: 'uint16',
  int: 'int32',
  uint: 'uint32',
  float: 'float32',
  double: 'float64',
};
const BYTES = { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, float32: 4, float64: 8 } as const;
type Type = keyof typeof BYTES;

interface Property {
  readonly name: string;
  readonly type: Type;
  /** The type of the number of values, where it is a list. */
  readonly counted: Type | undefined;
}

interface Element {
  readonly name: string;
  readonly count: number;
  readonly properties: Property[];
}

interface Header {
  readonly format: string;
  readonly elements: readonly Element[];
  readonly comments: string;
}

/** Whether the bytes begin as a PLY file does. */
export function isPly(bytes: Uint8Array): boolean {
  return bytes[0] === 0x70 && bytes[1] === 0x6c && bytes[2] === 0x79 && (bytes[3] === 10 || bytes[3] === 13);
}

/**
 * A PLY file, ASCII or binary of either byte order: its vertices and faces; all other properties are left aside.
 * @throws NavError `mesh/damaged`, `mesh/unsupported` (triangle strips)
 */
export function readPly(bytes: Uint8Array, name: string): Polygons {
  const scanner = new Scanner(bytes, name);
  const header = headerOf(scanner);
  let positions = new Float64Array();
  const polygons: number[] = [];
  let otherCells = 0;
  for (const element of header.elements) {
    const values = header.format === 'ascii' ? textValues(scanner) : binaryValues(scanner, header.format.includes('little'));
    if (element.name === 'vertex') positions = verticesOf(scanner, element, values);
    else if (element.name === 'face') otherCells += facesOf(scanner, element, values, polygons);
    else if (element.name === 'tristrips') {
      throw new NavError('mesh/unsupported', `"${name}" holds triangle strips. Export it with plain triangles.`);
    } else if (element.properties.length > 0) skipElement(scanner, element, values);
  }
  return { format: 'PLY', positions, polygons, comments: header.comments, otherCells, trailingBytes: 0 };
}

function headerOf(scanner: Scanner): Header {
  scanner.rest();
  let format = '';
  let comments = '';
  const elements: Element[] = [];
  for (let line = scanner.rest(); line !== 'end_header'; line = scanner.rest()) {
    if (scanner.at >= scanner.bytes.length) throw scanner.damaged('has no "end_header"');
    const [key, ...words] = line.split(/\s+/);
    if (key === 'comment' || key === 'obj_info') comments += `${line}\n`;
    else if (key === 'format') format = words[0] ?? '';
    else if (key === 'element') elements.push(elementOf(scanner, words));
    else if (key === 'property') elements.at(-1)?.properties.push(propertyOf(scanner, words));
    else if (line !== '') throw scanner.damaged(`has "${line.slice(0, 40)}" in its header`);
  }
  if (!['ascii', 'binary_little_endian', 'binary_big_endian'].includes(format))
    throw scanner.damaged(`says that its format is "${format}"`);
  return { format, elements, comments };
}

function elementOf(scanner: Scanner, [name = '', count = '']: readonly string[]): Element {
  const value = scanner.numberIn(count, `the number of "${name}"`);
  if (!Number.isInteger(value) || value < 0) throw scanner.damaged(`says that there are ${count} of "${name}"`);
  return { name, count: value, properties: [] };
}

function propertyOf(scanner: Scanner, words: readonly string[]): Property {
  const list = words[0] === 'list';
  const typeAt = (k: number): Type => {
    const word = words[k] ?? '';
    const type = Object.hasOwn(BYTES, word) ? (word as Type) : Object.hasOwn(TYPES, word) ? TYPES[word] : undefined;
    if (type === undefined) throw scanner.damaged(`has a property of the type "${word}"`);
    return type;
  };
  return { name: words[list ? 3 : 1] ?? '', type: typeAt(list ? 2 : 0), counted: list ? typeAt(1) : undefined };
}

/** Gives the next value of a type. */
type Values = (type: Type, what: string) => number;

function textValues(scanner: Scanner): Values {
  return (_, what) => {
    const word = scanner.word();
    if (word === undefined) throw scanner.damaged(`ends where ${what} should stand`);
    // What is not read may be "nan": only a coordinate must be a number.
    return /^[+-]?nan$/i.test(word) ? Number.NaN : scanner.numberIn(word, what);
  };
}

function binaryValues(scanner: Scanner, little: boolean): Values {
  return (type, what) => {
    const view = scanner.take(BYTES[type], what);
    switch (type) {
      case 'int8':
        return view.getInt8(0);
      case 'uint8':
        return view.getUint8(0);
      case 'int16':
        return view.getInt16(0, little);
      case 'uint16':
        return view.getUint16(0, little);
      case 'int32':
        return view.getInt32(0, little);
      case 'uint32':
        return view.getUint32(0, little);
      case 'float32':
        return view.getFloat32(0, little);
      case 'float64':
        return view.getFloat64(0, little);
    }
  };
}

function verticesOf(scanner: Scanner, element: Element, values: Values): Float64Array<ArrayBuffer> {
  const axes = ['x', 'y', 'z'].map((axis) => element.properties.findIndex((p) => p.name === axis && p.counted === undefined));
  if (axes.includes(-1)) throw scanner.damaged('has vertices without x, y and z');
  if (element.count > scanner.bytes.length) throw scanner.damaged(`says that it has ${element.count} vertices`);
  const positions = new Float64Array(3 * element.count);
  for (let k = 0; k < element.count; k += 1) {
    for (const [i, p] of element.properties.entries()) {
      const axis = axes.indexOf(i);
      if (axis < 0) {
        skip(scanner, p, values);
        continue;
      }
      const value = values(p.type, `a coordinate of vertex ${k}`);
      if (!Number.isFinite(value)) throw scanner.damaged(`has the coordinate ${value} in vertex ${k}`);
      positions[3 * k + axis] = value;
    }
  }
  return positions;
}

/** Appends the polygons; gives the number of faces with fewer than three corners. */
function facesOf(scanner: Scanner, element: Element, values: Values, polygons: number[]): number {
  const corners = element.properties.findIndex((p) => /^vertex_(index|indices)$/.test(p.name) && p.counted !== undefined);
  if (element.count > 0 && corners < 0) throw scanner.damaged('has faces without a list "vertex_indices"');
  let none = 0;
  for (let k = 0; k < element.count; k += 1) {
    for (const [i, p] of element.properties.entries()) {
      if (i !== corners) {
        skip(scanner, p, values);
        continue;
      }
      const n = lengthOf(scanner, p, values);
      if (n >= 3) polygons.push(n);
      else none += 1;
      for (let c = 0; c < n; c += 1) {
        const vertex = values(p.type, `a vertex of face ${k}`);
        if (n >= 3) polygons.push(vertex);
      }
    }
  }
  return none;
}

/** With one property at least, so that a count that lies comes to the end of the file. */
function skipElement(scanner: Scanner, element: Element, values: Values): void {
  for (let k = 0; k < element.count; k += 1) for (const p of element.properties) skip(scanner, p, values);
}

function skip(scanner: Scanner, p: Property, values: Values): void {
  const n = p.counted === undefined ? 1 : lengthOf(scanner, p, values);
  for (let i = 0; i < n; i += 1) values(p.type, `"${p.name}"`);
}

function lengthOf(scanner: Scanner, p: Property, values: Values): number {
  const n = values(p.counted as Type, `the length of "${p.name}"`);
  if (!Number.isInteger(n) || n < 0 || n > scanner.bytes.length) throw scanner.damaged(`has a list "${p.name}" of ${n} values`);
  return n;
}
