import { NavError } from '@trocar/core';
import {
  DTRACK_LIMITS,
  type DTrackControls,
  type DTrackFrame,
  type DTrackTargets,
  TARGET_STATE,
  TARGET_VALUES,
} from './frame.js';
import { contentEnd, lineEnd, Scanner } from './scanner.js';

/** The most a UDP datagram can hold. */
const LARGEST_DATAGRAM = 65_507;
/** A rotation printed with three digits or more is this close to orthonormal. */
const ROTATION_TOLERANCE = 0.005;
/** A measuring latency beyond this is none, µs. */
const LONGEST_LATENCY_US = 1e7;
const LONGEST_NAME = 16;

const scanner = new Scanner();
const pair = new Float64Array(4);
/** Which lines this datagram has had: one bit per name of {@link LINES}. */
let had = 0;

/** The lines that are read; the order is that of the bits in `had`. */
const LINES = ['fr', 'ts', 'ts2', '6dcal', '6d', '6dcov', '6df2', '6dmt2', '6dmtr', '3d'] as const;
const LINE_BYTES: readonly Uint8Array[] = LINES.map((name) => Uint8Array.from(name, (c) => c.charCodeAt(0)));

/**
 * Decodes one datagram of ART DTrack (ASCII lines: DTrack2 User Manual, technical appendix; the same in DTRACK3) into a
 * frame that is used again and again. Lines of other names (fingers, human models, inertial bodies, older forms) are
 * skipped and counted. Nothing is allocated; the frame is not to be used where it throws.
 * @throws NavError `codec/oversize`, `dtrack/no-frame-number`, `dtrack/bad-line`, `dtrack/bad-count`,
 * `dtrack/missing-field`, `dtrack/bad-number`, `dtrack/bad-id`, `dtrack/repeated-line`, `dtrack/truncated`, with the byte in
 * `detail.byte`
 */
export function decodeDtrack(frame: DTrackFrame, bytes: Uint8Array): void {
  if (bytes.length > LARGEST_DATAGRAM) {
    throw new NavError('codec/oversize', `A DTrack datagram of ${bytes.length} bytes; there can be ${LARGEST_DATAGRAM}.`);
  }
  frame.clear();
  had = 0;
  for (let from = 0; from < bytes.length; ) {
    const lf = lineEnd(bytes, from);
    const end = contentEnd(bytes, from, lf);
    if (end > from) readLine(frame, bytes, from, end, lf === bytes.length);
    from = lf + 1;
  }
  if ((had & 1) === 0) {
    throw new NavError(
      'dtrack/no-frame-number',
      'A DTrack datagram without an "fr" line. Is this the port that DTrack sends to?',
    );
  }
}

function readLine(frame: DTrackFrame, bytes: Uint8Array, from: number, end: number, last: boolean): void {
  scanner.use(bytes, from, end);
  let nameEnd = from;
  while (nameEnd < end && isNameByte(bytes[nameEnd] as number)) nameEnd += 1;
  const after = nameEnd < end ? (bytes[nameEnd] as number) : 0x20;
  if (nameEnd === from || nameEnd - from > LONGEST_NAME || after !== 0x20) {
    scanner.refuse('dtrack/bad-line', 'a line must begin with a name of letters and digits, and a space');
  }
  // Without its line end a line may have lost digits; only a closing bracket shows that it has not.
  if (last && bytes[end - 1] !== 0x5d) {
    scanner.at = end;
    scanner.refuse('dtrack/truncated', 'the datagram ends in the middle of a line');
  }
  scanner.at = nameEnd;
  const line = lineOf(bytes, from, nameEnd);
  if (line < 0) {
    noteSkipped(frame, from, nameEnd);
    return;
  }
  if ((had & (1 << line)) !== 0) scanner.refuse('dtrack/repeated-line', 'the line came twice in one datagram');
  had |= 1 << line;
  readContent(frame, line);
  scanner.expectEnd();
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;
}

function lineOf(bytes: Uint8Array, from: number, to: number): number {
  for (let line = 0; line < LINE_BYTES.length; line += 1) {
    const name = LINE_BYTES[line] as Uint8Array;
    if (name.length !== to - from) continue;
    let same = true;
    for (let i = 0; i < name.length && same; i += 1) same = name[i] === bytes[from + i];
    if (same) return line;
  }
  return -1;
}

function noteSkipped(frame: DTrackFrame, from: number, to: number): void {
  if (frame.skippedCount < DTRACK_LIMITS.skipped) {
    frame.skippedNames[2 * frame.skippedCount] = from;
    frame.skippedNames[2 * frame.skippedCount + 1] = to;
  }
  frame.skippedCount += 1;
}

function readContent(frame: DTrackFrame, line: number): void {
  switch (LINES[line]) {
    case 'fr':
      frame.number[0] = scanner.integer(0, 0xffff_ffff, 'dtrack/bad-number');
      break;
    case 'ts':
      readTs(frame);
      break;
    case 'ts2':
      readTs2(frame);
      break;
    case '6dcal':
      frame.calibratedBodies = count();
      break;
    case '6d':
      readTargets(frame.bodies);
      break;
    case '6dcov':
      readCovariances(frame);
      break;
    case '6df2':
      readFlysticks(frame.flysticks, frame.flystickControls);
      break;
    case '6dmt2':
      readMeasurementTools(frame.measurementTools, frame.measurementControls);
      break;
    case '6dmtr':
      frame.references.calibrated = count();
      readTargets(frame.references);
      break;
    default:
      readMarkers(frame);
  }
}

function count(): number {
  return scanner.integer(0, DTRACK_LIMITS.targets, 'dtrack/bad-count');
}

function readTs(frame: DTrackFrame): void {
  scanner.number(pair, 0);
  if ((pair[0] as number) < 0) scanner.refuse('dtrack/bad-number', 'a time below 0');
  // Where both lines come, the one that knows its latency wins.
  if (frame.timeKind === 2) return;
  frame.time[0] = pair[0] as number;
  frame.timeKind = 1;
}

function readTs2(frame: DTrackFrame): void {
  const seconds = scanner.integer(0, 0xffff_ffff, 'dtrack/bad-number');
  const microseconds = scanner.integer(0, 999_999, 'dtrack/bad-number');
  frame.time[1] = scanner.integer(0, LONGEST_LATENCY_US, 'dtrack/bad-number');
  frame.time[0] = seconds + microseconds / 1e6;
  frame.timeKind = 2;
}

/** Bodies and references: `[id quality][x y z][rotation]`, ids as they come but each once. */
function readTargets(targets: DTrackTargets): void {
  const n = count();
  for (let i = 0; i < n; i += 1) {
    scanner.open();
    const id = scanner.integer(0, DTRACK_LIMITS.id, 'dtrack/bad-id');
    scanner.number(targets.quality, i);
    scanner.close();
    requireNewId(targets.id, i, id);
    readPose(targets, i);
  }
  targets.count = n;
}

function requireNewId(ids: Int32Array, i: number, id: number): void {
  for (let k = 0; k < i; k += 1) if (ids[k] === id) scanner.refuse('dtrack/bad-id', `id ${id} came twice`);
  ids[i] = id;
}

function readPose(targets: DTrackTargets, i: number): void {
  const base = i * TARGET_VALUES;
  scanner.block(targets.values, base, 3);
  scanner.block(targets.values, base + 3, 9);
  if ((targets.quality[i] as number) < 0) targets.state[i] = TARGET_STATE.untracked;
  else targets.state[i] = isRotation(targets.values, base + 3) ? TARGET_STATE.tracked : TARGET_STATE.badRotation;
}

/** Orthonormal and right-handed, columns of three from `at`. */
function isRotation(v: Float64Array, at: number): boolean {
  for (let i = 0; i < 3; i += 1) {
    for (let j = i; j < 3; j += 1) {
      let dot = 0;
      for (let k = 0; k < 3; k += 1) dot += (v[at + 3 * i + k] as number) * (v[at + 3 * j + k] as number);
      if (Math.abs(dot - (i === j ? 1 : 0)) > ROTATION_TOLERANCE) return false;
    }
  }
  const a = v[at] as number;
  const b = v[at + 1] as number;
  const c = v[at + 2] as number;
  const crossX = (v[at + 4] as number) * (v[at + 8] as number) - (v[at + 5] as number) * (v[at + 7] as number);
  const crossY = (v[at + 5] as number) * (v[at + 6] as number) - (v[at + 3] as number) * (v[at + 8] as number);
  const crossZ = (v[at + 3] as number) * (v[at + 7] as number) - (v[at + 4] as number) * (v[at + 6] as number);
  return a * crossX + b * crossY + c * crossZ > 0;
}

function readCovariances(frame: DTrackFrame): void {
  const n = count();
  for (let i = 0; i < n; i += 1) {
    scanner.open();
    const id = scanner.integer(0, DTRACK_LIMITS.id, 'dtrack/bad-id');
    scanner.numbers(frame.covariancePoint, 3 * i, 3);
    scanner.close();
    requireNewId(frame.covarianceId, i, id);
    scanner.block(frame.covariance, 21 * i, 21);
  }
  frame.covarianceCount = n;
}

/** How many calibrated, how many follow; ids count from 0 without gaps. */
function readConsecutive(targets: DTrackTargets): number {
  targets.calibrated = count();
  const n = count();
  if (n > targets.calibrated) scanner.refuse('dtrack/bad-count', `${n} of ${targets.calibrated} calibrated ones`);
  return n;
}

function readConsecutiveId(targets: DTrackTargets, i: number): void {
  const id = scanner.integer(0, DTRACK_LIMITS.id, 'dtrack/bad-id');
  if (id !== i) scanner.refuse('dtrack/bad-id', `id ${id} where ${i} comes next`);
  targets.id[i] = id;
  scanner.number(targets.quality, i);
}

function readFlysticks(targets: DTrackTargets, controls: DTrackControls): void {
  const n = readConsecutive(targets);
  for (let i = 0; i < n; i += 1) {
    scanner.open();
    readConsecutiveId(targets, i);
    const buttons = scanner.integer(0, DTRACK_LIMITS.buttons, 'dtrack/bad-count');
    const joysticks = scanner.integer(0, DTRACK_LIMITS.joysticks, 'dtrack/bad-count');
    scanner.close();
    readPose(targets, i);
    scanner.open();
    readButtons(controls, i, buttons);
    scanner.numbers(controls.joysticks, DTRACK_LIMITS.joysticks * i, joysticks);
    scanner.close();
    controls.joystickCount[i] = joysticks;
  }
  targets.count = n;
}

/** Buttons come in words of 32, and there are at most 16: one word, or none. */
function readButtons(controls: DTrackControls, i: number, buttons: number): void {
  controls.buttonCount[i] = buttons;
  controls.buttons[i] = buttons > 0 ? scanner.integer(-0x8000_0000, 0xffff_ffff, 'dtrack/bad-number') : 0;
}

function readMeasurementTools(targets: DTrackTargets, controls: DTrackControls): void {
  const n = readConsecutive(targets);
  for (let i = 0; i < n; i += 1) {
    scanner.open();
    readConsecutiveId(targets, i);
    const buttons = scanner.integer(0, DTRACK_LIMITS.buttons, 'dtrack/bad-count');
    scanner.number(controls.tipRadius, i);
    scanner.close();
    readPose(targets, i);
    scanner.open();
    readButtons(controls, i, buttons);
    scanner.close();
    scanner.block(controls.covariance, 6 * i, 6);
    controls.joystickCount[i] = 0;
  }
  targets.count = n;
}

function readMarkers(frame: DTrackFrame): void {
  const n = scanner.integer(0, DTRACK_LIMITS.markers, 'dtrack/bad-count');
  for (let i = 0; i < n; i += 1) {
    scanner.open();
    frame.markerId[i] = scanner.integer(0, 0x7fff_ffff, 'dtrack/bad-id');
    scanner.number(frame.markerQuality, i);
    scanner.close();
    scanner.block(frame.markerPosition, 3 * i, 3);
  }
  frame.markerCount = n;
}
