import { quaternionOf } from '@trocar/core/math';
import {
  DTRACK_LIMITS,
  type DTrackControls,
  type DTrackFrame,
  type DTrackTargets,
  TARGET_STATE,
  TARGET_VALUES,
} from './frame.js';

const matrix = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const quaternion = new Float64Array(4);

/**
 * Position (mm) and quaternion (x y z w, room-from-target) of target `i` into 7 doubles from `out[at]`. Only where its
 * state is `tracked`. Allocates nothing.
 */
export function targetPose(targets: DTrackTargets, i: number, out: Float64Array, at: number): void {
  const v = targets.values;
  const base = i * TARGET_VALUES;
  for (let k = 0; k < 3; k += 1) out[at + k] = v[base + k] as number;
  for (let column = 0; column < 3; column += 1) {
    for (let row = 0; row < 3; row += 1) matrix[4 * column + row] = v[base + 3 + 3 * column + row] as number;
  }
  quaternionOf(quaternion, matrix);
  for (let k = 0; k < 4; k += 1) out[at + 3 + k] = quaternion[k] as number;
}

/** Standard deviation of body `id`'s position over all axes, mm, into `out[at]`: from `6dcov`, NaN where it has none. */
export function positionSd(frame: DTrackFrame, id: number, out: Float64Array, at: number): void {
  out[at] = Number.NaN;
  for (let i = 0; i < frame.covarianceCount; i += 1) {
    if (frame.covarianceId[i] !== id) continue;
    const c = frame.covariance;
    const base = 21 * i;
    // Upper triangle row by row: the diagonal stands at 0, 6, 11, …
    const variance = (c[base] as number) + (c[base + 6] as number) + (c[base + 11] as number);
    if (variance >= 0) out[at] = Math.sqrt(variance);
  }
}

/** A decoded frame as plain values for JSON: lengths in mm, rotations row by row, quaternions x y z w. */
export function dtrackFacts(frame: DTrackFrame, bytes: Uint8Array): Record<string, unknown> {
  return {
    frame: frame.number[0],
    ...(frame.timeKind !== 0 && { timeSeconds: frame.time[0] }),
    ...(frame.timeKind === 2 && { latencyUs: frame.time[1] }),
    ...(frame.calibratedBodies >= 0 && { calibratedBodies: frame.calibratedBodies }),
    bodies: targetFacts(frame.bodies, () => ({})),
    ...(frame.covarianceCount > 0 && { covariances: covarianceFacts(frame) }),
    ...(frame.flysticks.calibrated >= 0 && {
      calibratedFlysticks: frame.flysticks.calibrated,
      flysticks: targetFacts(frame.flysticks, (i) => flystickFacts(frame.flystickControls, i)),
    }),
    ...(frame.measurementTools.calibrated >= 0 && {
      calibratedMeasurementTools: frame.measurementTools.calibrated,
      measurementTools: targetFacts(frame.measurementTools, (i) => measurementFacts(frame.measurementControls, i)),
    }),
    ...(frame.references.calibrated >= 0 && {
      calibratedReferences: frame.references.calibrated,
      references: targetFacts(frame.references, () => ({})),
    }),
    ...(frame.markerCount > 0 && { markers: markerFacts(frame) }),
    ...(frame.skippedCount > 0 && { skippedLines: skippedFacts(frame, bytes) }),
  };
}

function targetFacts(targets: DTrackTargets, more: (i: number) => Record<string, unknown>): unknown[] {
  return Array.from({ length: targets.count }, (_, i) => {
    const base = i * TARGET_VALUES;
    const v = targets.values;
    const state = targets.state[i];
    const head = { id: targets.id[i], quality: targets.quality[i], tracked: state === TARGET_STATE.tracked };
    const rest = more(i);
    if (state === TARGET_STATE.untracked) return { ...head, ...rest };
    const rotation = Array.from({ length: 9 }, (_, k) => v[base + 3 + 3 * (k % 3) + Math.floor(k / 3)]);
    const positionMm = Array.from(v.subarray(base, base + 3));
    if (state === TARGET_STATE.badRotation) return { ...head, badRotation: true, positionMm, rotation, ...rest };
    const pose = new Float64Array(7);
    targetPose(targets, i, pose, 0);
    return { ...head, positionMm, rotation, quaternion: Array.from(pose.subarray(3)), ...rest };
  });
}

function buttonFacts(controls: DTrackControls, i: number): number[] {
  return Array.from({ length: controls.buttonCount[i] as number }, (_, k) => ((controls.buttons[i] as number) >>> k) & 1);
}

function flystickFacts(controls: DTrackControls, i: number): Record<string, unknown> {
  const from = DTRACK_LIMITS.joysticks * i;
  const joysticks = Array.from(controls.joysticks.subarray(from, from + (controls.joystickCount[i] as number)));
  return { buttons: buttonFacts(controls, i), joysticks };
}

function measurementFacts(controls: DTrackControls, i: number): Record<string, unknown> {
  return {
    buttons: buttonFacts(controls, i),
    tipRadiusMm: controls.tipRadius[i],
    positionCovarianceMm2: Array.from(controls.covariance.subarray(6 * i, 6 * i + 6)),
  };
}

function covarianceFacts(frame: DTrackFrame): unknown[] {
  return Array.from({ length: frame.covarianceCount }, (_, i) => ({
    id: frame.covarianceId[i],
    pointMm: Array.from(frame.covariancePoint.subarray(3 * i, 3 * i + 3)),
    upperTriangle: Array.from(frame.covariance.subarray(21 * i, 21 * i + 21)),
  }));
}

function markerFacts(frame: DTrackFrame): unknown[] {
  return Array.from({ length: frame.markerCount }, (_, i) => ({
    id: frame.markerId[i],
    quality: frame.markerQuality[i],
    positionMm: Array.from(frame.markerPosition.subarray(3 * i, 3 * i + 3)),
  }));
}

function skippedFacts(frame: DTrackFrame, bytes: Uint8Array): string[] {
  const names = Math.min(frame.skippedCount, DTRACK_LIMITS.skipped);
  return Array.from({ length: names }, (_, k) => {
    const name = bytes.subarray(frame.skippedNames[2 * k] as number, frame.skippedNames[2 * k + 1] as number);
    return String.fromCharCode(...name);
  });
}
