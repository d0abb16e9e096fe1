import { performance } from 'node:perf_hooks';
import { ClockMap, FrameGraph, frame, type Instant, PoseSample, PoseView, RoundTrip } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { median, type Row, report, row } from './_report.js';

/**
 * Clocks, by simulation: device to host from arrivals alone, beside raw arrival and the least squares over 20 items that
 * PLUS filters with; bridge to browser by echoes over unequal links; prediction beside holding. Every figure has a truth
 * to be held against. `--seeds N` runs more seeds, `--links N` more links, of
 * up to `--longest MS` one way.
 */

const argument = (name: string, usual: number): number => Number(process.argv[process.argv.indexOf(name) + 1]) || usual;
const SEEDS = Array.from({ length: argument('--seeds', 5) }, (_, i) => i + 1);
const LINKS = argument('--links', 200);
const LONGEST_MS = argument('--longest', 5);

/** 60 Hz, its crystal 20 ppm off; 5 ms of constant delay that no one-way method can see: the bias of a perfect one. */
const PERIOD = (1000 / 60) * (1 + 20e-6);
const DELAY = 5;
const START = 12_345;
const WARM = 2000;
const COUNTED = 18_000;

type Arrival = (random: Random, earliest: number) => number;
const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random.uniform());
const jitter: Arrival = (random, t) => t + exponential(random, 1);
const polled =
  (every: number): Arrival =>
  (random, t) =>
    Math.ceil((t + exponential(random, 0.3)) / every) * every;
const arrivals: Readonly<Record<string, Arrival>> = {
  'exponential 1 ms': jitter,
  '+ 1 % spikes of 20–80 ms': (random, t) => jitter(random, t) + (random.uniform() < 0.01 ? random.between(20, 80) : 0),
  'poll 4 ms': polled(4),
  'poll 15.6 ms': polled(15.6),
};

/** Host time of the newest count, from its arrival and those before. */
type Estimator = (count: number, arrival: number) => number;

/** As PLUS does: least squares of arrival against item index over the last items; raw until there are as many. */
function leastSquares(items: number): Estimator {
  const counts: number[] = [];
  const times: number[] = [];
  return (count, arrival) => {
    counts.push(count);
    times.push(arrival);
    if (counts.length < items) return arrival;
    if (counts.length > items) {
      counts.shift();
      times.shift();
    }
    const x = counts.reduce((a, b) => a + b, 0) / items;
    const y = times.reduce((a, b) => a + b, 0) / items;
    let xx = 0;
    let xy = 0;
    for (let i = 0; i < items; i += 1) {
      const dx = (counts[i] as number) - x;
      xx += dx * dx;
      xy += dx * ((times[i] as number) - y);
    }
    const fitted = y + (xy / xx) * (count - x);
    return Math.abs(fitted - arrival) > 500 ? arrival : fitted;
  };
}

interface Ours {
  readonly estimate: Estimator;
  readonly map: ClockMap;
}

function ours(): Ours {
  const map = new ClockMap();
  const point = new Float64Array(2);
  const cell = new Float64Array(1);
  return {
    map,
    estimate: (count, arrival) => {
      point[0] = count;
      point[1] = arrival;
      map.push(point);
      cell[0] = count;
      map.map(cell);
      return cell[0] as number;
    },
  };
}

interface Spread {
  readonly sd: number;
  readonly p99: number;
  readonly mean: number;
  /** Share of the errors within the bound stated with them. */
  readonly within: number;
}

function spread(arrival: Arrival, seed: number, estimate: Estimator, map?: ClockMap): Spread {
  const random = new Random(seed);
  const errors: number[] = [];
  const bounds: number[] = [];
  for (let count = 1; count <= WARM + COUNTED; count += 1) {
    const truth = START + count * PERIOD;
    const error = estimate(count, arrival(random, truth + DELAY)) - truth;
    if (count <= WARM) continue;
    errors.push(error);
    bounds.push(map?.boundMs ?? Number.NaN);
  }
  const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
  const off = errors.map((e) => Math.abs(e - mean));
  const within = off.filter((e, i) => e <= (bounds[i] as number)).length / off.length;
  const sd = Math.sqrt(off.reduce((a, b) => a + b * b, 0) / off.length);
  off.sort((a, b) => a - b);
  return { sd, p99: off[Math.floor(0.99 * (off.length - 1))] as number, mean, within };
}

/** The research figures of a lower hull over 600 points (of a Kalman filter where a device is polled): sd and p99, ms. */
const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  'exponential 1 ms': [0.006, 0.026],
  '+ 1 % spikes of 20–80 ms': [0.006, 0.022],
  'poll 4 ms': [0.079, 0.17],
  'poll 15.6 ms': [0.31, 0.56],
};

function oneWay(): Row[] {
  const rows: Row[] = [];
  for (const [name, arrival] of Object.entries(arrivals)) {
    const [sd, p99] = LIMITS[name] as readonly [number, number];
    const raw = SEEDS.map((seed) => spread(arrival, seed, (_, t) => t));
    const plus = SEEDS.map((seed) => spread(arrival, seed, leastSquares(20)));
    const own = SEEDS.map((seed) => {
      const { estimate, map } = ours();
      return spread(arrival, seed, estimate, map);
    });
    for (const [who, runs] of [['raw arrival', raw] as const, ['least squares over 20, as PLUS', plus] as const]) {
      rows.push(
        row(
          `device clock, ${name}: ${who}, sd`,
          'ms',
          runs.map((r) => r.sd),
        ),
      );
      rows.push(
        row(
          `device clock, ${name}: ${who}, p99`,
          'ms',
          runs.map((r) => r.p99),
        ),
      );
      rows.push(
        row(
          `device clock, ${name}: ${who}, bias`,
          'ms',
          runs.map((r) => r.mean),
        ),
      );
    }
    const met = (values: readonly number[], limit: number): { text: string; met: boolean } => ({
      text: `median at most ${limit}`,
      met: median(values) <= limit,
    });
    const sds = own.map((r) => r.sd);
    const p99s = own.map((r) => r.p99);
    rows.push(row(`device clock, ${name}: ClockMap, sd`, 'ms', sds, met(sds, sd)));
    rows.push(row(`device clock, ${name}: ClockMap, p99`, 'ms', p99s, met(p99s, p99)));
    rows.push(
      row(
        `device clock, ${name}: ClockMap, bias`,
        'ms',
        own.map((r) => r.mean),
      ),
    );
    const within = own.map((r) => 100 * r.within);
    rows.push(
      row(`device clock, ${name}: ClockMap, within its bound`, '%', within, {
        text: 'at least 99',
        met: within.every((v) => v >= 99),
      }),
    );
  }
  return rows;
}

function cost(): Row {
  const runs = SEEDS.map((seed) => {
    const random = new Random(seed);
    const { estimate } = ours();
    const n = 400_000;
    const from = performance.now();
    for (let count = 1; count <= n; count += 1) estimate(count, jitter(random, count * PERIOD));
    return ((performance.now() - from) / n) * 1e6;
  });
  return row('device clock: one push and map', 'ns', runs);
}

interface Link {
  readonly there: () => number;
  readonly back: () => number;
  readonly remote: (local: number) => number;
}

/** Loopback to a bad radio link: from 0.05 ms one way, to three times that or a third the other, mean jitter 2–100 % of it. */
function anyLink(random: Random): Link {
  const there = 10 ** random.between(-1.3, Math.log10(LONGEST_MS));
  const back = there * 10 ** random.between(-0.5, 0.5);
  const spikes = random.uniform() < 0.5 ? 0.02 : 0;
  const delay = (least: number): (() => number) => {
    const mean = least * random.between(0.02, 1);
    return () => least + exponential(random, mean) + (random.uniform() < spikes ? random.between(20, 200) : 0);
  };
  const offset = random.between(-1e7, 1e7);
  const rate = 1 + random.between(-100, 100) * 1e-6;
  return { there: delay(there), back: delay(back), remote: (t) => offset + t * rate };
}

/** A browser's clock outside an isolated page, ms. */
const coarse = (ms: number): number => Math.floor(ms * 10) / 10;

/** One link for `echoes` echoes: whether the bound held at every moment, how often it was narrow, and errors. */
function follow(seed: number, echoes: number): { held: boolean; narrow: number; errors: number[]; quickest: number[] } {
  const random = new Random(seed);
  const link = anyLink(random);
  const trip = new RoundTrip();
  const errors: number[] = [];
  const quickest: number[] = [];
  const recent: { offset: number; took: number }[] = [];
  let held = true;
  let narrow = 0;
  let least = Number.POSITIVE_INFINITY;
  let t = 1000;
  for (let i = 0; i < echoes; i += 1) {
    const there = link.there();
    const took = there + link.back();
    const stamps = [coarse(t), link.remote(t + there), link.remote(t + there), coarse(t + took)] as const;
    trip.push(stamps);
    recent.push({ offset: (stamps[1] - stamps[0] + stamps[2] - stamps[3]) / 2, took });
    if (recent.length > 8) recent.shift();
    least = Math.min(least, took);
    const back = t + took;
    t = back + (i < 5 ? 0 : trip.isTight ? 1000 : 100);
    for (let k = 0; k < 4; k += 1) {
      const at = back + ((t - back) * k) / 4;
      const truth = link.remote(at) - at;
      const error = Math.abs(trip.offsetAt(at) - truth);
      if (error > trip.boundAt(at) + 1e-6) held = false;
      if (trip.boundAt(at) <= least / 2 + 0.5) narrow += 1 / (4 * echoes);
      if (i < 20) continue;
      errors.push(error);
      quickest.push(Math.abs(recent.reduce((a, b) => (b.took < a.took ? b : a)).offset - truth));
    }
  }
  return { held, narrow, errors, quickest };
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? Number.NaN;

function roundTrip(): Row[] {
  const links = Array.from({ length: LINKS }, (_, i) => follow(i + 1, 400));
  const held = (100 * links.filter((l) => l.held).length) / LINKS;
  const narrow = (100 * links.reduce((sum, l) => sum + l.narrow, 0)) / LINKS;
  const name = `bridge clock, ${LINKS} unequal links to ${LONGEST_MS} ms one way, drift to 100 ppm`;
  return [
    row(`${name}: bound held at every moment`, '% of links', [held], { text: 'at least 99', met: held >= 99 }),
    row(`${name}: bound ≤ half the least round trip + 0.5 ms`, '% of time', [narrow], {
      text: 'at least 99.9',
      met: narrow >= 99.9,
    }),
    row(
      `${name}: error p99, RoundTrip`,
      'ms',
      links.map((l) => quantile(l.errors, 0.99)),
    ),
    row(
      `${name}: error p99, quickest of the last 8 (as NTP)`,
      'ms',
      links.map((l) => quantile(l.quickest, 0.99)),
    ),
  ];
}

/** The hand of the research table: 0.5–2.5 Hz, 92 mm/s rms, 0.1 mm of noise, at 60 Hz. RMS error, mm. */
function hand(seed: number, predictMs: number, horizon: number): number {
  const random = new Random(seed);
  const noise = 0.1 / Math.sqrt(3);
  const waves = Array.from({ length: 15 }, (_, i) => ({
    axis: i % 3,
    w: 2 * Math.PI * random.between(0.5, 2.5),
    phase: random.between(0, 2 * Math.PI),
  }));
  const speed = (92 * Math.SQRT2) / Math.sqrt(waves.reduce((sum, v) => sum + v.w ** -2, 0));
  const at = (ms: number, axis: number): number =>
    waves.reduce((sum, v) => (v.axis === axis ? sum + (speed / v.w ** 2) * Math.sin((v.w * ms) / 1000 + v.phase) : sum), 0);
  const graph = new FrameGraph();
  const buffer = graph.stream(frame('tracker'), frame('tool'), { predictMs });
  const path = graph.path(frame('tracker'), frame('tool'));
  const view = new PoseView();
  const sample = new PoseSample();
  sample.status = 'ok';
  let square = 0;
  let n = 0;
  for (let i = 0; i < 600; i += 1) {
    const ms = (i * 1000) / 60;
    sample.values.set([ms, ms, 0]);
    for (let axis = 0; axis < 3; axis += 1) sample.values[3 + axis] = at(ms, axis) + noise * random.normal();
    sample.values.set([0, 0, 0, 1], 6);
    buffer.push(sample);
    if (i < 2) continue;
    graph.tick((ms + horizon) as Instant);
    path.read(view);
    for (let axis = 0; axis < 3; axis += 1) square += ((view.matrix[12 + axis] as number) - at(ms + horizon, axis)) ** 2;
    n += 1;
  }
  return Math.sqrt(square / n);
}

function prediction(): Row[] {
  const seeds = Array.from({ length: 20 }, (_, i) => 100 + i);
  const table = [
    [16, 0.28],
    [33, 0.65],
    [49.99, 1.2],
  ] as const;
  return table.flatMap(([horizon, wanted]) => {
    const rms = (predictMs: number): number =>
      Math.sqrt(seeds.reduce((sum, seed) => sum + hand(seed, predictMs, horizon) ** 2, 0) / seeds.length);
    const predicted = rms(50);
    const name = `hand at 92 mm/s, ${Math.round(horizon)} ms ahead, rms error`;
    return [
      row(`${name}: held`, 'mm', [rms(0)]),
      row(`${name}: predicted`, 'mm', [predicted], { text: `${wanted} within 10 %`, met: predicted <= 1.1 * wanted }),
    ];
  });
}

report([...oneWay(), cost(), ...roundTrip(), ...prediction()]);
