import type { NavErrorCode } from '@trocar/core';

/** A message as `trocar-bridge decode` prints it: its type, where it began in the file (bytes), and its fields, ready for JSON. */
export interface DecodedMessage {
  readonly type: string;
  readonly offset: number;
  readonly [field: string]: unknown;
}

/** A message that was refused: the code, where it began in the file (bytes), and what was wrong. */
export interface RefusedMessage {
  readonly error: NavErrorCode;
  readonly offset: number;
  readonly message: string;
}

/** One line of what a recording of raw bytes holds. */
export type DecodedLine = DecodedMessage | RefusedMessage;
