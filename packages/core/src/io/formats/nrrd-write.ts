import type { AnyVolume, VoxelArray } from '../../volume/index.js';

/** The header of a gzip-packed NRRD file with the blank line that ends it: LPS, doubles as text, shear and all. */
export function nrrdHeader(v: AnyVolume, voxels: VoxelArray): Uint8Array {
  const m = v.frameFromIndex;
  const vector = (c: number): string => `(${m[c]},${m[c + 1]},${m[c + 2]})`;
  const lines = [
    'NRRD0004',
    `type: ${typeName(voxels)}`,
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${v.size.join(' ')}`,
    `space directions: ${vector(0)} ${vector(4)} ${vector(8)}`,
    'kinds: domain domain domain',
    'endian: little',
    'encoding: gzip',
    `space origin: ${vector(12)}`,
    '',
    '',
  ];
  return new TextEncoder().encode(lines.join('\n'));
}

function typeName(voxels: VoxelArray): string {
  if (voxels instanceof Float32Array) return 'float';
  if (voxels instanceof Float64Array) return 'double';
  const signed = voxels instanceof Int8Array || voxels instanceof Int16Array || voxels instanceof Int32Array;
  return `${signed ? '' : 'u'}int${8 * voxels.BYTES_PER_ELEMENT}`;
}
