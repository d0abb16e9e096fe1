import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { apply, frame, invert, type Point, point, type Transform, transform } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { fromRotationVector, identity4, multiply4, Random, transformPoint } from '@trocar/core/math';
import type { Volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { registerToUltrasound } from './register-to-ultrasound.js';

const data = process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../../shared/data');
const folder = resolve(data, 'brain-mr-us');
const here = existsSync(resolve(folder, 'Case24_US_0p5mm.nii.gz'));

const us = frame('us');
const mr = frame('mr');

/** The landmarks are RAS mm, the volumes LPS inside. */
const lps = (p: readonly number[]): number[] => [-(p[0] as number), -(p[1] as number), p[2] as number];

interface Landmarks {
  readonly us: readonly Point<'us'>[];
  readonly mr: readonly Point<'mr'>[];
}

function landmarks(flip: (p: readonly number[]) => number[] = lps): Landmarks {
  const json = JSON.parse(readFileSync(resolve(folder, 'Case24_landmarks.json'), 'utf8')) as { mri: number[][]; us: number[][] };
  return { us: json.us.map((p) => point(us, flip(p))), mr: json.mri.map((p) => point(mr, flip(p))) };
}

/** Mean distance of the landmarks after registration, mm. */
function meanTre(usFromMr: Transform<'us', 'mr'>, marks: Landmarks): number {
  const errors = marks.mr.map((p, k) => {
    const { xyz } = apply(usFromMr, p);
    const truth = (marks.us[k] as Point<'us'>).xyz;
    return Math.hypot(...[0, 1, 2].map((r) => (xyz[r] as number) - (truth[r] as number)));
  });
  return errors.reduce((a, b) => a + b, 0) / errors.length;
}

/** A motion of the MR about the landmarks' middle: up to `mm` and `deg` in random directions. */
function offset(random: Random, mm: number, deg: number): Transform<'mr', 'mr'> {
  const direction = (): number[] => {
    const v = [random.normal(), random.normal(), random.normal()];
    return v.map((x) => x / Math.hypot(...v));
  };
  const angle = (random.between(0, deg) * Math.PI) / 180;
  const m = fromRotationVector(
    identity4(),
    direction().map((x) => x * angle),
  );
  const middle = [-40, -10, -5];
  const turned = transformPoint(new Float64Array(3), m, middle);
  const length = random.between(0, mm);
  direction().forEach((x, r) => {
    m[12 + r] = (middle[r] as number) - (turned[r] as number) + length * x;
  });
  return transform(mr, mr, m);
}

/** The volume with its header moved. */
function displaced(v: Volume<'mr'>, by: Transform<'mr', 'mr'>): Volume<'mr'> {
  return { ...v, frameFromIndex: multiply4(new Float64Array(16), by.matrix, v.frameFromIndex) };
}

describe.skipIf(!here)('RESECT case 24 (TROCAR_DATA/brain-mr-us)', () => {
  const images = async (): Promise<[Volume<'us'>, Volume<'mr'>, Volume<'mr'>]> => [
    await readVolume(resolve(folder, 'Case24_US_0p5mm.nii.gz'), { frame: us }),
    await readVolume(resolve(folder, 'Case24_T1_on_US_grid_0p5mm.nii.gz'), { frame: mr }),
    await readVolume(resolve(folder, 'Case24_FLAIR_on_US_grid_0p5mm.nii.gz'), { frame: mr }),
  ];

  it('lies 1.10 mm off as the headers say', () => {
    expect(meanTre(transform(us, mr, identity4()), landmarks())).toBeCloseTo(1.1, 2);
  });

  it.each([
    [5, 5],
    [10, 10],
  ])('is registered with headers moved by up to %d mm and %d°', async (mm, deg) => {
    const [fixed, t1, flair] = await images();
    const by = offset(new Random(inject('seed') + mm), mm, deg);
    const moving = [displaced(t1, by), displaced(flair, by)];
    const result = await registerToUltrasound(fixed, moving, { searchMm: mm, searchDeg: deg });
    expect(result.outcome).toBe('ok');
    const moved = ({ us: fixedMarks, mr: marks }: Landmarks): Landmarks => ({
      us: fixedMarks,
      mr: marks.map((p) => apply(by, p)),
    });
    expect(meanTre(result.usFromMoving, moved(landmarks()))).toBeLessThan(2);
    // The landmarks are RAS: taken for LPS, or the result taken the other way round, they lie elsewhere.
    expect(meanTre(result.usFromMoving, moved(landmarks((p) => [...p])))).toBeGreaterThan(2.5);
    const inverse = invert(result.usFromMoving).matrix;
    expect(meanTre(transform(us, mr, inverse), moved(landmarks()))).toBeGreaterThan(2.5);
  });
});
