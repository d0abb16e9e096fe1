import { NavError } from '../base/index.js';
import { type AnyVolume, percentiles } from '../volume/index.js';
import { rgb } from './palette.js';

/** One corner of a {@link TransferFunction}. */
export interface TransferPoint {
  /** In the volume's rescaled units: HU for CT. */
  readonly value: number;
  /** `#rrggbb`, sRGB as displayed. */
  readonly colour: string;
  /**
   * How strongly a millimetre of this value hides what is behind it: after d mm the share exp(−perMm · d) of what lies
   * behind is seen. 0: clear.
   */
  readonly perMm: number;
}

/**
 * Colour and extinction of every value: straight lines between the points, and the first or last point beyond them. Extinction is
 * per millimetre, so that a picture does not change with the step of the ray (Max 1995, "Optical Models for Direct Volume
 * Rendering", eq. 6).
 */
export type TransferFunction = readonly TransferPoint[];

/** Names of {@link transferPreset}. */
export const TRANSFER_PRESETS = ['ctBone', 'ctSoftTissue', 'ctVessels', 'mr'] as const;
/** One of {@link TRANSFER_PRESETS}. */
export type TransferPresetName = (typeof TRANSFER_PRESETS)[number];

const CT_PRESETS: Readonly<Record<Exclude<TransferPresetName, 'mr'>, TransferFunction>> = {
  // Cancellous bone begins at about 200 HU, compact bone at 700.
  ctBone: [
    { value: 180, colour: '#8c4a32', perMm: 0 },
    { value: 300, colour: '#d8b48c', perMm: 0.12 },
    { value: 700, colour: '#f0e2c8', perMm: 0.9 },
    { value: 1500, colour: '#ffffff', perMm: 2 },
  ],
  // Fat and skin as a veil, muscle and organs denser, bone white.
  ctSoftTissue: [
    { value: -180, colour: '#b06a50', perMm: 0 },
    { value: -80, colour: '#d9a27c', perMm: 0.012 },
    { value: 20, colour: '#b8503c', perMm: 0.05 },
    { value: 90, colour: '#c86450', perMm: 0.22 },
    { value: 300, colour: '#f0e2c8', perMm: 0.7 },
    { value: 1500, colour: '#ffffff', perMm: 1.5 },
  ],
  // Blood with contrast lies between about 150 and 450 HU; what is brighter is bone, and drawn fainter than in ctBone.
  ctVessels: [
    { value: 130, colour: '#6e1414', perMm: 0 },
    { value: 200, colour: '#c82828', perMm: 0.25 },
    { value: 380, colour: '#f06450', perMm: 0.9 },
    { value: 520, colour: '#e6d2b4', perMm: 0.35 },
    { value: 1500, colour: '#ffffff', perMm: 0.6 },
  ],
};

/**
 * A transfer function to begin with: for CT in HU; for MR, whose values have no unit, by the volume's own percentiles.
 * @throws NavError `math/out-of-range` for a name there is none of, or a volume of one single value with `mr`
 */
export function transferPreset(name: TransferPresetName, v: AnyVolume): TransferFunction {
  if (!TRANSFER_PRESETS.includes(name)) {
    throw new NavError('math/out-of-range', `A transfer function is one of ${TRANSFER_PRESETS.join(', ')}, got "${name}".`);
  }
  if (name !== 'mr') return CT_PRESETS[name];
  const [low, high] = percentiles(v, [0.5, 0.995]) as [number, number];
  const wide = high - low;
  if (!(wide > 0)) {
    throw new NavError(
      'math/out-of-range',
      `The preset "mr" spreads over a volume's values from their median to their 99.5th percentile, but these are ${low} and ${high}. Give points of your own.`,
    );
  }
  const at = (f: number): number => low + f * wide;
  return [
    { value: at(0.12), colour: '#503c32', perMm: 0 },
    { value: at(0.3), colour: '#96785f', perMm: 0.03 },
    { value: at(0.6), colour: '#d2b496', perMm: 0.12 },
    { value: at(1), colour: '#ffffff', perMm: 0.5 },
  ];
}

/** The preset a volume is shown with where none is asked for: bone for a CT, else `mr`. */
export function defaultTransfer(v: AnyVolume): TransferFunction {
  return transferPreset(v.modality === 'CT' ? 'ctBone' : 'mr', v);
}

/**
 * Refuses what cannot be drawn.
 * @throws NavError `math/out-of-range`, with the number of the point
 */
export function requireTransfer(points: TransferFunction): void {
  if (points.length < 2) {
    throw new NavError('math/out-of-range', `A transfer function needs at least two points, got ${points.length}.`);
  }
  points.forEach((p, n) => {
    const before = points[n - 1]?.value ?? Number.NEGATIVE_INFINITY;
    const wrong = !(Number.isFinite(p.value) && p.value > before)
      ? 'a finite value above that of the point before it'
      : !/^#[0-9a-f]{6}$/i.test(p.colour)
        ? 'a colour as #rrggbb'
        : !(Number.isFinite(p.perMm) && p.perMm >= 0)
          ? 'a finite perMm of at least 0'
          : undefined;
    if (wrong === undefined) return;
    throw new NavError('math/out-of-range', `Point ${n + 1} of a transfer function needs ${wrong}, got ${JSON.stringify(p)}.`, {
      detail: { point: n, got: p },
    });
  });
}

/** Red, green, blue (0 … 1) and extinction per mm of a value, into `out`. */
export function transferAt(out: Float64Array, points: TransferFunction, value: number): Float64Array {
  const last = points.length - 1;
  let n = 0;
  while (n < last && value >= (points[n + 1] as TransferPoint).value) n += 1;
  const a = points[n] as TransferPoint;
  const b = points[Math.min(n + 1, last)] as TransferPoint;
  const f = a === b ? 0 : Math.min(1, Math.max(0, (value - a.value) / (b.value - a.value)));
  const from = rgb(a.colour);
  const to = rgb(b.colour);
  for (let c = 0; c < 3; c += 1) out[c] = (from[c] as number) + f * ((to[c] as number) - (from[c] as number));
  out[3] = a.perMm + f * (b.perMm - a.perMm);
  return out;
}

/** Entries of {@link transferTable}. */
export const TABLE_SIZE = 2048;

/** A transfer function as a shader reads it: RGBA, {@link TABLE_SIZE} entries evenly from the first point's value to the last's. */
export function transferTable(points: TransferFunction): Float32Array<ArrayBuffer> {
  const table = new Float32Array(4 * TABLE_SIZE);
  const at = new Float64Array(4);
  const first = (points[0] as TransferPoint).value;
  const last = (points[points.length - 1] as TransferPoint).value;
  for (let n = 0; n < TABLE_SIZE; n += 1) {
    table.set(transferAt(at, points, first + ((last - first) * n) / (TABLE_SIZE - 1)), 4 * n);
  }
  return table;
}

/**
 * The most extinction that any value from `low` to `high` has, per mm: at an end or at a point between them. NaN ends (a block with
 * no value at all) have none.
 */
export function mostExtinction(points: TransferFunction, low: number, high: number): number {
  if (!(low <= high)) return 0;
  const at = new Float64Array(4);
  let most = Math.max(transferAt(at, points, low)[3] as number, transferAt(at, points, high)[3] as number);
  for (const p of points) if (p.value > low && p.value < high) most = Math.max(most, p.perMm);
  return most;
}
