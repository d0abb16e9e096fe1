import type { NavErrorCode } from '@trocar/core';
import type { ImageSource } from '@trocar/core/recording';
import type { ConnectionState, ToolInfo } from '../../driver.js';
import type { ImageEncoding } from './image.js';
import { MOST_IN_FLIGHT, MOST_SOURCES, MOST_TOOLS } from './layout.js';

/** What a bridge says of itself when a client comes. */
export interface BridgeHello {
  /** What it is, for logs. */
  readonly bridge: string;
  readonly tools: readonly ToolInfo[];
  readonly device: ConnectionState;
  readonly reason: string;
  /** It says something at least this often, ms. */
  readonly heartbeatMs: number;
  /** The revision of the protocol that it speaks. Absent, as all that follows: 0. */
  readonly revision?: number;
  /** Names this run of the bridge: its clock and its sequence begin anew with another. */
  readonly session?: string;
  /** What this client may do. */
  readonly role?: Role;
  /** Commands that a client with the role `control` may send. */
  readonly commands?: readonly string[];
  /** Each device of its own, where there are several or their states are of interest. */
  readonly devices?: readonly DeviceState[];
  /** The sources of images, by number; since revision 2, and to clients of that. */
  readonly images?: readonly ImageSource[];
}

/** Which images a client wants, and how; since revision 2. */
export interface ImageWish {
  /** Names of sources, also of ones that appear later. */
  readonly sources: readonly string[];
  /** How pixels may travel. */
  readonly encoding: ImageEncoding;
  /** So many images of a source may be on their way unacknowledged: 1 … 8. */
  readonly inFlight: number;
}

/** `observe`: see poses. `control`: also send commands. */
export type Role = 'observe' | 'control';

/** One device of a bridge. */
export interface DeviceState {
  /** Unique in the bridge. */
  readonly name: string;
  readonly state: ConnectionState;
  readonly reason: string;
}

/** What a client says of itself, and what it wants. */
export interface ClientHello {
  readonly revision: number;
  /** Names of the tools it wants, also of ones that appear later; undefined for all. */
  readonly subscribe: readonly string[] | undefined;
  /** Not more pose messages per second than this; infinite for all there are. */
  readonly maxRateHz: number;
  /** Where it was when the connection broke: what the bridge of that session has told it need not be told again. */
  readonly resume: { readonly session: string; readonly sequence: number } | undefined;
  /** undefined for none. */
  readonly images: ImageWish | undefined;
}

/** A wish of a client with the role `control`. */
export interface BridgeCommand {
  readonly command: string;
  /** What it needs to know; at most 16 texts, numbers and truth values. */
  readonly args: Readonly<Record<string, string | number | boolean>>;
}

/** Low-rate facts from the bridge. */
export type BridgeEvent =
  | { readonly kind: 'tools'; readonly tools: readonly ToolInfo[] }
  /** The list of image sources grew; to clients of revision 2. */
  | { readonly kind: 'images'; readonly images: readonly ImageSource[] }
  | {
      readonly kind: 'connection';
      readonly device: ConnectionState;
      readonly reason: string;
      readonly devices?: readonly DeviceState[];
    }
  | { readonly kind: 'fault'; readonly code: NavErrorCode; readonly message: string }
  /** Poses replaced by newer ones because this client did not keep up: since the last such event, and in all. */
  | { readonly kind: 'dropped'; readonly count: number; readonly total: number }
  /** What became of a command of this client. `code` is empty where it was done. */
  | { readonly kind: 'answer'; readonly id: number; readonly code: NavErrorCode | ''; readonly message: string }
  /** Somebody marked this moment, in ms on the bridge's clock. */
  | { readonly kind: 'mark'; readonly text: string; readonly at: number };

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, most: number): value is string => typeof value === 'string' && value.length <= most;
const isState = (value: unknown): value is ConnectionState =>
  value === 'connecting' || value === 'connected' || value === 'disconnected';
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Longest name of a tool, a device or a command, in UTF-16 units. */
const LONGEST_NAME = 200;

/** A received hello, or undefined where it is not one. */
export function parseHello(value: unknown): BridgeHello | undefined {
  if (!isObject(value)) return undefined;
  const { bridge, device, reason, heartbeatMs } = value;
  const tools = parseTools(value['tools']);
  if (tools === undefined || !isText(bridge, LONGEST_NAME) || !isText(reason, 2000) || !isState(device)) return undefined;
  if (typeof heartbeatMs !== 'number' || !(heartbeatMs >= 1 && heartbeatMs <= 60_000)) return undefined;
  const later = parseLaterFacts(value);
  return later && { bridge, tools, device, reason, heartbeatMs, ...later };
}

/** What revision 1 added; undefined where it is there and malformed. */
function parseLaterFacts(value: Json): Partial<BridgeHello> | undefined {
  const { revision, session, role, commands } = value;
  const devices = parseDevices(value['devices']);
  const images = parseSources(value['images']);
  if (devices === undefined || images === undefined) return undefined;
  if (!isAbsentOr(revision, isCount) || !isAbsentOr(session, isName)) return undefined;
  if (role !== undefined && role !== 'observe' && role !== 'control') return undefined;
  if (commands !== undefined && !isNames(commands, MOST_TOOLS)) return undefined;
  return {
    ...(isCount(revision) && { revision }),
    ...(isName(session) && { session }),
    ...(role !== undefined && { role }),
    ...(commands !== undefined && { commands }),
    ...(devices.length > 0 && { devices }),
    ...(images.length > 0 && { images }),
  };
}

const isName = (value: unknown): value is string => isText(value, LONGEST_NAME) && value !== '';
const isNames = (value: unknown, most: number): value is readonly string[] =>
  Array.isArray(value) && value.length <= most && value.every(isName);
const isAbsentOr = (value: unknown, is: (value: unknown) => boolean): boolean => value === undefined || is(value);

/** Devices as told; none where they are not; undefined where they are malformed. */
function parseDevices(value: unknown): readonly DeviceState[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MOST_TOOLS) return undefined;
  const devices: DeviceState[] = [];
  for (const entry of value as readonly unknown[]) {
    if (!isObject(entry)) return undefined;
    const { name, state, reason } = entry;
    if (!isName(name) || !isState(state) || !isText(reason, 2000)) return undefined;
    devices.push({ name, state, reason });
  }
  return devices;
}

/** Image sources as told; none where they are not; undefined where they are malformed. */
function parseSources(value: unknown): readonly ImageSource[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MOST_SOURCES) return undefined;
  const names: unknown = (value as readonly unknown[]).map((entry) => (isObject(entry) ? entry['name'] : undefined));
  if (!isNames(names, MOST_SOURCES) || new Set(names).size !== names.length) return undefined;
  return names.map((name) => ({ name }));
}

function isWish(value: unknown): value is ImageWish {
  if (!isObject(value)) return false;
  const { sources, encoding, inFlight } = value;
  const window = isCount(inFlight) && inFlight >= 1 && inFlight <= MOST_IN_FLIGHT;
  return isNames(sources, MOST_SOURCES) && (encoding === 'raw' || encoding === 'deflate') && window;
}

/**
 * What a client said, or undefined where it is malformed. What it left out has its default: a client of revision 0
 * wants every tool at every rate.
 */
export function parseClientHello(value: unknown): ClientHello | undefined {
  if (!isObject(value)) return undefined;
  const { revision, subscribe, maxRateHz, resume, images } = value;
  if (!isAbsentOr(revision, isCount)) return undefined;
  if (subscribe !== undefined && !isNames(subscribe, MOST_TOOLS)) return undefined;
  if (maxRateHz !== undefined && !(typeof maxRateHz === 'number' && maxRateHz > 0)) return undefined;
  if (!isAbsentOr(images, isWish)) return undefined;
  if (resume !== undefined && !(isObject(resume) && isName(resume['session']) && isCount(resume['sequence']))) return undefined;
  return {
    revision: isCount(revision) ? revision : 0,
    subscribe,
    maxRateHz: maxRateHz ?? Number.POSITIVE_INFINITY,
    resume: resume as ClientHello['resume'],
    images: images as ClientHello['images'],
  };
}

/** A received command, or undefined where it is not one. */
export function parseCommand(value: unknown): BridgeCommand | undefined {
  if (!isObject(value) || !isName(value['command'])) return undefined;
  const args = value['args'] ?? {};
  if (!isObject(args) || Object.keys(args).length > 16) return undefined;
  for (const [name, one] of Object.entries(args)) {
    if (!isName(name) || !(isText(one, 1000) || typeof one === 'boolean' || Number.isFinite(one))) return undefined;
  }
  return { command: value['command'], args: args as BridgeCommand['args'] };
}

/** A received event; `'unknown'` for a kind of a later minor revision, undefined where it is malformed. */
export function parseEvent(value: unknown): BridgeEvent | 'unknown' | undefined {
  if (!isObject(value) || !isText(value['kind'], 40)) return undefined;
  const { kind, reason, code, message, count, total } = value;
  switch (kind) {
    case 'tools': {
      const tools = parseTools(value['tools']);
      return tools && { kind, tools };
    }
    case 'images': {
      const images = parseSources(value['images']);
      return images && { kind, images };
    }
    case 'connection': {
      const { device } = value;
      const devices = parseDevices(value['devices']);
      if (devices === undefined || !isState(device) || !isText(reason, 2000)) return undefined;
      return { kind, device, reason, ...(devices.length > 0 && { devices }) };
    }
    case 'fault':
      // Codes of a newer bridge are passed on as they are: they are for people and logs.
      return isText(code, 80) && isText(message, 4000) ? { kind, code: code as NavErrorCode, message } : undefined;
    case 'dropped':
      return isCount(count) && isCount(total) ? { kind, count, total } : undefined;
    case 'answer': {
      const { id } = value;
      const good = isCount(id) && isText(code, 80) && isText(message, 4000);
      return good ? { kind, id, code: code as NavErrorCode | '', message } : undefined;
    }
    case 'mark': {
      const { text, at } = value;
      return isText(text, 1000) && typeof at === 'number' ? { kind, text, at } : undefined;
    }
    default:
      return 'unknown';
  }
}

function parseTools(value: unknown): readonly ToolInfo[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_TOOLS) return undefined;
  const tools: ToolInfo[] = [];
  const names = new Set<string>();
  for (const entry of value as readonly unknown[]) {
    if (!isObject(entry)) return undefined;
    const { name, manufacturer, partNumber, serial } = entry;
    if (!isText(name, 200) || name === '' || names.has(name)) return undefined;
    names.add(name);
    tools.push({
      name,
      ...(isText(manufacturer, 200) && { manufacturer }),
      ...(isText(partNumber, 200) && { partNumber }),
      ...(isText(serial, 200) && { serial }),
    });
  }
  return tools;
}
