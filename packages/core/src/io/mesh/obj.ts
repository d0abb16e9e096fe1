import type { Polygons } from './polygons.js';
import { Scanner } from './scanner.js';

const STATEMENT = /^\s*(v|vn|vt|vp|f|l|p|o|g|s|mtllib|usemtl)\s/;

/** Whether the first line that is no comment is a statement of a Wavefront OBJ file. */
export function isObj(bytes: Uint8Array, name: string): boolean {
  const lines = new TextDecoder('latin1').decode(bytes.subarray(0, 8192)).split('\n');
  const first = lines.find((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  return /\.obj$/i.test(name) || (first !== undefined && STATEMENT.test(first) && lines.some((line) => /^v\s/.test(line)));
}

/**
 * A Wavefront OBJ file: its vertices and faces; normals, texture coordinates, groups and materials are left aside.
 * @throws NavError `mesh/damaged`
 */
export function readObj(bytes: Uint8Array, name: string): Polygons {
  const scanner = new Scanner(bytes, name);
  const positions: number[] = [];
  const polygons: number[] = [];
  let comments = '';
  let otherCells = 0;
  while (scanner.at < bytes.length) {
    const key = scanner.wordHere();
    if (key?.startsWith('#')) {
      const line = scanner.rest();
      if (comments.length < 4096) comments += `${key} ${line}\n`;
    } else if (key === 'v') {
      for (let i = 0; i < 3; i += 1) positions.push(scanner.numberIn(scanner.wordHere() ?? 'nothing', 'a coordinate'));
      scanner.endLine();
    } else if (key === 'f') {
      const corners = cornersOf(scanner, positions.length / 3);
      if (corners.length < 3) throw scanner.damaged(`has a face of ${corners.length} vertices`);
      polygons.push(corners.length);
      for (const corner of corners) polygons.push(corner);
      scanner.endLine();
    } else {
      if (key === 'l' || key === 'p') otherCells += 1;
      else if (key !== undefined && !/^[a-z_]+$/i.test(key))
        throw scanner.damaged(`has "${key.slice(0, 40)}", which no OBJ file has`);
      scanner.endLine();
    }
  }
  return { format: 'OBJ', positions: Float64Array.from(positions), polygons, comments, otherCells, trailingBytes: 0 };
}

/** `f 1 2 3`, `f 1/1 2/2 3/3`, `f 1//1 …`, `f -3 -2 -1`; a backslash at the end of a line continues it. */
function cornersOf(scanner: Scanner, soFar: number): number[] {
  const corners: number[] = [];
  for (let word = scanner.wordHere(); word !== undefined; word = scanner.wordHere()) {
    if (word === '\\') {
      scanner.endLine();
      continue;
    }
    const text = word.split('/')[0] as string;
    const index = scanner.numberIn(text, 'the vertex of a face');
    if (!Number.isInteger(index) || index === 0 || index < -soFar) throw scanner.damaged(`has the vertex ${text} in a face`);
    corners.push(index > 0 ? index - 1 : soFar + index);
  }
  return corners;
}
