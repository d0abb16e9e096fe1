import { hasPose } from '../../frames/index.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import { badValue, malformed } from './bytes.js';
import { LONGEST_NAME, type StillState } from './facts.js';
import {
  hundredths,
  POSE_STEP_MM,
  readBound,
  readHundredths,
  readPoint,
  readPose,
  SENDING_ERROR_MM,
  writeBound,
  writePoint,
  writePose,
} from './quantised.js';
import type { LivePointer, LiveReading, LiveState, LiveTool } from './state.js';

/**
 * Motion: what changes with every frame. It is sent whole each time, so that a lost one is replaced by the next; which tools and readings
 * there are, and each tool's status, is in the facts that it is sent with.
 */

/** A reading that is not known; known ones have 1. Ages: 0 is not known. */
const UNKNOWN = 0;
/** 49 days, ms. */
const LONGEST_AGE_MS = 2 ** 32;

/** By name, as the entries of the facts are: the order in which both sides have tools and readings. */
function byName<T extends { readonly name: string }>(list: readonly T[]): readonly T[] {
  return [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws NavError `live/bad-value` */
export function writeMotion(to: ByteWriter, state: LiveState): void {
  for (const one of byName(state.readings)) writeReading(to, one);
  for (const one of byName(state.tools)) writeTool(to, one);
  to.u8(Number(state.pointer !== undefined));
  if (state.pointer === undefined) return;
  to.text(state.pointer.image, LONGEST_NAME, 'an image');
  writePoint(to, state.pointer.at, 'the pointer');
}

function writeReading(to: ByteWriter, one: LiveReading): void {
  if (Number.isNaN(one.value)) {
    to.u8(UNKNOWN);
    return;
  }
  to.u8(1);
  to.signed(hundredths(one.value, `the reading "${one.name}"`));
  writeBound(to, one.bound95, POSE_STEP_MM / 2, `the reading "${one.name}"`);
}

function writeTool(to: ByteWriter, tool: LiveTool): void {
  const age = Math.ceil(tool.ageMs);
  if (age < 0 || age >= LONGEST_AGE_MS) throw badValue(`the pose of "${tool.name}" is ${tool.ageMs} ms old`);
  to.whole(Number.isNaN(age) ? 0 : age + 1);
  if (tool.matrix === undefined) return;
  writePose(to, tool.matrix, `the tool "${tool.name}"`);
  writeBound(to, tool.error95Mm, SENDING_ERROR_MM, `the tool "${tool.name}"`);
}

/** The whole state: facts, and the motion that came with them. @throws NavError `live/malformed` */
export function readMotion(from: ByteReader, still: StillState): LiveState {
  const readings = still.readings.map((one) => ({ ...one, ...readReading(from) }));
  const tools = still.tools.map((one) => ({ ...one, ...readTool(from, hasPose(one.status)) }));
  const pointer = readPointer(from);
  return { ...still, readings, tools, pointer };
}

function readReading(from: ByteReader): Pick<LiveReading, 'value' | 'bound95'> {
  const known = from.u8();
  if (known > 1) throw malformed(`a reading of kind ${known}`);
  if (known === UNKNOWN) return { value: Number.NaN, bound95: Number.NaN };
  return { value: readHundredths(from), bound95: readBound(from) };
}

function readTool(from: ByteReader, posed: boolean): Pick<LiveTool, 'ageMs' | 'matrix' | 'error95Mm'> {
  const age = from.whole(LONGEST_AGE_MS);
  const ageMs = age === 0 ? Number.NaN : age - 1;
  if (!posed) return { ageMs, matrix: undefined, error95Mm: Number.NaN };
  return { ageMs, matrix: readPose(from), error95Mm: readBound(from) };
}

function readPointer(from: ByteReader): LivePointer | undefined {
  const there = from.u8();
  if (there > 1) throw malformed(`a pointer of kind ${there}`);
  return there === 0 ? undefined : { image: from.text(LONGEST_NAME), at: readPoint(from) };
}
