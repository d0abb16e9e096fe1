import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { formatNumber, MotionGate, TRAJECTORY_REFUSALS } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { PALETTE } from '../palette.js';
import { crossInto, PlaneView } from '../planes.js';
import { plainly, VISIONS } from '../test-support/colour.js';
import { ENTRY_KINDS, ENTRY_LOOKS, entryKind, SCORE_COLOURS } from './entry-looks.js';
import { GateTrace } from './gate-trace.js';
import { MARGIN_STEPS, marginShares, marginStep } from './margin-steps.js';
import { MeshCut } from './mesh-cut.js';
import { formatProbability, formatProbabilityBound } from './probability.js';
import { SAMPLED_LOOKS } from './sampled-looks.js';

const CT = frame('ct');

describe('where a slice cuts a surface', () => {
  const BALL = ellipsoidMesh(CT, [4, -6, 10], [18, 18, 18], 24);
  const away = (p: ArrayLike<number>): number => Math.hypot((p[0] as number) - 4, (p[1] as number) + 6, (p[2] as number) - 10);

  it('is one closed walk about a ball: on the ball, on the slice, with arcs that run on, as long as the circle', () => {
    fc.assert(
      fc.property(fc.double({ min: -15, max: 15, noNaN: true }), fc.double({ min: -1.5, max: 1.5, noNaN: true }), (d, turn) => {
        const plane = new PlaneView();
        plane.axes = { right: vec3(Math.cos(turn), Math.sin(turn), 0), up: vec3(0, 0, 1) };
        const normal = crossInto(vec3(0, 0, 0), plane.axes.right, plane.axes.up);
        for (let k = 0; k < 3; k += 1) plane.centre[k] = ([4, -6, 10][k] as number) + d * (normal[k] as number);
        [plane.width, plane.height, plane.mmPerPx] = [300, 200, 0.25];
        const cut = new MeshCut(BALL.positions, BALL.triangles);
        const pieces: number[][] = [];
        cut.cut(plane, normal, { piece: (ends) => pieces.push(Array.from(ends)) });
        expect(pieces.length).toBeGreaterThan(20);
        let [length, off, torn] = [0, 0, 0];
        for (const [n, piece] of pieces.entries()) {
          const [x, y, arc, , u, v, end] = piece as [number, number, number, number, number, number, number];
          off = Math.max(off, Math.abs(away(plane.unproject(vec3(0, 0, 0), x, y)) - 18));
          torn = Math.max(torn, Math.abs(end - arc - Math.hypot(u - x, v - y)));
          length += end - arc;
          const next = pieces[n + 1];
          if (next !== undefined)
            for (let k = 0; k < 3; k += 1) torn = Math.max(torn, Math.abs((next[k] as number) - (piece[4 + k] as number)));
        }
        // On the mesh, whose triangles lie within 0.1 mm of the ball; each piece begins where the one before ends.
        expect(off).toBeLessThan(0.1);
        expect(torn).toBeLessThan(1e-9);
        const [first, last] = [pieces[0] as number[], pieces.at(-1) as number[]];
        expect(Math.hypot((first[0] as number) - (last[4] as number), (first[1] as number) - (last[5] as number))).toBeLessThan(
          1e-9,
        );
        expect(Math.abs(length * 0.25 - 2 * Math.PI * Math.sqrt(18 ** 2 - d * d))).toBeLessThan(1);
      }),
    );
  });

  it('has the value of the surface there, linear between its corners, and the least of all of them', () => {
    const plane = new PlaneView();
    plane.axes = { right: vec3(1, 0, 0), up: vec3(0, -1, 0) };
    plane.centre.set([0, 0, 14]);
    [plane.width, plane.height, plane.mmPerPx] = [300, 200, 0.25];
    const values = Float64Array.from({ length: BALL.positions.length / 3 }, (_, n) => 2 * (BALL.positions[3 * n] as number) - 3);
    const cut = new MeshCut(BALL.positions, BALL.triangles);
    let seen = Number.POSITIVE_INFINITY;
    cut.cut(
      plane,
      [0, 0, -1],
      {
        piece: (ends) => {
          for (const o of [0, 4]) {
            const x = plane.unproject(vec3(0, 0, 0), ends[o] as number, ends[o + 1] as number)[0] as number;
            expect(ends[o + 3]).toBeCloseTo(2 * x - 3, 8);
            seen = Math.min(seen, ends[o + 3] as number);
          }
        },
      },
      values,
    );
    // Joined pieces may pass the least corner by: the least that is told does not.
    expect(cut.least[0]).toBeLessThanOrEqual(seen);
    expect(Math.abs((cut.least[0] as number) - (2 * (4 - Math.sqrt(18 ** 2 - 16)) - 3))).toBeLessThan(0.2);
    expect(cut.box[0]).toBeCloseTo(cut.least[1] as number, 6);
  });

  it('of a surface that ends is walked both ways from anywhere, and no triangle twice', () => {
    // A strip of 40 triangles that stands across the slice.
    const positions = Float64Array.from(
      { length: 42 * 3 },
      (_, n) => [Math.floor(n / 6) * 2, 0, n % 6 < 3 ? -1 : 1][n % 3] as number,
    );
    const triangles = Uint32Array.from({ length: 120 }, (_, n) => Math.floor(n / 3) + (n % 3));
    const plane = new PlaneView();
    plane.axes = { right: vec3(1, 0, 0), up: vec3(0, -1, 0) };
    [plane.width, plane.height, plane.mmPerPx] = [300, 200, 0.25];
    const turned = Uint32Array.from([...triangles.slice(60), ...triangles.slice(0, 60)]);
    const pieces: number[][] = [];
    new MeshCut(positions, turned).cut(plane, [0, 0, -1], { piece: (ends) => pieces.push(Array.from(ends)) });
    const length = pieces.reduce(
      (sum, p) => sum + Math.hypot((p[4] as number) - (p[0] as number), (p[5] as number) - (p[1] as number)),
      0,
    );
    expect(length * 0.25).toBeCloseTo(40, 6);
    // One line: from its lowest arc to its highest it is as long as all pieces.
    const arcs = pieces.flatMap((p) => [p[2] as number, p[6] as number]);
    expect((Math.max(...arcs) - Math.min(...arcs)) * 0.25).toBeCloseTo(40, 6);
  });
});

describe('margins', () => {
  it('are in the step that begins at or below them', () => {
    const cases = [
      [-0.001, 0],
      [0, 1],
      [4.999, 1],
      [5, 2],
      [9.999, 2],
      [10, 3],
      [Number.NaN, -1],
    ] as const;
    for (const [mm, step] of cases) {
      expect(marginStep(mm), `${mm}`).toBe(step);
      for (const [n, { fromMm }] of MARGIN_STEPS.entries()) if (n <= step) expect(fromMm).toBeLessThanOrEqual(mm);
    }
  });

  it('shares are what lies between the limits, and add up', () => {
    const shares = marginShares({ surfaceBelow: { mm0: 0.1, mm5: 0.35, mm10: 0.8 } });
    for (const [n, share] of [0.1, 0.25, 0.45, 0.2].entries()) expect(shares[n]).toBeCloseTo(share, 12);
  });
});

it('a probability is in whole percent, never 0 or 100, and its bound never above it or rounded up', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.05, noNaN: true }), (p, se) => {
      const text = formatProbability(p);
      expect(text).toMatch(/^([<>]\u202f)?\d{1,2}\u202f%$/);
      const shown = Number(/\d+/.exec(text)?.[0]);
      if (!/[<>]/.test(text)) expect(Math.abs(shown - 100 * p)).toBeLessThanOrEqual(0.5 + 1e-9);
      const bound = Number(/\d+/.exec(formatProbabilityBound(p, se))?.[0]);
      expect(bound / 100).toBeLessThanOrEqual(p + 1e-9);
      expect(bound / 100).toBeLessThanOrEqual(Math.max(0, p - 1.6448 * se) + 1e-9);
    }),
  );
  expect([Number.NaN, -0.1, 1.1].map(formatProbability)).toEqual(['–', '–', '–']);
  expect(formatProbabilityBound(0.5, Number.NaN)).toBe('–');
});

it('an entry that has several reasons shows the one that would stay if the others were mended', () => {
  const { tooDeep, tooOblique, offDirection, tooNear, notFinite } = TRAJECTORY_REFUSALS;
  const shown = (bits: number): string => ENTRY_KINDS[entryKind(bits)] as string;
  expect(shown(0)).toBe('possible');
  expect([tooNear, tooOblique, offDirection, tooDeep, notFinite].map(shown)).toEqual([
    'tooNear',
    'tooOblique',
    'offDirection',
    'tooDeep',
    'notFinite',
  ]);
  expect(shown(tooDeep | tooOblique | offDirection)).toBe('tooDeep');
  expect(shown(tooOblique | offDirection)).toBe('offDirection');
});

it('a gate’s trace keeps the newest samples in their order, no two too near to each other', () => {
  const trace = new GateTrace();
  let taken = 0;
  for (let t = 0; t < 60_000; t += 16) if (trace.push(Float64Array.of(t, t / 1000))) taken += 1;
  expect(taken).toBe(1250);
  expect(trace.size).toBe(400);
  const at = new Float64Array(2);
  let before = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < trace.size; n += 1) {
    trace.read(at, n);
    expect((at[0] as number) - before).toBeGreaterThanOrEqual(45);
    expect(at[1]).toBe((at[0] as number) / 1000);
    before = at[0] as number;
  }
  expect(before).toBe(59_952);
  // As often as the gate takes samples, so that nothing it says is left out for long.
  expect(new MotionGate().level, formatNumber(0, 0)).toBeNaN();
});

describe('the colours of steps, entries and targets', () => {
  const groups: Readonly<Record<string, readonly string[]>> = {
    margins: [...MARGIN_STEPS.map(({ colour }) => colour), PALETTE.stale, PALETTE.tool],
    'what allows an entry and what forbids it': [...SCORE_COLOURS, ENTRY_LOOKS.tooNear.colour, ENTRY_LOOKS.tooOblique.colour],
    targets: Object.values(SAMPLED_LOOKS).map(({ colour }) => colour),
  };

  it.each(Object.entries(groups))('%s are plainly apart in each vision: 10 and more by CIEDE2000', (_, colours) => {
    for (const vision of VISIONS) {
      for (const [n, a] of colours.entries()) {
        for (const b of colours.slice(0, n)) expect(plainly(a, b, vision), `${a} and ${b}, ${vision}`).toBeGreaterThanOrEqual(10);
      }
    }
  });

  it('are never alone: within a group no two have the same hatch, where they lie side by side on a surface', () => {
    for (const looks of [MARGIN_STEPS, ENTRY_KINDS.map((kind) => ENTRY_LOOKS[kind]), Object.values(SAMPLED_LOOKS)]) {
      expect(new Set(looks.map(({ hatch }) => hatch)).size).toBe(looks.length);
    }
  });
});
