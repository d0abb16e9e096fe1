import { metaReadImageNode, niftiReadImageNode } from '@itk-wasm/image-io';
import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { type AnyVolume, cornersOf, spacingOf } from '../volume/index.js';
import { readVolume } from './index.js';
import { dataPath, pythonWith, sameBytes } from './test-support/real-data.js';

const image = frame('image');
const nibabel = pythonWith('nibabel');

/** Corners in LPS and a checksum whose weights differ along every axis, by nibabel alone. */
const NIBABEL = `
import sys, json, numpy as np, nibabel as nib
im = nib.load(sys.argv[1])
a = np.diag([-1, -1, 1, 1]) @ im.affine
n = im.shape
c = [(a @ [(n[0]-1) * (q & 1), (n[1]-1) * ((q >> 1) & 1), (n[2]-1) * ((q >> 2) & 1), 1])[:3].tolist() for q in range(8)]
d = np.asarray(im.dataobj, dtype=np.float64)
w = [float((d * (np.arange(n[x]) + 1).reshape([-1 if y == x else 1 for y in range(3)])).sum()) for x in range(3)]
print(json.dumps({'corners': c, 'sums': w, 'size': list(n)}))
`;

const NIFTI = [
  ['brain-mr-us', 'Case24_T1_on_US_grid_0p5mm.nii.gz'],
  ['brain-mr-us', 'Case24_US_0p5mm.nii.gz'],
  ['head-mr', 'head_T1.nii.gz'],
  ['head-mr', 'head_PD.nii.gz'],
  ['phantom-ct-mr', 'pork_CT_0p78x0p78x1p25.nii.gz'],
  ['phantom-ct-mr', 'pork_MR_T2_1x1x2p5.nii.gz'],
] as const;

function sums(v: AnyVolume): number[] {
  const [ni, nj, nk] = v.size;
  const out = [0, 0, 0];
  for (let n = 0; n < v.voxels.length; n += 1) {
    const value = v.rescale.slope * (v.voxels[n] as number) + v.rescale.intercept;
    out[0] = (out[0] as number) + value * ((n % ni) + 1);
    out[1] = (out[1] as number) + value * ((Math.floor(n / ni) % nj) + 1);
    out[2] = (out[2] as number) + value * ((Math.floor(n / ni / nj) % nk) + 1);
  }
  return out;
}

describe('real NIfTI files', () => {
  for (const [folder, name] of NIFTI) {
    const file = dataPath(folder, name);

    it.skipIf(file.absent || nibabel === undefined)(
      `${name} agrees with nibabel to 0.01 mm in every corner, and in its voxels`,
      async () => {
        const theirs = nibabel?.(NIBABEL, file.path) as { corners: number[][]; sums: number[]; size: number[] };
        const v = await readVolume(file.path, { frame: image });
        expect(v.size).toEqual(theirs.size);
        cornersOf(v).forEach((corner, n) => {
          const theirCorner = theirs.corners[n] as number[];
          expect(Math.hypot(...theirCorner.map((x, r) => x - (corner[r] as number)))).toBeLessThan(0.01);
        });
        for (const [n, sum] of sums(v).entries()) expect(Math.abs(sum / (theirs.sums[n] as number) - 1)).toBeLessThan(1e-9);
      },
    );

    it.skipIf(file.absent)(`${name} agrees with ITK's reader`, async () => {
      const v = await readVolume(file.path, { frame: image });
      const { image: theirs } = await niftiReadImageNode(file.path);
      expect(theirs.size).toEqual([...v.size]);
      expect(sameBytes(theirs.data as ArrayBufferView, v.voxels)).toBe(true);
      for (const [n, s] of spacingOf(v).entries()) expect(Math.abs(s - (theirs.spacing[n] as number))).toBeLessThan(1e-4);
      for (const [r, x] of theirs.origin.entries()) expect(Math.abs(x - (v.frameFromIndex[12 + r] as number))).toBeLessThan(1e-4);
    });
  }
});

describe('real MetaImage files', () => {
  it.skipIf(dataPath('rire').absent)('RIRE’s MR agrees with ITK’s reader', async () => {
    const { path } = dataPath('rire', 'training_001_mr_T1.mha');
    const v = await readVolume(path, { frame: image });
    const { image: theirs } = await metaReadImageNode(path);
    expect([v.size, spacingOf(v)]).toEqual([theirs.size, theirs.spacing]);
    expect(sameBytes(theirs.data as ArrayBufferView, v.voxels)).toBe(true);
  });

  it.skipIf(dataPath('tracked-ultrasound').absent)(
    'reconstructed ultrasound volumes are read, tracked sequences refused',
    async () => {
      const volumes = ['NwirePhantomFreehandReconstructed.mha', 'vtkVolumeReconstructorTestLNMEANvolumeRef.mha'];
      for (const name of volumes) {
        const { path } = dataPath('tracked-ultrasound', 'baselines', name);
        const { image: theirs } = await metaReadImageNode(path);
        const v = await readVolume(path, { frame: image });
        expect(v.size).toEqual(theirs.size);
        expect(sameBytes(theirs.data as ArrayBufferView, v.voxels)).toBe(true);
      }
      const sequence = dataPath('tracked-ultrasound', 'sequences', 'NwirePhantomFreehand.igs.mha').path;
      await expect(readVolume(sequence, { frame: image })).rejects.toMatchObject({ code: 'io/unsupported-format' });
    },
  );
});
