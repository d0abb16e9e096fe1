import { type NavErrorCode, PoseSample, type Status } from '@trocar/core';
import {
  decodeIgtl,
  frameTransforms,
  type IgtlFrame,
  type PoseReading,
  plusStatus,
  plusWordStatus,
  readMatrixPose,
  readPositionPose,
  readTransformPose,
  ToolPoses,
} from '../../codec/igtl/index.js';
import type { PoseSink, ToolInfo } from '../../driver.js';
import { RareFaults } from '../kit/faults.js';
import { IgtlImages } from './images.js';
import type { IgtlSettings } from './options.js';
import { type ListSource, ToolRegistry } from './registry.js';
import { LEAST_STEP_MS } from './sender-clock.js';

/** Doubles of a pose sample. */
const VALUES = 10;
/** Where its numbers begin: after measured, arrived and error. */
const NUMBERS = 3;
const QUATERNION = 6;
/** Quaternions within this of unit length (squared) are rounded ones; single precision is right to 1e-7. */
const UNIT_TOLERANCE = 0.02;
/** Further off than this (squared length) a quaternion is no rotation at all. */
const SHORTEST = 0.25;
const LONGEST = 4;

/** Why a pose could not be taken as it was sent: its code and what to say. */
const COMPLAINTS: Readonly<
  Record<Exclude<PoseReading, 'ok'> | 'not-finite' | 'not-unit' | 'too-many', readonly [NavErrorCode, string]>
> = {
  'wrong-size': ['igtl/wrong-size', 'has not the size of its type, and was refused.'],
  'not-rigid': ['igtl/bad-value', 'scales, shears, mirrors or is not finite: no pose can hold it, and the tool is missing.'],
  'no-orientation': ['igtl/unsupported', 'has a position and no orientation, which is no pose: the tool is missing.'],
  'not-finite': ['pose/not-finite', 'holds no finite numbers or no rotation: the tool is missing.'],
  'not-unit': ['igtl/bad-value', 'has a quaternion that is not of unit length: it is used normalised, with status unknown.'],
  'too-many': ['igtl/unsupported', 'is one tool too many, and is not taken. Raise maxTools.'],
};

/**
 * Frames to pose samples: which tool, when on the host's clock, and how sure. The hot path of the driver: it allocates
 * nothing for tools met before, and numbers travel in cells.
 */
export class IgtlTracking {
  readonly registry: ToolRegistry;
  readonly faults: RareFaults;
  readonly images: IgtlImages;
  /** Poses told with numbers, and messages refused. */
  poses = 0;
  refused = 0;
  readonly #settings: IgtlSettings;
  readonly #sink: PoseSink;
  readonly #sample = new PoseSample();
  readonly #list = new ToolPoses();
  readonly #stamp = new Float64Array(1);
  readonly #measured = new Float64Array(1);
  /** Per tool: the last sample told, its status, and in which list it was seen last. */
  readonly #last: Float64Array;
  readonly #status: Array<Status | undefined>;
  readonly #seenIn: Int32Array;
  #round = 0;
  #toolsTold = 0;
  #turnedAwayTold = 0;
  #pending = false;

  constructor(settings: IgtlSettings, sink: PoseSink) {
    this.#settings = settings;
    this.#sink = sink;
    this.faults = new RareFaults(settings.clock);
    this.registry = new ToolRegistry(settings);
    this.images = new IgtlImages(this.registry, this.faults, sink);
    this.#last = new Float64Array(VALUES * settings.maxTools).fill(Number.NaN);
    this.#status = new Array<Status | undefined>(settings.maxTools).fill(undefined);
    this.#seenIn = new Int32Array(settings.maxTools);
  }

  get tools(): readonly ToolInfo[] {
    return this.registry.tools;
  }

  /** Tells the list of tools that are known so far. */
  tellTools(): void {
    this.#toolsTold = this.registry.tools.length;
    this.#sink.tools([...this.registry.tools]);
  }

  /** A new connection: another clock, perhaps. */
  restart(): void {
    this.registry.restart();
    this.images.restart();
  }

  /**
   * Takes a frame that holds poses; false where it is of another type.
   * @param arrivedAt `[host ms]` of its last byte
   */
  take(frame: IgtlFrame, arrivedAt: Float64Array): boolean {
    switch (frame.type) {
      case 'TRANSFORM':
      case 'POSITION':
      case 'QTRANS':
        this.#takeSingle(frame, arrivedAt);
        return true;
      case 'TDATA':
      case 'QTDATA':
        this.#takeList(frame, arrivedAt);
        return true;
      default:
        return false;
    }
  }

  /**
   * Takes a TRACKEDFRAME: its transforms are the tools of one list, and its image, where images are wanted, is of the same moment.
   * @param arrivedAt `[host ms]` of its last byte
   * @throws NavError of decodeIgtl, where its content is refused
   */
  takeTrackedFrame(frame: IgtlFrame, arrivedAt: Float64Array, withImage: boolean): void {
    const { content } = decodeIgtl(frame, true);
    if (content.kind !== 'trackedFrame') return;
    const source = this.registry.list(frame);
    frame.readTime(this.#stamp);
    source.clock.measure(this.#stamp, arrivedAt, this.#measured);
    this.#round = (this.#round + 1) | 0;
    for (const { name, matrix, status } of frameTransforms(content)) {
      const tool = this.registry.member(source, name);
      if (!this.#isKnown(tool, name)) continue;
      this.#seenIn[tool] = this.#round;
      this.#sample.status = status === '' ? this.#settings.withoutStatus : plusWordStatus(status);
      this.#tell(tool, readMatrixPose(matrix, this.#sample), frame.type, name, arrivedAt);
    }
    this.#tellLeftOut(source, arrivedAt);
    if (withImage) this.images.takeTrackedFrame(frame, content, arrivedAt);
  }

  /** Everything that arrived together has been taken. */
  flush(): void {
    if (!this.#pending) return;
    this.#pending = false;
    this.#sink.flush();
  }

  #takeSingle(frame: IgtlFrame, arrivedAt: Float64Array): void {
    const sample = this.#sample;
    const source = this.registry.single(frame);
    if (!this.#isKnown(source.tool, frame.device)) return;
    const reading = frame.type === 'TRANSFORM' ? readTransformPose(frame, sample) : readPositionPose(frame, sample);
    if (reading === 'wrong-size') {
      this.refused += 1;
      this.#complain('wrong-size', frame.type, frame.device);
      return;
    }
    sample.status = plusStatus(frame, this.#settings.withoutStatus);
    frame.readTime(this.#stamp);
    source.clock.measure(this.#stamp, arrivedAt, this.#measured);
    this.#tell(source.tool, reading, frame.type, frame.device, arrivedAt);
  }

  #takeList(frame: IgtlFrame, arrivedAt: Float64Array): void {
    const list = this.#list;
    const source = this.registry.list(frame);
    if (!list.read(frame)) {
      this.refused += 1;
      this.#complain('wrong-size', frame.type, frame.device);
      return;
    }
    frame.readTime(this.#stamp);
    source.clock.measure(this.#stamp, arrivedAt, this.#measured);
    this.#round = (this.#round + 1) | 0;
    for (let i = 0; i < list.count; i += 1) {
      const name = list.names[i] as string;
      const tool = this.registry.member(source, name);
      if (!this.#isKnown(tool, name)) continue;
      this.#seenIn[tool] = this.#round;
      this.#sample.status = this.#settings.withoutStatus;
      this.#tell(tool, list.pose(i, this.#sample), frame.type, name, arrivedAt);
    }
    this.#tellLeftOut(source, arrivedAt);
  }

  /** The protocol's only way to say that a tool is not seen is to leave it out. */
  #tellLeftOut(source: ListSource, arrivedAt: Float64Array): void {
    for (let k = 0; k < source.tools.length; k += 1) {
      const tool = source.tools[k] as number;
      if (this.#seenIn[tool] === this.#round || this.#status[tool] === 'missing') continue;
      this.#sample.status = 'missing';
      this.#tell(tool, 'ok', '', '', arrivedAt);
    }
  }

  #isKnown(tool: number, name: string): boolean {
    if (this.registry.turnedAway !== this.#turnedAwayTold) {
      this.#turnedAwayTold = this.registry.turnedAway;
      this.#complain('too-many', 'Tool', name);
    }
    if (tool < 0) return false;
    if (this.registry.tools.length !== this.#toolsTold) this.tellTools();
    return true;
  }

  /** Tells the sample, whose numbers and status are set, and whose time is in the measured cell. */
  #tell(tool: number, reading: PoseReading, type: string, name: string, arrivedAt: Float64Array): void {
    const v = this.#sample.values;
    v[0] = this.#measured[0] as number;
    v[1] = arrivedAt[0] as number;
    v[2] = Number.NaN;
    if (this.#sample.status !== 'missing') this.#check(reading, type, name);
    if (this.#sample.status === 'missing') for (let k = NUMBERS; k < VALUES; k += 1) v[k] = Number.NaN;
    else this.poses += 1;
    this.#hand(tool);
  }

  /** Numbers that are no pose make the tool missing, whatever the sender says of it. */
  #check(reading: PoseReading, type: string, name: string): void {
    if (reading !== 'ok') {
      this.#sample.status = 'missing';
      this.#complain(reading, type, name);
      return;
    }
    const v = this.#sample.values;
    let length = 0;
    let finite = true;
    for (let k = NUMBERS; k < VALUES; k += 1) {
      const x = v[k] as number;
      if (!(x > -1e9 && x < 1e9)) finite = false;
      if (k >= QUATERNION) length += x * x;
    }
    if (!finite || !(length > SHORTEST && length < LONGEST)) {
      this.#sample.status = 'missing';
      this.#complain('not-finite', type, name);
    } else if (Math.abs(length - 1) > UNIT_TOLERANCE) {
      const scale = 1 / Math.sqrt(length);
      for (let k = QUATERNION; k < VALUES; k += 1) v[k] = (v[k] as number) * scale;
      if (this.#sample.status === 'ok') this.#sample.status = 'unknown';
      this.#complain('not-unit', type, name);
    }
  }

  #hand(tool: number): void {
    const v = this.#sample.values;
    const base = VALUES * tool;
    for (let k = 0; k < VALUES; k += 1) this.#last[base + k] = v[k] as number;
    this.#status[tool] = this.#sample.status;
    this.#pending = true;
    this.#sink.pose(tool, this.#sample, 0);
  }

  #complain(what: keyof typeof COMPLAINTS, type: string, name: string): void {
    const [code, why] = COMPLAINTS[what];
    this.faults.tell(this.#sink, code, `${type} "${name}" ${why}`);
  }

  /** The server has fallen silent: every pose told is where a tool was. */
  tellAllStale(): void {
    for (let tool = 0; tool < this.registry.tools.length; tool += 1) {
      const status = this.#status[tool];
      if (status !== 'ok' && status !== 'unknown' && status !== 'outOfVolume') continue;
      for (let k = 0; k < VALUES; k += 1) this.#sample.values[k] = this.#last[VALUES * tool + k] as number;
      this.#sample.status = 'stale';
      this.#hand(tool);
    }
    this.flush();
  }

  /** Tells every tool `disconnected`. */
  tellAllGone(now: Float64Array): void {
    for (let tool = 0; tool < this.registry.tools.length; tool += 1) {
      const last = this.#last[VALUES * tool] as number;
      const v = this.#sample.values;
      v.fill(Number.NaN);
      v[0] = Math.max(now[0] as number, Number.isNaN(last) ? Number.NEGATIVE_INFINITY : last + LEAST_STEP_MS);
      v[1] = now[0] as number;
      this.#sample.status = 'disconnected';
      this.#hand(tool);
    }
    this.flush();
  }
}
