import { NavError } from '@trocar/core';

/** Message numbers of NatNet (NatNetTypes.h of the SDK; the last is 256 on the wire, whatever that header says). */
export const NATNET: {
  readonly connect: 0;
  readonly serverInfo: 1;
  readonly request: 2;
  readonly response: 3;
  readonly requestModelDefinitions: 4;
  readonly modelDefinitions: 5;
  readonly requestFrameOfData: 6;
  readonly frameOfData: 7;
  readonly string: 8;
  readonly disconnect: 9;
  readonly keepAlive: 10;
  readonly disconnectByTimeout: 11;
  readonly echoRequest: 12;
  readonly echoResponse: 13;
  readonly discovery: 14;
  readonly unrecognisedRequest: 0x100;
} = {
  connect: 0,
  serverInfo: 1,
  request: 2,
  response: 3,
  requestModelDefinitions: 4,
  modelDefinitions: 5,
  requestFrameOfData: 6,
  frameOfData: 7,
  string: 8,
  disconnect: 9,
  keepAlive: 10,
  disconnectByTimeout: 11,
  echoRequest: 12,
  echoResponse: 13,
  discovery: 14,
  unrecognisedRequest: 0x100,
};

/** Bytes before the payload: message number and payload size, 16 bits each. */
export const HEADER = 4;
/** The most a UDP datagram can hold. */
export const LARGEST_PACKET = 65_507;

/** The message number of a packet; −1 where it is too short to have one. */
export function natnetMessage(packet: Uint8Array): number {
  return packet.length < 2 ? -1 : (packet[0] as number) + 256 * (packet[1] as number);
}

/** How many bytes the packet at `from` should have by its own account, its header among them; −1 where even that is cut off. */
export function packetSize(bytes: Uint8Array, from: number): number {
  if (bytes.length - from < HEADER) return -1;
  return HEADER + (bytes[from + 2] as number) + 256 * (bytes[from + 3] as number);
}

/**
 * Where the payload of a whole packet ends; it begins at {@link HEADER}.
 * @throws NavError `codec/oversize`, `natnet/truncated`, `natnet/size-mismatch`
 */
export function payloadOf(packet: Uint8Array): number {
  if (packet.length > LARGEST_PACKET) throw new NavError('codec/oversize', `A NatNet packet of ${packet.length} bytes is none.`);
  const size = packetSize(packet, 0);
  if (size < 0 || size > packet.length) {
    const what = size < 0 ? 'its header is cut off' : `${size} bytes were announced`;
    throw new NavError('natnet/truncated', `A NatNet packet of ${packet.length} bytes: ${what}.`);
  }
  if (size < packet.length) {
    throw new NavError('natnet/size-mismatch', `A NatNet packet of ${packet.length} bytes where ${size} were announced.`);
  }
  return size;
}
