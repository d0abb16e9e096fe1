import { type Point, point } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { type CalibrationPose, calibratePivot, registerPoints, registerSimilarity } from '@trocar/registration';
import { type Figures, figuresOf, meanVector, precisionOf } from './figures.js';
import { type AccuracyPhantom, type Divot, PHANTOM, REFERENCE, STYLUS, TIP } from './phantom.js';
import { LEANS_DEG, type Prompt, promptsFor, type Recordings } from './prompts.js';

/** What a system must reach to pass, mm. */
export interface Limits {
  /** 95 % of single touches of test divots. */
  readonly test95Mm: number;
  /** The mean error vector: what does not average out. */
  readonly biasMm: number;
  /** Root-mean-square error of a distance between two test divots. */
  readonly distanceRmsMm: number;
  /** Difference of the scale from 1, where it is also beyond its own error: 0.002 is 0.2 mm in 100 mm. */
  readonly scale: number;
}

/** Limits that optical navigation systems are usually held to. */
export const LIMITS: Limits = { test95Mm: 1.5, biasMm: 0.5, distanceRmsMm: 1, scale: 0.002 };

/** A difference of the scale is real beyond so many standard deviations. */
const SCALE_SDS = 4.5;

/** One touch of a test divot. */
export interface Touch {
  readonly divot: string;
  readonly leanDeg: number;
  readonly azimuthDeg: number;
  /** Measured minus true, phantom frame, mm. */
  readonly error: readonly [number, number, number];
  readonly errorMm: number;
}

/** The results of the protocol. Lengths in mm. */
export interface Accuracy {
  readonly staticNoise: { readonly positionRmsMm: number; readonly peakMm: number; readonly poses: number };
  readonly pivot: { readonly rmsMm: number; readonly tip95Mm: number; readonly findings: readonly string[] };
  readonly registration: {
    readonly freMm: number;
    readonly fleMm: number;
    readonly scale: number;
    readonly scaleSd: number;
    readonly findings: readonly string[];
  };
  readonly touches: readonly Touch[];
  readonly points: Figures;
  readonly biasMm: number;
  readonly bias: readonly [number, number, number];
  /** Rms distance of single touches from their divot's mean. */
  readonly precisionMm: number;
  readonly byLean: readonly { readonly leanDeg: number; readonly figures: Figures; readonly biasMm: number }[];
  /** Per degree of lean, how much a touch moves with the direction it leans to: the tip's own error across the shaft, seen by turning. */
  readonly angleSensitivityMm: number;
  /** All pairs of test divots: measured minus true. */
  readonly distances: Figures;
  /** At the test divots: what the registration expects (rms) and what is. FRE stands beside them to show that it is neither. */
  readonly expectedTreRmsMm: number;
  readonly tre: Figures;
  readonly failures: readonly string[];
  readonly pass: boolean;
}

/**
 * The protocol of ASTM F2554 for positional accuracy, with what navigation adds: static noise, pivot calibration, registration by divots,
 * single touches of other divots at several leans, their distances, and expected against true registration error.
 * @throws NavError where a recording cannot hold the answer: as `calibratePivot` and `registerPoints`
 */
export function measureAccuracy(phantom: AccuracyPhantom, record: Recordings, limits: Limits = LIMITS): Accuracy {
  const prompts = promptsFor(phantom);
  const taken = new Map(prompts.map((p) => [p.name, record(p)]));
  const of = (name: string): readonly CalibrationPose[] => taken.get(name) as readonly CalibrationPose[];
  const pivot = calibratePivot({ to: REFERENCE, from: STYLUS, poses: of('pivot') }, TIP);
  const tip = Array.from(pivot.tipMm);
  const place = (p: Prompt): Point<'reference'> => point(REFERENCE, meanVector(of(p.name).map((pose) => tipOf(pose, tip))));
  const known = phantom.registration.map((d) => point(PHANTOM, d.at));
  const touched = prompts.filter((p) => p.name.startsWith('register ')).map(place);
  // A wrong scale is a result here: it is measured and reported, not refused.
  const fit = registerPoints(PHANTOM, REFERENCE, known, touched, { allow: ['scale'] });
  const similar = registerSimilarity(PHANTOM, REFERENCE, known, touched);
  const tests = prompts.filter((p) => p.name.startsWith('test '));
  const places = tests.map((p) => transformPoint(new Float64Array(3), fit.edge.matrix, place(p).xyz));
  const touches = tests.map((p, k): Touch => touchOf(p, places[k] as Float64Array));
  const expected = phantom.test.map((d) => fit.expectedTre(point(PHANTOM, d.at)).rmsMm);
  const base = {
    staticNoise: staticNoise(of('static')),
    pivot: { rmsMm: pivot.rmsMm, tip95Mm: pivot.tip95Mm, findings: pivot.findings.map((f) => f.code) },
    registration: {
      freMm: fit.freMm,
      fleMm: fit.fleMm,
      scale: similar.scale,
      scaleSd: similar.scaleSd,
      findings: fit.findings.map((f) => f.code),
    },
    touches,
    ...summaryOf(phantom.test, touches),
    expectedTreRmsMm: Math.sqrt(expected.reduce((s, e) => s + e * e, 0) / expected.length),
  };
  const failures = failuresOf(base, limits);
  return { ...base, failures, pass: failures.length === 0 };
}

function summaryOf(test: readonly Divot[], touches: readonly Touch[]) {
  const byDivot = test.map((d) => touches.filter((t) => t.divot === d.name));
  const means = byDivot.map((list) => meanVector(list.map((t) => t.error)));
  const bias = meanVector(touches.map((t) => t.error));
  const within = byDivot.map((list) => precisionOf(list.map((t) => t.error)));
  return {
    points: figuresOf(touches.map((t) => t.errorMm)),
    bias,
    biasMm: Math.hypot(...bias),
    precisionMm: Math.sqrt(within.reduce((s, w) => s + w * w, 0) / within.length),
    byLean: LEANS_DEG.map((leanDeg) => {
      const list = touches.filter((t) => t.leanDeg === leanDeg);
      return {
        leanDeg,
        figures: figuresOf(list.map((t) => t.errorMm)),
        biasMm: Math.hypot(...meanVector(list.map((t) => t.error))),
      };
    }),
    angleSensitivityMm: angleSensitivity(test, touches),
    distances: figuresOf(distanceErrors(test, means)),
    // The mean of the touches of a divot: the registration's error there, with what is left of the touching.
    tre: figuresOf(means.map((m) => Math.hypot(...m))),
  };
}

/** Rms movement of the measured place between leans to opposite sides, over twice the sine of the lean: the tip's error across the shaft. */
function angleSensitivity(test: readonly Divot[], touches: readonly Touch[]): number {
  const across: number[] = [];
  for (const divot of test) {
    for (const lean of LEANS_DEG.filter((l) => l > 0)) {
      for (const azimuth of [0, 90]) {
        const find = (a: number) => touches.find((t) => t.divot === divot.name && t.leanDeg === lean && t.azimuthDeg === a);
        const [one, other] = [find(azimuth), find(azimuth + 180)];
        if (one === undefined || other === undefined) continue;
        const d = Math.hypot(...one.error.map((v, k) => v - (other.error[k] as number)));
        across.push(d / (2 * Math.sin((lean * Math.PI) / 180)));
      }
    }
  }
  return figuresOf(across).rms;
}

function distanceErrors(test: readonly Divot[], means: readonly (readonly number[])[]): number[] {
  const errors: number[] = [];
  for (let a = 0; a < test.length; a += 1) {
    for (let b = 0; b < a; b += 1) {
      const [p, q] = [(test[a] as Divot).at, (test[b] as Divot).at];
      const apart = p.map((v, k) => v - (q[k] as number));
      const measured = apart.map((v, k) => v + ((means[a] as number[])[k] as number) - ((means[b] as number[])[k] as number));
      errors.push(Math.hypot(...measured) - Math.hypot(...apart));
    }
  }
  return errors;
}

function touchOf(prompt: Prompt, measured: Float64Array): Touch {
  const error = [0, 1, 2].map((k) => (measured[k] as number) - (prompt.divot.at[k] as number)) as [number, number, number];
  const { leanDeg, azimuthDeg } = prompt;
  return { divot: prompt.divot.name, leanDeg, azimuthDeg, error, errorMm: Math.hypot(...error) };
}

function tipOf({ matrix: m }: CalibrationPose, tip: readonly number[]): number[] {
  return Array.from(transformPoint(new Float64Array(3), m, tip));
}

/** Of the marker of a pointer that rests: what the tracker alone does. */
function staticNoise(poses: readonly CalibrationPose[]) {
  const places = poses.map(({ matrix: m }) => [m[12] as number, m[13] as number, m[14] as number]);
  const mean = meanVector(places);
  const peakMm = Math.max(...places.map((p) => Math.hypot(...p.map((v, k) => v - (mean[k] as number)))));
  return { positionRmsMm: precisionOf(places), peakMm, poses: poses.length };
}

function failuresOf(a: Pick<Accuracy, 'points' | 'biasMm' | 'distances' | 'registration' | 'pivot'>, limits: Limits): string[] {
  const failures: string[] = [];
  const hold = (what: string, is: number, limit: number): void => {
    if (!(is <= limit)) failures.push(`${what} is ${is.toFixed(2)} mm; ${limit} mm is the limit.`);
  };
  hold('The error of a touch (95 %)', a.points.p95, limits.test95Mm);
  hold('The bias', a.biasMm, limits.biasMm);
  hold('The error of a distance (rms)', a.distances.rms, limits.distanceRmsMm);
  const { scale, scaleSd } = a.registration;
  if (Math.abs(scale - 1) > Math.max(limits.scale, SCALE_SDS * scaleSd))
    failures.push(`Distances are ${(100 * (1 / scale - 1)).toFixed(2)} % off: the scale is ${scale.toFixed(4)}.`);
  for (const code of a.pivot.findings) failures.push(`The pivot calibration has the finding "${code}".`);
  return failures;
}
