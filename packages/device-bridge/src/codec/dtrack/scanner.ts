import { NavError, type NavErrorCode } from '@trocar/core';

const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const LOWER_E = 0x65;

/** Powers of ten that a double holds exactly. */
const TENS = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`));
/** A mantissa below this takes another digit and stays exact. */
const MANTISSA_ROOM = (2 ** 53 - 9) / 10;
/** Longest digits after which an exponent is looked at as nonsense. */
const LARGEST_EXPONENT = 400;

/**
 * Reads numbers and brackets from the bytes of one line, by hand: no text is made, so a datagram costs no memory.
 * What is wrong is thrown with the byte it was found at; only then is anything allocated.
 */
export class Scanner {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** Where the line's content ends: before CR and LF. */
  end = 0;
  /** The line's name, for messages. */
  #from = 0;
  readonly #value = new Float64Array(1);

  /** Looks at one line. */
  use(bytes: Uint8Array, from: number, end: number): void {
    this.bytes = bytes;
    this.#from = from;
    this.at = from;
    this.end = end;
  }

  /** @throws NavError with the line's name and the byte in the datagram */
  refuse(code: NavErrorCode, what: string): never {
    let name = '';
    for (let i = this.#from; i < Math.min(this.end, this.#from + 8); i += 1) {
      const byte = this.bytes[i] as number;
      if (byte <= SPACE || byte > 0x7e) break;
      name += String.fromCharCode(byte);
    }
    throw new NavError(code, `DTrack line "${name}", byte ${this.at} of the datagram: ${what}.`, { detail: { byte: this.at } });
  }

  #skipSpaces(): void {
    while (this.at < this.end && (this.bytes[this.at] === SPACE || this.bytes[this.at] === TAB)) this.at += 1;
  }

  /** The line holds nothing more. @throws NavError `dtrack/bad-count` */
  expectEnd(): void {
    this.#skipSpaces();
    if (this.at < this.end) this.refuse('dtrack/bad-count', 'more than the line says it holds');
  }

  /** @throws NavError `dtrack/missing-field` */
  open(): void {
    this.#skipSpaces();
    if (this.bytes[this.at] !== OPEN || this.at >= this.end) this.refuse('dtrack/missing-field', 'a "[" was expected');
    this.at += 1;
  }

  /** @throws NavError `dtrack/bad-count`, `dtrack/missing-field` */
  close(): void {
    this.#skipSpaces();
    if (this.at >= this.end) this.refuse('dtrack/missing-field', 'a "]" was expected and the line ended');
    if (this.bytes[this.at] !== CLOSE) this.refuse('dtrack/bad-count', 'a "]" was expected');
    this.at += 1;
  }

  /**
   * A finite decimal number into `out[index]`: right to the last bit for up to 15 digits without an exponent, and to
   * 1e-15 of its size beyond.
   * @throws NavError `dtrack/missing-field`, `dtrack/bad-number`
   */
  number(out: Float64Array, index: number): void {
    this.#skipSpaces();
    const bytes = this.bytes;
    const end = this.end;
    let at = this.at;
    if (at >= end || bytes[at] === CLOSE) this.refuse('dtrack/missing-field', 'a number was expected');
    const negative = bytes[at] === MINUS;
    if (negative || bytes[at] === PLUS) at += 1;
    let mantissa = 0;
    let exponent = 0;
    let digits = 0;
    let seenPoint = false;
    for (; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === POINT && !seenPoint) {
        seenPoint = true;
        continue;
      }
      if (byte < ZERO || byte > NINE) break;
      digits += 1;
      if (mantissa < MANTISSA_ROOM) {
        mantissa = 10 * mantissa + (byte - ZERO);
        if (seenPoint) exponent -= 1;
      } else if (!seenPoint) exponent += 1;
    }
    this.at = at;
    if (digits === 0) this.refuse('dtrack/bad-number', 'this is no number');
    if (at < end && ((bytes[at] as number) | 0x20) === LOWER_E) exponent += this.#exponent();
    this.#requireEndOfNumber();
    const value = scale(mantissa, exponent);
    if (!Number.isFinite(value)) this.refuse('dtrack/bad-number', 'a number is too large');
    out[index] = negative ? -value : value;
  }

  #exponent(): number {
    this.at += 1;
    const negative = this.bytes[this.at] === MINUS;
    if (negative || this.bytes[this.at] === PLUS) this.at += 1;
    const from = this.at;
    let exponent = 0;
    for (; this.at < this.end; this.at += 1) {
      const byte = this.bytes[this.at] as number;
      if (byte < ZERO || byte > NINE) break;
      exponent = Math.min(LARGEST_EXPONENT, 10 * exponent + (byte - ZERO));
    }
    if (this.at === from) this.refuse('dtrack/bad-number', 'an exponent has no digits');
    return negative ? -exponent : exponent;
  }

  #requireEndOfNumber(): void {
    if (this.at >= this.end) return;
    const byte = this.bytes[this.at];
    if (byte !== SPACE && byte !== TAB && byte !== CLOSE) this.refuse('dtrack/bad-number', 'this is no number');
  }

  /**
   * An integer within bounds.
   * @throws NavError `code` where it is outside, `dtrack/missing-field`, `dtrack/bad-number`
   */
  integer(least: number, most: number, code: NavErrorCode): number {
    this.number(this.#value, 0);
    const value = this.#value[0] as number;
    if (!Number.isInteger(value)) this.refuse('dtrack/bad-number', 'a whole number was expected');
    if (value < least || value > most) this.refuse(code, `${value} is outside ${least} … ${most}`);
    return value;
  }

  /** `count` numbers. @throws NavError `dtrack/missing-field`, `dtrack/bad-number` */
  numbers(out: Float64Array, index: number, count: number): void {
    for (let k = 0; k < count; k += 1) this.number(out, index + k);
  }

  /** `[` and `count` numbers and `]`. @throws NavError `dtrack/missing-field`, `dtrack/bad-number`, `dtrack/bad-count` */
  block(out: Float64Array, index: number, count: number): void {
    this.open();
    this.numbers(out, index, count);
    this.close();
  }
}

/** mantissa · 10^exponent, exact where both are exactly held. */
function scale(mantissa: number, exponent: number): number {
  if (exponent >= 0) return exponent <= 22 ? mantissa * (TENS[exponent] as number) : mantissa * 10 ** exponent;
  if (exponent >= -22) return mantissa / (TENS[-exponent] as number);
  // In two steps, so that the smallest numbers are not lost in a divisor that is infinite.
  return exponent >= -300 ? mantissa / 10 ** -exponent : mantissa / 1e300 / 10 ** (-exponent - 300);
}

/** The end of the line that begins at `at`: the place of its LF, or of the bytes' end. */
export function lineEnd(bytes: Uint8Array, at: number): number {
  const lf = bytes.indexOf(LF, at);
  return lf < 0 ? bytes.length : lf;
}

/** Where a line's content ends: without a CR before its LF. */
export function contentEnd(bytes: Uint8Array, from: number, lf: number): number {
  return lf > from && bytes[lf - 1] === CR ? lf - 1 : lf;
}
