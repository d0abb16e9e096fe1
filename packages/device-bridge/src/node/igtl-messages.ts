import { type Clock, hasPose, type PoseSample, type Status } from '@trocar/core';
import { fromQuaternion } from '@trocar/core/math';
import {
  ENCODING,
  encodeIgtl,
  FULL_NAME_KEY,
  type HeaderVersion,
  type IgtlContent,
  type IgtlMetadata,
  IgtlStorage,
  plusMetadata,
  TransformPacker,
  timestampOf,
} from '../codec/igtl/index.js';
import type { ToolInfo } from '../driver.js';

/** What poses can be sent as. */
export type PoseType = 'TRANSFORM' | 'POSITION' | 'TDATA' | 'QTDATA';

/** Bytes of a device name in a header, and of a tool name in a list. */
const NAME_BYTES = 20;
/** Six degrees of freedom, as the protocol numbers tool types. */
const TOOL_6D = 2;
const VALUES = 10;

const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));

interface ServedTool {
  readonly name: string;
  /** Its name as the wire has room for it. */
  readonly device: string;
  readonly values: Float64Array;
  readonly matrix: Float64Array;
  status: Status;
  /** False until a sample has come. */
  known: boolean;
  readonly packers: Map<string, TransformPacker>;
}

/** How the poses are written. */
export interface MessageOptions {
  readonly clock: Clock;
  /** Device name of TDATA, QTDATA and STATUS. */
  readonly name: string;
  /** Statuses that are sent where the protocol has no field for one: `ok`, and what the user adds. */
  readonly sendable: ReadonlySet<Status>;
  readonly deviceName: (tool: ToolInfo) => string;
}

/**
 * The newest pose of every tool, and the messages that say it.
 *
 * Header version 1, TDATA and QTDATA have no status: there only tools whose status is sendable exist. TRANSFORM of
 * header version 2 carries PLUS's metadata, and an invisible tool is sent as the identity that is not valid, as PLUS does.
 */
export class PoseMessages {
  readonly #options: MessageOptions;
  readonly #tools: ServedTool[] = [];
  readonly #storage = new IgtlStorage();
  readonly #stamp = new Float64Array(1);
  /** UTC minus host time, ms: stamps are provenance, and begin where the wall clock stood at the start. */
  readonly #utcOffset: number;

  constructor(options: MessageOptions) {
    this.#options = options;
    const now = options.clock.now();
    this.#utcOffset = options.clock.utc(now).getTime() - now;
  }

  get count(): number {
    return this.#tools.length;
  }

  /** Takes the list of tools; it only grows. */
  setTools(list: readonly ToolInfo[]): void {
    for (let i = this.#tools.length; i < list.length; i += 1) {
      const tool = list[i] as ToolInfo;
      this.#tools.push({
        name: tool.name,
        device: this.#fittingName(this.#options.deviceName(tool)),
        values: new Float64Array(VALUES).fill(Number.NaN),
        matrix: new Float64Array(16),
        status: 'missing',
        known: false,
        packers: new Map(),
      });
    }
  }

  /** Keeps a sample as the newest of its tool. */
  take(tool: number, sample: PoseSample): void {
    const served = this.#tools[tool];
    if (served === undefined) return;
    for (let k = 0; k < VALUES; k += 1) served.values[k] = sample.values[k] as number;
    // Numbers that are none are no pose, whatever is said of them.
    served.status = hasPose(sample.status) && !isFinitePose(served.values) ? 'missing' : sample.status;
    served.known = true;
    if (hasPose(served.status)) fromQuaternion(served.matrix, served.values.subarray(6, 10), served.values.subarray(3, 6));
  }

  /** The device is gone: no tool has a pose until a new one comes. */
  allGone(): void {
    for (const tool of this.#tools) tool.status = 'disconnected';
  }

  /** The number of the tool that a client calls so; −1 where there is none. */
  find(device: string): number {
    return this.#tools.findIndex((tool) => tool.device === device || tool.name === device);
  }

  /** Whether there is something to say of a tool in this type and version. */
  #isSaid(tool: ServedTool, type: PoseType, version: HeaderVersion): boolean {
    if (!tool.known) return false;
    return (type === 'TRANSFORM' && version === 2) || this.#options.sendable.has(tool.status);
  }

  /**
   * One message per tool (TRANSFORM, POSITION), one after the other; bytes of the caller's own, empty where there is
   * nothing to say.
   * @param tools numbers of the tools
   */
  each(type: 'TRANSFORM' | 'POSITION', tools: Iterable<number>, version: HeaderVersion): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const i of tools) {
      const tool = this.#tools[i];
      if (tool === undefined || !this.#isSaid(tool, type, version)) continue;
      this.#stamp[0] = this.#utcOf(tool);
      parts.push((type === 'TRANSFORM' ? this.#transform(tool, version) : this.#position(tool, version)).slice());
    }
    return joined(parts);
  }

  #transform(tool: ServedTool, headerVersion: HeaderVersion): Uint8Array {
    const visible = hasPose(tool.status);
    const key = headerVersion === 1 ? '1' : tool.status;
    let packer = tool.packers.get(key);
    if (packer === undefined) {
      const metadata = headerVersion === 1 ? [] : [...plusMetadata(tool.status), ...this.#fullName(tool)];
      packer = new TransformPacker(tool.device, { headerVersion, metadata });
      tool.packers.set(key, packer);
    }
    return packer.pack(visible ? tool.matrix : identity, this.#stamp);
  }

  #position(tool: ServedTool, headerVersion: HeaderVersion): Uint8Array {
    const content = { kind: 'position', position: tool.values.subarray(3, 6), orientation: tool.values.subarray(6, 10) } as const;
    return this.#encode('POSITION', tool.device, content, headerVersion, this.#fullName(tool));
  }

  /** One TDATA or QTDATA message of every tool that is seen: an empty list says that none is. */
  list(type: 'TDATA' | 'QTDATA', version: HeaderVersion): Uint8Array {
    const seen = this.#tools.filter((tool) => this.#isSaid(tool, type, version));
    this.#stamp[0] = seen.reduce((newest, tool) => Math.max(newest, this.#utcOf(tool)), Number.NEGATIVE_INFINITY);
    if (seen.length === 0) this.#stamp[0] = Number.NaN;
    const content: IgtlContent =
      type === 'TDATA'
        ? { kind: 'trackingData', tools: seen.map(({ device, matrix }) => ({ name: device, toolType: TOOL_6D, matrix })) }
        : {
            kind: 'quaternionTrackingData',
            tools: seen.map(({ device, values }) => ({
              name: device,
              toolType: TOOL_6D,
              position: values.subarray(3, 6),
              orientation: values.subarray(6, 10),
            })),
          };
    return this.#encode(type, this.#options.name, content, version, []).slice();
  }

  #encode(type: string, device: string, content: IgtlContent, headerVersion: HeaderVersion, more: IgtlMetadata[]): Uint8Array {
    const timestamp = timestampOf(this.#stamp[0] as number);
    const metadata = headerVersion === 2 ? more : [];
    return encodeIgtl({ type, device, content, timestamp, headerVersion, metadata }, this.#storage);
  }

  /** When the pose was measured, in UTC; NaN where that is not known, as of a tool that has never been seen. */
  #utcOf(tool: ServedTool): number {
    return (tool.values[0] as number) + this.#utcOffset;
  }

  #fullName(tool: ServedTool): IgtlMetadata[] {
    const full = this.#options.deviceName({ name: tool.name });
    return full === tool.device ? [] : [{ key: FULL_NAME_KEY, encoding: ENCODING.utf8, value: full }];
  }

  /** At most 20 bytes, and no other tool's: a name that is cut gets a number. */
  #fittingName(wanted: string): string {
    const taken = new Set(this.#tools.map(({ device }) => device));
    const fits = cut(wanted, NAME_BYTES);
    if (!taken.has(fits)) return fits;
    for (let n = 2; ; n += 1) {
      const numbered = `${cut(wanted, NAME_BYTES - 1 - String(n).length)}~${n}`;
      if (!taken.has(numbered)) return numbered;
    }
  }
}

function isFinitePose(values: Float64Array): boolean {
  for (let k = 3; k < VALUES; k += 1) if (!Number.isFinite(values[k] as number)) return false;
  return true;
}

const encoder = new TextEncoder();

/** The longest beginning of a text that has at most so many bytes as UTF-8, without NUL. */
function cut(text: string, bytes: number): string {
  let out = '';
  let size = 0;
  for (const character of text.replaceAll('\0', '')) {
    size += encoder.encode(character).length;
    if (size > bytes) return out;
    out += character;
  }
  return out;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
