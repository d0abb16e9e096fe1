import { frame } from '@trocar/core';
import { fromRotationVector, invertRigid, multiply4, type Random } from '@trocar/core/math';
import type { WireObservation } from '../observations.js';
import { fCalPhantom, type NWirePhantom } from '../phantom.js';

/** The probe's and the image's frames. */
export const PROBE = frame('probe');
export const IMAGE = frame('image');
/** Three N-wires. */
export const PHANTOM: NWirePhantom = fCalPhantom('1.2');
/** Size of the made-up images, pixels. */
export const SIZE = [820, 616] as const;

/** What a made-up recording is drawn from. */
export interface WireSceneOptions {
  readonly images?: number;
  /** Standard deviation of dots along each axis, pixels. */
  readonly dotNoise?: number;
  /** Of the poses: mm and rad along each axis. */
  readonly poseNoise?: readonly [number, number];
  /** How much later than an image the pose is that belongs to it, ms. */
  readonly lagMs?: number;
  /** Share of images whose dots are somewhere else. */
  readonly outlierShare?: number;
  readonly phantom?: NWirePhantom;
  /** How much larger pixels are than 0.08 mm. Default 1. */
  readonly pixelScale?: number;
  /** From one image to the next, ms. Default 78. */
  readonly everyMs?: number;
}

/** A made-up recording of the phantom, and the truth. */
export interface WireScene {
  readonly probeFromImage: Float64Array;
  readonly observations: readonly WireObservation[];
  /** Numbers of the images that were spoilt. */
  readonly spoilt: ReadonlySet<number>;
}

/** A probe that wanders over the phantom: slides along the wires and tilts, with an unknown calibration. */
export function wireScene(random: Random, options: WireSceneOptions = {}): WireScene {
  const {
    images = 120,
    dotNoise = 0,
    poseNoise = [0, 0],
    lagMs = 0,
    outlierShare = 0,
    phantom = PHANTOM,
    pixelScale = 1,
    everyMs = 78,
  } = options;
  const pose = fromRotationVector(new Float64Array(16), [random.between(-1, 1), random.between(-1, 1), random.between(-1, 1)]);
  for (let r = 0; r < 3; r += 1) pose[12 + r] = random.between(-40, 40);
  const [sx, sy] = [pixelScale * random.between(0.07, 0.09), pixelScale * random.between(0.07, 0.09)];
  const probeFromImage = pose.map((x, n) => (n < 4 ? x * sx : n < 8 ? x * sy : n < 12 ? (x * (sx + sy)) / 2 : x));
  const phases = Array.from({ length: 6 }, () => random.between(0, 6.28));
  const spoilt = new Set<number>();
  const centre = centreOf(phantom);
  const observations = Array.from({ length: images }, (_, n): WireObservation => {
    const timeMs = 1000 + everyMs * n;
    // The image shows the phantom as it is at its time; the pose that belongs to it is stamped `lagMs` later.
    const dots = cutWires(phantomFromImagePlane(timeMs, phases, centre, pixelScale), phantom, sx, sy);
    for (let k = 0; k < dots.length; k += 1) dots[k] = (dots[k] as number) + dotNoise * random.normal();
    if (random.uniform() < outlierShare) {
      spoilt.add(n);
      for (let k = 0; k < dots.length; k += 1) dots[k] = (dots[k] as number) + random.between(-60, 60);
    }
    const jitter = fromRotationVector(
      new Float64Array(16),
      [0, 1, 2].map(() => poseNoise[1] * random.normal()),
    );
    for (let r = 0; r < 3; r += 1) jitter[12 + r] = poseNoise[0] * random.normal();
    const plane = phantomFromImagePlane(timeMs - lagMs, phases, centre, pixelScale);
    const phantomFromProbe = multiply4(new Float64Array(16), plane, invertRigid(new Float64Array(16), pose));
    return { dots, phantomFromProbe: multiply4(phantomFromProbe, phantomFromProbe, jitter), timeMs };
  });
  return { probeFromImage, observations, spoilt };
}

/** The middle of the box around a phantom's wires, mm. */
function centreOf({ patterns }: NWirePhantom): number[] {
  const ends = patterns.flatMap((pattern) => pattern.flatMap(({ front, back }) => [front, back]));
  return [0, 1, 2].map((r) => {
    const values = ends.map((p) => p[r] as number);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
}

/** Where the plane of the image is, mm: columns against the phantom's x, rows against its z, a little turned, moving along y. */
function phantomFromImagePlane(
  timeMs: number,
  phases: readonly number[],
  centre: readonly number[],
  pixelScale: number,
): Float64Array {
  const wave = (n: number, period: number): number => Math.sin(timeMs / period + (phases[n] as number));
  const down = Float64Array.of(-1, 0, 0, 0, 0, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 1);
  const turn = fromRotationVector(new Float64Array(16), [0.2 * wave(0, 900), 0.15 * wave(1, 1300), 0.2 * wave(2, 1100)]);
  const m = multiply4(new Float64Array(16), down, turn);
  const [u, v] = [410 * 0.08 * pixelScale, 300 * 0.08 * pixelScale];
  const off = [3 * wave(3, 1000), 13 * wave(4, 1500), 3 * wave(5, 1200)];
  const middle = centre.map((x, r) => x + (off[r] as number));
  for (let r = 0; r < 3; r += 1) m[12 + r] = (middle[r] as number) - (m[r] as number) * u - (m[4 + r] as number) * v;
  return m;
}

/** Pixels where wires meet the plane, patterns from top to bottom, wires from left to right. */
function cutWires(plane: Float64Array, phantom: NWirePhantom, sx: number, sy: number): Float64Array {
  const inverse = invertRigid(new Float64Array(16), plane);
  const place = (p: readonly number[]): number[] =>
    [0, 1, 2].map((r) =>
      [0, 1, 2].reduce((sum, c) => sum + (inverse[4 * c + r] as number) * (p[c] as number), inverse[12 + r] as number),
    );
  const rows = phantom.patterns.map((pattern) => {
    const dots = pattern.map(({ front, back }) => {
      const [a, b] = [place(front), place(back)];
      const s = (a[2] as number) / ((a[2] as number) - (b[2] as number));
      return [0, 1].map((r) => ((a[r] as number) + s * ((b[r] as number) - (a[r] as number))) / (r === 0 ? sx : sy));
    });
    return dots.sort((p, q) => (p[0] as number) - (q[0] as number));
  });
  rows.sort((a, b) => (a[0]?.[1] as number) - (b[0]?.[1] as number));
  return Float64Array.from(rows.flat(2));
}

/** How far two maps put the image's corners and middle apart, at most, mm. */
export function apartMm(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const places = [
    [0, 0],
    [819, 0],
    [0, 615],
    [819, 615],
    [410, 308],
  ] as const;
  return Math.max(
    ...places.map(([u, v]) =>
      Math.hypot(
        ...[0, 1, 2].map((r) => {
          const d = (c: number): number => (a[c] as number) - (b[c] as number);
          return d(r) * u + d(4 + r) * v + d(12 + r);
        }),
      ),
    ),
  );
}
