/** Why an archive did not take an object, or what it changed: the number that it gave, and what that means. */
export interface StoreReason {
  /** Failure Reason (0008,1197) or Warning Reason (0008,1196). */
  readonly code: number;
  readonly words: string;
  /** Whether sending it again later may help. */
  readonly mayPass: boolean;
}

/** PS3.18, table I.2-2 and PS3.7, annex C. */
const EXACT: Readonly<Record<number, readonly [words: string, mayPass: boolean]>> = {
  262: ['an attribute has a value that it may not have', false],
  272: ['the archive failed while it worked on the object', true],
  273: ['the archive has an object with this UID already', false],
  279: ['the SOP Instance UID breaks the rules for UIDs', false],
  281: ['the object is of another SOP class than the one with this UID', false],
  288: ['an attribute is missing', false],
  289: ['an attribute has no value', false],
  290: ['the archive does not take this SOP class', false],
  292: ['the archive does not allow this caller to store', false],
  45056: ['the archive changed values of the object', false],
  45062: ['the archive left out elements of the object', false],
  45063: ['the object does not match its SOP class', false],
  49442: ['the archive does not take this transfer syntax', false],
};

/** Ranges of PS3.4, table B.2-1: the first digits count. */
const RANGES: ReadonlyArray<readonly [from: number, to: number, words: string, mayPass: boolean]> = [
  [0xa700, 0xa7ff, 'the archive has no room or no memory left', true],
  [0xa900, 0xa9ff, 'the object does not match its SOP class', false],
  [0xc000, 0xcfff, 'the archive cannot understand the object', false],
];

/** A reason in words; one that no table names is said to be unknown. */
export function storeReason(code: number): StoreReason {
  const [words, mayPass] = EXACT[code] ?? RANGES.find(([from, to]) => code >= from && code <= to)?.slice(2) ?? [];
  const number = `0x${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return {
    code,
    words: `${typeof words === 'string' ? words : 'the archive gave a reason that no table names'} (${number})`,
    mayPass: mayPass === true,
  };
}
