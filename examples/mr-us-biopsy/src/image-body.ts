import { identity4, invert4, transformPoint } from '@trocar/core/math';
import { prostateTissue } from '@trocar/core/testing';
import { percentiles, Sampler, type Volume } from '@trocar/core/volume';
import type { BiopsyCase } from './case.js';
import type { TrueBody } from './truth.js';

/** Marks stand this share of the gland's half widths from its middle. */
const MARKS: Readonly<Record<string, readonly [number, number, number]>> = {
  'bladder neck': [0, -0.1, 0.9],
  apex: [0, -0.1, -0.9],
  'left edge': [1, 0, 0],
  'right edge': [-1, 0, 0],
  verumontanum: [0, 0.1, 0],
  'calcification 1': [0.35, 0.4, 0.2],
  'calcification 2': [-0.35, 0.4, 0.3],
  'calcification 3': [-0.4, 0.3, -0.3],
  cyst: [0.2, 0.5, 0.6],
  'nodule 1': [0.4, -0.3, 0.3],
};

/**
 * A body for simulated ultrasound of real images: each place sounds as its brightness in the MR lets expect, lesions darker, the gland
 * within a capsule, gel behind. No anatomy that the MR does not show, and no ultrasound of that patient: for exploring the procedure.
 */
export function bodyOf({ mr, labels, lesions, gland }: BiopsyCase): TrueBody {
  const half = halfOf(labels, gland.label, gland.centre.xyz);
  const frameFromBody = identity4();
  frameFromBody.set(gland.centre.xyz, 12);
  const regionAt = regionsOf(labels, gland, lesions);
  const [dark, low, high, bright] = percentiles(mr, [0.2, 0.45, 0.7, 0.92]) as [number, number, number, number];
  const sampler = new Sampler(mr);
  const [cx, cy, cz] = [0, 1, 2].map((k) => gland.centre.xyz[k] as number) as [number, number, number];
  const kinds = ['muscle', 'transition', 'fat', 'peripheral', 'bladder'] as const;
  const numbers = kinds.map(prostateTissue);
  const [gel, lesion, capsule] = [prostateTissue('gel'), prostateTissue('lesion'), prostateTissue('capsule')];
  const step = 0.9;
  return {
    halfMm: half,
    frameFromBody,
    regionAt,
    landmarks: Object.fromEntries(
      Object.entries(MARKS).map(([name, f]) => [name, [f[0] * half[0], f[1] * half[1], f[2] * half[2]]]),
    ),
    tissueAt(x, y, z) {
      const region = regionAt(x, y, z);
      if (region >= 2) return lesion;
      if (region === 1) {
        const rim = [-step, step].some(
          (d) => regionAt(x + d, y, z) === 0 || regionAt(x, y + d, z) === 0 || regionAt(x, y, z + d) === 0,
        );
        if (rim) return capsule;
      } else if (y > half[1] + 5) return gel;
      const value = sampler.at(x + cx, y + cy, z + cz);
      const level = [dark, low, high, bright].findIndex((limit) => value < limit);
      return numbers[level < 0 ? 4 : level] as number;
    },
  };
}

/** 0 outside, 1 the gland, 2 … the lesions, at places of the body. */
function regionsOf(labels: Volume<'mr'>, gland: BiopsyCase['gland'], lesions: BiopsyCase['lesions']): TrueBody['regionAt'] {
  const index = identity4();
  invert4(index, labels.frameFromIndex);
  const [ni, nj, nk] = labels.size;
  const [cx, cy, cz] = [0, 1, 2].map((k) => gland.centre.xyz[k] as number) as [number, number, number];
  const own = new Map(lesions.map((l, n) => [l.label, n + 2]));
  const p = new Float64Array(3);
  return (x, y, z) => {
    transformPoint(p, index, [x + cx, y + cy, z + cz]);
    const [i, j, k] = [Math.round(p[0] as number), Math.round(p[1] as number), Math.round(p[2] as number)];
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return 0;
    const label = labels.voxels[i + ni * (j + nj * k)] as number;
    return label === gland.label ? 1 : (own.get(label) ?? 0);
  };
}

function halfOf(labels: Volume<'mr'>, label: number, centre: ArrayLike<number>): readonly [number, number, number] {
  const [ni, nj] = labels.size;
  const half = [0, 0, 0];
  for (let n = 0; n < labels.voxels.length; n += 1) {
    if (labels.voxels[n] !== label) continue;
    const p = transformPoint(new Float64Array(3), labels.frameFromIndex, [
      n % ni,
      Math.floor(n / ni) % nj,
      Math.floor(n / ni / nj),
    ]);
    for (let k = 0; k < 3; k += 1) half[k] = Math.max(half[k] as number, Math.abs((p[k] as number) - (centre[k] as number)));
  }
  return [half[0] as number, half[1] as number, half[2] as number];
}
