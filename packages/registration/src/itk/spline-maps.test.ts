import { frame } from '@trocar/core';
import { fromRotationVector, Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { splineDeformation } from '../deformable/index.js';
import { asElastix } from './spline-maps.js';
import { readTransformFile, writeTransformFile } from './transform-file.js';

const frames = { to: frame('moving'), from: frame('fixed') };

function some(random: Random) {
  const m = fromRotationVector(new Float64Array(16), [0.2, -0.3, 0.4]);
  const gridFrameFromIndex = Float64Array.from(m, (x, n) => (n < 12 && n % 4 < 3 ? x * (9 + Math.floor(n / 4)) : x));
  // A grid whose third axis mirrors.
  for (let r = 8; r < 11; r += 1) gridFrameFromIndex[r] = -(gridFrameFromIndex[r] as number);
  gridFrameFromIndex.set([-30, 20, 55], 12);
  const initial = fromRotationVector(new Float64Array(16), [0.1, 0.2, -0.1]);
  initial.set([5, -7, 11], 12);
  const coefficients = Float64Array.from({ length: 3 * 5 * 6 * 7 }, () => random.between(-2, 2));
  return splineDeformation(frames.to, frames.from, { initial, gridFrameFromIndex, gridSize: [5, 6, 7], coefficients });
}

it('a spline of our own in elastix’s terms is the same map, inside, at the border and outside, and so is its file', async () => {
  const random = new Random(inject('seed'));
  const spline = some(random);
  const there = asElastix(spline);
  const file = await writeTransformFile(there, 'deformed.tfm');
  const back = await readTransformFile(file, frames);
  if (back.kind !== 'deformable') throw new Error(back.kind);
  const [a, b, c] = [0, 1, 2].map(() => new Float64Array(3)) as [Float64Array, Float64Array, Float64Array];
  let bent = 0;
  for (let n = 0; n < 2000; n += 1) {
    const p = [0, 1, 2].map(() => random.between(-150, 150));
    spline.map(a, p);
    there.map(b, p);
    back.deformation.map(c, p);
    expect(Math.hypot(...a.map((x, r) => x - (b[r] as number)))).toBeLessThan(1e-9);
    expect(Math.hypot(...a.map((x, r) => x - (c[r] as number)))).toBeLessThan(1e-9);
    const linear = [0, 1, 2].map((r) =>
      [0, 1, 2].reduce((s, k) => s + (spline.linear[4 * k + r] as number) * (p[k] as number), spline.linear[12 + r] as number),
    );
    bent = Math.max(bent, Math.hypot(...a.map((x, r) => x - (linear[r] as number))));
  }
  expect(bent).toBeGreaterThan(0.5);
  // ITK's text says what is applied last first.
  const text = new TextDecoder().decode(file.bytes);
  expect(text.indexOf('AffineTransform')).toBeLessThan(text.indexOf('BSplineTransform'));
});
