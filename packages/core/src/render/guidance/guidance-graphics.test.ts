import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, hasPose, isLive, PoseView, point, pointCovariance, STATUSES, type Status, severity } from '../../frames/index.js';
import { Deviation, formatBound, formatMm, straightPlan, UNKNOWN } from '../../guidance/index.js';
import { chiSquareQuantile, cholesky, fisherTail, fromRotationVector, Random } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { PALETTE, statusStyle } from '../palette.js';
import { cross, dot } from '../planes.js';
import { ciede2000, contrast, plainly, seen, VISIONS, type Vision } from '../test-support/colour.js';
import { AcrossPath } from './across-path.js';
import { EllipsoidCut } from './ellipsoid-cut.js';
import { type FanShape, fanHolds, fanOutline, requireFan } from './fan.js';
import { ALARM_TEXT, wordColour } from './graphic.js';
import { instrumentFromJson } from './instrument-description.js';
import { adaptiveScale, CachedText, ellipseOf, planarReach } from './quantities.js';

const CT = frame('ct');
const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const mm = (most: number): fc.Arbitrary<number> => fc.double({ min: -most, max: most, noNaN: true });
const vector = (most: number): fc.Arbitrary<[number, number, number]> => fc.tuple(mm(most), mm(most), mm(most));

/** A rigid matrix from a rotation vector and a place. */
function rigid(turn: readonly number[], at: readonly number[]): Float64Array {
  const m = fromRotationVector(new Float64Array(16), turn);
  m.set(at, 12);
  return m;
}

function poseOf(status: Status, at: number, m: ArrayLike<number> = IDENTITY): PoseView {
  const view = new PoseView();
  view.status = status;
  view.times[0] = at;
  if (view.hasPose) view.matrix.set(m);
  return view;
}

describe('what status may be drawn', () => {
  const step = fc.record({
    status: fc.option(fc.constantFrom(...STATUSES), { nil: undefined }),
    waitMs: fc.integer({ min: 0, max: 400 }),
    torn: fc.boolean(),
  });

  it('is never better than the last pose, nor live once that is old, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const drawn = new DrawnStatus();
        let now = 1000;
        let [last, at]: [Status, number] = ['missing', Number.NaN];
        for (const { status, waitMs, torn } of steps) {
          now += waitMs;
          if (status !== undefined) {
            const view = poseOf(status, now);
            if (torn && view.hasPose) view.matrix[12] = Number.NaN;
            drawn.give(view);
            last = torn && hasPose(status) ? 'missing' : status;
            at = now;
          }
          drawn.settle(Float64Array.of(now), 250);
          expect(severity(drawn.status)).toBeGreaterThanOrEqual(severity(last));
          expect(drawn.live).toBe(isLive(last) && now - at <= 250);
          expect(drawn.shown).toBe(hasPose(last));
          expect(drawn.style).toBe(statusStyle(drawn.status));
        }
      }),
    );
  });

  it('is stale for a pose of no known time, and one frame is enough to be gone', () => {
    const drawn = new DrawnStatus();
    drawn.give(poseOf('ok', Number.NaN));
    drawn.settle(Float64Array.of(0), 250);
    expect(drawn.status).toBe('stale');
    drawn.give(poseOf('ok', 10));
    drawn.settle(Float64Array.of(10), 250);
    expect(drawn.live).toBe(true);
    drawn.give(poseOf('missing', 20));
    expect(drawn.settle(Float64Array.of(20), 250)).toBe(true);
    expect(drawn.shown).toBe(false);
  });
});

/** CIE76: 2.3 is the least that is noticed side by side; 10 is plain at a glance. */
function difference(a: string, b: string, vision: Vision): number {
  const [p, q] = [seen(a, vision), seen(b, vision)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

describe('status colours', () => {
  const posed = STATUSES.filter(hasPose);
  it.each(VISIONS)('of live and not live are plainly two, and every pair is noticed: %s', (vision) => {
    for (const a of posed) {
      for (const b of posed) {
        if (a === b) continue;
        const d = difference(statusStyle(a).colour, statusStyle(b).colour, vision);
        const [liveA, liveB] = [isLive(a), isLive(b)];
        expect(d, `${a} and ${b}`).toBeGreaterThan(liveA !== liveB && (a === 'ok' || b === 'ok') ? 20 : 13);
        expect(plainly(statusStyle(a).colour, statusStyle(b).colour, vision), `${a} and ${b}`).toBeGreaterThanOrEqual(10);
      }
    }
  });

  it('are told apart by this measure at all: it sees that red and green become alike', () => {
    expect(difference('#b05050', '#70702f', 'usual')).toBeGreaterThan(30);
    expect(difference('#b05050', '#70702f', 'deuteranopia')).toBeLessThan(20);
  });

  it('of a structure that is clear, near, too near or of no known distance are plainly four, and not a live tool: in each vision', () => {
    const { clear, target, alarm, stale, tool } = PALETTE;
    for (const vision of VISIONS) {
      for (const [n, a] of [clear, target, alarm, stale].entries()) {
        expect(plainly(a, tool, vision), `${a}, ${vision}`).toBeGreaterThanOrEqual(10);
        for (const b of [clear, target, alarm, stale].slice(0, n)) {
          expect(plainly(a, b, vision), `${a} and ${b}, ${vision}`).toBeGreaterThanOrEqual(10);
        }
      }
    }
  });

  it('by CIEDE2000 as published: pairs of Sharma, Wu & Dalal 2005, table 1', () => {
    expect(ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
    expect(ciede2000([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
    expect(ciede2000([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387])).toBeCloseTo(1.2644, 4);
    expect(ciede2000([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619])).toBeCloseTo(2.0373, 4);
    expect(ciede2000([90.8027, -2.0831, 1.441], [91.1528, -1.6435, 0.0447])).toBeCloseTo(1.4441, 4);
  });

  it('can be read as words on the ground: 4.5 to 1 and more (WCAG 2.2, 1.4.3)', () => {
    const words = [
      ...posed.map((s) => wordColour(isLive(s), statusStyle(s).colour)),
      PALETTE.text,
      PALETTE.quietText,
      ALARM_TEXT,
    ];
    for (const colour of words) expect(contrast(colour, PALETTE.background), colour).toBeGreaterThanOrEqual(4.5);
    expect(contrast('#ffffff', '#000000')).toBeCloseTo(21, 6);
  });

  it('stand out from the ground', () => {
    for (const s of posed) expect(difference(statusStyle(s).colour, PALETTE.background, 'deuteranopia')).toBeGreaterThan(40);
  });
});

describe('the ellipse that holds an error in a plane', () => {
  it('reaches as far as chi-square says, and Fisher where the covariance was estimated', () => {
    expect(planarReach(0.95, Number.POSITIVE_INFINITY)).toBeCloseTo(Math.sqrt(chiSquareQuantile(0.95, 2)), 10);
    for (const nu of [1, 2, 5, 17, 300]) {
      const r = planarReach(0.9, nu);
      expect(fisherTail((r * r) / 2, 2, nu)).toBeCloseTo(0.1, 8);
    }
  });

  it('has the axes of its matrix', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 9, noNaN: true }),
        fc.double({ min: 0.1, max: 9, noNaN: true }),
        mm(1.5),
        (p, q, angle) => {
          const [long, short] = [Math.max(p, q), Math.min(p, q)];
          const [c, s] = [Math.cos(angle), Math.sin(angle)];
          const [xx, xy, yy] = [
            long * long * c * c + short * short * s * s,
            (long * long - short * short) * c * s,
            long * long * s * s + short * short * c * c,
          ];
          const out = ellipseOf(Float64Array.of(xx, xy, yy));
          expect(out[0]).toBeCloseTo(long, 9);
          expect(out[1]).toBeCloseTo(short, 6);
          if (long - short > 0.05) expect(Math.abs(Math.sin((out[2] as number) - angle))).toBeLessThan(1e-6);
        },
      ),
    );
  });
});

describe('the scale of a dial', () => {
  it('shows what it is given, and does not jump to and fro with noise', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 160, noNaN: true }),
        fc.array(mm(1), { minLength: 5, maxLength: 40 }),
        (at, noise) => {
          let scale = 10;
          const taken: number[] = [];
          for (const n of noise) {
            const d = at * (1 + 0.08 * n);
            scale = adaptiveScale(scale, d);
            expect(d).toBeLessThanOrEqual(0.9 * scale);
            taken.push(scale);
          }
          // After the first, at most one step up, for noise that reaches a border it had not reached: never back and up again.
          const changes = taken.filter((s, n) => n > 0 && s !== taken[n - 1]).length;
          expect(changes).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('keeps still without a number, and would jump without its hysteresis', () => {
    expect(adaptiveScale(20, Number.NaN)).toBe(20);
    const naive = (d: number): number => [5, 10, 20, 50].find((s) => d <= 0.9 * s) as number;
    expect([8.9, 9.1, 8.9, 9.1].map(naive)).toEqual([10, 20, 10, 20]);
    let scale = 10;
    expect([8.9, 9.1, 8.9, 9.1].map((d) => (scale = adaptiveScale(scale, d)))).toEqual([10, 20, 20, 20]);
  });
});

it('texts that are kept are those that would be made anew', () => {
  const length = new CachedText((v) => formatMm(v), 0.05);
  const bound = new CachedText((v) => formatBound(v), 0.05);
  fc.assert(
    fc.property(mm(300), (v) => {
      // At a border itself the two may differ by rounding.
      if (Math.abs(v * 20 - Math.round(v * 20)) < 1e-6) return;
      expect(length.of(v)).toBe(formatMm(v));
      expect(bound.of(Math.abs(v))).toBe(formatBound(Math.abs(v)));
    }),
  );
  expect(length.of(Number.NaN)).toBe(UNKNOWN);
});

describe('the cut of an ellipsoid by a plane', () => {
  const cut = new EllipsoidCut();

  it('lies on both, all around', () => {
    fc.assert(
      fc.property(vector(3), vector(40), vector(3), fc.double({ min: -0.99, max: 0.99, noNaN: true }), (turn, at, tilt, f) => {
        const semi = [18, 11, 26];
        const m = rigid(turn, at);
        const axes = Float64Array.from(
          { length: 9 },
          (_, n) => (m[4 * Math.floor(n / 3) + (n % 3)] as number) * (semi[Math.floor(n / 3)] as number),
        );
        const normal = rigid(tilt, [0, 0, 0]).subarray(8, 11);
        const reach = Math.hypot(...[0, 1, 2].map((k) => dot(axes.subarray(3 * k, 3 * k + 3), normal)));
        const through = [0, 1, 2].map((k) => (at[k] as number) + f * reach * (normal[k] as number));
        expect(cut.cut(axes, at, normal, through)).toBe(true);
        for (let n = 0; n < 12; n += 1) {
          const [c, s] = [Math.cos(n), Math.sin(n)];
          const p = [0, 1, 2].map((k) => (cut.middle[k] as number) + c * (cut.p[k] as number) + s * (cut.q[k] as number));
          const d = p.map((v, k) => v - (at[k] as number));
          expect(
            dot(
              normal,
              p.map((v, k) => v - (through[k] as number)),
            ),
          ).toBeCloseTo(0, 8);
          const inside = [0, 1, 2].reduce((sum, k) => sum + (dot(d, m.subarray(4 * k, 4 * k + 3)) / (semi[k] as number)) ** 2, 0);
          expect(inside).toBeCloseTo(1, 8);
        }
      }),
    );
  });

  it('is none beside the ellipsoid', () => {
    const axes = Float64Array.of(5, 0, 0, 0, 6, 0, 0, 0, 7);
    expect(cut.cut(axes, [0, 0, 0], [0, 0, 1], [100, -30, 7.01])).toBe(false);
    expect(cut.cut(axes, [0, 0, 0], [0, 0, 1], [100, -30, 6.99])).toBe(true);
  });
});

describe('across the way', () => {
  const plan = straightPlan({ entry: point(CT, [30, -40, 80]), target: point(CT, [5, 10, -20]) });

  it('is as far from it as the deviation says, right hand and up as seen from the entry', () => {
    const across = new AcrossPath(plan);
    const deviation = new Deviation(plan);
    expect(dot(across.right, plan.axis)).toBeCloseTo(0, 12);
    expect(dot(across.up, across.right)).toBeCloseTo(0, 12);
    // right × up points back at whoever looks; the other hand would show a mirror image.
    expect(dot(cross(across.right, across.up), plan.axis)).toBeCloseTo(-1, 12);
    expect(across.up[2]).toBeGreaterThan(0.3);
    fc.assert(
      fc.property(vector(3), vector(60), (turn, at) => {
        const view = poseOf('ok', 0, rigid(turn, at));
        across.measure(view);
        deviation.measure(view);
        expect(across.lateralMm).toBeCloseTo(deviation.lateralMm, 8);
        const [ax, ay] = across.aim as unknown as [number, number];
        if (Number.isNaN(ax)) return;
        // The aim lies on the tool's axis and in the plane through the target.
        const p = [0, 1, 2].map(
          (k) => (plan.target.xyz[k] as number) + ax * (across.right[k] as number) + ay * (across.up[k] as number),
        );
        const d = p.map((v, k) => v - (at[k] as number));
        const z = view.matrix.subarray(8, 11);
        expect(Math.hypot(...cross(d, z))).toBeLessThan(1e-7 * (1 + Math.hypot(...d)));
        expect(dot(d, z)).toBeLessThan(0);
      }),
    );
  });

  it('holds the true tip in its ellipse with 95 %, and says nothing without a pose', () => {
    const across = new AcrossPath(plan);
    const view = poseOf('ok', 0, rigid([0.2, 0.1, 0], [12, 0, 10]));
    view.covarianceKnown = true;
    view.covariance.fill(0);
    for (const [k, v] of [0.5, 0.2, 0.9, 3e-4, 1e-4, 2e-4].entries()) view.covariance[7 * k] = v;
    across.measure(view);
    const c = pointCovariance(new Float64Array(9), view.covariance, view.matrix.subarray(12, 15));
    const l = new Float64Array(9);
    expect(cholesky(l, c, 3)).toBe(true);
    const random = new Random(77);
    const [long, short, angle] = across.ellipse as unknown as [number, number, number];
    const [n, held] = [20_000, { count: 0 }];
    for (let i = 0; i < n; i += 1) {
      const z = [random.normal(), random.normal(), random.normal()];
      const e = [0, 1, 2].map((r) =>
        [0, 1, 2].reduce((sum, k) => sum + (k <= r ? (l[3 * r + k] as number) * (z[k] as number) : 0), 0),
      );
      const [x, y] = [dot(e, across.right), dot(e, across.up)];
      const [u, v] = [x * Math.cos(angle) + y * Math.sin(angle), -x * Math.sin(angle) + y * Math.cos(angle)];
      if ((u / long) ** 2 + (v / short) ** 2 <= 1) held.count += 1;
    }
    // Four standard deviations of the count.
    expect(Math.abs(held.count / n - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / n));
    across.measure(poseOf('missing', 0));
    expect([...across.tip, ...across.aim, ...across.ellipse].every(Number.isNaN)).toBe(true);
  });
});

describe('a fan', () => {
  const sector: FanShape = { kind: 'sector', apexMm: [30, -12], innerMm: 15, outerMm: 80, halfAngleDeg: 33 };
  const linear: FanShape = { kind: 'linear', cornerMm: [2, 3], widthMm: 38, depthMm: 50 };

  it.each([sector, linear])('has its outline where it begins to hold: $kind', (fan) => {
    const corners = fanOutline(fan);
    const [cx, cy] = fan.kind === 'sector' ? [30, 30] : [20, 30];
    for (let n = 0; n < corners.length; n += 2) {
      const [x, y] = [corners[n] as number, corners[n + 1] as number];
      const f = (k: number): boolean => fanHolds(fan, cx + k * (x - cx), cy + k * (y - cy));
      expect(f(0.98)).toBe(true);
      expect(f(1.02)).toBe(false);
    }
  });

  it.each([
    { ...sector, outerMm: 10 },
    { ...sector, halfAngleDeg: 90 },
    { ...sector, apexMm: [Number.NaN, 0] as const },
    { ...linear, widthMm: 0 },
  ])('that holds nothing is refused', (fan) => {
    expect(() => requireFan(fan)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  });
});

describe('the description of an instrument', () => {
  const needle = { name: 'RFA', kind: 'needle', lengthMm: 150, radiusMm: 0.8, depthMarks: { everyMm: 10, boldEvery: 5 } };

  it('is read from its JSON', () => {
    const read = instrumentFromJson(JSON.stringify({ ...needle, shaft: [0, 0, 2] }));
    expect(read.marks).toHaveLength(15);
    expect(read.marks[4]).toEqual({ mm: 50, bold: true, label: '50' });
    expect(read.marks[3]).toEqual({ mm: 40, bold: false, label: '' });
    expect(read.shaft).toEqual([0, 0, 1]);
    const listed = instrumentFromJson({ ...needle, depthMarks: [{ mm: 35, bold: true, label: 'A' }, { mm: 20 }] });
    expect(listed.marks).toEqual([
      { mm: 35, bold: true, label: 'A' },
      { mm: 20, bold: false, label: '' },
    ]);
  });

  it.each([
    ['no JSON', '{'],
    ['a list', []],
    ['a misspelt field', { ...needle, lenghtMm: 3 }],
    ['another kind', { ...needle, kind: 'saw' }],
    ['no name', { ...needle, name: '' }],
    ['a length in metres', { ...needle, lengthMm: 0 }],
    ['a text for a length', { ...needle, lengthMm: '150' }],
    ['a radius beyond its length', { ...needle, radiusMm: 100 }],
    ['no direction', { ...needle, shaft: [0, 0, 0] }],
    ['a mark beyond its end', { ...needle, depthMarks: [{ mm: 151 }] }],
    ['a thousand marks', { ...needle, depthMarks: { everyMm: 0.1 } }],
    ['half a bold mark', { ...needle, depthMarks: { everyMm: 10, boldEvery: 2.5 } }],
    ['a fan on a needle', { ...needle, fan: { kind: 'linear', cornerMm: [0, 0], widthMm: 3, depthMm: 4 } }],
    ['a fan of no kind', { ...needle, kind: 'probe', fan: { kind: 'round' } }],
  ])('is refused with %s', (_, json) => {
    expect(() => instrumentFromJson(json)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  });
});
