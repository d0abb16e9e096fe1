import { isNavError, type NavErrorCode } from '@trocar/core';

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

/**
 * What was thrown at a message as the line that refuses it.
 * @throws what is no NavError: a fault of ours, and not of the message
 */
export function refusedMessage(error: unknown, offset: number): RefusedMessage {
  if (!isNavError(error)) throw error;
  return { error: error.code, offset, message: error.message };
}

/** A number as JSON has it: null for one that is none. */
export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
