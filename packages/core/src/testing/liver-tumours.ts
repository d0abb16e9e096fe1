import { type Point, point } from '../frames/index.js';
import { identity4, Random, transformPoint } from '../math/index.js';
import { type AnyVolume, type Volume, volume } from '../volume/index.js';
import { drawLiverAnatomy, type LiverAnatomy, liverParts, type TumourShape, tumourSolid } from './liver-anatomy.js';
import { image, type Phantom, type PhantomOptions } from './phantom.js';

export type { LiverAnatomy, TumourShape };
export { drawLiverAnatomy };

/** What a scanner adds beside white noise: standard deviations or amplitudes, HU. Default: none. */
export interface ScannerFaults {
  /** Noise that neighbours share, about 3 voxels wide. */
  readonly textureHu?: number;
  /** Waves across the slices, as beam hardening and metal make them; each slice has its own. */
  readonly streakHu?: number;
  /** A slope from end to end of the image along each axis, at most. */
  readonly biasHu?: number;
}

/** How abdomens with tumours are imaged. */
export interface LiverTumourOptions<F extends string = 'ct'>
  extends Omit<PhantomOptions<F>, 'contrast' | 'tiltDegrees' | 'bias'> {
  readonly anatomy: LiverAnatomy;
  readonly faults?: ScannerFaults;
  /** What the image covers, body coordinates: min x, y, z, max x, y, z, mm. Default: the liver with what is around it. */
  readonly field?: readonly [number, number, number, number, number, number];
}

/** The truth of one tumour. */
export interface TumourTruth<F extends string> {
  readonly volumeMl: number;
  readonly centroid: Point<F>;
  readonly diameterMm: number;
}

/** An abdomen with tumours, imaged, and its truth. */
export interface LiverTumours<F extends string = 'ct'> extends Phantom<F> {
  readonly tumours: readonly TumourTruth<F>[];
  /** Voxels whose centre lies in a tumour: 1 for the first, 2 for the second, …; modality SEG. */
  readonly tumourLabels: Volume<F>;
}

/**
 * An upper abdomen with tumours in the liver, of whatever anatomy: what a network or a person's hand is measured on. CT.
 * @throws NavError `volume/bad-geometry` for options that make no grid
 */
export function liverTumourPhantom<F extends string = 'ct'>(options: LiverTumourOptions<F>): LiverTumours<F> {
  const { anatomy, faults, field, ...imaging } = options;
  const s = anatomy.bodyScale;
  const parts = liverParts(anatomy);
  const whole = [-156, -96, -50, 76, 92, 122].map((x) => x * s) as unknown as NonNullable<typeof field>;
  const first = anatomy.tumours[0]?.centre ?? [-68 * s, -2 * s, 38 * s];
  const phantom = image<F>(
    {
      name: 'liver tumours',
      parts,
      field: field ?? whole,
      centre: [-3, 0, 0],
      markerDirections: [],
      targets: [first],
      entryDirection: [-62, -74, -6],
      frameOfReferenceUid: '2.25.310958214767213946051873201984411200004',
    },
    imaging,
  );
  const image3 = phantom.volume;
  const voxels = faults === undefined ? image3.voxels : disturbed(image3, faults, imaging.seed ?? 1);
  const firstTumour = parts.length - anatomy.tumours.length;
  const place = options.frameFromBody ?? identity4();
  return {
    ...phantom,
    volume: { ...image3, voxels },
    tumours: anatomy.tumours.map((t) => {
      const { volumeMl, centroid, diameterMm } = truthOf(t);
      return { volumeMl, diameterMm, centroid: point(image3.frame, transformPoint(new Float64Array(3), place, centroid)) };
    }),
    tumourLabels: volume({
      frame: image3.frame,
      size: image3.size,
      frameFromIndex: image3.frameFromIndex,
      voxels: phantom.labels.map((label) => Math.max(0, label - firstTumour)),
      modality: 'SEG',
      ...(image3.frameOfReferenceUid !== undefined && { frameOfReferenceUid: image3.frameOfReferenceUid }),
    }),
  };
}

/** Volume and centroid by counting points of a fine lattice (0.1 %), the diameter by widths in many directions. */
function truthOf(t: TumourShape): { volumeMl: number; centroid: number[]; diameterMm: number } {
  const solid = tumourSolid(t);
  const [x0, y0, z0, x1, y1, z1] = solid.box;
  const step = Math.max(x1 - x0, y1 - y0, z1 - z0) / 70;
  let [count, x, y, z] = [0, 0, 0, 0];
  for (let c = z0 + step / 2; c < z1; c += step) {
    for (let b = y0 + step / 2; b < y1; b += step) {
      for (let a = x0 + step / 2; a < x1; a += step) {
        if (solid.near(a, b, c) > 0) continue;
        count += 1;
        x += a;
        y += b;
        z += c;
      }
    }
  }
  return { volumeMl: (count * step ** 3) / 1000, centroid: [x / count, y / count, z / count], diameterMm: diameterOf(t) };
}

/** The greatest width: of each piece the support function is known. */
function diameterOf({ centre, radii, bulge }: TumourShape): number {
  const golden = Math.PI * (3 - Math.sqrt(5));
  let most = 0;
  for (let n = 0; n < 4000; n += 1) {
    const z = (n + 0.5) / 4000;
    const ring = Math.sqrt(1 - z * z);
    const d = [ring * Math.cos(golden * n), ring * Math.sin(golden * n), z];
    const along = (c: readonly number[]): number => c.reduce((sum, x, r) => sum + x * (d[r] as number), 0);
    const reach = Math.hypot(...radii.map((x, r) => x * (d[r] as number)));
    let [high, low] = [along(centre) + reach, along(centre) - reach];
    if (bulge !== undefined) {
      high = Math.max(high, along(bulge.centre) + bulge.radius);
      low = Math.min(low, along(bulge.centre) - bulge.radius);
    }
    most = Math.max(most, high - low);
  }
  return most;
}

function disturbed({ voxels, size: [ni, nj, nk] }: AnyVolume, faults: ScannerFaults, seed: number): Int16Array {
  const random = new Random(seed ^ 0x5eed);
  const { textureHu = 0, streakHu = 0, biasHu = 0 } = faults;
  const texture = textureOf(random, ni, nj, nk);
  const slope = [0, 1, 2].map(() => random.between(-biasHu, biasHu));
  const out = new Int16Array(voxels.length);
  for (let k = 0, n = 0; k < nk; k += 1) {
    const angle = random.between(0, Math.PI);
    const [cos, sin, pitch, phase] = [Math.cos(angle), Math.sin(angle), random.between(2, 8), random.between(0, 6)];
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        const bias =
          (slope[0] as number) * (i / ni - 0.5) + (slope[1] as number) * (j / nj - 0.5) + (slope[2] as number) * (k / nk - 0.5);
        const value = voxels[n] as number;
        const streak = value > -500 ? streakHu * Math.sin((cos * i + sin * j) / pitch + phase) : 0;
        out[n] = Math.round(value + textureHu * (texture[n] as number) + bias + streak);
      }
    }
  }
  return out;
}

/** White noise after three passes of (1, 2, 1) along each axis, of standard deviation 1. */
function textureOf(random: Random, ni: number, nj: number, nk: number): Float32Array {
  const a = Float32Array.from({ length: ni * nj * nk }, () => random.normal());
  for (const step of [1, ni, ni * nj]) {
    for (let pass = 0; pass < 3; pass += 1) {
      for (let n = step; n < a.length - step; n += 1) {
        a[n] = 0.25 * (a[n - step] as number) + 0.5 * (a[n] as number) + 0.25 * (a[n + step] as number);
      }
    }
  }
  let square = 0;
  for (const x of a) square += x * x;
  const scale = Math.sqrt(a.length / square);
  return a.map((x) => x * scale);
}
