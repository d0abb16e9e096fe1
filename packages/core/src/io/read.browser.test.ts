import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { volume } from '../volume/index.js';
import { encodeVolume, readVolume, setAssetsBase, writeVolume } from './index.js';
import { COLUMNS, dicomSeries, ROWS } from './test-support/dicom-writer.js';

const ct = frame('ct');
const ASSETS = '/trocar-assets';

/** Addresses asked for since the last look, beyond the test page's own origin. */
function offOrigin(): string[] {
  return performance
    .getEntriesByType('resource')
    .map((entry) => entry.name)
    .filter((name) => new URL(name, location.href).origin !== location.origin);
}

beforeEach(() => performance.clearResourceTimings());
afterEach(() => {
  expect(offOrigin()).toEqual([]);
  setAssetsBase(undefined);
});

const small = volume({
  frame: ct,
  voxels: Int16Array.from({ length: 60 }, (_, n) => n - 7),
  size: [5, 4, 3],
  frameFromIndex: [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, -1, -2, -3, 1],
});

describe('without configured assets', () => {
  it('nothing is read and nothing is fetched, whatever the file', async () => {
    for (const files of [dicomSeries(3), dicomSeries(3, { each: () => ({ rle: true }) })]) {
      await expect(readVolume(files, { frame: ct })).rejects.toMatchObject({ code: 'assets/not-configured' });
    }
    const nifti = { name: 'a.nii', bytes: await encodeVolume(small, 'a.nii') };
    await expect(readVolume([nifti], { frame: ct })).rejects.toMatchObject({ code: 'assets/not-configured' });
    expect(performance.getEntriesByType('resource').filter((e) => /wasm|pipeline/.test(e.name))).toEqual([]);
  });
});

describe('with assets served locally', () => {
  beforeEach(() => setAssetsBase(ASSETS));

  it('reads a DICOM series from the Files a page is handed', async () => {
    const files = dicomSeries(4, { start: [-10, 20, 30] }).map((f) => new File([f.bytes as Uint8Array<ArrayBuffer>], f.name));
    const v = await readVolume(files, { frame: ct });
    expect(v.size).toEqual([COLUMNS, ROWS, 4]);
    expect(Array.from(v.frameFromIndex)).toEqual([0.5, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 2, 0, -10, 20, 30, 1]);
    expect(v.voxels[(2 * ROWS + 3) * COLUMNS + 5]).toBe(235);
  });

  it('decodes compressed slices in the worker to the same voxels, in an array that WebGL and workers take', async () => {
    const plain = await readVolume(dicomSeries(5), { frame: ct });
    const v = await readVolume(dicomSeries(5, { each: () => ({ rle: true }) }), { frame: ct });
    expect(v.voxels).toEqual(plain.voxels);
    expect(v.voxels.buffer).toBeInstanceOf(ArrayBuffer);
    expect(structuredClone(v.voxels, { transfer: [v.voxels.buffer] }).length).toBe(COLUMNS * ROWS * 5);
  });

  it.each(['a.nii', 'a.nii.gz', 'a.nrrd', 'a.mha'])('reads %s back as it was written', async (name) => {
    const v = await readVolume([{ name, bytes: await encodeVolume(small, name) }], { frame: ct });
    expect(v.voxels).toEqual(small.voxels);
    expect(v.frameFromIndex).toEqual(small.frameFromIndex);
  });

  it('reads text voxels through the image decoder', async () => {
    const header =
      'NRRD0005\ntype: short\ndimension: 3\nspace: LPS\nsizes: 2 2 2\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nencoding: ascii\nspace origin: (1,2,3)\n\n';
    const v = await readVolume([{ name: 'a.nrrd', bytes: new TextEncoder().encode(`${header}1 2 3 4 5 6 7 -8`) }], { frame: ct });
    expect(Array.from(v.voxels)).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
  });

  it('unpacks gzip in several members, at the first of which browsers stop', async () => {
    const whole = await encodeVolume(small, 'a.nii');
    const pack = (bytes: Uint8Array): Promise<ArrayBuffer> =>
      new Response(new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
    const members = await Promise.all([whole.subarray(0, 100), whole.subarray(100, 400), whole.subarray(400)].map(pack));
    const bytes = new Uint8Array(await new Blob(members).arrayBuffer());
    expect((await readVolume([{ name: 'a.nii.gz', bytes }], { frame: ct })).voxels).toEqual(small.voxels);
    const cut = readVolume([{ name: 'a.nii.gz', bytes: bytes.subarray(0, -5) }], { frame: ct });
    await expect(cut).rejects.toMatchObject({ code: 'io/truncated' });
  });

  it('stops a decoder that is under way, and decodes again afterwards', async () => {
    const files = (): ReturnType<typeof dicomSeries> => dicomSeries(5, { each: () => ({ rle: true }) });
    const controller = new AbortController();
    const reading = readVolume(files(), { frame: ct, signal: controller.signal });
    setTimeout(() => controller.abort(), 1);
    await expect(reading).rejects.toMatchObject({ code: 'io/aborted' });
    expect((await readVolume(files(), { frame: ct })).size[2]).toBe(5);
  });

  it('lets one read be stopped without harm to another beside it', async () => {
    const files = (): ReturnType<typeof dicomSeries> => dicomSeries(5, { each: () => ({ rle: true }) });
    for (const delay of [0, 1, 3, 10]) {
      const controller = new AbortController();
      const stopped = readVolume(files(), { frame: ct, signal: controller.signal }).catch((error: unknown) => error);
      const other = readVolume(files(), { frame: ct });
      setTimeout(() => controller.abort(), delay);
      expect((await other).size[2]).toBe(5);
      await stopped;
    }
  });

  it('has no paths', async () => {
    await expect(readVolume('/tmp/x.nii', { frame: ct })).rejects.toMatchObject({ code: 'io/unsupported-format' });
    await expect(writeVolume(small, '/tmp/x.nii')).rejects.toMatchObject({ code: 'io/unsupported-format' });
  });

  it('says so where the compressed pixels are damaged', async () => {
    const tags = { '7FE00010': ['OB', new Uint8Array(64)] } as const;
    const files = dicomSeries(2, { each: () => ({ rle: true, tags }) });
    await expect(readVolume(files, { frame: ct })).rejects.toMatchObject({ code: 'dicom/truncated' });
  });
});

describe('with assets at the wrong place', () => {
  it('names the address that has none', async () => {
    setAssetsBase('/no-such-place');
    const outcome = readVolume(dicomSeries(2, { each: () => ({ rle: true }) }), { frame: ct });
    await expect(outcome).rejects.toMatchObject({ code: 'assets/missing' });
    await expect(outcome).rejects.toThrow('/no-such-place/');
  });
});
