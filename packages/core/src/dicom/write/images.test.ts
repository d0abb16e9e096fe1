import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { identity4, multiply4 } from '../../math/index.js';
import { volume } from '../../volume/index.js';
import { encodeKeyImage, encodeKeyObjects, type KeyImageInit } from './key-image.js';
import { CT_FRAME, ctReferences, MR_REFERENCES, rigidMatrices, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, dsrdump, HAS_DCIODVFY, HAS_DCMTK, withFile } from './test-support/validators.js';
import { encodeVolumeObject, type VolumeObjectInit } from './volume-object.js';

const us = frame('us');

describe('a reconstructed volume', () => {
  const mm = fc.double({ min: 0.2, max: 4, noNaN: true });
  const volumes = fc.record({
    pose: rigidMatrices(600),
    spacing: fc.tuple(mm, mm, mm),
    size: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 2, max: 5 })),
    words: fc.boolean(),
  });

  function made({
    pose,
    spacing: [a, b, c],
    size,
    words,
  }: typeof volumes extends fc.Arbitrary<infer T> ? T : never): VolumeObjectInit {
    const count = size[0] * size[1] * size[2];
    const scale = Float64Array.of(a, 0, 0, 0, 0, b, 0, 0, 0, 0, c, 0, 0, 0, 0, 1);
    const values = Array.from({ length: count }, (_, n) => (n * 7919) % (words ? 65536 : 256));
    return {
      ...SAMPLE_INIT,
      frameOfReferenceUid: CT_FRAME,
      derivation: 'Freehand sweep, pixel nearest neighbour',
      volume: volume({
        frame: us,
        voxels: words ? Uint16Array.from(values) : Uint8Array.from(values),
        size,
        frameFromIndex: multiply4(identity4(), pose, scale),
        modality: 'US',
      }),
    };
  }
  const plain = made({ pose: identity4(), spacing: [0.5, 0.6, 0.7], size: [4, 3, 5], words: true });

  it('is read by readVolume with the same geometry and values', async () => {
    await fc.assert(
      fc.asyncProperty(volumes, async (drawn) => {
        const init = made(drawn);
        const read = await readVolume([{ name: 'us.dcm', bytes: encodeVolumeObject(init).bytes }], { frame: us });
        expect(read.size).toEqual(init.volume.size);
        expect(read.voxels).toEqual(init.volume.voxels);
        expect(read.rescale).toMatchObject({ slope: 1, intercept: 0 });
        expect(read).toMatchObject({ modality: 'US', frameOfReferenceUid: CT_FRAME });
        Array.from(read.frameFromIndex).forEach((x, n) => {
          expect(Math.abs(x - (init.volume.frameFromIndex[n] as number))).toBeLessThan(1e-9);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('refuses values that it cannot hold', () => {
    const wrong: readonly Partial<VolumeObjectInit['volume']>[] = [
      { voxels: new Int16Array(60) },
      { voxels: new Float32Array(60) },
      { voxels: new Uint8Array(59) },
      { rescale: { slope: 2, intercept: 0 } },
      { frameFromIndex: new Float64Array(16) },
    ];
    for (const each of wrong) {
      expect(() => encodeVolumeObject({ ...plain, volume: { ...plain.volume, ...each } })).toThrow(
        expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')),
      );
    }
  });

  it.skipIf(!HAS_DCIODVFY).each([
    ['words', plain],
    [
      'bytes, with sources',
      { ...made({ pose: identity4(), spacing: [1, 1, 1], size: [4, 3, 5], words: false }), sources: MR_REFERENCES },
    ],
    ['one slice', made({ pose: identity4(), spacing: [1, 1, 1], size: [4, 3, 1], words: false })],
  ])('passes dciodvfy: %s', (_, each) => {
    expect(dciodvfyErrors(encodeVolumeObject(each).bytes)).toEqual([]);
  });
});

/** A picture whose every pixel differs. */
const picture: KeyImageInit = {
  ...SAMPLE_INIT,
  width: 17,
  height: 9,
  pixels: Uint8Array.from({ length: 4 * 17 * 9 }, (_, n) => (n % 4 === 3 ? 255 : (n * 37) % 256)),
  burnedInAnnotation: true,
  derivation: 'Guidance view at the moment of acceptance',
  sources: ctReferences(2),
};

describe('a key image', () => {
  it.skipIf(!HAS_DCMTK)("is the same picture by dcmtk's reading", () => {
    const raw = withFile(encodeKeyImage(picture).bytes, (path) => {
      execFileSync('dcm2pnm', ['+op', path, `${path}.ppm`]);
      return readFileSync(`${path}.ppm`);
    });
    expect(raw.toString('latin1', 0, 15)).toMatch(/^P6\n(#.*\n)?17 9\n255\n/);
    const rgb = Array.from(picture.pixels).filter((_, n) => n % 4 !== 3);
    expect(Array.from(raw.subarray(raw.length - rgb.length))).toEqual(rgb);
  });

  it('refuses pixels that are too few, or let the background through', () => {
    const clear = Uint8Array.from(picture.pixels);
    clear[7] = 254;
    for (const pixels of [clear, picture.pixels.slice(4)]) {
      expect(() => encodeKeyImage({ ...picture, pixels })).toThrow(
        expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')),
      );
    }
  });

  it.skipIf(!HAS_DCIODVFY).each([
    ['with sources', picture],
    ['without, unmarked', { ...picture, sources: undefined, burnedInAnnotation: false }],
  ])('passes dciodvfy %s', (_, each) => {
    expect(dciodvfyErrors(encodeKeyImage(each).bytes)).toEqual([]);
  });
});

describe('a key object selection', () => {
  const selection = {
    ...SAMPLE_INIT,
    images: [...ctReferences(2), ...MR_REFERENCES],
    description: 'Needle in place',
    observer: 'Sen^Ira',
  };

  it('selects something', () => {
    expect(() => encodeKeyObjects({ ...selection, images: [] })).toThrow(/needs an image/);
  });

  it.skipIf(!HAS_DCIODVFY).each([
    ['with all', selection],
    ['bare', { ...SAMPLE_INIT, images: ctReferences(1) }],
  ])('passes dciodvfy %s', (_, each) => {
    expect(dciodvfyErrors(encodeKeyObjects(each).bytes)).toEqual([]);
  });

  it.skipIf(!HAS_DCMTK)('is read by dcmtk', () => {
    expect(dsrdump(encodeKeyObjects(selection).bytes)).toContain('Needle in place');
  });
});
