/**
 * What a relay of live sessions and its participants say to each other: see docs/live-session.md. Little-endian; one WebSocket message is
 * one frame; the first byte is its type. What is carried is opaque to the relay.
 */

/** Raised by a change that an older peer would misread. */
export const RELAY_VERSION = 1;

/** The first byte of a frame. */
export const FRAME: {
  readonly hello: 1;
  readonly snapshot: 2;
  readonly change: 3;
  readonly motion: 4;
  readonly ack: 5;
  readonly ping: 6;
  readonly pong: 7;
  readonly ask: 8;
  readonly note: 9;
  readonly presence: 10;
} = { hello: 1, snapshot: 2, change: 3, motion: 4, ack: 5, ping: 6, pong: 7, ask: 8, note: 9, presence: 10 };

/** Joined to the type of something carried: it was kept for who joins, and says nothing of now. */
export const KEPT = 0x40;

/**
 * How something is carried: a whole state for who joins; a change that is never left out; or a motion, of which only the newest matters.
 */
export type CarriedKind = 'snapshot' | 'change' | 'motion';

/** The longest frame, bytes: the longest message of a session, and its type. */
export const LARGEST_FRAME = 65_600;
/** The longest note of an observer, bytes. */
export const LARGEST_NOTE = 2048;
/** The longest name of a participant, UTF-8 bytes. */
export const LONGEST_PARTICIPANT = 64;

/** Why a relay closes a connection, beside the codes of a bridge. */
export const RELAY_CLOSE: {
  readonly malformed: 4002;
  readonly silent: 4003;
  readonly tooMuch: 4004;
  /** It did not take what may not be left out; it joins again and gets a whole state. */
  readonly tooSlow: 4010;
  /** Another publisher has the room. */
  readonly taken: 4011;
  readonly wrongVersion: 4001;
} = { malformed: 4002, silent: 4003, tooMuch: 4004, tooSlow: 4010, taken: 4011, wrongVersion: 4001 };

/** Rooms are named so in addresses: `wss://relay.example/live/ROOM`. Never by a patient's name or number. */
export const ROOM_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,62}$/;
