import { parseArgs } from 'node:util';
import { frame, point } from '@trocar/core';
import {
  type AnyBiopsyCore,
  type BioheatProblem,
  ballToSample,
  biopsyGun,
  biopsyMap,
  coreSampling,
  heatSource,
  isodose,
  simulateBioheat,
  type Tissue,
  vesselHeatTransfer,
} from '@trocar/core/guidance';
import { chiSquareQuantile, cholesky, fromRotationVector, gammaQ, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import { type Row, report, row } from './_report.js';

/**
 * Thermal preview and biopsy map: how far the bioheat preview is from analytic solutions, as spacing gets finer; how long an ablation
 * takes to compute; and how far biopsy probabilities are from brute simulation, over random scenes.
 * `--scenes N` (default 6), `--runs N` of each (default 20000), `--seed N` (default 1), `--size N,N` of the speed runs (default 64,96).
 * `--full`: 20 scenes, the finest cells too, and 128³. Each result is printed as it comes.
 */

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    scenes: { type: 'string' },
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    size: { type: 'string' },
  },
});
const SCENES = Number(options.scenes ?? (options.full ? 20 : 6));
const RUNS = Number(options.runs);
const SEED = Number(options.seed);
const SIZES = (options.size ?? (options.full ? '64,96,128' : '64,96')).split(',').map(Number);

const body = frame('body');
const LIVER: Tissue = { conductivity: 0.52, density: 1079, heatCapacity: 3540, perfusionPerS: 0.0155 };
const CAPACITY = LIVER.density * LIVER.heatCapacity;
const DIFFUSIVITY = LIVER.conductivity / CAPACITY;
const PERFUSION = 0.0155 * 1050 * 3617;
const M = Math.sqrt(PERFUSION / LIVER.conductivity);

function grid(n: number, mm: number, of: (i: number, j: number, k: number) => number = () => 1): Volume<'body'> {
  const voxels = Uint8Array.from({ length: n ** 3 }, (_, v) => of(v % n, Math.floor(v / n) % n, Math.floor(v / n / n)));
  return volume({ frame: body, voxels, size: [n, n, n], frameFromIndex: [mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, 1] });
}

const erfc = (x: number): number => (x < 0 ? 2 - gammaQ(0.5, x * x) : gammaQ(0.5, x * x));

/** The largest error of a heated ball's steady rise, % of its rise at the centre (radius 8 mm, endless perfused tissue). */
async function ball(mm: number): Promise<number> {
  const n = 2 * Math.round(18 / mm) + 1;
  const labels = grid(n, mm);
  const c = (n - 1) / 2;
  const source = heatSource(labels, [{ kind: 'ball', at: point(body, [c * mm, c * mm, c * mm]), radiusMm: 8, watts: 10 }]);
  const { temperature } = await simulateBioheat({
    labels,
    materials: { 1: LIVER },
    source,
    power: [{ seconds: 500, factor: 1 }],
  });
  const mr = M * 0.008;
  let worst = 0;
  for (let i = 0; i * mm <= 14; i += 1) {
    const r = (M * i * mm) / 1000;
    const exact =
      i * mm < 8
        ? 1 - (1 + mr) * Math.exp(-mr) * (i === 0 ? 1 : Math.sinh(r) / r)
        : ((mr * Math.cosh(mr) - Math.sinh(mr)) * Math.exp(-r)) / r;
    const peak = 10 / ((4 / 3) * Math.PI * 0.008 ** 3) / PERFUSION;
    worst = Math.max(worst, Math.abs(((temperature.voxels[c + i + n * (c + n * c)] as number) - 37) / peak - exact));
  }
  return (100 * worst) / (1 - (1 + mr) * Math.exp(-mr));
}

/** The error at 6.4 mm from a point source after 120 s along an axis and along a diagonal, % of the exact rise there. */
async function pointSource(mm: number): Promise<number[]> {
  const n = Math.round(20 / mm);
  const labels = grid(n, mm);
  const source = new Float32Array(n ** 3);
  source[0] = 1 / 8 / (mm / 1000) ** 3;
  const open = { heatTransfer: Number.POSITIVE_INFINITY };
  const shut = { heatTransfer: 0 };
  const border = [shut, open, shut, open, shut, open];
  const power = [{ seconds: 120, factor: 1 }];
  const { temperature } = await simulateBioheat({ labels, materials: { 1: LIVER }, source, power, border });
  const axis = Math.round(6.4 / mm);
  const diagonal = Math.round(6.4 / mm / Math.sqrt(3));
  return [
    [axis, 0, 0],
    [diagonal, diagonal, diagonal],
  ].map(([i, j, k]) => {
    const r = (Math.hypot((i as number) + 0.5, (j as number) + 0.5, (k as number) + 0.5) * mm) / 1000;
    const [x, y] = [r / Math.sqrt(4 * DIFFUSIVITY * 120), Math.sqrt((PERFUSION / CAPACITY) * 120)];
    const exact = (Math.exp(-M * r) * erfc(x - y) + Math.exp(M * r) * erfc(x + y)) / (8 * Math.PI * LIVER.conductivity * r);
    const found = (temperature.voxels[(i as number) + n * ((j as number) + n * (k as number))] as number) - 37;
    return 100 * Math.abs(found / exact - 1);
  });
}

/** Ten minutes of a microwave-like applicator beside a vessel of 6 mm. */
async function ablation(n: number): Promise<{ seconds: number; ml: number; missing: number; steps: number }> {
  const mm = 96 / n;
  const middle = 48;
  const labels = grid(n, mm, (i, j) => (Math.hypot(i * mm - middle - 14, j * mm - middle) < 3 ? 2 : 1));
  const at = (z: number) => point(body, [middle, middle, middle + z]);
  const problem: BioheatProblem<'body'> = {
    labels,
    materials: { 1: LIVER, 2: { heatTransfer: vesselHeatTransfer(6) } },
    source: heatSource(labels, [{ kind: 'line', from: at(-10), to: at(10), sdMm: 4, watts: 15 }]),
    power: [{ seconds: 600, factor: 1 }],
    coagulationCem43Min: 240,
  };
  const before = process.cpuUsage();
  const { dose, energy, steps } = await simulateBioheat(problem);
  const used = process.cpuUsage(before);
  const seconds = (used.user + used.system) / 1e6;
  return { seconds, ml: isodose(dose).ml, missing: (100 * Math.abs(energy.missing)) / energy.deposited, steps: steps.taken };
}

/** Exp(ξ) p in full. */
function moved(p: readonly number[], xi: readonly number[]): number[] {
  const phi = xi.slice(3);
  const angle = Math.hypot(...phi);
  const cross = (a: readonly number[], b: readonly number[]): number[] =>
    [0, 1, 2].map(
      (k) => (a[(k + 1) % 3] as number) * (b[(k + 2) % 3] as number) - (a[(k + 2) % 3] as number) * (b[(k + 1) % 3] as number),
    );
  const once = cross(phi, xi);
  const twice = cross(phi, once);
  const [a, b] = angle < 1e-6 ? [0.5, 1 / 6] : [(1 - Math.cos(angle)) / angle ** 2, (angle - Math.sin(angle)) / angle ** 3];
  const turned = transformPoint(new Float64Array(3), fromRotationVector(new Float64Array(16), phi), p);
  return [0, 1, 2].map((k) => (turned[k] as number) + (xi[k] as number) + a * (once[k] as number) + b * (twice[k] as number));
}

function chord(a: readonly number[], b: readonly number[], c: readonly number[], r: number): number {
  const way = a.map((v, k) => (b[k] as number) - v);
  const from = a.map((v, k) => v - (c[k] as number));
  const dot = (p: readonly number[], q: readonly number[]): number => p.reduce((sum, v, k) => sum + v * (q[k] as number), 0);
  const [ww, wf, ff] = [dot(way, way), dot(way, from), dot(from, from) - r * r];
  const root = Math.sqrt(wf * wf - ww * ff);
  return Number.isNaN(root) ? 0 : Math.max(0, Math.sqrt(ww) * (Math.min(1, (root - wf) / ww) - Math.max(0, (-root - wf) / ww)));
}

/** A random scene: three cores of one registration, a ball near them. The errors of a core's and of the map's probability, points. */
function scene(random: Random): { single: number; union: number } {
  const spd = (mm: number, rad: number, c: readonly number[]): number[] => {
    // A pose noise about c with random cross terms, carried to the frame's origin: ρ = w − φ × c.
    const raw = Array.from({ length: 36 }, () => random.normal());
    const noise = raw.map((_, n) => {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (raw[6 * Math.floor(n / 6) + k] as number) * (raw[6 * (n % 6) + k] as number);
      return (sum / 6) * (n < 18 ? mm : rad) * (n % 6 < 3 ? mm : rad);
    });
    const [x, y, z] = c as [number, number, number];
    const minusCross = [0, -z, y, z, 0, -x, -y, x, 0];
    const j = Array.from({ length: 36 }, (_, n) => {
      const [r, q] = [Math.floor(n / 6), n % 6];
      return r === q ? 1 : r < 3 && q >= 3 ? (minusCross[3 * r + q - 3] as number) : 0;
    });
    const times = (p: readonly number[], q: readonly number[], t: boolean): number[] =>
      p.map((_, n) =>
        [0, 1, 2, 3, 4, 5].reduce(
          (s, k) => s + (p[6 * Math.floor(n / 6) + k] as number) * (q[t ? 6 * (n % 6) + k : 6 * k + (n % 6)] as number),
          0,
        ),
      );
    const full = times(times(j, noise, false), j, true);
    return full.map((v, n) => (v + (full[6 * (n % 6) + Math.floor(n / 6)] as number)) / 2);
  };
  const place = [0, 1, 2].map(() => random.between(-80, 80));
  const dof = [Number.POSITIVE_INFINITY, 3, 6, 15][random.below(4)] as number;
  const shared = spd(random.between(0.3, 2), random.between(0.002, 0.02), place);
  const gun = biopsyGun({ name: 'bench', deadEndMm: 5, notchMm: 19, throwMm: 22, needleMm: 200 });
  const cores = [0, 1, 2].map((c) => {
    const near = place.map((v) => v + random.between(-4, 4));
    const way = [random.normal(), random.normal(), random.normal()];
    const far = near.map((v, k) => v + (19 * (way[k] as number)) / Math.hypot(...way));
    const own = spd(random.between(0.2, 1), random.between(0.002, 0.02), near);
    const covariance = own.map((v, n) => v + (shared[n] as number));
    return {
      id: `${c}`,
      frame: body,
      frameOfReferenceUid: '2.25.1',
      near,
      far,
      covariance,
      degreesOfFreedom: dof,
      gun,
      own,
      registration: { matrix: [], covariance: shared },
    };
  });
  const first = cores[0] as (typeof cores)[number];
  const centre = first.near.map((v, k) => (v + (first.far[k] as number)) / 2 + random.between(-3, 3));
  const radius = random.between(1.5, 6);
  const target = ballToSample('ball', point(body, centre), radius);
  const told = cores as unknown as (AnyBiopsyCore & { frame: typeof body })[];
  const factor = (c: readonly number[]): Float64Array => {
    const l = new Float64Array(36);
    if (!cholesky(l, c, 6)) throw new Error('A covariance of the bench is not positive definite.');
    return l;
  };
  const draw = (l: Float64Array, s: number): number[] => {
    const z = [0, 0, 0, 0, 0, 0].map(() => random.normal());
    return z.map((_, i) => s * z.reduce((sum, v, k) => sum + (l[6 * i + k] as number) * v, 0));
  };
  const [common, owns] = [factor(shared), cores.map((c) => factor(c.own))];
  let [one, any] = [0, 0];
  for (let n = 0; n < RUNS; n += 1) {
    const s = Number.isFinite(dof) ? Math.sqrt(dof / chiSquareQuantile(Math.min(1 - 1e-12, random.uniform() + 1e-12), dof)) : 1;
    const xi = draw(common, s);
    const met = cores.map((core, c) => {
      const mine = draw(owns[c] as Float64Array, s);
      const end = (p: readonly number[]): number[] => moved(moved(p, mine), xi);
      return chord(end(core.near), end(core.far), centre, radius) >= 1;
    });
    if (met[0]) one += 1;
    if (met.includes(true)) any += 1;
  }
  const single = coreSampling(told[0] as never, target as never).probability;
  const union = biopsyMap(told as never, [target] as never).targets[0]?.probability as number;
  return { single: 100 * Math.abs(single - one / RUNS), union: 100 * Math.abs(union - any / RUNS) };
}

const rows: Row[] = [];
const beganMs = performance.now();
/** Keeps a row, and prints it as it comes. */
function add(one: Row): void {
  rows.push(one);
  console.log(`${((performance.now() - beganMs) / 1000).toFixed(0)} s: ${one.name}: ${one.median.toPrecision(4)} ${one.unit}`);
}
for (const mm of options.full ? [2, 1, 0.5] : [2, 1]) {
  const error = await ball(mm);
  add(
    row(`bioheat: heated ball of 8 mm, steady, ${mm} mm cells, largest error`, '% of peak', [error], {
      text: 'at most 1',
      met: error <= 1,
    }),
  );
}
for (const mm of options.full ? [0.8, 0.4, 0.25] : [0.8, 0.4]) {
  const errors = await pointSource(mm);
  add(
    row(`bioheat: point source after 120 s at 6.4 mm, ${mm} mm cells`, '%', errors, {
      text: 'at most 1',
      met: Math.max(...errors) <= 1,
    }),
  );
}
for (const n of SIZES) {
  const { seconds, ml, missing, steps } = await ablation(n);
  add(row(`bioheat: ten minutes of 15 W beside a vessel, ${n}³ cells, ${steps} steps`, 's of processor', [seconds]));
  add(row(`  volume of 240 CEM43, ${n}³`, 'ml', [ml]));
  add(row(`  energy not accounted for, ${n}³`, '%', [missing], { text: 'at most 0.1', met: missing <= 0.1 }));
}
const random = new Random(SEED);
const scenes = Array.from({ length: SCENES }, () => scene(random));
// The simulation's own chance: at p = 0.5, four of its standard deviations.
const chance = 400 * Math.sqrt(0.25 / RUNS);
for (const [name, values] of [
  ["biopsy: one core's probability against brute simulation", scenes.map((s) => s.single)],
  ["biopsy: three cores' probability together against brute simulation", scenes.map((s) => s.union)],
] as const) {
  const worst = Math.max(...values);
  add(
    row(`${name}, ${SCENES} scenes`, 'points', values, {
      text: `at most 1 and ${chance.toFixed(1)} of chance`,
      met: worst <= 1 + chance,
    }),
  );
}
report(rows);
