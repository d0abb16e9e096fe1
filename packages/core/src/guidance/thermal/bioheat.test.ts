import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame, point } from '../../frames/index.js';
import { gammaQ } from '../../math/index.js';
import { volume } from '../../volume/index.js';
import {
  type AnyBioheatProblem,
  type BioheatProblem,
  heatSource,
  simulateBioheat,
  type Tissue,
  vesselHeatTransfer,
} from './index.js';

/** Every figure is held to 1 % of the rise it is compared with, as analytic solutions say it. */
const WITHIN = 0.01;

const body = frame('body');
/** Liver as in the IT'IS database, its perfusion from 860 ml/min/kg. */
const LIVER: Tissue = { conductivity: 0.52, density: 1079, heatCapacity: 3540, perfusionPerS: 0.0155 };
const DRY: Tissue = { ...LIVER, perfusionPerS: 0 };
const CAPACITY = LIVER.density * LIVER.heatCapacity;
const DIFFUSIVITY = LIVER.conductivity / CAPACITY;
/** Perfusion's W/(m³K) with the usual blood. */
const PERFUSION = 0.0155 * 1050 * 3617;
const INSULATED = { heatTransfer: 0 };

type Size = readonly [number, number, number];
const labelled = (size: Size, mm: Size | number, of: (i: number, j: number, k: number) => number = () => 1) => {
  const s = typeof mm === 'number' ? [mm, mm, mm] : mm;
  const [ni, nj] = size;
  const voxels = Uint8Array.from({ length: size[0] * size[1] * size[2] }, (_, n) =>
    of(n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)),
  );
  const m = [s[0] as number, 0, 0, 0, 0, s[1] as number, 0, 0, 0, 0, s[2] as number, 0, 0, 0, 0, 1];
  return volume({ frame: body, voxels, size, frameFromIndex: m });
};

const still = (labels: ReturnType<typeof labelled>): Float32Array => new Float32Array(labels.voxels.length);

/** A row of cells along x, insulated on the other sides. */
function row(n: number, mm: number, first: AnyBioheatProblem['border'], last: AnyBioheatProblem['border'], more: object = {}) {
  const labels = labelled([n, 1, 1], mm);
  const border = [first, last, INSULATED, INSULATED, INSULATED, INSULATED] as never;
  const problem: BioheatProblem<'body'> = {
    labels,
    materials: { 1: LIVER },
    source: still(labels),
    power: [{ seconds: 1000, factor: 1 }],
    border,
    ...more,
  };
  return problem;
}

describe("Pennes' equation against analytic solutions", () => {
  it('steady in one dimension, perfused and heated evenly, both faces held', async () => {
    const n = 40;
    const q = 4e5;
    const held = { heatTransfer: Number.POSITIVE_INFINITY };
    const { temperature } = await simulateBioheat(row(n, 0.5, held, held, { source: new Float32Array(n).fill(q) }));
    const m = Math.sqrt(PERFUSION / LIVER.conductivity);
    const half = (n * 0.5e-3) / 2;
    const most = (q / PERFUSION) * (1 - 1 / Math.cosh(m * half));
    for (let i = 0; i < n; i += 1) {
      const x = (i + 0.5) * 0.5e-3 - half;
      const exact = (q / PERFUSION) * (1 - Math.cosh(m * x) / Math.cosh(m * half));
      expect(Math.abs((temperature.voxels[i] as number) - 37 - exact)).toBeLessThan(WITHIN * most);
    }
  });

  it.each(['a border', 'a vessel'] as const)('steady in one dimension with convection at %s', async (kind) => {
    const n = 40;
    const q = 4e5;
    const h = 600;
    const m = Math.sqrt(PERFUSION / LIVER.conductivity);
    const length = n * 0.5e-3;
    const problem = row(n, 0.5, { heatTransfer: h }, INSULATED, { source: new Float32Array(n).fill(q) });
    const labels = labelled([n + 1, 1, 1], 0.5, (i) => (i === 0 ? 2 : 1));
    const withVessel = {
      ...problem,
      labels,
      materials: { 1: LIVER, 2: { heatTransfer: h } },
      source: new Float32Array(n + 1).fill(q),
    };
    const { temperature } = await simulateBioheat(kind === 'a border' ? problem : withVessel);
    const first = kind === 'a border' ? 0 : 1;
    const a = h / (LIVER.conductivity * m * Math.sinh(m * length) + h * Math.cosh(m * length));
    for (let i = 0; i < n; i += 1) {
      const exact = (q / PERFUSION) * (1 - a * Math.cosh(m * (length - (i + 0.5) * 0.5e-3)));
      expect(Math.abs((temperature.voxels[i + first] as number) - 37 - exact)).toBeLessThan((WITHIN * q) / PERFUSION);
    }
  });

  it('a warm slab that cools by convection (Carslaw & Jaeger 1959, § 3.11)', async () => {
    const n = 40;
    const length = 0.02;
    const h = 200;
    const seconds = 400;
    const more = { materials: { 1: DRY }, initialC: 47, power: [{ seconds, factor: 0 }] };
    const { temperature } = await simulateBioheat(row(n, 0.5, INSULATED, { heatTransfer: h }, more));
    const biot = (h * length) / DRY.conductivity;
    for (let i = 0; i < n; i += 1) {
      let exact = 0;
      for (let e = 0; e < 30; e += 1) {
        // Roots of z tan z = Bi, one in each half period, by bisection.
        let [low, high] = [e * Math.PI, e * Math.PI + Math.PI / 2];
        for (let b = 0; b < 60; b += 1) {
          const z = (low + high) / 2;
          // Both sides times the cosine's sign, which is that of the interval.
          const sign = e % 2 === 0 ? 1 : -1;
          if (sign * z * Math.sin(z) < sign * biot * Math.cos(z)) low = z;
          else high = z;
        }
        const z = (low + high) / 2;
        const weight = (4 * Math.sin(z)) / (2 * z + Math.sin(2 * z));
        exact += 10 * weight * Math.exp((-z * z * DIFFUSIVITY * seconds) / length ** 2) * Math.cos((z * (i + 0.5)) / n);
      }
      expect(Math.abs((temperature.voxels[i] as number) - 37 - exact)).toBeLessThan(WITHIN * 10);
    }
  });

  it('layers of different conductivity, each straight, with the same flow', async () => {
    const labels = labelled([20, 1, 1], 1, (i) => (i < 8 ? 1 : 2));
    const fat: Tissue = { conductivity: 0.21, density: 911, heatCapacity: 2348 };
    const hot = { heatTransfer: Number.POSITIVE_INFINITY, temperatureC: 57 };
    const cold = { heatTransfer: Number.POSITIVE_INFINITY };
    const base = row(20, 1, hot, cold);
    const power = [{ seconds: 20_000, factor: 0 }];
    const { temperature } = await simulateBioheat({ ...base, labels, materials: { 1: DRY, 2: fat }, power, maxStepS: 100 });
    const flow = 20 / (0.008 / 0.52 + 0.012 / 0.21);
    for (let i = 0; i < 20; i += 1) {
      const x = (i + 0.5) * 1e-3;
      const exact = i < 8 ? 57 - (flow * x) / 0.52 : 57 - (flow * 0.008) / 0.52 - (flow * (x - 0.008)) / 0.21;
      expect(Math.abs((temperature.voxels[i] as number) - exact)).toBeLessThan(WITHIN * 20);
    }
  });

  it('a heated ball in endless perfused tissue, steady', async () => {
    const radius = 8;
    const n = 41;
    const labels = labelled([n, n, n], 1);
    const watts = 10;
    const at = point(body, [20, 20, 20]);
    const source = heatSource(labels, [{ kind: 'ball', at, radiusMm: radius, watts }]);
    const power = [{ seconds: 400, factor: 1 }];
    const { temperature } = await simulateBioheat({ labels, materials: { 1: LIVER }, source, power });
    const q = watts / ((4 / 3) * Math.PI * (radius / 1000) ** 3);
    const m = Math.sqrt(PERFUSION / LIVER.conductivity);
    const [mr, peak] = [(m * radius) / 1000, q / PERFUSION];
    for (let i = 0; i <= 16; i += 1) {
      const r = (m * i) / 1000;
      const inside = i === 0 ? 1 : Math.sinh(r) / r;
      const exact =
        i < radius
          ? peak * (1 - (1 + mr) * Math.exp(-mr) * inside)
          : (peak * (mr * Math.cosh(mr) - Math.sinh(mr)) * Math.exp(-r)) / r;
      const found = (temperature.voxels[20 + i + n * (20 + n * 20)] as number) - 37;
      expect(Math.abs(found - exact)).toBeLessThan(WITHIN * peak);
    }
  });

  it('a point source switched on in endless perfused tissue, at several times and distances', async () => {
    // An eighth of it: the source in the corner of three insulated planes, cells of 0.4 mm. From 13 cells on: a
    // lattice's answer to a point is off by about (spacing / distance)²; slow perfusion, as in prostate, so that it reaches there.
    const n = 50;
    const labels = labelled([n, n, n], 0.4);
    const watts = 1;
    const source = still(labels);
    source[0] = watts / 8 / 0.4e-3 ** 3;
    const border = [0, 1, 2].flatMap(() => [INSULATED, { heatTransfer: Number.POSITIVE_INFINITY }]);
    const slow = { ...LIVER, perfusionPerS: 0.003 };
    const perfusion = 0.003 * 1050 * 3617;
    const m = Math.sqrt(perfusion / LIVER.conductivity);
    const erfc = (x: number): number => (x < 0 ? 2 - gammaQ(0.5, x * x) : gammaQ(0.5, x * x));
    const places = [
      [13, 0, 0],
      [8, 8, 7],
      [18, 0, 0],
      [10, 10, 10],
      [20, 1, 3],
    ] as const;
    for (const seconds of inject('effort') > 1 ? [90, 300] : [90]) {
      const power = [{ seconds, factor: 1 }];
      const { temperature } = await simulateBioheat({ labels, materials: { 1: slow }, source, power, border });
      // Each rise is compared with the largest of them: 1 % of a tenth of a kelvin means nothing to tissue.
      const rises = places.map((p) => {
        const r = Math.hypot(...p.map((v) => v + 0.5)) * 0.4e-3;
        const [x, y] = [r / Math.sqrt(4 * DIFFUSIVITY * seconds), Math.sqrt((perfusion / CAPACITY) * seconds)];
        const wave = Math.exp(-m * r) * erfc(x - y) + Math.exp(m * r) * erfc(x + y);
        return (watts * wave) / (8 * Math.PI * LIVER.conductivity * r);
      });
      places.forEach(([i, j, k], q) => {
        const found = (temperature.voxels[i + n * (j + n * k)] as number) - 37;
        expect(Math.abs(found - (rises[q] as number))).toBeLessThan(WITHIN * Math.max(...rises));
      });
    }
  });

  /** A warm Gaussian of 6 mm that spreads and is carried off, after 200 s; the error at its centre and the steps. */
  async function spreading(mm: number, toleranceK: number, maxStepS = 10): Promise<number> {
    const n = 2 * Math.round(24 / mm) + 1;
    const labels = labelled([n, n, n], mm);
    const c = (n - 1) / 2;
    const [before, after] = [6e-3 ** 2, 6e-3 ** 2 + 2 * DIFFUSIVITY * 200];
    const square = (v: number): number => ((v - c) * mm * 1e-3) ** 2;
    const initialC = Float32Array.from(labels.voxels, (_, v) => {
      const r2 = square(v % n) + square(Math.floor(v / n) % n) + square(Math.floor(v / n / n));
      return 37 + 20 * Math.exp(-r2 / 2 / before);
    });
    const power = [{ seconds: 200, factor: 0 }];
    const source = still(labels);
    const slow = { ...LIVER, perfusionPerS: 0.003 };
    const problem = { labels, materials: { 1: slow }, source, power, initialC, toleranceK, maxStepS };
    const { temperature } = await simulateBioheat(problem);
    const decay = Math.exp((-0.003 * 1050 * 3617 * 200) / CAPACITY);
    const exact = 20 * (before / after) ** 1.5 * decay;
    return ((temperature.voxels[c + n * (c + n * c)] as number) - 37) / exact - 1;
  }

  it('a warm Gaussian that spreads while blood carries it off; the error falls with the square of the spacing', async () => {
    const [coarse, middle] = [await spreading(3, 1e-4), await spreading(1.5, 1e-4)];
    expect(Math.abs(middle)).toBeLessThan(WITHIN);
    const order = Math.log2(coarse / middle);
    expect(order).toBeGreaterThan(1.8);
    expect(order).toBeLessThan(2.3);
  });
});

describe('heat', () => {
  it('is not lost: kept when insulated, and accounted for where blood, a vessel and the borders take it', async () => {
    const labels = labelled([18, 15, 16], [1, 1.2, 1.5], (i, j, k) => (Math.hypot(i - 4 - k / 8, (j - 5) * 1.2) < 2.6 ? 2 : 1));
    const source = heatSource(labels, [{ kind: 'gaussian', at: point(body, [10, 9, 12]), sdMm: 1.4, watts: 3 }]);
    const power = [
      { seconds: 60, factor: 1 },
      { seconds: 30, factor: 0.3 },
      { seconds: 60, factor: 0 },
    ];
    const kept = await simulateBioheat({
      labels: labelled([18, 15, 16], [1, 1.2, 1.5]),
      materials: { 1: DRY },
      source,
      power,
      border: INSULATED,
    });
    expect(kept.energy.deposited).toBeCloseTo(3 * (60 + 9), 3);
    expect(Math.abs(kept.energy.stored / kept.energy.deposited - 1)).toBeLessThan(1e-6);
    const materials = { 1: { ...LIVER, perfusionPerS: 0.005 }, 2: { heatTransfer: vesselHeatTransfer(5) } };
    for (const perfusionByTemperature of [
      [],
      [
        [37, 1],
        [43, 2],
        [50, 0],
      ] as const,
    ]) {
      const { energy } = await simulateBioheat({ labels, materials, source, power, perfusionByTemperature });
      for (const part of [energy.stored, energy.perfused, energy.vessels, energy.borders]) expect(part).toBeGreaterThan(1);
      expect(Math.abs(energy.missing) / energy.deposited).toBeLessThan(2e-3);
    }
  });

  it('leaves through a round vessel by the area of its wall, not by that of its steps', async () => {
    // Tissue that conducts so well that only the wall resists, for so short that it stays warm.
    const copper: Tissue = { conductivity: 400, density: 1079, heatCapacity: 3540 };
    const n = 31;
    for (const tilt of [0, 0.35, 1]) {
      const radius = 5.3;
      const axisAt = (k: number): number => 15 + tilt * (k - 10);
      const slant = Math.cos(Math.atan(tilt));
      const labels = labelled([n + 20, n, 21], 1, (i, j, k) =>
        Math.hypot((i - 10 - axisAt(k)) * slant, j - 15) < radius ? 2 : 1,
      );
      const { energy } = await simulateBioheat({
        labels,
        materials: { 1: copper, 2: { heatTransfer: 300 } },
        source: still(labels),
        power: [{ seconds: 1e-4, factor: 0 }],
        initialC: 60,
        border: INSULATED,
      });
      const wall = 2 * Math.PI * radius * (21 / slant) * 1e-6;
      expect(Math.abs(energy.vessels / (1e-4 * 23 * 300 * wall) - 1)).toBeLessThan(0.04);
    }
  });

  it('of a source is all on the grid, whatever its shape and place; a source that leaves it is refused', () => {
    const labels = labelled([40, 36, 30], [1, 1.1, 1.3]);
    const [a, b] = [point(body, [17.3, 18.9, 16.2]), point(body, [20.1, 22.7, 25.4])];
    const shapes = [
      { kind: 'point', at: a, watts: 7 },
      { kind: 'gaussian', at: a, sdMm: 1.7, watts: 7 },
      { kind: 'line', from: a, to: b, sdMm: 1.5, watts: 7 },
      { kind: 'ball', at: a, radiusMm: 6, watts: 7 },
    ] as const;
    for (const shape of shapes) {
      const source = heatSource(labels, [shape]);
      const cell = 1.1 * 1.3 * 1e-9;
      const centre = [0, 0, 0];
      source.forEach((w, n) => {
        const at = [n % 40, (Math.floor(n / 40) % 36) * 1.1, Math.floor(n / 40 / 36) * 1.3];
        at.forEach((v, k) => {
          centre[k] = (centre[k] as number) + (w * cell * v) / 7;
        });
      });
      expect(source.reduce((sum, w) => sum + w * cell, 0)).toBeCloseTo(7, 4);
      const expected = shape.kind === 'line' ? [18.7, 20.8, 20.8] : [17.3, 18.9, 16.2];
      centre.forEach((v, k) => {
        expect(Math.abs(v - (expected[k] as number))).toBeLessThan(0.03);
      });
    }
    const refused = (shape: object): unknown => {
      try {
        return heatSource(labels, [shape as never]);
      } catch (error) {
        return isNavError(error) ? error.code : error;
      }
    };
    expect(refused({ kind: 'ball', at: point(body, [3, 18, 16]), radiusMm: 6, watts: 7 })).toBe('thermal/bad-problem');
    expect(refused({ kind: 'gaussian', at: a, sdMm: 0, watts: 7 })).toBe('thermal/bad-problem');
    expect(refused({ kind: 'line', from: a, to: a, sdMm: 1, watts: 7 })).toBe('thermal/bad-problem');
    expect(refused({ kind: 'point', at: a, watts: Number.NaN })).toBe('thermal/bad-problem');
    expect(refused({ kind: 'point', at: point(frame('mr'), [9, 9, 9]), watts: 1 })).toBe('frame/mismatch');
  });
});

describe('a bioheat preview', () => {
  const labels = labelled([24, 24, 24], 1.5, (i, j) => (Math.hypot(i - 17, j - 12) < 2.2 ? 2 : 1));
  const source = heatSource(labels, [{ kind: 'gaussian', at: point(body, [17, 17, 17]), sdMm: 2, watts: 6 }]);
  const problem: BioheatProblem<'body'> = {
    labels,
    materials: { 1: LIVER, 2: { heatTransfer: vesselHeatTransfer(6) } },
    source,
    power: [{ seconds: 180, factor: 1 }],
  };
  const usual = simulateBioheat(problem);
  const at = (v: { voxels: ArrayLike<number> }, i: number): number => v.voxels[i + 24 * (11 + 24 * 11)] as number;

  it('is cooler towards a large vessel, holds dose and peak, and gives the same again from cloned data', async () => {
    const result = await usual;
    const without = await simulateBioheat({ ...problem, materials: { 1: LIVER, 2: LIVER } });
    const cooled = (i: number): number => at(without.temperature, i) - at(result.temperature, i);
    expect(cooled(14)).toBeGreaterThan(1.5);
    expect(cooled(14)).toBeGreaterThan(4 * cooled(8));
    expect(cooled(8)).toBeGreaterThan(0);
    expect(at(result.temperature, 17)).toBe(37);
    expect(at(result.dose, 17)).toBe(0);
    expect(at(result.dose, 11)).toBeGreaterThan(240);
    expect(at(result.peak, 11)).toBeGreaterThanOrEqual(at(result.temperature, 11));
    const again = await simulateBioheat(structuredClone(problem));
    expect(again.temperature.voxels).toEqual(result.temperature.voxels);
    expect(again.dose.voxels).toEqual(result.dose.voxels);
  });

  it('gets hotter where coagulated tissue is no longer perfused, and cooler where warm tissue is perfused more', async () => {
    const plain = await usual;
    const coagulated = await simulateBioheat({ ...problem, coagulationCem43Min: 240 });
    expect(at(coagulated.temperature, 11)).toBeGreaterThan(at(plain.temperature, 11) + 1);
    expect(coagulated.boilingMl).toBeGreaterThan(plain.boilingMl);
    const hot = Array.from(coagulated.peak.voxels).filter((t) => t > 95).length;
    expect(coagulated.boilingMl).toBeCloseTo(hot * 1.5 ** 3 * 1e-3, 9);
    const more = await simulateBioheat({
      ...problem,
      perfusionByTemperature: [
        [37, 1],
        [42, 3],
      ],
    });
    expect(at(more.temperature, 11)).toBeLessThan(at(plain.temperature, 11) - 1);
    const off = await simulateBioheat({ ...problem, perfusionByTemperature: [[30, 0]] });
    const dry = await simulateBioheat({ ...problem, materials: { ...problem.materials, 1: DRY } });
    expect(at(off.temperature, 11)).toBeCloseTo(at(dry.temperature, 11), 4);
  });

  it('depends little on its tolerance', async () => {
    const coarse = await usual;
    const fine = await simulateBioheat({ ...problem, toleranceK: 0.002, maxStepS: 1 });
    coarse.temperature.voxels.forEach((v, n) => {
      expect(Math.abs(v - (fine.temperature.voxels[n] as number))).toBeLessThan(0.1);
    });
    expect(Math.abs(at(coarse.dose, 8) / at(fine.dose, 8) - 1)).toBeLessThan(0.02);
    expect(coarse.steps.taken * 2).toBeLessThan(fine.steps.taken);
  });

  it('tells its progress and stops when asked', async () => {
    const told: number[] = [];
    await simulateBioheat(problem, { progress: (f) => told.push(f) });
    expect(told.at(-1)).toBe(1);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    const stop = new AbortController();
    stop.abort('why');
    await expect(simulateBioheat(problem, { signal: stop.signal })).rejects.toMatchObject({
      code: 'thermal/aborted',
      cause: 'why',
    });
  });

  it.each([
    ['a label without a material', { materials: { 1: LIVER } }],
    ['no power', { power: [] }],
    ['a time below 0', { power: [{ seconds: -1, factor: 1 }] }],
    ['a source of another grid', { source: new Float32Array(3) }],
    ['a source that is not finite', { source: new Float32Array(24 ** 3).fill(Number.NaN) }],
    ['a start that is not finite', { initialC: Number.NaN }],
    ['no conductivity', { materials: { ...problem.materials, 1: { ...LIVER, conductivity: 0 } } }],
    ['perfusion in other units', { materials: { ...problem.materials, 1: { ...LIVER, perfusionPerS: 93 } } }],
    ['a vessel that heats by a negative h', { materials: { 1: LIVER, 2: { heatTransfer: -1 } } }],
    ['five borders', { border: [INSULATED, INSULATED, INSULATED, INSULATED, INSULATED] }],
    [
      'a curve that does not rise',
      {
        perfusionByTemperature: [
          [40, 1],
          [40, 2],
        ],
      },
    ],
    ['no tolerance', { toleranceK: 0 }],
    ['frozen blood of no density', { blood: { density: 0 } }],
  ])('refuses %s', async (_, wrong) => {
    await expect(simulateBioheat({ ...problem, ...wrong } as never)).rejects.toMatchObject({ code: 'thermal/bad-problem' });
  });
});
