import { identity4, invertRigid, type Random, transformPoint } from '@trocar/core/math';
import { type BModeGeometry, type BModeProbe, bModeProbe, type Movement, type SimulatedBrain } from '@trocar/core/testing';
import {
  checkSweep,
  makeSweep,
  reconstructSweep,
  type Sweep,
  type SweepFrame,
  type SweepReconstruction,
} from '@trocar/core/ultrasound';
import type { ChainFault } from './faults.js';
import type { ChainFindings } from './findings.js';
import { PROBE, product, REFERENCE, rigid, type Station } from './station.js';

/** Pictures a second: 12.5. */
const PERIOD_MS = 80;
/** Longest edge of a gap that is closed, and of a voxel, mm. */
const SPACING_MM = 0.6;
const GAP_MM = 2;
/** The stamp of a picture is off by so much, ms (standard deviation). */
const STAMP_MS = 2;

/** The patient, and where everything truly is. */
export interface PatientTruth {
  readonly brain: SimulatedBrain;
  /** How the brain has moved since the MR, beyond a rigid motion. */
  readonly movement: Movement | undefined;
  /** Reference from body, and MR from body: rigid. */
  readonly referenceFromBody: Float64Array;
  readonly mrFromBody: Float64Array;
  readonly probeFromPlane: Float64Array;
  readonly latencyMs: number;
  /** Echoes in tissue are drawn too deep by this factor. */
  readonly speed: number;
}

/** A picture of the sweep, and where its plane truly was. */
export interface SweepPicture {
  readonly pixels: Uint8Array;
  readonly stampMs: number;
  readonly bodyFromPlane: Float64Array;
}

/** How a probe tilts and slides over the brain's surface: body from plane at shares of the way from 0 to 1. */
function drawWay(random: Random, { startMm }: BModeGeometry): (share: number) => Float64Array {
  const facing = random.between(-0.5, 0.5);
  const side = [random.between(-5, 5), random.between(-5, 5)] as const;
  const tilt = random.between(0.25, 0.45);
  const slide = random.between(4, 10);
  const wobble = [0, 1, 2, 3].map(() => random.between(-1, 1));
  return (share) => {
    const t = -Math.cos(Math.PI * Math.min(1, Math.max(0, share)));
    const [a = 0, b = 0, c = 0, d = 0] = wobble;
    const turn = product(
      rigid([0, 0, facing + 0.03 * a * Math.sin(7 * share)], [0, 0, 0]),
      rigid([Math.PI + t * tilt + 0.02 * b * Math.sin(9 * share), 0.03 * c * Math.sin(5 * share), 0], [0, 0, 0]),
    );
    turn[12] = side[0] - slide * t * Math.sin(facing) + d * Math.sin(6 * share);
    turn[13] = side[1] + slide * t * Math.cos(facing);
    turn[14] = 21 + startMm;
    return turn;
  };
}

/** The surgeon sweeps: pictures with their stamps, and poses in the station's buffers. */
export function recordSweep(
  station: Station,
  probe: BModeProbe,
  truth: PatientTruth,
  random: Random,
  options: { readonly pictures: number; readonly fault: ChainFault | undefined; readonly seed: number },
): SweepPicture[] {
  const { pictures: count, fault } = options;
  const start = station.nowMs;
  const length = PERIOD_MS * (count - 1);
  const way = drawWay(random, probe.geometry);
  const bodyFromPlane = (t: number): Float64Array => way((t - start - 300) / length);
  const planeFromProbe = invertRigid(identity4(), truth.probeFromPlane);
  const lost = fault === 'missing-poses' ? [[300 + 0.4 * length, 300 + 0.6 * length] as const] : [];
  station.move('probe', length + 1000, (t) => product(truth.referenceFromBody, bodyFromPlane(t), planeFromProbe), lost);
  const tissueAt = tissueNow(truth);
  const scanners = scannersOf(probe, fault, options.seed);
  const pictures = Array.from({ length: count }, (_, n): SweepPicture => {
    const taken = start + 300 + PERIOD_MS * n;
    const truly = bodyFromPlane(taken);
    const pixels = scanners(n / count).image(tissueAt, truly, n, truth.speed);
    const stampMs = taken + truth.latencyMs + STAMP_MS * random.normal();
    return { pixels: fault === 'mirrored' ? mirrored(pixels, probe.geometry.columns) : pixels, stampMs, bodyFromPlane: truly };
  });
  const middle = count >> 1;
  if (fault === 'same-time') pictures.splice(middle, 0, { ...(pictures[middle - 1] as SweepPicture) });
  return pictures;
}

/** What tissue is now at a place of the body. */
function tissueNow({ brain, movement }: PatientTruth): SimulatedBrain['tissueAt'] {
  if (movement === undefined) return brain.tissueAt;
  const p = new Float64Array(3);
  return (x, y, z) => {
    movement.back(p, x, y, z);
    return brain.tissueAt(p[0] as number, p[1] as number, p[2] as number);
  };
}

/** Where a place of the body is now, mm. */
export function placeNow({ movement }: PatientTruth, p: ArrayLike<number>): Float64Array {
  const now = Float64Array.from(p);
  movement?.forward(now, p[0] as number, p[1] as number, p[2] as number);
  return now;
}

/** The scanner's setting over the sweep: somebody may have turned a knob. */
function scannersOf(probe: BModeProbe, fault: ChainFault | undefined, seed: number): (share: number) => BModeProbe {
  const changed = (change: Partial<BModeGeometry>): BModeProbe =>
    bModeProbe({ seed, geometry: { ...probe.geometry, ...change } });
  const { pixelMm, depthMm } = probe.geometry;
  if (fault === 'zoom') {
    const zoomed = changed({ pixelMm: pixelMm / 1.01 });
    return () => zoomed;
  }
  if (fault === 'depth') {
    const deeper = changed({ depthMm: 1.15 * depthMm, pixelMm: 1.12 * pixelMm });
    return (share) => (share < 0.5 ? probe : deeper);
  }
  return () => probe;
}

/** The picture with its sides exchanged. */
function mirrored(pixels: Uint8Array, columns: number): Uint8Array {
  return pixels.map((_, n) => pixels[n - (n % columns) + columns - 1 - (n % columns)] as number);
}

/** What is known of the probe. */
export interface KnownProbe {
  readonly probeFromImage: ArrayLike<number>;
  readonly lagMs: number;
  /** Pixels that were sector when it was calibrated. */
  readonly sector: Uint8Array;
}

/** Pictures with the poses that belong to them, checked. @throws NavError as makeSweep() does */
export function sweepOf(
  station: Station,
  pictures: readonly SweepPicture[],
  probe: BModeProbe,
  known: KnownProbe,
  findings: ChainFindings,
): Sweep<'reference'> {
  const frames = pictures.map(({ pixels, stampMs }): SweepFrame => {
    const view = station.at(stampMs + known.lagMs, REFERENCE, PROBE);
    const frameFromImage = view.hasPose ? product(view.matrix, known.probeFromImage) : identity4();
    return { pixels, frameFromImage, timeMs: stampMs, status: view.status };
  });
  const size = [probe.geometry.columns, probe.geometry.rows] as const;
  const sweep = makeSweep({ frame: REFERENCE, size, frames });
  // The frames, and not the sweep: a picture without a pose shows its sector as well.
  findings.addAll('sweep', checkSweep({ size, frames }, { sector: known.sector }));
  return sweep;
}

/** The sweep as a volume in the reference's frame. @throws NavError as reconstructSweep() does */
export async function reconstruct(sweep: Sweep<'reference'>, probe: BModeProbe): Promise<SweepReconstruction<'reference'>> {
  return reconstructSweep(sweep, { spacingMm: SPACING_MM, fillGapsMm: GAP_MM, clip: { fan: probe.sector } });
}

/** Places of the body as the MR shows it, mm: inside what the pictures show, and beside it. */
export interface ChainTargets {
  readonly inside: readonly Float64Array[];
  readonly outside: readonly Float64Array[];
}

/** So many of each kind; those outside are this far from what is seen, mm. */
const TARGETS = 40;
const BESIDE = [3, 20] as const;

/** Sulci and vessels that a picture cut, more than 5 mm from the face, and others up to 20 mm beside what pictures show. */
export function drawTargets(
  random: Random,
  pictures: readonly SweepPicture[],
  probe: BModeProbe,
  truth: PatientTruth,
): ChainTargets {
  const inverses = pictures.map(({ bodyFromPlane }) => invertRigid(identity4(), bodyFromPlane));
  const inside: Float64Array[] = [];
  const outside: Float64Array[] = [];
  for (let tries = 0; tries < 100_000 && (inside.length < TARGETS || outside.length < TARGETS); tries += 1) {
    const p = Float64Array.of(random.between(-38, 38), random.between(-38, 38), random.between(-38, 20));
    if (!truth.brain.isLandmark(p[0] as number, p[1] as number, p[2] as number)) continue;
    const away = besideMm(placeNow(truth, p), inverses, probe.geometry);
    if (away === 0 && inside.length < TARGETS) inside.push(p);
    else if (away > BESIDE[0] && away < BESIDE[1] && outside.length < TARGETS) outside.push(p);
  }
  return { inside, outside };
}

/** About how far a place is from the nearest that a picture shows; 0 where one does, NaN in the first 5 mm. */
function besideMm(p: Float64Array, planes: readonly Float64Array[], { startMm, depthMm, halfAngle }: BModeGeometry): number {
  const q = new Float64Array(3);
  let least = Number.POSITIVE_INFINITY;
  for (const m of planes) {
    transformPoint(q, m, p);
    const [x, y, z] = [q[0] as number, q[1] as number, q[2] as number];
    const [r, angle] = [Math.hypot(x, z), Math.abs(Math.atan2(x, z))];
    const across = Math.max(0, r * Math.sin(Math.min(1.5, angle - 0.95 * halfAngle)));
    const deep = Math.max(0, r - startMm - depthMm + 2);
    const near = Math.max(0, startMm + 5 - r);
    if (near > 0 && across === 0) return Number.NaN;
    const away = Math.hypot(Math.max(0, Math.abs(y) - 0.7), across, deep);
    if (away < least) least = away;
  }
  return least;
}
