import { NavError } from '@trocar/core';
import { type CommandContent, decodeIgtl, ENCODING, type IgtlFrame, type IgtlMetadata } from '../../codec/igtl/index.js';

/** What a server answered to a COMMAND. */
export interface IgtlCommandReply {
  readonly name: string;
  /** Mostly one XML element; `readPlusReply` reads PLUS's. */
  readonly text: string;
  /** Header version 2 only. */
  readonly metadata: readonly IgtlMetadata[];
}

interface Waiting {
  readonly what: string;
  readonly resolve: (reply: IgtlCommandReply) => void;
  readonly reject: (error: NavError) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Commands that wait for their answer, at most. */
const MOST = 64;
/** Numbers stay within what PLUS reads of a device name (a C int). */
const LARGEST_ID = 0x7fff_ffff;

/** Commands that were sent, by their number, and the answers that come. */
export class PendingCommands {
  readonly #waiting = new Map<string, Waiting>();
  #lastId = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Makes a number, has the command sent under it, and waits for the answer.
   * @param send gets the number; what it throws is thrown on
   * @throws NavError `device/timeout`, `device/disconnected`, `device/refused` where too many wait
   */
  ask(form: 'command' | 'string', what: string, timeoutMs: number, send: (id: number) => void): Promise<IgtlCommandReply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size >= MOST) {
        throw new NavError('device/refused', `"${what}" was not sent: ${MOST} commands wait for their answers.`);
      }
      this.#lastId = this.#lastId >= LARGEST_ID ? 1 : this.#lastId + 1;
      const id = this.#lastId;
      send(id);
      const key = `${form} ${id}`;
      const timer = setTimeout(() => {
        this.#waiting.delete(key);
        reject(new NavError('device/timeout', `No answer to "${what}" (number ${id}) within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#waiting.set(key, { what, resolve, reject, timer });
    });
  }

  /**
   * Takes RTS_COMMAND and STRING messages whose device is `ACK_<number>`; false where nobody waits for it.
   * @throws NavError where the content is refused
   */
  take(frame: IgtlFrame): boolean {
    if (this.#waiting.size === 0) return false;
    if (frame.type === 'RTS_COMMAND') {
      const { content, metadata } = decodeIgtl(frame);
      const { id, name, text } = content as CommandContent;
      return this.#settle(`command ${id}`, { name, text, metadata });
    }
    if (frame.type !== 'STRING') return false;
    const number = /^ACK_(\d{1,10})$/.exec(frame.device)?.[1];
    if (number === undefined) return false;
    const { content, metadata } = decodeIgtl(frame);
    if (content.kind !== 'string') return false;
    return this.#settle(`string ${Number(number)}`, { name: frame.device, text: content.text, metadata });
  }

  #settle(key: string, reply: IgtlCommandReply): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    this.#waiting.delete(key);
    clearTimeout(waiting.timer);
    waiting.resolve(reply);
    return true;
  }

  /** The connection is gone: whoever waits is told. */
  giveUp(reason: string): void {
    for (const { what, reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new NavError('device/disconnected', `No answer to "${what}": ${reason}`));
    }
    this.#waiting.clear();
  }
}

/** The encoding that a command is written in: ASCII where it is. */
export function encodingOf(text: string): number {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7e) return ENCODING.utf8;
  return ENCODING.ascii;
}
