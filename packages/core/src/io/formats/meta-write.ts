import { type AnyVolume, requireNoShear, spacingOf, type VoxelArray } from '../../volume/index.js';

/**
 * The header of a .mha file with zlib-packed voxels.
 * @throws NavError `volume/sheared`: the format keeps directions and spacings apart, and its readers take right angles
 *   for granted
 */
export function metaHeader(v: AnyVolume, voxels: VoxelArray, packedBytes: number): Uint8Array {
  requireNoShear(v, 'Writing MetaImage');
  const m = v.frameFromIndex;
  const spacing = spacingOf(v);
  const axis = (c: number): string => [0, 1, 2].map((r) => (m[4 * c + r] as number) / (spacing[c] as number)).join(' ');
  const lines = [
    'ObjectType = Image',
    'NDims = 3',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    'CompressedData = True',
    `CompressedDataSize = ${packedBytes}`,
    `TransformMatrix = ${axis(0)} ${axis(1)} ${axis(2)}`,
    `Offset = ${m[12]} ${m[13]} ${m[14]}`,
    'CenterOfRotation = 0 0 0',
    `ElementSpacing = ${spacing.join(' ')}`,
    `DimSize = ${v.size.join(' ')}`,
    ...(['CT', 'MR', 'US'].includes(v.modality) ? [`Modality = MET_MOD_${v.modality}`] : []),
    `ElementType = ${typeName(voxels)}`,
    'ElementDataFile = LOCAL',
    '',
  ];
  return new TextEncoder().encode(lines.join('\n'));
}

function typeName(voxels: VoxelArray): string {
  if (voxels instanceof Float32Array) return 'MET_FLOAT';
  if (voxels instanceof Float64Array) return 'MET_DOUBLE';
  const signed = voxels instanceof Int8Array || voxels instanceof Int16Array || voxels instanceof Int32Array;
  return `MET_${signed ? '' : 'U'}${['', 'CHAR', 'SHORT', '', 'INT'][voxels.BYTES_PER_ELEMENT]}`;
}
