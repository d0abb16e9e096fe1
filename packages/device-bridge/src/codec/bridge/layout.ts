/**
 * The bridge protocol, version 1, in numbers: see docs/bridge-protocol.md. Little-endian throughout; one WebSocket
 * message is one protocol message.
 */

/** Raised with every change that an older peer would misread. */
export const BRIDGE_VERSION = 1;

/**
 * Raised with every addition that an older peer can leave alone. Both hellos name theirs; 0 where one names none. A peer
 * uses of the newer only what the older knows.
 */
export const BRIDGE_REVISION = 2;

/** What a browser's client asks for as a subprotocol of WebSocket, and a bridge agrees to. */
export const SUBPROTOCOL = 'trocar';
/** A subprotocol that begins so carries an access token, in base64url: a page can set no other header. */
export const TOKEN_SUBPROTOCOL = 'trocar.token.';

/** The first byte of a message. */
export const MESSAGE: {
  readonly hello: 1;
  readonly poses: 2;
  readonly ping: 3;
  readonly pong: 4;
  readonly event: 5;
  readonly heartbeat: 6;
  readonly command: 7;
  readonly image: 8;
  readonly imageAck: 9;
} = { hello: 1, poses: 2, ping: 3, pong: 4, event: 5, heartbeat: 6, command: 7, image: 8, imageAck: 9 };

/** "TROCAR" and a zero, behind the type byte of hello. */
export const MAGIC: readonly number[] = [0x54, 0x52, 0x4f, 0x43, 0x41, 0x52, 0x00];

/** type, magic, version, reserved, JSON length; the JSON follows. */
export const HELLO_HEADER = 16;
/** type, reserved, count, sequence; the records follow, each of its doubles on a multiple of 8. */
export const POSES_HEADER = 8;
/** tool, status, reserved, frame number, measured, arrived, error, tx ty tz, qx qy qz qw. */
export const RECORD = 88;
/** type, reserved, id, t1. */
export const PING = 16;
/** type, reserved, id, t1, bound of the asker's clock; since revision 1. */
export const PING_WITH_BOUND = 24;
/** type, reserved, id, JSON length; the JSON follows. Since revision 1. */
export const COMMAND_HEADER = 12;
/** type, reserved, id, t1, t2, t3. */
export const PONG = 32;
/** type, reserved, JSON length; the JSON follows. */
export const EVENT_HEADER = 8;
/** type, reserved, sequence, now. */
export const HEARTBEAT = 16;

/**
 * type, encoding, components, bytes a number, source, reserved, sequence, frame number, width, height, length of the data, measured,
 * arrived, bound, spacing x y, depth; the data follow. Since revision 2.
 */
export const IMAGE_HEADER = 72;
/** type, reserved, source, sequence; since revision 2. */
export const IMAGE_ACK = 8;
/** Sources of images that a bridge has at most, and images that may be on their way to a client. */
export const MOST_SOURCES = 64;
export const MOST_IN_FLIGHT = 8;

/** Tools are numbered 0 … 254. */
export const MOST_TOOLS = 255;
/** No message but an image is longer; a longer one is refused unread. */
export const LARGEST_MESSAGE = 65_536;

/** Close codes of the WebSocket, in its range for applications. */
export const CLOSE: {
  readonly wrongProtocol: 4000;
  readonly wrongVersion: 4001;
  readonly malformed: 4002;
  readonly silent: 4003;
  readonly tooMuch: 4004;
  /** Said by a socket of a request that was turned away before there was a WebSocket; never on the wire. */
  readonly unauthorised: 4005;
  readonly foreignOrigin: 4006;
} = {
  wrongProtocol: 4000,
  wrongVersion: 4001,
  malformed: 4002,
  silent: 4003,
  tooMuch: 4004,
  unauthorised: 4005,
  foreignOrigin: 4006,
};
