import { describe, expect, it } from 'vitest';
import type { DecodedLine } from '../decoded.js';
import { decodeNdiLog, encodeBx, encodeCommand, HANDLE_STATE, NdiFrame, withCrc } from './index.js';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const decode = (bytes: Uint8Array): DecodedLine[] => [...decodeNdiLog(bytes)];
const kinds = (lines: readonly DecodedLine[]): string[] =>
  lines.map((line) => String('error' in line ? line.error : line['type']));

const TX = withCrc('0201MISSING000000310000024B\n02+05029+04875+04692+05377-008481+014804-210619+00356000000310000024A\n0000');
const OKAY = withCrc('OKAY');

function bx(): Uint8Array {
  const frame = new NdiFrame();
  frame.begin(1);
  const i = frame.addHandle(1, HANDLE_STATE.valid);
  // Bytes of text among the floats, so that where the reply ends is no easy guess.
  frame.values.set([0.5, 0.5, 0.5, 0.5, 3, 3, 3, 0.25], 8 * i);
  return encodeBx(frame);
}
const BX = bx();

/** A session of text replies, as sent and received. */
const SESSION: ReadonlyArray<readonly [command: Uint8Array, reply: Uint8Array]> = [
  [encodeCommand('INIT'), OKAY],
  [encodeCommand('VER', '4'), withCrc('Polaris\nS/N: P4\n(C)\n')],
  [encodeCommand('TX', '0001'), TX],
  [encodeCommand('PHF', '07'), withCrc('ERROR08')],
];
const TYPES = ['command', 'okay', 'command', 'text', 'command', 'tx', 'command', 'error'];

const withoutCr = (bytes: Uint8Array): string => textOf(bytes.subarray(0, -1));
const tagged = SESSION.map(([c, r], i) => `sent:${i} = ${withoutCr(c)}\nrecv:${i} = ${withoutCr(r)}\n`).join('');
const arrows = SESSION.map(([c, r]) => `14:38:33> ${withoutCr(c)}\n\n14:38:33< ${withoutCr(r)}\n\n`).join('');
const counted = SESSION.map(
  ([c, r], i) => `${i}. command[${c.length}] ${withoutCr(c)}\n${i}. receive[${r.length}] ${withoutCr(r)}\n`,
).join('');

describe('line ends of a log that was saved as text', () => {
  it.each([
    ['tagged', tagged],
    ['arrows', arrows],
    ['counted', `# recorded\n\n${counted}`],
  ])('%s: LF, CRLF and CR tell the same', (form, log) => {
    const wanted = decode(latin1(log));
    expect(kinds(wanted)).toEqual(TYPES);
    const placeless = (lines: readonly DecodedLine[]) => lines.map(({ offset: _, ...rest }) => rest);
    const marked = decode(latin1(`\xef\xbb\xbf${log}`));
    expect(marked).toEqual(wanted.map((line) => ({ ...line, offset: line.offset + 3 })));
    for (const end of form === 'counted' ? ['\r\n'] : ['\r\n', '\r']) {
      const log2 = log.replaceAll('\n', end);
      const lines = decode(latin1(log2));
      expect(placeless(lines)).toEqual(placeless(wanted));
      // Places are those of the file that was read.
      for (const line of lines)
        if ('type' in line && line.type === 'tx') expect(log2.slice(line.offset, line.offset + 9)).toBe('0201MISSI');
    }
  });

  it('replies alone, each with CRLF behind it, or with LF for CR', () => {
    const replies = SESSION.map(([, reply]) => textOf(reply));
    const wanted = ['okay', 'reply', 'tx', 'error'];
    expect(kinds(decode(latin1(replies.join(''))))).toEqual(wanted);
    expect(kinds(decode(latin1(replies.map((r) => `${r}\n`).join(''))))).toEqual(wanted);
    const lf = replies.map((r) => r.replace('\r', '\n')).join('');
    expect(kinds(decode(latin1(lf)))).toEqual(wanted);
    const damaged = lf.replace('+05029', '+05o29');
    expect(kinds(decode(latin1(damaged))).at(-1)).toBe('error');
    expect(kinds(decode(latin1(damaged)))).toContain('codec/bad-crc');
  });

  it('is told in linear time, whatever the file is made of', () => {
    for (const piece of [
      '\r',
      'a\r',
      '(INFO) 1',
      '\n1',
      '\n00:00:00',
      '> A',
      '1. command[60000] ',
      '(INFO) 1. command[60000] \n',
    ]) {
      const began = performance.now();
      const lines = decodeNdiLog(latin1(piece.repeat(500_000 / piece.length)));
      for (let i = 0; i < 100_000 && !lines.next().done; i += 1);
      expect(performance.now() - began, JSON.stringify(piece)).toBeLessThan(20_000);
    }
  });
});

describe('what the logger writes beside messages', () => {
  const line = (level: string, text: string): string => `1127.5  :    (${level}) ${text}\n`;

  it('lines of other levels are none, and a read that gave nothing is a note', () => {
    const log =
      line('DEBUG', '# recorded') +
      line('INFO', '1. command[10] INIT:E3A5\\x0D') +
      line('WARNING', 'the line is slow') +
      line('INFO', '1. receive[0] ') +
      line('INFO', '2. command[10] INIT:E3A5\\x0d') +
      line('INFO', '2. receive[9] OKAYA896\\x0d');
    expect(kinds(decode(latin1(log)))).toEqual(['command', 'note', 'command', 'okay']);
  });

  const escaped = (bytes: Uint8Array): string =>
    Array.from(bytes, (b) =>
      b > 0x20 && b < 0x7f && b !== 0x5c ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, '0')}`,
    ).join('');
  const log = (...parts: ReadonlyArray<readonly ['command' | 'receive', Uint8Array]>): Uint8Array =>
    latin1(parts.map(([what, bytes]) => line('INFO', `7. ${what}[${bytes.length}] ${escaped(bytes)}`)).join(''));

  it('a reply in any number of parts is one', () => {
    const ask = ['command', encodeCommand('BX', '0001')] as const;
    for (const cuts of [[6], [2, 6, 20], [1, 2, 3, 4, 5, 6, 7, 8, 9], [30]]) {
      const parts = [0, ...cuts].map((from, i) => ['receive', BX.subarray(from, cuts[i])] as const);
      expect(kinds(decode(log(ask, ...parts)))).toEqual(['command', 'bx']);
    }
    const tx = ['command', encodeCommand('TX', '0001')] as const;
    const halves = [TX.subarray(0, 40), TX.subarray(40)].map((part) => ['receive', part] as const);
    expect(kinds(decode(log(tx, ...halves)))).toEqual(['command', 'tx']);
  });

  it('a reply that never ends takes none behind it along', () => {
    const ask = ['command', encodeCommand('BX', '0001')] as const;
    const lines = decode(log(ask, ['receive', BX.subarray(0, 30)], ['receive', withCrc('RESET')], ask, ['receive', BX]));
    expect(kinds(lines)).toEqual(['command', 'codec/malformed', 'reset', 'command', 'bx']);
    const cut = decode(log(ask, ['receive', BX.subarray(0, 6)], ask, ['receive', BX]));
    expect(kinds(cut)).toEqual(['command', 'codec/malformed', 'command', 'bx']);
  });
});

describe('raw replies behind a damaged one', () => {
  const without = (bytes: Uint8Array, at: number): Uint8Array => joined(bytes.subarray(0, at), bytes.subarray(at + 1));

  it('are read wherever a byte of it was lost, changed or added', () => {
    for (const first of [BX, OKAY, TX]) {
      for (const second of [BX, OKAY, TX]) {
        for (let at = 0; at < first.length; at += 1) {
          const lost = decode(joined(without(first, at), second, OKAY));
          expect(kinds(lost).slice(-2), `${first.length}/${second.length} without ${at}`).toEqual([
            second === BX ? 'binary' : second === OKAY ? 'okay' : 'tx',
            'okay',
          ]);
          expect(kinds(lost).some((kind) => kind.includes('/'))).toBe(true);
        }
      }
    }
  });

  it('are read behind noise that has no line end', () => {
    const lines = decode(joined(Uint8Array.of(0x80, 0xff, 0x41), OKAY, Uint8Array.of(0x90), TX));
    expect(kinds(lines)).toEqual(['codec/bad-crc', 'okay', 'codec/bad-crc', 'tx']);
    expect(lines.map((l) => l.offset)).toEqual([0, 3, 12, 13]);
  });
});
