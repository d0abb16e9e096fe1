import { NavError } from '@trocar/core';
import { natnetFrameFacts } from './frame.js';
import { HEADER, NATNET, natnetMessage, payloadOf } from './header.js';
import { type NatNetModel, readModels } from './models.js';
import { Reader } from './reader.js';
import { type NatNetVersion, requireVersion, versionNumber } from './version.js';

/** What a server says of itself. */
export interface ServerInfo {
  readonly type: 'serverInfo';
  readonly application: string;
  readonly applicationVersion: string;
  readonly version: NatNetVersion;
  /** Ticks per second of the server's clock; absent before 3.0. */
  readonly ticksPerSecond?: number;
  readonly dataPort?: number;
  readonly multicast?: boolean;
  readonly multicastAddress?: string;
}

/** What a client says when it connects or looks for servers. */
export interface ClientHello {
  readonly type: 'connect' | 'discovery';
  readonly application: string;
  /** Absent where the client sent none. */
  readonly applicationVersion?: string;
  readonly version?: NatNetVersion;
}

/** A NatNet message that is no frame of data, decoded; 64-bit numbers as text. */
export type NatNetMessage =
  | ServerInfo
  | ClientHello
  | { readonly type: 'modelDefinitions'; readonly models: readonly NatNetModel[] }
  | { readonly type: 'frameOfData'; readonly facts: Readonly<Record<string, unknown>> }
  | { readonly type: 'echoRequest'; readonly requestTime: string }
  | { readonly type: 'echoResponse'; readonly requestTime: string; readonly serverTicks: string }
  | { readonly type: 'request' | 'string'; readonly text: string }
  | { readonly type: 'response'; readonly text: string }
  | { readonly type: 'response'; readonly code: number }
  | {
      readonly type:
        | 'requestModelDefinitions'
        | 'requestFrameOfData'
        | 'disconnect'
        | 'keepAlive'
        | 'disconnectByTimeout'
        | 'unrecognisedRequest';
    };

const NAME_FIELD = 256;

/**
 * Decodes one packet of any type.
 * @param version for frames and model definitions, whose layout depends on it
 * @throws NavError `codec/oversize`, `natnet/truncated`, `natnet/size-mismatch`, `natnet/bad-count`, `natnet/bad-value`,
 * `natnet/unknown-message`, `natnet/unsupported`
 */
export function decodeNatnet(packet: Uint8Array, version: NatNetVersion): NatNetMessage {
  const id = natnetMessage(packet);
  if (id === NATNET.frameOfData) return { type: 'frameOfData', facts: natnetFrameFacts(packet, version) };
  const r = new Reader();
  r.use(packet, HEADER, payloadOf(packet));
  const message = readMessage(r, id, version);
  if (r.left !== 0) r.refuse('natnet/size-mismatch', `${r.left} bytes more than a ${message.type} message has`);
  return message;
}

function readMessage(r: Reader, id: number, version: NatNetVersion): NatNetMessage {
  switch (id) {
    case NATNET.connect:
      return readHello(r, 'connect');
    case NATNET.discovery:
      return readHello(r, 'discovery');
    case NATNET.serverInfo:
      return readServerInfo(r);
    case NATNET.request:
      return { type: 'request', text: r.text() };
    case NATNET.response:
      return r.left === 4 && !endsText(r) ? { type: 'response', code: r.i32() } : { type: 'response', text: r.text() };
    case NATNET.modelDefinitions:
      requireVersion(version);
      return { type: 'modelDefinitions', models: readModels(r, versionNumber(version)) };
    case NATNET.string:
      return { type: 'string', text: readLongText(r) };
    case NATNET.echoRequest:
      return { type: 'echoRequest', requestTime: r.u64Text() };
    case NATNET.echoResponse:
      return { type: 'echoResponse', requestTime: r.u64Text(), serverTicks: r.u64Text() };
    default:
      return readEmpty(id);
  }
}

/** Four bytes that are three letters and a zero are a text. */
function endsText(r: Reader): boolean {
  const [a = 0, b = 0, c = 0, d = 1] = r.bytes.subarray(r.at, r.at + 4);
  return d === 0 && [a, b, c].every((byte) => byte >= 0x20 && byte < 0x7f);
}

function readEmpty(id: number): NatNetMessage {
  switch (id) {
    case NATNET.requestModelDefinitions:
      return { type: 'requestModelDefinitions' };
    case NATNET.requestFrameOfData:
      return { type: 'requestFrameOfData' };
    case NATNET.disconnect:
      return { type: 'disconnect' };
    case NATNET.keepAlive:
      return { type: 'keepAlive' };
    case NATNET.disconnectByTimeout:
      return { type: 'disconnectByTimeout' };
    case NATNET.unrecognisedRequest:
      return { type: 'unrecognisedRequest' };
    default:
      throw new NavError('natnet/unknown-message', `A NatNet packet with message number ${id}, which nobody has described.`);
  }
}

function readLongText(r: Reader): string {
  const text = r.bytes.subarray(r.at, r.end);
  const zero = text.indexOf(0);
  if (zero < 0) r.refuse('natnet/truncated', 'a text does not end');
  r.at += zero + 1;
  return new TextDecoder().decode(text.subarray(0, zero));
}

function readFour(r: Reader): [number, number, number, number] {
  return [r.u8(), r.u8(), r.u8(), r.u8()];
}

function readVersions(r: Reader): { applicationVersion: string; version: NatNetVersion } {
  const applicationVersion = readFour(r).join('.');
  const [major, minor] = readFour(r);
  return { applicationVersion, version: { major, minor } };
}

/** Clients that are not made with the SDK connect with a short text, or with nothing at all. */
function readHello(r: Reader, type: 'connect' | 'discovery'): ClientHello {
  if (type === 'connect' && r.left === 0) return { type, application: '' };
  if (type === 'connect' && r.bytes.indexOf(0, r.at) === r.end - 1) return { type, application: r.text() };
  const hello = { type, application: r.fixedText(NAME_FIELD), ...readVersions(r) };
  // Some send more room than they fill.
  r.at = r.end;
  return hello;
}

function readServerInfo(r: Reader): ServerInfo {
  const application = r.fixedText(NAME_FIELD);
  const versions = readVersions(r);
  const head = { type: 'serverInfo' as const, application, ...versions };
  if (versionNumber(versions.version) < 0x300) return head;
  const ticks = new Float64Array(1);
  r.ticks(ticks, 0);
  const ticksPerSecond = ticks[0] as number;
  if (!(ticksPerSecond > 0)) r.refuse('natnet/bad-value', `a clock of ${ticksPerSecond} ticks a second`);
  const dataPort = r.u16();
  const multicast = r.u8() !== 0;
  return { ...head, ticksPerSecond, dataPort, multicast, multicastAddress: readFour(r).join('.') };
}
