import { HEADER, NATNET } from './header.js';
import type { NatNetVersion } from './version.js';

/** The port that a server takes commands on, and the one it sends frames to, unless told otherwise. */
export const NATNET_COMMAND_PORT = 1510;
export const NATNET_DATA_PORT = 1511;

function packet(id: number, payload: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(HEADER + payload);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id, true);
  view.setUint16(2, payload, true);
  return { bytes, view };
}

function hello(id: number, version: NatNetVersion): Uint8Array {
  const { bytes } = packet(id, 264);
  bytes.set(new TextEncoder().encode('Trocar'), HEADER);
  // The SDK sets both versions to its own.
  for (const at of [260, 264]) bytes.set([version.major, version.minor, 0, 0], at);
  return bytes;
}

/** Asks a server who it is, and it to send frames here where it does not multicast them. */
export const encodeConnect = (version: NatNetVersion): Uint8Array => hello(NATNET.connect, version);

/** Asks which servers there are. */
export const encodeDiscovery = (version: NatNetVersion): Uint8Array => hello(NATNET.discovery, version);

/** A message without content. */
export function encodeEmpty(message: 'requestModelDefinitions' | 'requestFrameOfData' | 'disconnect' | 'keepAlive'): Uint8Array {
  return packet(NATNET[message], 0).bytes;
}

/** Asks for an echo. @param microseconds the sender's own time, a whole number that comes back unchanged */
export function encodeEchoRequest(microseconds: number): Uint8Array {
  const { bytes, view } = packet(NATNET.echoRequest, 8);
  view.setBigUint64(HEADER, BigInt(Math.round(microseconds)), true);
  return bytes;
}

/** A command of Motive's, as text. */
export function encodeRequest(text: string): Uint8Array {
  const content = new TextEncoder().encode(text);
  const { bytes } = packet(NATNET.request, content.length + 1);
  bytes.set(content, HEADER);
  return bytes;
}
