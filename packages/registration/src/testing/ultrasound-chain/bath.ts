import { apply, type Point, point } from '@trocar/core';
import { fromRotationVector, identity4, invertRigid, type Random, transformPoint } from '@trocar/core/math';
import type { BModeProbe } from '@trocar/core/testing';
import { calibratePivot } from '../../calibration/pivot.js';
import { calibrateProbe, type ProbeCalibration } from '../../calibration/probe/calibrate-probe.js';
import { detectDots } from '../../calibration/probe/dots.js';
import { findWires } from '../../calibration/probe/find-wires.js';
import { phantomFromProbeOf, type WireObservation } from '../../calibration/probe/observations.js';
import { fCalPhantom, type NWirePhantom } from '../../calibration/probe/phantom.js';
import { type ProbeValidation, validateProbe } from '../../calibration/probe/validate-probe.js';
import { type PointRegistration, registerPoints } from '../../points/register-points.js';
import type { ChainFindings } from './findings.js';
import { IMAGE, PHANTOM, POINTER, PROBE, product, REFERENCE, rigid, type Station, TIP, TRACKER } from './station.js';

/** Divots of the phantom, mm. */
const DIVOTS: readonly (readonly [number, number, number])[] = [
  [0, 0, -15],
  [70, 0, -15],
  [70, 40, -15],
  [0, 40, -15],
  [5, 0, 25],
  [65, 0, 25],
  [65, 40, 25],
  [5, 40, 25],
];
/** A ball in a divot sits so well, mm along each axis; dots of wires have errors of their own beside the noise of pictures. */
const SEAT_MM = 0.15;
const DOT_MM = 0.08;
/** Pictures a second in the bath: 10. */
const PERIOD_MS = 100;
/** Limits: of the check's mean distance, mm, and of a pixel's width against the scanner's. */
const CHECK_MM = 1.5;
const PIXEL_SHARE = 0.006;

/** What is truly so of pointer, phantom and probe. */
export interface BathTruth {
  readonly tipInPointer: Float64Array;
  readonly referenceFromPhantom: Float64Array;
  readonly probeFromPlane: Float64Array;
  /** Of the probe that was calibrated, where it is another one. */
  readonly calibratedFromPlane: Float64Array;
  /** The pose of a picture was true so long before its stamp, ms. */
  readonly latencyMs: number;
  /** Echoes in the bath are drawn too deep by this factor. */
  readonly speed: number;
  /** The phantom's drawing is too large by this factor. */
  readonly drawing: number;
}

/** Where the pointer is when its tip is at a place, mm, leaning as `turn` says. */
export function pointerAt(place: ArrayLike<number>, turn: readonly number[], tip: ArrayLike<number>): Float64Array {
  const m = fromRotationVector(identity4(), turn);
  const t = transformPoint(new Float64Array(3), m, tip);
  for (let r = 0; r < 3; r += 1) m[12 + r] = (place[r] as number) - (t[r] as number);
  return m;
}

/** The pointer is tilted about its tip for twelve seconds. */
export function calibratePointer(station: Station, { tipInPointer }: BathTruth, findings: ChainFindings): number {
  const start = station.nowMs;
  const length = 12_000;
  station.move('pointer', length, (t) => {
    const a = (t - start) / 1000;
    return pointerAt([40, 30, -80], [0.5 * Math.sin(1.1 * a), 0.5 * Math.cos(0.9 * a), 0.4 * Math.sin(0.5 * a)], tipInPointer);
  });
  const poses = station.poses([start, start + length], 75, TRACKER, POINTER);
  const pivot = calibratePivot({ to: TRACKER, from: POINTER, poses }, TIP);
  station.graph.set(pivot.stylusFromTip);
  findings.addAll('pivot', pivot.findings);
  return Math.hypot(...[0, 1, 2].map((r) => (pivot.tipMm[r] as number) - (tipInPointer[r] as number)));
}

/** The phantom's divots are touched. */
export function registerPhantom(
  station: Station,
  truth: BathTruth,
  random: Random,
  findings: ChainFindings,
): PointRegistration<'reference', 'phantom'> {
  const touched: Point<'reference'>[] = DIVOTS.map((divot) => {
    const seated = divot.map((x) => x + SEAT_MM * random.normal());
    const place = transformPoint(new Float64Array(3), truth.referenceFromPhantom, seated);
    const turn = [random.between(-0.4, 0.4), random.between(-0.4, 0.4), random.between(-0.4, 0.4)];
    return point(REFERENCE, station.touch(pointerAt(place, turn, truth.tipInPointer)));
  });
  const known = DIVOTS.map((p) =>
    point(
      PHANTOM,
      p.map((x) => truth.drawing * x),
    ),
  );
  const registration = registerPoints(REFERENCE, PHANTOM, touched, known);
  findings.addAll('phantom', registration.findings);
  return registration;
}

/** A recording of the wires. */
export interface BathRecording {
  readonly observations: readonly WireObservation[];
  /** What of the pictures is sector: 1 where any of them was not black. */
  readonly sector: Uint8Array;
}

/** The probe wanders over the wires; pictures are drawn, and dots looked for in them. */
export function recordWires(
  station: Station,
  probe: BModeProbe,
  truth: BathTruth,
  random: Random,
  options: { readonly images: number; readonly probeFromPlane: Float64Array; readonly referenceFromPhantom: ArrayLike<number> },
): BathRecording {
  const start = station.nowMs;
  const phases = Array.from({ length: 6 }, () => random.between(0, 6.28));
  const phantomFromPlane = (t: number): Float64Array => planeOver(t - start, phases);
  const referenceFromProbe = (t: number): Float64Array =>
    product(truth.referenceFromPhantom, phantomFromPlane(t), invertRigid(identity4(), options.probeFromPlane));
  station.move('probe', PERIOD_MS * options.images + 1500, referenceFromProbe);
  const empty = emptyPicture(probe, random);
  const observations: WireObservation[] = [];
  const phantom = phantomOf(1);
  for (let n = 0; n < options.images; n += 1) {
    const taken = start + 500 + PERIOD_MS * n;
    const stamp = taken + truth.latencyMs;
    const { pixels, size } = wirePicture(probe, empty, phantom, phantomFromPlane(taken), truth.speed, random);
    const dots = findWires(detectDots(pixels, size, { pixelMm: probe.geometry.pixelMm }), phantom, {
      pixelMm: probe.geometry.pixelMm,
    });
    const view = station.at(stamp, REFERENCE, PROBE);
    if (dots === undefined || !view.hasPose) continue;
    observations.push({ dots, phantomFromProbe: phantomFromProbeOf(options.referenceFromPhantom, view.matrix), timeMs: stamp });
  }
  return { observations, sector: empty.map((x) => (x > 0 ? 1 : 0)) };
}

/** The phantom as its drawing says. */
export function phantomOf(drawing: number): NWirePhantom {
  const { name, patterns } = fCalPhantom('1.2');
  const scaled = (p: readonly number[]): [number, number, number] => p.map((x) => drawing * x) as [number, number, number];
  return {
    name,
    patterns: patterns.map(([a, b, c]) => {
      const [x, y, z] = [a, b, c].map((w) => ({ ...w, front: scaled(w.front), back: scaled(w.back) }));
      return [x, y, z] as NWirePhantom['patterns'][number];
    }),
  };
}

/** Calibrates, and compares a pixel's edge with what the scanner says. */
export function calibrate(
  recording: BathRecording,
  probe: BModeProbe,
  truth: BathTruth,
  findings: ChainFindings,
): ProbeCalibration<'probe', 'image'> {
  const found = calibrateProbe(PROBE, IMAGE, phantomOf(truth.drawing), recording.observations);
  findings.addAll('calibration', found.findings);
  const share = found.pixelMm[0] / probe.geometry.pixelMm - 1;
  if (Math.abs(share) > PIXEL_SHARE) {
    findings.add(
      'calibration',
      'pixel-size',
      `Pixels are ${(100 * share).toFixed(1)} % wider than the scanner says. Check the phantom's drawing.`,
    );
  }
  return found;
}

/** The daily check: fresh pictures of the wires against the calibration in use. */
export function check(
  found: ProbeCalibration<'probe', 'image'>,
  recording: BathRecording,
  truth: BathTruth,
  findings: ChainFindings,
): ProbeValidation {
  const limits = { limitMm: CHECK_MM };
  const validation = validateProbe(found, phantomOf(truth.drawing), recording.observations, undefined, limits);
  findings.addAll('check', validation.findings);
  return validation;
}

/** How far the calibration puts pixels of the sector from where they truly are, mm (rms). */
export function calibrationErrorMm(
  found: ProbeCalibration<'probe', 'image'>,
  probe: BModeProbe,
  probeFromPlane: Float64Array,
): number {
  const truly = product(probeFromPlane, probe.planeFromImage);
  const { columns, rows } = probe.geometry;
  const p = new Float64Array(3);
  const q = new Float64Array(3);
  let [squares, count] = [0, 0];
  for (let v = 20; v < rows; v += 40) {
    for (let u = 60; u < columns - 40; u += 40) {
      transformPoint(p, truly, [u, v, 0]);
      transformPoint(q, found.probeFromImage, [u, v, 0]);
      squares += [0, 1, 2].reduce((sum, r) => sum + ((p[r] as number) - (q[r] as number)) ** 2, 0);
      count += 1;
    }
  }
  return Math.sqrt(squares / count);
}

/** How far off the phantom is at its wires, mm. */
export function phantomErrorMm(
  registration: PointRegistration<'reference', 'phantom'>,
  { referenceFromPhantom }: BathTruth,
): number {
  const middle = [35, 20, 5];
  const { xyz } = apply(registration.edge, point(PHANTOM, middle));
  const truly = transformPoint(new Float64Array(3), referenceFromPhantom, middle);
  return Math.hypot(...[0, 1, 2].map((r) => (xyz[r] as number) - (truly[r] as number)));
}

/** Phantom from plane: beams down its z, lines against its x; sliding along the wires, nearer and farther, turning a little. */
function planeOver(t: number, phases: readonly number[]): Float64Array {
  const wave = (n: number, period: number): number => Math.sin(t / period + (phases[n] as number));
  const down = Float64Array.of(-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1);
  const turned = product(down, rigid([0.25 * wave(0, 900), 0.15 * wave(1, 1300), 0.25 * wave(2, 1100)], [0, 0, 0]));
  // The wires' middle lies so far from the apex, and so far beside the middle beam.
  const place = transformPoint(new Float64Array(3), turned, [3 * wave(3, 1000), 0, 44 + 11 * wave(5, 1700)]);
  const middle = [35, 20 + 13 * wave(4, 1500), 5];
  for (let r = 0; r < 3; r += 1) turned[12 + r] = (middle[r] as number) - (place[r] as number);
  return turned;
}

/** What a picture of water shows: next to nothing. */
function emptyPicture(probe: BModeProbe, random: Random): Uint8Array {
  const shape = probe.image(() => 0, identity4(), 0);
  return shape.map((x) => (x > 0 ? 3 + random.below(8) : 0));
}

function wirePicture(
  probe: BModeProbe,
  empty: Uint8Array,
  phantom: NWirePhantom,
  phantomFromPlane: Float64Array,
  speed: number,
  random: Random,
): { pixels: Uint8Array; size: readonly [number, number] } {
  const { columns, rows, startMm, pixelMm } = probe.geometry;
  const pixels = empty.slice();
  const inverse = invertRigid(identity4(), phantomFromPlane);
  const [a, b] = [new Float64Array(3), new Float64Array(3)];
  for (const { front, back } of phantom.patterns.flat()) {
    transformPoint(a, inverse, front);
    transformPoint(b, inverse, back);
    const s = (a[1] as number) / ((a[1] as number) - (b[1] as number));
    const [x, z] = [0, 2].map((r) => (a[r] as number) + s * ((b[r] as number) - (a[r] as number)) + DOT_MM * random.normal()) as [
      number,
      number,
    ];
    const r = Math.hypot(x, z);
    const drawn = (startMm + (r - startMm) * speed) / r;
    const [u, v] = [(drawn * x) / pixelMm + probe.sector.apex[0], (drawn * z) / pixelMm + probe.sector.apex[1]];
    spot(pixels, columns, rows, [u, v], [x / r, z / r], random.between(150, 245));
  }
  return { pixels, size: [columns, rows] };
}

/** An echo at a pixel: short along its beam, wide across. */
function spot(
  pixels: Uint8Array,
  columns: number,
  rows: number,
  [u, v]: readonly [number, number],
  [bx, bz]: readonly [number, number],
  peak: number,
): void {
  for (let row = Math.max(0, Math.round(v) - 9); row <= Math.min(rows - 1, Math.round(v) + 9); row += 1) {
    for (let column = Math.max(0, Math.round(u) - 9); column <= Math.min(columns - 1, Math.round(u) + 9); column += 1) {
      const [x, y] = [column - u, row - v];
      const [along, across] = [x * bx + y * bz, x * bz - y * bx];
      const n = row * columns + column;
      const own = pixels[n] as number;
      if (own > 0) pixels[n] = Math.min(255, own + peak * Math.exp(-0.5 * ((along / 1.6) ** 2 + (across / 3.2) ** 2)));
    }
  }
}
