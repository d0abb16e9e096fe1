import { NavError, requireSameFrame } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { type Grid, type GridShape, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf } from '@trocar/core/volume';
import type { Deformation, PointMap } from '../deformable/deformation.js';
import type { TransformFile } from './transform-file.js';

/** Where files of fields are lossy: doubles would be twice as large, and no image shows a ten-millionth of a millimetre. */
const BYTES = 4;

/**
 * A deformation as a field of displacements u(p) = T(p) − p, LPS mm, at the voxel centres of a grid: 32-bit floats, three a
 * voxel, as ITK's `DisplacementFieldTransform`, elastix's `DeformationFieldTransform` and 3D Slicer read them. Between voxels
 * they interpolate linearly and beyond the grid ITK moves nothing, so the field is coarser than the map it was made of.
 * @param grid of the frame that the deformation starts from: usually the fixed image
 * @param name its extension says the format: `.nrrd` or `.mha`, not compressed
 * @throws NavError `frame/mismatch`, `io/unsupported-format`, `registration/sheared-volume`, `registration/failed` where the
 * deformation has no place for a voxel (an inverse map that folds)
 */
export function encodeDisplacementField<To extends string, From extends string>(
  deformation: Pick<Deformation<To, From>, 'from' | 'map'>,
  grid: Grid<From>,
  name: string,
): TransformFile {
  requireSameFrame(deformation.from, grid.frame, 'Drawing a displacement field');
  const header = headerOf(grid, name);
  const degrees = shearDegrees(grid);
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'registration/sheared-volume',
      `A displacement field needs a grid with right-angled axes, but this one is sheared by ${degrees.toFixed(2)}°.`,
      { detail: { degrees } },
    );
  }
  const text = new TextEncoder().encode(header);
  const count = 3 * grid.size[0] * grid.size[1] * grid.size[2];
  const bytes = new Uint8Array(text.length + BYTES * count);
  bytes.set(text);
  fill(new DataView(bytes.buffer, text.length), deformation.map, grid);
  return { name, bytes };
}

function fill(out: DataView, map: PointMap, grid: GridShape): void {
  const [ni, nj, nk] = grid.size;
  const [p, q] = [new Float64Array(3), new Float64Array(3)];
  for (let k = 0, at = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, at += 3 * BYTES) {
        p[0] = i;
        p[1] = j;
        p[2] = k;
        transformPoint(p, grid.frameFromIndex, p);
        map(q, p);
        for (let r = 0; r < 3; r += 1) out.setFloat32(at + BYTES * r, (q[r] as number) - (p[r] as number), true);
        if (Number.isNaN((q[0] as number) + (q[1] as number) + (q[2] as number))) {
          throw new NavError(
            'registration/failed',
            `The deformation has no place for voxel [${i}, ${j}, ${k}]: it folds there. Use a smaller grid, or a stiffer map.`,
            { detail: { voxel: [i, j, k] } },
          );
        }
      }
    }
  }
}

function headerOf(grid: GridShape, name: string): string {
  const lower = name.toLowerCase();
  if (lower.endsWith('.nrrd')) return nrrdHeader(grid);
  if (lower.endsWith('.mha')) return metaHeader(grid);
  throw new NavError('io/unsupported-format', `"${name}" cannot hold a displacement field: choose .nrrd or .mha.`, {
    detail: { name },
  });
}

function nrrdHeader({ size, frameFromIndex: m }: GridShape): string {
  const vector = (c: number): string => `(${m[4 * c]},${m[4 * c + 1]},${m[4 * c + 2]})`;
  return [
    'NRRD0004',
    'type: float',
    'dimension: 4',
    'space: left-posterior-superior',
    `sizes: 3 ${size.join(' ')}`,
    `space directions: none ${vector(0)} ${vector(1)} ${vector(2)}`,
    'kinds: vector domain domain domain',
    'endian: little',
    'encoding: raw',
    `space origin: ${vector(3)}`,
    '\n',
  ].join('\n');
}

function metaHeader(grid: GridShape): string {
  const m = grid.frameFromIndex;
  const spacing = spacingOf(grid);
  // MetaImage lists the axes' directions one after the other.
  const axes = [0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => (m[4 * c + r] as number) / (spacing[c] as number)));
  return [
    'ObjectType = Image',
    'NDims = 3',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    'CompressedData = False',
    `TransformMatrix = ${axes.join(' ')}`,
    `Offset = ${m[12]} ${m[13]} ${m[14]}`,
    'CenterOfRotation = 0 0 0',
    `ElementSpacing = ${spacing.join(' ')}`,
    `DimSize = ${grid.size.join(' ')}`,
    'ElementNumberOfChannels = 3',
    'ElementType = MET_FLOAT',
    'ElementDataFile = LOCAL',
    '',
  ].join('\n');
}
