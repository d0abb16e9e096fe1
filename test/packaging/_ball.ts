/**
 * A small NIfTI-1 file (.nii, int16, little-endian), written out byte by byte from the format's definition: a bright
 * ball in the middle of a cube. Geometry: spacing mm, RAS, the cube centred on the origin.
 */
export function ballNifti(size: number, spacingMm: number): Uint8Array {
  const header = 352;
  const bytes = new Uint8Array(header + 2 * size ** 3);
  const view = new DataView(bytes.buffer);
  const half = ((size - 1) / 2) * spacingMm;
  view.setInt32(0, 348, true);
  [3, size, size, size, 1, 1, 1, 1].forEach((n, i) => {
    view.setInt16(40 + 2 * i, n, true);
  });
  view.setInt16(70, 4, true); // int16
  view.setInt16(72, 16, true); // bits
  [1, spacingMm, spacingMm, spacingMm, 1, 1, 1, 1].forEach((n, i) => {
    view.setFloat32(76 + 4 * i, n, true);
  });
  view.setFloat32(108, header, true); // where the voxels begin
  view.setFloat32(112, 1, true); // slope
  view.setUint8(123, 2); // millimetres
  view.setInt16(254, 1, true); // sform: scanner coordinates
  [0, 1, 2].forEach((row) => {
    view.setFloat32(280 + 16 * row + 4 * row, spacingMm, true);
    view.setFloat32(280 + 16 * row + 12, -half, true);
  });
  bytes.set(new TextEncoder().encode('n+1\0'), 344);
  ballVoxels(size).forEach((value, at) => {
    view.setInt16(header + 2 * at, value, true);
  });
  return bytes;
}

/** The same ball as NRRD with its voxels written as text, which only ITK's decoder reads: a WebAssembly module runs. */
export function ballNrrd(size: number, spacingMm: number): string {
  const half = ((size - 1) / 2) * spacingMm;
  return [
    'NRRD0004',
    'type: int16',
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${size} ${size} ${size}`,
    `space directions: (${spacingMm},0,0) (0,${spacingMm},0) (0,0,${spacingMm})`,
    `space origin: (${-half},${-half},${-half})`,
    'kinds: domain domain domain',
    'encoding: ascii',
    '',
    `${ballVoxels(size).join(' ')}\n`,
  ].join('\n');
}

/** 1000 inside 0.6 of the cube's half edge, 0 outside; i fastest. */
function ballVoxels(size: number): number[] {
  const half = (size - 1) / 2;
  return Array.from({ length: size ** 3 }, (_, at) => {
    const [i, j, k] = [at % size, Math.floor(at / size) % size, Math.floor(at / size ** 2)];
    return Math.hypot(i - half, j - half, k - half) < 0.6 * half ? 1000 : 0;
  });
}
