import { MAGIC, OP, RECORD_HEADER } from './format.js';

/** Who gets an MCAP file's records. */
export interface RecordHandler {
  /**
   * A whole record.
   * @param record its type, length and content; valid only until this returns
   * @param offset of its first byte in the file
   */
  record(opcode: number, record: Uint8Array, offset: number): void;
}

/**
 * Where in the file the scanner is: before the magic, among records, behind the footer, behind the closing magic;
 * `foreign`: it does not begin as MCAP does; `lost`: a record's type or length cannot be, so that nothing behind it can
 * be found.
 */
export type ScanState = 'magic' | 'records' | 'end' | 'done' | 'foreign' | 'lost';

/**
 * Cuts an MCAP file, in pieces of any size, into its top-level records. It keeps at most one record, and none that
 * claims to be longer than `maxRecordBytes`: a damaged length must not make it wait for the rest of the file.
 */
export class RecordScanner {
  state: ScanState = 'magic';
  /** Bytes of whole records, and of the magics, so far: the rest of what was fed is given up or waits. */
  taken = 0;
  /** All bytes fed. */
  fed = 0;
  readonly #handler: RecordHandler;
  readonly #maxRecordBytes: number;
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  #length = 0;

  constructor(handler: RecordHandler, maxRecordBytes: number) {
    this.#handler = handler;
    this.#maxRecordBytes = maxRecordBytes;
  }

  /** Takes the next bytes of the file. */
  feed(bytes: Uint8Array): void {
    this.fed += bytes.length;
    let at = 0;
    while (at < bytes.length && this.state !== 'foreign' && this.state !== 'lost' && this.state !== 'done') {
      at = this.#length === 0 ? this.#takeFrom(bytes, at) : this.#complete(bytes, at);
    }
  }

  /** How long the thing is that begins at `at`; 0 where more bytes are needed to know, −1 where it cannot be. */
  #lengthOf(bytes: Uint8Array, at: number, available: number): number {
    if (this.state !== 'records') return MAGIC.length;
    if (available < RECORD_HEADER) return 0;
    const opcode = bytes[at] as number;
    let length = 0;
    for (let i = 8; i >= 1; i -= 1) length = length * 256 + (bytes[at + i] as number);
    return opcode === 0 || length > this.#maxRecordBytes ? -1 : RECORD_HEADER + length;
  }

  /** Takes a whole thing out of the caller's bytes, or keeps the rest for later. */
  #takeFrom(bytes: Uint8Array, at: number): number {
    const available = bytes.length - at;
    const length = this.#lengthOf(bytes, at, available);
    if (length < 0) {
      this.state = 'lost';
      return bytes.length;
    }
    if (length > 0 && available >= length) {
      this.#take(bytes.subarray(at, at + length));
      return at + length;
    }
    this.#keep(bytes.subarray(at));
    this.#checkBeginning();
    return bytes.length;
  }

  /** Adds what the kept beginning still lacks. */
  #complete(bytes: Uint8Array, at: number): number {
    const known = this.#lengthOf(this.#held, 0, this.#length);
    const wanted = known === 0 ? RECORD_HEADER : known;
    const more = Math.min(wanted - this.#length, bytes.length - at);
    this.#keep(bytes.subarray(at, at + more));
    this.#checkBeginning();
    const length = this.#lengthOf(this.#held, 0, this.#length);
    if (length < 0) this.state = 'lost';
    else if (length > 0 && this.#length === length) {
      const whole = this.#held.subarray(0, length);
      this.#length = 0;
      this.#take(whole);
    }
    return at + more;
  }

  /** Something else is known by its first byte already: it may have no eight of them. */
  #checkBeginning(): void {
    if (this.state !== 'magic') return;
    for (let i = 0; i < Math.min(this.#length, MAGIC.length); i += 1) if (this.#held[i] !== MAGIC[i]) this.state = 'foreign';
  }

  #keep(bytes: Uint8Array): void {
    const wanted = this.#length + bytes.length;
    if (wanted > this.#held.length) {
      const larger = new Uint8Array(Math.max(wanted, Math.min(2 * this.#held.length, this.#maxRecordBytes + RECORD_HEADER)));
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#length);
    this.#length = wanted;
  }

  #take(whole: Uint8Array): void {
    const offset = this.taken;
    if (this.state !== 'records') {
      const isMagic = MAGIC.every((byte, i) => whole[i] === byte);
      this.state = this.state === 'magic' ? (isMagic ? 'records' : 'foreign') : isMagic ? 'done' : 'lost';
      if (isMagic) this.taken += whole.length;
      return;
    }
    this.taken += whole.length;
    const opcode = whole[0] as number;
    if (opcode === OP.footer) this.state = 'end';
    this.#handler.record(opcode, whole, offset);
  }
}
