import { describe, expect, inject, it } from 'vitest';
import { frame, point } from '../../frames/index.js';
import { Random } from '../../math/index.js';
import { codeOfAsync } from '../../test-support/error-code.js';
import { distanceToLabel, mesh, volume } from '../../volume/index.js';
import {
  needle,
  refusalsOf,
  searchTrajectories,
  TRAJECTORY_REFUSALS,
  TrajectoryEvaluator,
  type TrajectorySearchInit,
} from '../index.js';
import { ball, shape, toSegment } from './test-support/fields.js';

const CT = frame('ct');
const thin = needle({ name: 'thin', lengthMm: 150, outerDiameterMm: 1 });
const target = point(CT, [0, 0, 0]);
type Three = [number, number, number];

/** Entries all over a sphere about the target, by the golden angle, with normals that point outwards. */
function sphere(count: number, radiusMm: number): { positions: Float64Array; normals: Float64Array } {
  const normals = new Float64Array(3 * count);
  for (let n = 0; n < count; n += 1) {
    const z = 1 - (2 * n + 1) / count;
    const turn = n * Math.PI * (3 - Math.sqrt(5));
    normals.set([Math.sqrt(1 - z * z) * Math.cos(turn), Math.sqrt(1 - z * z) * Math.sin(turn), z], 3 * n);
  }
  return { positions: normals.map((v) => v * radiusMm), normals };
}

const base = { target, needle: thin, error95Mm: 0, entries: sphere(6000, 80) } as const;
const only = (what: 'clearance' | 'depth'): { weights: Record<string, number> } => ({
  weights: { clearance: 0, depth: 0, skin: 0, direction: 0, [what]: 1 },
});

const unit = (p: ArrayLike<number>, n: number): Three => {
  const v = [0, 1, 2].map((k) => p[3 * n + k] as number);
  return v.map((x) => x / Math.hypot(...v)) as Three;
};
const degreesBetween = (a: Three, b: Three): number =>
  (Math.acos(
    Math.min(
      1,
      a.reduce((s, v, k) => s + v * (b[k] as number), 0),
    ),
  ) *
    180) /
  Math.PI;

describe('the search for a trajectory', () => {
  it('finds the direction furthest from two balls within a cone: at right angles to their plane, on the rim of the cone', async () => {
    const at = (degrees: number): Three => [
      50 * Math.sin((degrees * Math.PI) / 180),
      0,
      50 * Math.cos((degrees * Math.PI) / 180),
    ];
    const found = await searchTrajectories({
      ...base,
      ...only('clearance'),
      ampleMm: 100,
      preferred: { direction: [0, 0, -1], maxAngleDeg: 60 },
      structures: [
        { name: 'a', field: ball(CT, at(40), 6), marginMm: 2 },
        { name: 'b', field: ball(CT, at(-40), 6), marginMm: 2 },
      ],
    });
    const best = unit(base.entries.positions, found.ranked[0] as number);
    const rim = Math.sin(Math.PI / 3);
    // Neighbours are about 2° apart.
    expect(Math.min(degreesBetween(best, [0, rim, 0.5]), degreesBetween(best, [0, -rim, 0.5]))).toBeLessThan(3);
    const analytic = 50 * Math.sin(Math.acos(0.5 * Math.cos((40 * Math.PI) / 180))) - 6 - 2 - 0.5;
    expect(found.spareMm[found.ranked[0] as number]).toBeLessThan(analytic + 1e-3);
    expect(found.spareMm[found.ranked[0] as number]).toBeGreaterThan(analytic - 1.2);
  });

  it('finds the middle of the way through a hole in a plate', async () => {
    // Thick 2 mm at z = 40, a hole of 10 mm radius about x = 15. Its edges at (5, 39) and (25, 41) are equally far from a line at θ to z
    // where 39 sin θ − 5 cos θ = 25 cos θ − 41 sin θ, so tan θ = 3/8.
    const plate = shape(CT, (x, y, z) => {
      const [into, over] = [10 - Math.hypot(x - 15, y), Math.abs(z - 40) - 1];
      return Math.hypot(Math.max(0, into), Math.max(0, over)) + Math.min(0, Math.max(into, over));
    });
    const theta = Math.atan(3 / 8);
    const candidates = sphere(30_000, 80);
    const found = await searchTrajectories({
      ...base,
      ...only('clearance'),
      entries: candidates,
      ampleMm: 50,
      preferred: { direction: [0, 0, -1], maxAngleDeg: 60 },
      structures: [{ name: 'plate', field: plate, marginMm: 1 }],
    });
    const best = found.ranked[0] as number;
    expect(degreesBetween(unit(candidates.positions, best), [Math.sin(theta), 0, Math.cos(theta)])).toBeLessThan(1.5);
    const analytic = 39 * Math.sin(theta) - 5 * Math.cos(theta) - 0.5 - 1;
    expect(found.spareMm[best]).toBeLessThan(analytic + 1e-3);
    expect(found.spareMm[best]).toBeGreaterThan(analytic - 1);
    // Only the hole, and only what is within its margin: nothing beside it is possible.
    for (const n of found.ranked)
      expect(degreesBetween(unit(candidates.positions, n), [Math.sin(theta), 0, Math.cos(theta)])).toBeLessThan(13);
  });

  it('takes the nearest skin where only the depth counts', async () => {
    const positions = base.entries.positions.map((v, n) => v + (n % 3 === 1 ? 25 : 0));
    const found = await searchTrajectories({
      ...base,
      ...only('depth'),
      maxSkinAngleDeg: 90,
      entries: { ...base.entries, positions },
      structures: [],
    });
    // The sphere's middle is 25 mm along y: the skin is nearest at y = −55.
    expect(degreesBetween(unit(positions, found.ranked[0] as number), [0, -1, 0])).toBeLessThan(2);
    expect(
      [...found.ranked].every(
        (n, i, all) => i === 0 || (found.scores[all[i - 1] as number] as number) >= (found.scores[n] as number),
      ),
    ).toBe(true);
  });

  it('judges each entry of a skin as the formulas do, with every reason', async () => {
    const random = new Random(inject('seed') + 60);
    const balls = Array.from({ length: 3 }, () => ({
      centre: [0, 1, 2].map(() => random.between(-45, 45)),
      radius: random.between(2, 8),
    }));
    const rfa = needle({ name: 'RFA', lengthMm: 110, outerDiameterMm: 2, tipOffsetMm: 10, guideOffsetMm: 20 });
    const { positions, normals } = base.entries;
    // A skin that is not round about the target, so that depth and angle vary.
    const [scale, shift] = [Float64Array.of(1, 0.8, 1.3), Float64Array.of(9, -4, 6)];
    const skin = positions.map((v, n) => v * (scale[n % 3] as number) + (shift[n % 3] as number));
    const found = await searchTrajectories({
      ...base,
      needle: rfa,
      error95Mm: 1.5,
      maxSkinAngleDeg: 16,
      preferred: { direction: [1, 0, 0], maxAngleDeg: 100 },
      entries: { positions: skin, normals },
      structures: balls.map((b, n) => ({ name: `ball ${n}`, field: ball(CT, b.centre, b.radius), marginMm: 2 + n })),
    });
    const seen = new Set<number>();
    for (let n = 0; n < 6000; n += 1) {
      const back = unit(skin, n);
      const depth = Math.hypot(...skin.subarray(3 * n, 3 * n + 3));
      const skinAngle = degreesBetween(back, unit(normals, n));
      const byShape =
        (depth > 80 ? TRAJECTORY_REFUSALS.tooDeep : 0) |
        (skinAngle > 16 ? TRAJECTORY_REFUSALS.tooOblique : 0) |
        (degreesBetween(back, [-1, 0, 0]) > 100 ? TRAJECTORY_REFUSALS.offDirection : 0);
      const [tip, hub] = [-10, 100].map((t) => back.map((v) => v * t)) as [number[], number[]];
      const spares = balls.map((b, i) => toSegment(b.centre, tip, hub) - b.radius - 1 - 1.5 - 2 - i);
      const spare = Math.min(...spares);
      expect(found.depthMm[n]).toBeCloseTo(depth, 4);
      const refusal = found.refusals[n] as number;
      seen.add(refusal);
      if (byShape !== 0) {
        expect(refusal).toBe(byShape);
        expect(found.spareMm[n]).toBeNaN();
        continue;
      }
      if (spare < 0) expect(refusal).toBe(TRAJECTORY_REFUSALS.tooNear);
      if (spare > 0.1) expect(refusal).toBe(0);
      expect(found.spareMm[n]).toBeLessThanOrEqual(spare + 1e-4);
      if (spare > -1) expect(found.spareMm[n]).toBeGreaterThan(spare - 0.11);
      if (refusal !== 0) expect(found.scores[n]).toBeNaN();
      if (Math.abs(spare - Math.max(...[...spares].sort((a, b) => a - b).slice(0, 2))) > 0.2) {
        expect(spares[found.tightest[n] as number]).toBe(spare);
      }
    }
    // The case must hold every reason, alone and with another.
    for (const bits of [0, 1, 2, 4, 8, 3]) expect(seen.has(bits)).toBe(true);
    expect(found.ranked.length).toBe([...found.refusals].filter((bits) => bits === 0).length);
    expect(refusalsOf(11)).toEqual(['tooDeep', 'tooOblique', 'tooNear']);
  });

  it('never finds more room on a label map than there is, beyond half of a voxel', async () => {
    const random = new Random(inject('seed') + 61);
    const size = [50, 60, 40] as const;
    const spacing = [2, 1.5, 2.5] as const;
    const balls = [4, 9].map((label) => ({ label, centre: [0, 1, 2].map(() => random.between(-25, 25)), radius: 8 }));
    const voxels = new Uint8Array(size[0] * size[1] * size[2]);
    const at = (n: number): number[] =>
      [n % 50, Math.floor(n / 50) % 60, Math.floor(n / 3000)].map(
        (v, k) => (v - (size[k] as number) / 2) * (spacing[k] as number),
      );
    for (let n = 0; n < voxels.length; n += 1) {
      for (const b of balls) if (Math.hypot(...at(n).map((v, k) => v - (b.centre[k] as number))) < b.radius) voxels[n] = b.label;
    }
    const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 2.5, 0, -50, -45, -50, 1);
    const map = volume({ frame: CT, voxels, size, frameFromIndex });
    const found = await searchTrajectories({
      ...base,
      structures: balls.map((b) => ({ name: `${b.label}`, field: distanceToLabel(map, b.label), marginMm: 3 })),
    });
    const half = Math.hypot(...spacing) / 2;
    let near = 0;
    for (const n of found.ranked) {
      const hub = unit(base.entries.positions, n).map((v) => v * 150);
      const room = Math.min(...balls.map((b) => toSegment(b.centre, [0, 0, 0], hub) - b.radius - 0.5 - 3));
      expect(found.spareMm[n]).toBeLessThan(room + half);
      if (room < 2) near += 1;
    }
    expect(near).toBeGreaterThan(20);
  });

  it('has the normals of a mesh that faces outwards, and every reason to refuse one turned inside out', async () => {
    const corners = [-1, 1].flatMap((z) => [-1, 1].flatMap((y) => [-1, 1].map((x) => [40 * x, 50 * y, 60 * z])));
    const quads = ['0231', '4576', '0154', '2673', '0462', '1375'].map(
      (text) => [...text].map(Number) as [number, number, number, number],
    );
    const triangles = Uint32Array.from(quads.flatMap(([a, b, c, d]) => [a, b, c, a, c, d]));
    const skin = mesh({ frame: CT, positions: Float64Array.from(corners.flat()), triangles });
    const outwards = await searchTrajectories({ ...base, entries: skin, structures: [] });
    expect(Math.max(...outwards.skinAngleDeg)).toBeLessThan(40);
    expect(outwards.ranked.length).toBe(8);
    const inside = await searchTrajectories({
      ...base,
      entries: mesh({ ...skin, triangles: triangles.slice().reverse() }),
      structures: [],
    });
    expect([...inside.refusals]).toEqual(Array(8).fill(TRAJECTORY_REFUSALS.tooOblique));
  });

  it('stops where it is told to, tells how far it is, and refuses what makes no sense', async () => {
    const slow = shape(CT, (x, y, z) => {
      for (let n = 0; n < 20_000; n += 1) Math.hypot(n, x);
      return Math.hypot(x, y, z) + 5;
    });
    const controller = new AbortController();
    const fractions: number[] = [];
    const running = searchTrajectories({
      ...base,
      structures: [{ name: 'slow', field: slow, marginMm: 1 }],
      signal: controller.signal,
      progress: (fraction) => {
        fractions.push(fraction);
        if (fractions.length === 2) controller.abort();
      },
    });
    expect(await codeOfAsync(() => running)).toBe('guidance/aborted');
    expect(fractions.length).toBe(2);
    expect(fractions[0]).toBeLessThan(fractions[1] as number);
    const field = ball(CT, [30, 0, 0], 5);
    const bad: Partial<TrajectorySearchInit<'ct'>>[] = [
      { error95Mm: Number.NaN },
      { error95Mm: -1 },
      { maxSkinAngleDeg: 0 },
      { preferred: { direction: [0, 0, 0] } },
      { weights: { clearance: -1 } },
      { structures: [{ name: 'a', field, marginMm: -1 }] },
      {
        structures: [
          { name: 'a', field, marginMm: 1 },
          { name: 'a', field, marginMm: 1 },
        ],
      },
      { entries: { positions: new Float64Array(6), normals: new Float64Array(3) } },
    ];
    for (const part of bad)
      expect(await codeOfAsync(() => searchTrajectories({ ...base, structures: [], ...part }))).toBe('guidance/bad-option');
    const foreign = ball(frame('mr'), [0, 0, 0], 1) as never;
    expect(
      await codeOfAsync(() => searchTrajectories({ ...base, structures: [{ name: 'a', field: foreign, marginMm: 1 }] })),
    ).toBe('frame/mismatch');
  });
});

describe('a single way', () => {
  it('loses of its clearance the radius of the needle and the error, no more and no less', () => {
    const structures = [{ name: 'ball', field: ball(CT, [20, 0, 40], 5), marginMm: 2 }];
    const clear = (error95Mm: number, outerDiameterMm: number): number => {
      const evaluator = new TrajectoryEvaluator({
        target,
        needle: needle({ name: 'n', lengthMm: 150, outerDiameterMm }),
        error95Mm,
        structures,
      });
      evaluator.evaluate(Float64Array.of(0, 0, 80));
      return evaluator.clearancesMm[0] as number;
    };
    expect(clear(0, 0.001)).toBeGreaterThan(14.89);
    expect(clear(0, 0.001)).toBeLessThanOrEqual(15);
    expect(clear(0, 0.001) - clear(3, 0.001)).toBeCloseTo(3, 9);
    expect(clear(3, 0.001) - clear(3, 2.001)).toBeCloseTo(1, 9);
  });

  it('is refused where a distance is not known, or where it is no way', () => {
    const unknown = shape(CT, () => Number.NaN);
    const evaluator = new TrajectoryEvaluator({
      target,
      needle: thin,
      error95Mm: 0,
      structures: [{ name: 'u', field: unknown, marginMm: 0 }],
    });
    expect(evaluator.evaluate(Float64Array.of(0, 0, 80))).toBe(false);
    expect([evaluator.refusal, evaluator.score]).toEqual([TRAJECTORY_REFUSALS.tooNear, Number.NaN]);
    for (const entry of [
      [0, 0, 0],
      [0, Number.NaN, 9],
      [Number.POSITIVE_INFINITY, 0, 0],
    ]) {
      expect(evaluator.evaluate(Float64Array.from(entry))).toBe(false);
      expect(refusalsOf(evaluator.refusal)).toEqual(['notFinite']);
    }
  });

  it('is scored by its documented formula', () => {
    const evaluator = new TrajectoryEvaluator({
      target,
      needle: needle({ name: 'n', lengthMm: 100, outerDiameterMm: 2 }),
      error95Mm: 1,
      structures: [{ name: 'ball', field: ball(CT, [12, 0, 40], 3), marginMm: 2 }],
      preferred: { direction: [0, 0, -5], maxAngleDeg: 40 },
      maxSkinAngleDeg: 50,
      weights: { clearance: 2, depth: 1, skin: 1, direction: 4 },
      ampleMm: 10,
    });
    const normal = Float64Array.of(0, Math.sin(0.35), Math.cos(0.35));
    expect(evaluator.evaluate(Float64Array.of(0, 0, 60), normal)).toBe(true);
    const spare = evaluator.spareMm;
    expect(Math.abs(spare - (12 - 3 - 1 - 1 - 2))).toBeLessThan(0.11);
    const want = (2 * (spare / 10) + (1 - 60 / 100) + (1 - (0.35 * 180) / Math.PI / 50) + 4) / 8;
    expect(evaluator.score).toBeCloseTo(want, 9);
    evaluator.evaluate(Float64Array.of(0, 0, 60));
    expect(evaluator.skinAngleDeg).toBeNaN();
    expect(evaluator.score).toBeCloseTo((2 * (spare / 10) + 0.4 + 4) / 7, 9);
    expect(evaluator.tightestName).toBe('ball');
  });
});
