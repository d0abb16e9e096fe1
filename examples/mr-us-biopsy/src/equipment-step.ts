import type { PoseView } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import { BATH_BEADS, BEAD_PLACES, FAN, PLANE_FROM_GUIDE, TRY_NEEDLE_MM } from './probe.js';

/** Beyond these the equipment is not what its calibration says, mm. */
export const EQUIPMENT_LIMITS = { beadMm: 2.2, needleMm: 1.8 } as const;
/** How much brighter the touched side must be, grey levels. */
const CLEARLY = 25;
/** Echoes of beads and needles are at least this bright. */
const BRIGHT = 200;
const SEARCH_MM = 7;

/** The checks of probe and guide before they touch the patient. */
export interface EquipmentChecks {
  /** The finger on the marked side was seen there. */
  readonly side: boolean;
  /** How far each bead was seen from where it is, mm; undefined: not tried yet. */
  readonly beadsMm: readonly (number | undefined)[];
  /** How far beside the guide's line the needle was seen, mm; undefined: not tried yet. */
  readonly needleMm: number | undefined;
}

/**
 * Probe, image and needle guide held against what is known: a finger on the marked side, three beads whose places are known, and a
 * needle through the guide. Everything is read from the live image.
 */
export class EquipmentStep {
  #side = false;
  #beads: (number | undefined)[] = BATH_BEADS.map(() => undefined);
  #needle: number | undefined;

  get checks(): EquipmentChecks {
    return { side: this.#side, beadsMm: this.#beads, needleMm: this.#needle };
  }

  get done(): boolean {
    return this.#side && this.#beads.every((mm) => mm !== undefined) && this.#needle !== undefined;
  }

  /** The checks as they were accepted before. */
  restore({ side, beadsMm, needleMm }: EquipmentChecks): void {
    this.#side = side;
    this.#beads = [...beadsMm];
    this.#needle = needleMm;
  }

  /** The image lies elsewhere now: no bead was seen with it yet. */
  forgetBeads(): void {
    this.#beads = BATH_BEADS.map(() => undefined);
  }

  /** Reads where a finger on the probe's marked side (+x) is seen. */
  checkSide(echoes: Uint8Array): Refusal | undefined {
    const [marked, other] = [faceMean(echoes, 0.72, 1), faceMean(echoes, 0, 0.28)];
    if (Math.abs(marked - other) < CLEARLY) {
      return {
        code: 'no-finger',
        message: 'No finger is seen under the face. Press on the marked side of the probe and check again.',
      };
    }
    if (marked < other) {
      this.#side = false;
      return {
        code: 'image-mirrored',
        message:
          'The finger on the marked side is seen on the other side: the image is mirrored, and left would be biopsied as right. ' +
          'Turn the image over on the scanner (its invert switch), and check again.',
      };
    }
    this.#side = true;
    return undefined;
  }

  /**
   * Finds bead `n` in the image and holds it against where it is known to be.
   * @param view reference from plane at the picture's time
   */
  checkBead(n: number, echoes: Uint8Array, view: PoseView): Refusal | undefined {
    if (view.status !== 'ok')
      return { code: 'not-live', message: `The probe's pose is "${view.status}". Make probe and reference seen.` };
    const known = BATH_BEADS[n] as readonly [number, number, number];
    const [px, pz] = BEAD_PLACES[n] as readonly [number, number];
    const seen = blobNear(echoes, px, pz);
    if (isRefusal(seen)) return seen;
    const there = transformPoint(new Float64Array(3), view.matrix, [seen.x, 0, seen.z]);
    const offMm = Math.hypot(...known.map((v, k) => v - (there[k] as number)));
    this.#beads[n] = undefined;
    if (offMm > EQUIPMENT_LIMITS.beadMm) {
      return {
        code: 'probe-off',
        message:
          `Bead ${n + 1} is seen ${offMm.toFixed(1)} mm from where it is, at most ${EQUIPMENT_LIMITS.beadMm} mm is allowed: this probe, its ` +
          'marker or its depth setting is not the calibrated one. Check the depth, then calibrate the probe anew.',
      };
    }
    this.#beads[n] = offMm;
    return undefined;
  }

  /** Finds the needle in the image, and holds it against the guide's calibrated line at two depths. */
  checkNeedle(echoes: Uint8Array, planeFromGuide: ArrayLike<number> = PLANE_FROM_GUIDE): Refusal | undefined {
    const offs = [TRY_NEEDLE_MM - 18, TRY_NEEDLE_MM - 5].map((mm) => needleBeside(echoes, planeFromGuide, mm));
    if (offs.some(Number.isNaN)) {
      return {
        code: 'no-needle',
        message: 'The needle is not seen along its guide. Push it in to the mark, and keep it in the plane.',
      };
    }
    const worst = offs.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    this.#needle = undefined;
    if (Math.abs(worst) > EQUIPMENT_LIMITS.needleMm) {
      return {
        code: 'guide-off',
        message:
          `The needle runs ${Math.abs(worst).toFixed(1)} mm beside the line of this guide's calibration, at most ${EQUIPMENT_LIMITS.needleMm} mm ` +
          'is allowed: another guide is clipped on, or it is not seated. Take the calibrated one.',
      };
    }
    this.#needle = Math.abs(worst);
    return undefined;
  }
}

/** Mean echo under the face between two shares of the lines. */
function faceMean(echoes: Uint8Array, from: number, to: number): number {
  let [sum, count] = [0, 0];
  for (let line = Math.floor(from * FAN.lines); line < Math.floor(to * FAN.lines); line += 1) {
    for (let s = 0; s < 8; s += 1, count += 1) sum += echoes[line * FAN.samples + s] as number;
  }
  return sum / count;
}

/** The middle of the bright echoes around a place of the plane, mm. */
export function blobNear(echoes: Uint8Array, px: number, pz: number): { x: number; z: number } | Refusal {
  const places = FAN.places();
  let brightest = -1;
  let at = -1;
  for (let n = 0; n < echoes.length; n += 1) {
    const [x, z] = [places[2 * n] as number, places[2 * n + 1] as number];
    if (Math.hypot(x - px, z - pz) < 2 * SEARCH_MM && (echoes[n] as number) > brightest) {
      brightest = echoes[n] as number;
      at = n;
    }
  }
  if (brightest < BRIGHT)
    return { code: 'no-bead', message: 'No bead is seen where it is looked for. Hold it in the plane and check again.' };
  let [sum, sx, sz] = [0, 0, 0];
  for (let n = 0; n < echoes.length; n += 1) {
    const [x, z] = [places[2 * n] as number, places[2 * n + 1] as number];
    if (Math.hypot(x - (places[2 * at] as number), z - (places[2 * at + 1] as number)) > 3.5) continue;
    const weight = Math.max(0, (echoes[n] as number) - 0.6 * brightest);
    sum += weight;
    sx += weight * x;
    sz += weight * z;
  }
  return { x: sx / sum, z: sz / sum };
}

/** How far beside the guide's line the needle's echo lies at a depth of it, to +x; NaN where none is seen, mm. */
function needleBeside(echoes: Uint8Array, m: ArrayLike<number>, depthMm: number): number {
  const at = (k: number): number => (m[12 + k] as number) + depthMm * (m[8 + k] as number);
  const [nx, nz] = [m[10] as number, -(m[8] as number)];
  let [sum, weighted] = [0, 0];
  for (let off = -SEARCH_MM; off <= SEARCH_MM; off += 0.2) {
    const echo = FAN.echoAt(echoes, at(0) + off * nx, at(2) + off * nz);
    const weight = Math.max(0, echo - BRIGHT + 20);
    if (Number.isNaN(weight)) continue;
    sum += weight;
    weighted += weight * off;
  }
  return sum > 100 ? weighted / sum : Number.NaN;
}
