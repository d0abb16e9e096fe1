import { frame, isNavError, transform } from '@trocar/core';
import { invertRigid, multiply4, Random, rotationAngleBetween } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { direction, observed, pivotRecording, posed, stylus, turn } from '../testing/poses.js';
import type { CalibrationPose, PoseList } from './poses.js';
import { calibrateTemplate, type TemplateOptions } from './template.js';

const DEGREE = Math.PI / 180;
const seed = inject('seed');
const block = frame('block');
const tip = frame('tip');
const blockFromTip = transform(block, tip, posed(turn([0, 1, 0], 0.4), [20, 30, -5]));
type List = PoseList<'block', 'stylus'>;

interface Scene {
  readonly insertions?: number;
  readonly seatMm?: number;
  readonly seatRad?: number;
  readonly positionSdMm?: number;
  readonly outlierShare?: number;
  readonly poses?: number;
}

/** Insertions of a tool into a block: each seats a little differently, each pose has the tracker's noise. */
function inserted(random: Random, scene: Scene): { readonly lists: List[]; readonly truth: Float64Array } {
  const truth = posed(
    turn(direction(random), random.between(0, 3)),
    Array.from(direction(random), (x) => 150 * x),
  );
  const three = (sd: number): number[] => [0, 1, 2].map(() => sd * random.normal());
  const lists = Array.from({ length: scene.insertions ?? 5 }, (): List => {
    const seat = observed(blockFromTip.matrix, three(scene.seatMm ?? 0), three(scene.seatRad ?? 0));
    const blockFromMarker = multiply4(new Float64Array(16), seat, invertRigid(new Float64Array(16), truth));
    const poses = Array.from({ length: scene.poses ?? 60 }, (): CalibrationPose => {
      const gross = random.uniform() < (scene.outlierShare ?? 0) ? 20 : 0;
      const error = three(scene.positionSdMm ?? 0).map((x) => x + gross * random.normal());
      return { matrix: observed(blockFromMarker, error, [0, 0, 0]) };
    });
    return { to: block, from: stylus, poses };
  });
  return { lists, truth };
}

const tipOff = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[12, 13, 14].map((i) => (a[i] as number) - (b[i] as number)));

describe('a template calibration', () => {
  it('finds tip and directions exactly from perfect poses, the right way round', () => {
    const { lists, truth } = inserted(new Random(seed), {});
    const result = calibrateTemplate(lists, blockFromTip);
    expect(tipOff(result.stylusFromTip.matrix, truth)).toBeLessThan(1e-9);
    expect(rotationAngleBetween(result.stylusFromTip.matrix, truth)).toBeLessThan(1e-9);
    expect(result.outcome).toBe('ok');
    expect([result.stylusFromTip.to.name, result.stylusFromTip.from.name]).toEqual(['stylus', 'tip']);
  });

  it('knows how well it knows them: 95 % bounds from the insertions', () => {
    const random = new Random(seed);
    const trials = 150 * inject('effort');
    let [tips, turns] = [0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const { lists, truth } = inserted(random, { insertions: 4, poses: 5, seatMm: 0.1, seatRad: 0.1 * DEGREE });
      const result = calibrateTemplate(lists, blockFromTip);
      if (tipOff(result.stylusFromTip.matrix, truth) <= result.tip95Mm) tips += 1;
      if (rotationAngleBetween(result.stylusFromTip.matrix, truth) / DEGREE <= result.rotation95Deg) turns += 1;
      expect(result.stylusFromTip.degreesOfFreedom).toBe(9);
    }
    for (const covered of [tips, turns]) {
      expect(covered / trials).toBeGreaterThan(0.9);
      expect(covered / trials).toBeLessThan(0.99);
    }
  });

  it('says how well the tool seats, and does not trust it where it does not', () => {
    const good = calibrateTemplate(
      inserted(new Random(seed), { insertions: 6, seatMm: 0.05, positionSdMm: 0.2 }).lists,
      blockFromTip,
    );
    expect(good.outcome).toBe('ok');
    expect(good.repeatMm).toBeLessThan(0.3);
    const loose = calibrateTemplate(
      inserted(new Random(seed), { insertions: 6, seatMm: 1, positionSdMm: 0.2 }).lists,
      blockFromTip,
    );
    expect(loose.outcome).toBe('failed');
    expect(loose.findings[0]?.code).toBe('not-repeatable');
    expect(loose.repeatMm).toBeGreaterThan(0.8);
  });

  it('has no error bound from a single insertion', () => {
    const once = calibrateTemplate(inserted(new Random(seed), { insertions: 1, positionSdMm: 0.2 }).lists, blockFromTip);
    expect(once.tip95Mm).toBeNaN();
    expect(once.stylusFromTip.covariance).toBeUndefined();
  });

  it('leaves wrong poses out', () => {
    const { lists, truth } = inserted(new Random(seed), { positionSdMm: 0.1, outlierShare: 0.15 });
    const result = calibrateTemplate(lists, blockFromTip);
    expect(tipOff(result.stylusFromTip.matrix, truth)).toBeLessThan(0.05);
  });

  it.each<[string, () => readonly List[], TemplateOptions, string]>([
    ['no insertion', () => [], {}, 'calibration/too-few-poses'],
    [
      'a tool that moves',
      () => [{ ...pivotRecording(new Random(seed), { count: 60, coneRad: 0.3 }).list, to: block }],
      {},
      'calibration/moving',
    ],
    ['a tool that shakes', () => inserted(new Random(seed), { positionSdMm: 2 }).lists, {}, 'calibration/moving'],
    ['a hidden marker', () => hidden(), {}, 'calibration/hidden'],
    [
      'another block',
      () => inserted(new Random(seed), {}).lists.map((list) => ({ ...list, to: frame('table') as never })),
      {},
      'frame/mismatch',
    ],
    ['a limit of nothing', () => inserted(new Random(seed), {}).lists, { stillMm: 0 }, 'calibration/bad-option'],
  ])('refuses %s', (_, lists, options, code) => {
    let refused: unknown;
    try {
      calibrateTemplate(lists(), blockFromTip, options);
    } catch (error) {
      refused = error;
    }
    expect(isNavError(refused) ? refused.code : refused).toBe(code);
  });
});

const hidden = (): List[] =>
  inserted(new Random(seed), {}).lists.map((list) => ({
    ...list,
    poses: list.poses.map((p) => ({ ...p, status: 'missing' as const })),
  }));
