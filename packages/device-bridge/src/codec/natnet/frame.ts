import { isNavError } from '@trocar/core';
import { finiteOrNull } from '../decoded.js';
import { LARGEST_PACKET, payloadOf } from './header.js';
import { Reader } from './reader.js';
import { type FrameLayout, layoutsOf, type NatNetVersion } from './version.js';

const MOST_BODIES = 1024;
/** Doubles per rigid body: x y z (mm), qx qy qz qw, mean error (mm). */
export const BODY_VALUES = 8;
/** In a rigid body's parameters. */
const TRACKING_VALID = 0x01;
/** In a frame's parameters. */
const RECORDING = 0x01;
const MODELS_CHANGED = 0x02;
/** Parameters, and the mark that ends a frame. */
const TAIL = 6;
/** Seconds and fractions of a precision clock, which a 4.1 frame may have before the tail. */
const PRECISION = 8;

/**
 * One frame of data, decoded: reused for every frame, so that decoding allocates nothing. Only the first
 * {@link bodyCount} bodies are of this frame.
 *
 * Positions are in mm in Motive's frame. Whether y or z points up there is a setting of Motive that the protocol does
 * not tell: nothing is turned.
 */
export class NatNetFrame {
  /** `[frame number]`. */
  readonly number: Uint32Array = new Uint32Array(1);
  bodyCount = 0;
  readonly bodyId: Int32Array = new Int32Array(MOST_BODIES);
  /** x y z (mm), qx qy qz qw, mean error (mm; NaN before 2.0), per body. */
  readonly values: Float64Array = new Float64Array(MOST_BODIES * BODY_VALUES);
  /** 1 tracked, 0 not tracked, 2 where the version does not tell (before 2.6). */
  readonly tracked: Uint8Array = new Uint8Array(MOST_BODIES);
  /** Ticks of the server's clock: mid-exposure, data received, transmitted; NaN before 3.0. */
  readonly ticks: Float64Array = new Float64Array(3);
  /** Seconds since the server's software began to measure. */
  readonly timestamp: Float64Array = new Float64Array(1);
  recording = false;
  /** The list of models is another than before: ask for the definitions again. */
  modelsChanged = false;
  /** Whether the layout of this version is certain: from 3.0 on. */
  certain = false;
}

/** What a frame holds beside rigid bodies, as plain values; made only where somebody asks. */
export interface FrameDetail {
  readonly facts: Record<string, unknown>;
}

const reader = new Reader(LARGEST_PACKET);
/** In place of the lists that nobody asks for: a new one per frame would be an allocation. */
const NOBODY_ASKS: unknown[] = [];
const NO_TIMES: Record<string, unknown> = {};

/**
 * Decodes a frame of data (message 7) into a frame that is used again and again. Allocates nothing, and the frame is not
 * to be used where it throws.
 * @param version what the server said in its server info
 * @throws NavError `natnet/truncated`, `natnet/size-mismatch`, `natnet/bad-count`, `natnet/bad-value`, `natnet/unsupported`
 */
export function decodeNatnetFrame(frame: NatNetFrame, packet: Uint8Array, version: NatNetVersion): void {
  readFrame(frame, packet, version, undefined);
}

/** As {@link decodeNatnetFrame}, with everything else that is in the packet as plain values. */
export function natnetFrameFacts(packet: Uint8Array, version: NatNetVersion): Record<string, unknown> {
  const detail: FrameDetail = { facts: {} };
  readFrame(new NatNetFrame(), packet, version, detail);
  return detail.facts;
}

function readFrame(frame: NatNetFrame, packet: Uint8Array, version: NatNetVersion, detail: FrameDetail | undefined): void {
  const end = payloadOf(packet);
  const layouts = layoutsOf(version);
  const last = layouts.length - 1;
  for (let i = 0; i <= last; i += 1) {
    reader.use(packet, 4, end);
    try {
      readLayout(frame, layouts[i] as FrameLayout, detail);
      return;
    } catch (error) {
      if (i === last || !isNavError(error)) throw error;
    }
  }
}

function readLayout(frame: NatNetFrame, layout: FrameLayout, detail: FrameDetail | undefined): void {
  frame.number[0] = reader.i32();
  frame.certain = layout.version >= 0x300;
  if (detail) detail.facts['frameNumber'] = frame.number[0];
  readMarkerSets(layout, detail);
  readOtherMarkers(layout, detail);
  readBodies(frame, layout, detail);
  if (layout.version >= 0x201) readSkeletons(layout, detail);
  if (layout.version >= 0x401) readAssets(layout, detail);
  if (layout.version >= 0x203) readLabelledMarkers(layout, detail);
  if (layout.version >= 0x209) readChannels(layout, detail, 'forcePlates');
  if (layout.version >= 0x20b) readChannels(layout, detail, 'devices');
  readSuffix(frame, layout, detail);
}

function readMarkerSets(layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, 5);
  const sets = detail ? ([] as unknown[]) : NOBODY_ASKS;
  for (let i = 0; i < n; i += 1) {
    const name = detail ? reader.text() : reader.skipText();
    const markers = reader.count(12);
    if (detail) sets.push({ name, markersMm: reader.pointsMm(markers) });
    else reader.skip(12 * markers);
  }
  reader.endSection(layout);
  if (detail) detail.facts['markerSets'] = sets;
}

function readOtherMarkers(layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, 12);
  if (detail) detail.facts['otherMarkersMm'] = reader.pointsMm(n);
  else reader.skip(12 * n);
  reader.endSection(layout);
}

/** Bytes of a rigid body at least: id, position, orientation, error, parameters. */
const bodySize = (layout: FrameLayout): number => 32 + 4 + (layout.version >= 0x206 ? 2 : 0);

function readBodies(frame: NatNetFrame, layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, bodySize(layout));
  if (n > MOST_BODIES) reader.refuse('natnet/bad-count', `${n} rigid bodies; at most ${MOST_BODIES} can be read`);
  // A later version may have made bodies longer: its section says by how much.
  const stride = layout.version > 0x401 && n > 0 ? Math.floor(reader.sectionLeft / n) : 0;
  for (let i = 0; i < n; i += 1) {
    const from = reader.at;
    readBody(frame, i, layout);
    if (stride > 0) reader.at = from + stride;
  }
  frame.bodyCount = n;
  reader.endSection(layout);
  if (detail) detail.facts['rigidBodies'] = Array.from({ length: n }, (_, i) => bodyFacts(frame, i));
}

function readBody(frame: NatNetFrame, i: number, layout: FrameLayout): void {
  const base = i * BODY_VALUES;
  frame.bodyId[i] = reader.i32();
  reader.millimetres(frame.values, base, 3);
  reader.floats(frame.values, base + 3, 4, 1);
  if (layout.bodyMarkers) {
    // Positions, then ids and sizes.
    const markers = reader.count(20);
    reader.skip(20 * markers);
    if (layout.bodyPadding) reader.skip(4);
  }
  reader.millimetres(frame.values, base + 7, 1);
  frame.tracked[i] = layout.version >= 0x206 ? reader.u16() & TRACKING_VALID : 2;
}

function bodyFacts(frame: NatNetFrame, i: number): Record<string, unknown> {
  const values = Array.from(frame.values.subarray(i * BODY_VALUES, (i + 1) * BODY_VALUES), finiteOrNull);
  const tracked = frame.tracked[i];
  return {
    id: frame.bodyId[i],
    positionMm: values.slice(0, 3),
    orientation: values.slice(3, 7),
    meanErrorMm: values[7],
    ...(tracked !== 2 && { trackingValid: tracked === 1 }),
  };
}

/** Bodies of a skeleton or an asset: no tools of ours, read over. */
const scratch = new NatNetFrame();

function readInnerBodies(layout: FrameLayout, n: number, detail: FrameDetail | undefined): unknown[] {
  const facts = detail ? ([] as unknown[]) : NOBODY_ASKS;
  for (let i = 0; i < n; i += 1) {
    readBody(scratch, 0, layout);
    if (detail) facts.push(bodyFacts(scratch, 0));
  }
  return facts;
}

function readSkeletons(layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, 8);
  const skeletons = detail ? ([] as unknown[]) : NOBODY_ASKS;
  for (let i = 0; i < n; i += 1) {
    const id = reader.i32();
    const rigidBodies = readInnerBodies(layout, reader.count(bodySize(layout)), detail);
    if (detail) skeletons.push({ id, rigidBodies });
  }
  reader.endSection(layout);
  if (detail) detail.facts['skeletons'] = skeletons;
}

function readAssets(layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, 12);
  const assets = detail ? ([] as unknown[]) : NOBODY_ASKS;
  for (let i = 0; i < n; i += 1) {
    const id = reader.i32();
    const rigidBodies = readInnerBodies(layout, reader.count(bodySize(layout)), detail);
    const markers = readMarkers(layout, reader.count(26), detail, assetMarkerFacts);
    if (detail) assets.push({ id, rigidBodies, markers });
  }
  reader.endSection(layout);
  if (detail) detail.facts['assets'] = assets;
}

/** Bytes of a marker: id, position, size, from 2.6 parameters, from 3.0 a residual. */
const markerSize = (layout: FrameLayout): number => 20 + (layout.version >= 0x206 ? 2 : 0) + (layout.version >= 0x300 ? 4 : 0);

function readLabelledMarkers(layout: FrameLayout, detail: FrameDetail | undefined): void {
  const n = reader.beginSection(layout, markerSize(layout));
  const markers = readMarkers(layout, n, detail, labelledMarkerFacts);
  reader.endSection(layout);
  if (detail) detail.facts['labelledMarkers'] = markers;
}

function readMarkers(
  layout: FrameLayout,
  n: number,
  detail: FrameDetail | undefined,
  facts: (layout: FrameLayout) => unknown,
): unknown[] {
  if (detail) return Array.from({ length: n }, () => facts(layout));
  reader.skip(n * markerSize(layout));
  return NOBODY_ASKS;
}

function labelledMarkerFacts(layout: FrameLayout): unknown {
  const markerId = reader.u16();
  return { markerId, modelId: reader.u16(), ...markerFacts(layout) };
}

function assetMarkerFacts(layout: FrameLayout): unknown {
  return { id: reader.i32(), ...markerFacts(layout) };
}

function markerFacts(layout: FrameLayout): Record<string, unknown> {
  const positionMm = reader.pointMm();
  const [sizeMm] = reader.floatList(1, 1000);
  const params = layout.version >= 0x206 ? reader.u16() : undefined;
  return {
    positionMm,
    sizeMm,
    ...(params !== undefined && {
      params,
      occluded: (params & 0x01) !== 0,
      pointCloudSolved: (params & 0x02) !== 0,
      modelSolved: (params & 0x04) !== 0,
    }),
    // As sent: mm per ray by one description, metres by another.
    ...(layout.version >= 0x300 && { residual: reader.floatList(1)[0] }),
  };
}

/** Force plates and other devices: values of their channels. */
function readChannels(layout: FrameLayout, detail: FrameDetail | undefined, what: string): void {
  const n = reader.beginSection(layout, 8);
  const devices = detail ? ([] as unknown[]) : NOBODY_ASKS;
  for (let i = 0; i < n; i += 1) {
    const id = reader.i32();
    const channelCount = reader.count(4);
    const channels = detail ? ([] as unknown[]) : NOBODY_ASKS;
    for (let c = 0; c < channelCount; c += 1) {
      const values = reader.count(4);
      if (detail) channels.push(reader.floatList(values));
      else reader.skip(4 * values);
    }
    if (detail) devices.push({ id, channels });
  }
  reader.endSection(layout);
  if (detail) detail.facts[what] = devices;
}

function readSuffix(frame: NatNetFrame, layout: FrameLayout, detail: FrameDetail | undefined): void {
  const times: Record<string, unknown> = detail ? {} : NO_TIMES;
  if (layout.latency) reader.skip(4);
  reader.need(8);
  if (detail) {
    times['timecode'] = reader.i32() >>> 0;
    times['timecodeSubframe'] = reader.i32() >>> 0;
  } else reader.skip(8);
  if (layout.version >= 0x207) reader.f64(frame.timestamp, 0);
  else reader.floats(frame.timestamp, 0, 1, 1);
  readTicks(frame, layout, detail ? times : undefined);
  if (layout.version >= 0x401 && reader.left === TAIL + PRECISION) {
    reader.need(PRECISION);
    if (detail) times['precisionSeconds'] = reader.i32() >>> 0;
    if (detail) times['precisionFraction'] = reader.i32() >>> 0;
    if (!detail) reader.skip(PRECISION);
  }
  if (reader.left !== TAIL) reader.refuse('natnet/size-mismatch', `${reader.left} bytes are left where ${TAIL} end the frame`);
  const params = reader.u16();
  // Of several layouts one that ends at the right byte by accident has something else in the mark's place.
  if (!frame.certain && reader.i32() !== 0) reader.refuse('natnet/size-mismatch', 'the mark that ends a frame is none');
  frame.recording = (params & RECORDING) !== 0;
  frame.modelsChanged = (params & MODELS_CHANGED) !== 0;
  if (!detail) return;
  times['timestampSeconds'] = finiteOrNull(frame.timestamp[0] as number);
  Object.assign(detail.facts, { timing: times, params, recording: frame.recording, trackedModelsChanged: frame.modelsChanged });
}

function readTicks(frame: NatNetFrame, layout: FrameLayout, times: Record<string, unknown> | undefined): void {
  frame.ticks.fill(Number.NaN);
  if (layout.version < 0x300) return;
  if (times) {
    times['cameraMidExposureTicks'] = reader.u64Text();
    times['cameraDataReceivedTicks'] = reader.u64Text();
    times['transmitTicks'] = reader.u64Text();
    return;
  }
  for (let k = 0; k < 3; k += 1) reader.ticks(frame.ticks, k);
}
