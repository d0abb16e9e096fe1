import { isNavError, transform } from '@trocar/core';
import { setAssetsBase } from '@trocar/core/io';
import { fromRotationVector } from '@trocar/core/math';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ct, ctHead, errorsOf, headPlaces, mr, mrHead, through } from '../testing/phantoms.js';
import { readTransformFile, registerImages, writeTransformFile } from './index.js';

const SPACING = 5;
const fixed = ctHead(SPACING);
const pose = fromRotationVector(new Float64Array(16), [0.1, -0.06, 0.12]);
pose.set([8, -6, 5], 12);
const mrFromCt = transform(mr, ct, pose);
const moving = mrHead(SPACING, pose).volume;

async function codeOf(doing: Promise<unknown>): Promise<string> {
  return doing.then(
    () => 'nothing thrown',
    (e: unknown) => (isNavError(e) ? e.code : String(e)),
  );
}

beforeEach(() => setAssetsBase('/trocar-assets'));
afterAll(() => setAssetsBase(undefined));

describe('registerImages in a browser', () => {
  it('needs a configured place for its assets, and says where they are missing', async () => {
    setAssetsBase(undefined);
    expect(await codeOf(registerImages(fixed.volume, moving, { kind: 'rigid' }))).toBe('assets/not-configured');
    setAssetsBase('/no-such-place');
    expect(await codeOf(registerImages(fixed.volume, moving, { kind: 'rigid' }))).toBe('assets/missing');
  });

  it('recovers a known rigid transform in a Web Worker, from this origin alone', async () => {
    const result = await registerImages(fixed.volume, moving, { kind: 'rigid' });
    const { worst } = errorsOf(
      headPlaces(fixed),
      (p) => through(result.movingFromFixed, p),
      (p) => through(mrFromCt, p),
    );
    expect(worst).toBeLessThan(SPACING / 2);
    const fetched = performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin);
    expect([...new Set(fetched)]).toEqual([location.origin]);
  });

  it('ends its worker when aborted', async () => {
    const controller = new AbortController();
    let stoppedAt = 0;
    const work = registerImages(fixed.volume, moving, {
      kind: 'bspline',
      signal: controller.signal,
      progress: (f) => {
        if (f > 0) return;
        setTimeout(() => {
          stoppedAt = performance.now();
          controller.abort();
        }, 300);
      },
    });
    expect(await codeOf(work)).toBe('registration/aborted');
    expect(performance.now() - stoppedAt).toBeLessThan(1000);
  });

  it('a transform file through ITK’s own reader and writer', async () => {
    const read = await readTransformFile(await writeTransformFile(mrFromCt, 'a.h5'), { to: mr, from: ct });
    if (read.kind !== 'linear') throw new Error('Not linear.');
    expect(Array.from(read.edge.matrix)).toEqual(Array.from(mrFromCt.matrix));
  });
});
