import { NavError } from '../base/index.js';

/**
 * Where a session is kept: a journal that only grows, and beside it a short text, the head. A value handed in: memory, a
 * browser's private files, a folder on a disk.
 */
export interface SessionStorage {
  /** For people: the folder's name. */
  readonly label: string;
  /** What is kept: an empty journal and no head where there is nothing yet. @throws NavError `session/not-found` */
  load(): Promise<{ readonly journal: Uint8Array; readonly head: string | undefined }>;
  /**
   * Appends to the journal; once this has resolved, the bytes outlive the program and, where the medium can, a power cut.
   * Either all of them are kept or none; where that cannot be had, everything later is refused.
   * @param at how long the journal must be before: another length means that somebody else writes to it
   * @throws NavError `session/write-failed`, `session/in-use`
   */
  append(bytes: Uint8Array, at: number): Promise<void>;
  /** Removes what follows `length` bytes: a line that was being written. @throws NavError `session/write-failed` */
  cut(length: number): Promise<void>;
  /** Replaces the head, wholly or not at all, as lastingly as {@link append}. @throws NavError `session/write-failed` */
  keepHead(text: string): Promise<void>;
  /** Nothing more comes. */
  close(): Promise<void>;
}

/** The refusal of a journal that is not as long as its session left it. */
export function inUse(label: string, expected: number, actual: number): NavError {
  return new NavError(
    'session/in-use',
    `The journal in ${label} has ${actual} bytes and this session left ${expected}: another program writes to it. ` +
      'Close that one, and restore the session.',
    { detail: { expected, actual } },
  );
}

/** What could not be written, and why. */
export function writeFailed(label: string, cause: unknown): NavError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NavError('session/write-failed', `The session in ${label} could not be written: ${why}. Nothing was accepted.`, {
    cause,
  });
}

/** A storage that lives as long as the program: for tests, and for what need not be kept. */
export interface MemoryStorage extends SessionStorage {
  /** What a crash at this moment would leave: a storage of its own. */
  copy(): MemoryStorage;
}

/** @param limitBytes a journal longer than this is refused as a full disk would be; default no limit */
export function memoryStorage(limitBytes: number = Number.POSITIVE_INFINITY): MemoryStorage {
  return storageOf(new Uint8Array(0), undefined, limitBytes);
}

function storageOf(first: Uint8Array, firstHead: string | undefined, limitBytes: number): MemoryStorage {
  let journal = first;
  let head = firstHead;
  const label = 'memory';
  return {
    label,
    load: async () => ({ journal: journal.slice(), head }),
    append: async (bytes, at) => {
      if (journal.length !== at) throw inUse(label, at, journal.length);
      if (at + bytes.length > limitBytes) throw writeFailed(label, `it may have ${limitBytes} bytes`);
      const longer = new Uint8Array(at + bytes.length);
      longer.set(journal);
      longer.set(bytes, at);
      journal = longer;
    },
    cut: async (length) => {
      journal = journal.slice(0, length);
    },
    keepHead: async (text) => {
      head = text;
    },
    close: async () => undefined,
    copy: () => storageOf(journal.slice(), head, limitBytes),
  };
}
