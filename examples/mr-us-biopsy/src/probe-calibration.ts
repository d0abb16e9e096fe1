import type { PoseView, Transform } from '@trocar/core';
import { identity4, invertRigid, multiply4, transformPoint } from '@trocar/core/math';
import type { PointObservation } from '@trocar/registration';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { BeadFit } from './bead-fit.js';
import { blobNear } from './equipment-step.js';
import { PLANE, PROBE } from './frames.js';
import type { LiveFrame } from './live-images.js';
import { BATH_BEADS, edgeKnownAbout, PLANE_MIDDLE } from './probe.js';

/** The bead is looked at from so many sides, and so many pictures of each are used: what those of a side err by alike is told from how the sides differ. */
export const BEAD_VIEWS = 20;
export const PICTURES_A_VIEW = 3;
export const PICTURES: number = BEAD_VIEWS * PICTURES_A_VIEW;
/** What a calibration must hold. */
export const CALIBRATION_LIMITS = { heldOutMm: 1, beadMm: 1.2, scale: 0.03 } as const;
/** The calibration works in pixels; the scanner's sector is laid out in such. */
const PIXEL_MM = 0.1;
/** Where the middle of the gland shows: the error is asked for there. */
export const MIDDLE_ROW: number = PLANE_MIDDLE[2] / PIXEL_MM;

/** A calibration under review. */
export interface BeadCalibration {
  readonly edge: Transform<'probe', 'plane'>;
  readonly pictures: number;
  /** How far the bead was from its place in views that were held out, mm (mean of the nearest 95 %). */
  readonly heldOutMm: number;
  /** The error to be expected at the middle of the gland, mm (rms). */
  readonly expectedMm: number;
  /** How far the bead's place, which the calibration found of itself, is from where the bath is known to have it, mm. */
  readonly beadMm: number;
  /** The scanner's millimetres in the tracker's: 1 where the speed of sound is right. */
  readonly scale: number;
}

/**
 * The probe calibrated anew: one bead of the bath seen from many sides. Its place is not used but found along with the image's, so that it proves the
 * result where it comes out right.
 */
export class ProbeCalibrationStep {
  #seen: PointObservation[] = [];
  #found: BeadCalibration | undefined;
  #number = -1;

  get pictures(): number {
    return this.#seen.length;
  }
  get found(): BeadCalibration | undefined {
    return this.#found;
  }
  get done(): boolean {
    return this.#seen.length >= PICTURES;
  }

  restart(): void {
    this.#seen = [];
    this.#found = undefined;
  }

  /** The pictures so far, for a fit; another list once it begins anew. */
  get seen(): readonly PointObservation[] {
    return this.#seen;
  }

  /** The calibration under review, which is no longer one then; or why there is none to accept. */
  accepted(): Transform<'probe', 'plane'> | Refusal {
    const found = this.#found;
    if (found === undefined) return NOT_CALIBRATED;
    const not = whyNotCalibrated(found);
    if (not !== undefined) return not;
    this.restart();
    return found.edge;
  }

  /**
   * One more picture of the bead; the same one again is none. After the last of them the calibration is to be worked out.
   * @param view reference from plane at the picture's time, by the calibration so far, which says where to look
   * @param probeFromPlane that calibration
   */
  take({ echoes, number }: LiveFrame, view: PoseView, probeFromPlane: ArrayLike<number>): Refusal | undefined {
    if (view.status !== 'ok')
      return { code: 'not-live', message: `The probe's pose is "${view.status}". Make probe and reference seen.` };
    if (number === this.#number) return undefined;
    if (this.done) this.restart();
    const there = transformPoint(new Float64Array(3), invertRigid(identity4(), view.matrix), BATH_BEADS[0] ?? [0, 0, 0]);
    const seen = blobNear(echoes, there[0] as number, there[2] as number);
    if (isRefusal(seen)) return seen;
    this.#found = undefined;
    this.#number = number;
    this.#seen.push({
      point: [seen.x / PIXEL_MM, seen.z / PIXEL_MM],
      referenceFromProbe: multiply4(identity4(), view.matrix, invertRigid(identity4(), probeFromPlane)),
    });
    return undefined;
  }

  /**
   * Takes up what was worked out of pictures, for review. Fits of pictures that were put aside meanwhile are dropped.
   * @returns why it is not to be used; undefined where it holds what it must
   */
  review(seen: readonly PointObservation[], fit: BeadFit | Refusal): Refusal | undefined {
    if (seen !== this.#seen) return NOT_CALIBRATED;
    if (isRefusal(fit)) return fit;
    this.#found = this.#reviewed(fit);
    return whyNotCalibrated(this.#found);
  }

  #reviewed({ probeFromImage, pixelMm, heldOutMm, expectedMm, turnSdRad }: BeadFit): BeadCalibration {
    const edge = edgeKnownAbout(PROBE, PLANE, planeOf(probeFromImage), {
      middle: PLANE_MIDDLE,
      sdMm: expectedMm / Math.sqrt(3),
      sdRad: turnSdRad,
      method: 'point-target',
    });
    const places = this.#seen.map(({ point: [u, v], referenceFromProbe }) => {
      const p = transformPoint(new Float64Array(3), probeFromImage, [u, v, 0]);
      return transformPoint(p, referenceFromProbe, p);
    });
    const off = (BATH_BEADS[0] ?? []).map((x, k) => places.reduce((s, p) => s + (p[k] as number), 0) / places.length - x);
    return {
      edge,
      pictures: this.#seen.length,
      heldOutMm,
      expectedMm,
      beadMm: Math.hypot(...off),
      scale: Math.sqrt(pixelMm[0] * pixelMm[1]) / PIXEL_MM,
    };
  }
}

/** The plane of an image, in millimetres and right-handed: x along rows, z down the columns; its middle where the image has it. */
function planeOf(m: ArrayLike<number>): Float64Array {
  const column = (from: number): number[] => [0, 1, 2].map((k) => m[from + k] as number);
  const unit = (v: readonly number[]): number[] => v.map((x) => x / Math.hypot(...v));
  const [x, z] = [unit(column(0)), unit(column(4))];
  const y = [0, 1, 2].map((k) => at(z, k + 1) * at(x, k + 2) - at(z, k + 2) * at(x, k + 1));
  const origin = [0, 1, 2].map((k) => (m[12 + k] as number) + (m[4 + k] as number) * MIDDLE_ROW - at(z, k) * PLANE_MIDDLE[2]);
  return Float64Array.of(...x, 0, ...y, 0, ...z, 0, ...origin, 1);
}

const at = (v: readonly number[], k: number): number => v[k % 3] as number;

const NOT_CALIBRATED: Refusal = {
  code: 'not-calibrated',
  message: 'There is no calibration to accept: look at the bead from all sides first.',
};

/** Why a calibration is not to be used; undefined where it holds what it must. */
export function whyNotCalibrated(found: BeadCalibration): Refusal | undefined {
  const { heldOutMm, beadMm, scale } = found;
  if (!(heldOutMm <= CALIBRATION_LIMITS.heldOutMm)) {
    const message = `Views that were held out miss the bead by ${heldOutMm.toFixed(1)} mm, at most ${CALIBRATION_LIMITS.heldOutMm} mm is allowed. Hold the probe still at each view, and calibrate again.`;
    return { code: 'calibration-poor', message };
  }
  if (!(Math.abs(scale - 1) <= CALIBRATION_LIMITS.scale)) {
    const message = `The scanner's millimetres are ${(100 * (scale - 1)).toFixed(1)} % off the tracker's: look at the bath's temperature and the depth setting.`;
    return { code: 'calibration-scale', message };
  }
  if (beadMm <= CALIBRATION_LIMITS.beadMm) return undefined;
  const message = `The bead comes out ${beadMm.toFixed(1)} mm from where it is, at most ${CALIBRATION_LIMITS.beadMm} mm is allowed. Is it bead 1, and has the bath been moved?`;
  return { code: 'calibration-off', message };
}
