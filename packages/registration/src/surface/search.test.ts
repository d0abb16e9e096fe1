import { fromQuaternion, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import {
  CT,
  cap,
  errorAt,
  headMesh,
  meshOf,
  type Patch,
  randomHead,
  SurfaceSampler,
  seenBy,
  strokes,
  TRACKER,
  touched,
} from '../testing/surfaces.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface } from './register-surface.js';

const seed = inject('seed');
const FACE = cap([0, 0, 0], [0, -1, 0.15], 62);

/** The 24 turns that carry a cube onto itself, as unit quaternions. */
function cubeTurns(): number[][] {
  const h = Math.SQRT1_2;
  const turns: number[][] = [[0, 0, 0, 1]];
  for (let k = 0; k < 3; k += 1) {
    const axis = [0, 1, 2].map((i) => (i === k ? 1 : 0));
    turns.push([...axis, 0], [...axis.map((x) => h * x), h], [...axis.map((x) => -h * x), h]);
    for (const sign of [1, -1]) turns.push([0, 1, 2].map((i) => (i === k ? 0 : i === (k + 1) % 3 ? h : sign * h)).concat(0));
  }
  for (const [a, b, c] of [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n & 1, n & 2, n & 4].map((bit) => (bit ? 0.5 : -0.5)))) {
    turns.push([a as number, b as number, c as number, 0.5]);
  }
  return turns;
}

describe('registration without a start', () => {
  const random = new Random(seed + 5);
  const heads: readonly { name: string; patch: Patch }[] = [
    { name: 'the face', patch: FACE },
    {
      name: 'a few strokes over face and forehead',
      patch: strokes(
        cap([0, 0, 0], [0, -1, 0.1], 75),
        [0, 0, 0],
        [
          [1, 0, 0],
          [0, 0, 1],
          [1, 0.2, 0.5],
        ],
        4,
      ),
    },
  ];

  it.each(heads)('$name of a head drawn at random: right from each of 24 orientations, or said to be ambiguous', ({ patch }) => {
    const mesh = headMesh(randomHead(random), 5);
    const prepared = prepareSurface(mesh);
    const sampler = new SurfaceSampler(mesh, patch);
    const turns = cubeTurns();
    expect(turns).toHaveLength(24);
    let right = 0;
    let silent = 0;
    const few = turns.filter((_, n) => inject('effort') > 1 || n % 4 === 0);
    for (const q of few) {
      const truth = fromQuaternion(new Float64Array(16), q, [
        random.between(-300, 300),
        random.between(-300, 300),
        random.between(-300, 300),
      ]);
      const points = seenBy(truth, touched(random, sampler, { count: 200, noiseMm: 0.5, outliers: 0.1 }));
      const result = registerSurface(CT, TRACKER, prepared, points);
      // A head is nearly a ball: its middle alone would not see a turn.
      const places = [
        [0, 0, 0],
        [50, 0, 0],
        [0, 50, 0],
        [0, 0, 50],
      ];
      const error = Math.max(...places.map((t) => errorAt(result.edge.matrix, truth, t)));
      if (error < 5) right += 1;
      else if (result.outcome === 'ok') silent += 1;
    }
    expect(silent).toBe(0);
    expect(right / few.length).toBeGreaterThanOrEqual(0.98);
  });

  it('the front of an ellipsoid, which fits in four ways, is never called right', () => {
    const egg = meshOf((x, y, z) => 70 * (Math.hypot(x / 70, y / 95, z / 82) - 1), [-75, -100, -87, 75, 100, 87], 5);
    const sampler = new SurfaceSampler(egg, FACE);
    const prepared = prepareSurface(egg);
    for (let run = 0; run < 2; run += 1) {
      const truth = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [10, -20, 30]);
      const result = registerSurface(
        CT,
        TRACKER,
        prepared,
        seenBy(truth, touched(random, sampler, { count: 200, noiseMm: 0.5 })),
      );
      expect(result.outcome).toBe('ambiguous');
      expect(result.findings.map((f) => f.code)).toContain('registration/ambiguous');
      expect(result.rivals.length).toBeGreaterThan(0);
    }
  });
});
