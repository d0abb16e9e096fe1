import { NavError } from '../../base/index.js';
import type { Polygons } from './polygons.js';
import { Scanner } from './scanner.js';

/** Whether the bytes begin as an OFF file does. */
export function isOff(bytes: Uint8Array): boolean {
  return /^(\s*#.*\n)*\s*(ST)?C?N?4?n?OFF(\s|$)/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 1024)));
}

/**
 * An OFF file (also COFF, NOFF, STOFF: colours, normals and texture coordinates are left aside).
 * @throws NavError `mesh/damaged`, `mesh/unsupported` (binary, or vertices that are not three-dimensional)
 */
export function readOff(bytes: Uint8Array, name: string): Polygons {
  const scanner = new Scanner(bytes, name, { comments: true });
  const kind = scanner.word() ?? '';
  if (/[4n]OFF$/.test(kind)) {
    throw new NavError('mesh/unsupported', `"${name}" is a ${kind} file, whose vertices are not three-dimensional.`);
  }
  const first = scanner.word() ?? '';
  if (first === 'BINARY') throw new NavError('mesh/unsupported', `"${name}" is a binary OFF file. Export it as text, or as PLY.`);
  const most = scanner.mostNumbers;
  const vertices = scanner.numberIn(first, 'the number of vertices');
  const faces = scanner.count('the number of faces', most);
  if (!Number.isInteger(vertices) || vertices < 0 || vertices > most)
    throw scanner.damaged(`says that it has ${vertices} vertices`);
  scanner.endLine();
  const positions = new Float64Array(3 * vertices);
  for (let k = 0; k < vertices; k += 1) {
    for (let i = 0; i < 3; i += 1) positions[3 * k + i] = scanner.number(`a coordinate of vertex ${k}`);
    scanner.endLine();
  }
  const polygons: number[] = [];
  let otherCells = 0;
  for (let k = 0; k < faces; k += 1) {
    const n = scanner.count(`the number of corners of face ${k}`, most);
    if (n < 3) otherCells += 1;
    else polygons.push(n);
    for (let i = 0; i < n; i += 1) {
      const vertex = scanner.count(`a vertex of face ${k}`, vertices - 1);
      if (n >= 3) polygons.push(vertex);
    }
    scanner.endLine();
  }
  const comments = new TextDecoder('latin1').decode(bytes.subarray(0, 1024)).match(/#.*/g) ?? [];
  return { format: 'OFF', positions, polygons, comments: comments.join('\n'), otherCells, trailingBytes: 0 };
}
