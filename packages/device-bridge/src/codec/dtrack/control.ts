/** What DTrack says on its command connection, TCP port 50105. */
export type DTrackAnswer =
  | { readonly kind: 'ok' }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'set'; readonly parameter: string }
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'other'; readonly text: string };

/** The TCP port that takes commands. */
export const DTRACK_COMMAND_PORT = 50105;
/** The UDP port that data is sent to where nobody chose another. */
export const DTRACK_DATA_PORT = 5000;

const LONGEST_ANSWER = 200;

/** A command as it is sent: its text and a zero byte. */
export function dtrackCommand(text: string): Uint8Array {
  return Uint8Array.from([...text].map((c) => c.charCodeAt(0) & 0x7f).concat(0));
}

/** An answer's meaning: `dtrack2 ok`, `dtrack2 err <n> "<text>"`, `dtrack2 set …`, `dtrack2 msg …`. */
export function parseDtrackAnswer(text: string): DTrackAnswer {
  const words = /^dtrack2 (ok|err|set|msg)\b ?(.*)$/s.exec(text);
  if (words === null) return { kind: 'other', text };
  const [, word, rest = ''] = words;
  if (word === 'ok') return { kind: 'ok' };
  if (word === 'set') return { kind: 'set', parameter: rest };
  if (word === 'msg') return { kind: 'message', text: rest };
  const number = /^(-?\d+)\s*(.*)$/s.exec(rest);
  return { kind: 'error', code: Number(number?.[1] ?? Number.NaN), text: (number?.[2] ?? rest).replace(/^"|"$/g, '') };
}

/** Cuts the command connection's bytes into answers, each ended by a zero byte (CR and LF end one too). */
export class DTrackAnswerFramer {
  readonly #onAnswer: (answer: DTrackAnswer) => void;
  readonly #onFault: (code: 'codec/oversize') => void;
  #text = '';
  #dropping = false;

  constructor(onAnswer: (answer: DTrackAnswer) => void, onFault: (code: 'codec/oversize') => void) {
    this.#onAnswer = onAnswer;
    this.#onFault = onFault;
  }

  /** Bytes kept for later. */
  get buffered(): number {
    return this.#text.length;
  }

  /** Bytes in any chunks. */
  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === 0 || byte === 0x0a || byte === 0x0d) this.#end();
      else if (this.#text.length < LONGEST_ANSWER) this.#text += String.fromCharCode(byte);
      else this.#drop();
    }
  }

  #drop(): void {
    if (!this.#dropping) this.#onFault('codec/oversize');
    this.#dropping = true;
  }

  #end(): void {
    const text = this.#text;
    const whole = !this.#dropping;
    this.#text = '';
    this.#dropping = false;
    if (whole && text !== '') this.#onAnswer(parseDtrackAnswer(text));
  }
}
