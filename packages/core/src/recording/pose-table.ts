import { PoseSample, STATUSES, type Status, severity } from '../frames/index.js';
import type { Recording } from './read.js';

const STRIDE = 10;

/**
 * Many poses in memory, one row each in the order told: what CSV and tracked sequences are read into and written from.
 * A row has the ten doubles of a PoseSample, its status, a tool, the device's frame number, and whether it was the last
 * of those told together.
 */
export class PoseTable {
  /** Names; a row's tool is a place in here. */
  readonly tools: string[] = [];
  #count = 0;
  #values = new Float64Array(64 * STRIDE);
  #tools = new Uint16Array(64);
  #frames = new Uint32Array(64);
  /** Status in the low bits, and 128 where the row was the last of its flush. */
  #flags = new Uint8Array(64);
  readonly #numbers = new Map<string, number>();

  /** Rows. */
  get count(): number {
    return this.#count;
  }

  /** The number of a tool, which is new where the name is. */
  toolNumber(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.tools.length);
    return this.tools.push(name) - 1;
  }

  /** Adds a row: the sample is copied. */
  add(tool: number, sample: PoseSample, frame: number, flushed: boolean): void {
    const i = this.#count;
    if (i === this.#tools.length) this.#grow();
    this.#values.set(sample.values, i * STRIDE);
    this.#tools[i] = tool;
    this.#frames[i] = frame;
    this.#flags[i] = severity(sample.status) | (flushed ? FLUSHED : 0);
    this.#count += 1;
  }

  #grow(): void {
    const size = 2 * this.#tools.length;
    const values = new Float64Array(size * STRIDE);
    values.set(this.#values);
    this.#values = values;
    const tools = new Uint16Array(size);
    tools.set(this.#tools);
    this.#tools = tools;
    const frames = new Uint32Array(size);
    frames.set(this.#frames);
    this.#frames = frames;
    const flags = new Uint8Array(size);
    flags.set(this.#flags);
    this.#flags = flags;
  }

  /** The tool number of row `i`. */
  tool(i: number): number {
    return this.#tools[i] as number;
  }

  /** The device's frame number of row `i`; 0 where it has none. */
  frame(i: number): number {
    return this.#frames[i] as number;
  }

  /** The status of row `i`. */
  status(i: number): Status {
    return STATUSES[(this.#flags[i] as number) & (FLUSHED - 1)] as Status;
  }

  /** Whether row `i` was the last of those told together. */
  flushed(i: number): boolean {
    return ((this.#flags[i] as number) & FLUSHED) !== 0;
  }

  /** The row was the last of those told together after all. */
  setFlushed(i: number): void {
    this.#flags[i] = (this.#flags[i] as number) | FLUSHED;
  }

  /** Row `i` with its ten doubles and its status into a sample of the caller's. */
  read(i: number, sample: PoseSample): void {
    sample.values.set(this.#values.subarray(i * STRIDE, (i + 1) * STRIDE));
    sample.status = this.status(i);
  }
}

const FLUSHED = 128;

/**
 * All poses of one device of a recording. Memory grows with the recording: about 90 bytes a pose.
 * @param device default: the first that has tools
 * @throws NavError as Recording.entries
 */
export async function poseTableOf(recording: Recording, device?: string): Promise<PoseTable> {
  const table = new PoseTable();
  const sample = new PoseSample();
  let wanted = device;
  let numbers: number[] = [];
  for await (const entries of recording.entries()) {
    for (const entry of entries) {
      if (entry.kind === 'tools') {
        wanted ??= entry.device;
        if (entry.device === wanted) numbers = entry.tools.map((tool) => table.toolNumber(tool.name));
      }
      if (entry.kind !== 'poses' || entry.device !== wanted) continue;
      for (let i = 0; i < entry.count; i += 1) {
        const tool = numbers[entry.tool(i)] ?? table.toolNumber(`tool-${entry.tool(i)}`);
        entry.read(i, sample);
        table.add(tool, sample, entry.frame(i), entry.flushed && i === entry.count - 1);
      }
    }
  }
  return table;
}
