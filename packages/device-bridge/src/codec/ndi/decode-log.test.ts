import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import type { DecodedLine, DecodedMessage } from '../decoded.js';
import {
  Bx2Reply,
  decodeNdiLog,
  encodeBx,
  encodeBx2,
  encodeBx2Body,
  encodeCommand,
  encodeTx,
  HANDLE_STATE,
  NdiFrame,
  type NdiLogOptions,
  streamHeader,
  withCrc,
} from './index.js';
import { logForm, splitTranscript, textOf } from './transcript.js';

const FOLDER = join(process.env['TROCAR_DATA'] ?? join(process.cwd(), '../shared/data'), 'ndi');
const missing = !existsSync(FOLDER);
const files = missing ? [] : readdirSync(FOLDER).filter((name) => /_stream_.*\.(txt|bin)$/.test(name));
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, file)));
const isError = (line: DecodedLine): boolean => 'error' in line;
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const decode = (bytes: Uint8Array, options?: NdiLogOptions): DecodedLine[] => [...decodeNdiLog(bytes, options)];

function counts(lines: readonly DecodedLine[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of lines) {
    const type = 'type' in line ? line.type : 'ERROR';
    found[type] = (found[type] ?? 0) + 1;
  }
  return found;
}

/** One message of a transcript: what was sent or received, whole. */
interface Message {
  readonly file: string;
  readonly what: 'command' | 'reply';
  readonly command: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Every message of a transcript, with the command that a reply answers. */
function messagesOf(file: string): Message[] {
  const bytes = read(file);
  const text = textOf(bytes);
  const messages: Message[] = [];
  let command = latin1('');
  for (const piece of splitTranscript(bytes, text, logForm(text))) {
    if (piece.what !== 'command' && piece.what !== 'reply') continue;
    const last = messages.at(-1);
    if (piece.what === 'command') command = piece.bytes as Uint8Array<ArrayBuffer>;
    // A binary reply is logged by its header and its body.
    if (piece.what === 'reply' && last?.what === 'reply' && last.bytes.length === 6) {
      messages[messages.length - 1] = { ...last, bytes: joined(last.bytes, piece.bytes) };
    } else {
      messages.push({ file, what: piece.what, command, bytes: piece.bytes });
    }
  }
  return messages;
}

/** The message as a transcript of one exchange. */
function transcriptOf({ what, command, bytes }: Message, damaged: Uint8Array): Uint8Array {
  const part = (name: string, body: Uint8Array): Uint8Array => joined(latin1(`1. ${name}[${body.length}] `), body, latin1('\n'));
  // A CR in the head keeps it from being taken for a log whose CRs were lost.
  const head = latin1('# test\r\n');
  if (what === 'command') return joined(head, part('command', damaged));
  if (command.length === 0 || latin1('RESET').every((c, i) => bytes[i] === c)) return joined(head, part('receive', damaged));
  return joined(head, part('command', command), part('receive', damaged));
}

describe.skipIf(missing)('recorded sessions of trackers', () => {
  /** Where one kind of file differs from the rest, and why. */
  const OTHER_PROTOCOL = /^flockofbirds_/;

  it.each([
    ['aurora_stream_03_30_2005_1.txt', { reset: 2, command: 1092, okay: 12, text: 4, pstat: 6, gx: 1070 }],
    ['aurora_stream_03_30_2005_2.txt', { reset: 1, command: 1017, okay: 6, text: 5, phsr: 4, phinf: 2, tx: 1000, note: 3 }],
    [
      'aurora_stream_multichan_11_11_2005.txt',
      { reset: 2, command: 56, okay: 25, text: 2, phsr: 11, phinf: 6, tx: 11, error: 1 },
    ],
    ['polaris_stream_03_31_2005_1.txt', { reset: 1, command: 1018, okay: 6, text: 6, phsr: 4, phinf: 2, tx: 1000, note: 3 }],
    ['polaris_stream_03_31_2005_2.txt', { reset: 1, command: 1018, okay: 6, text: 6, phsr: 4, phinf: 2, tx: 1000, note: 3 }],
    ['polaris_stream_07_13_2005.txt', { command: 25, okay: 7, phsr: 6, phinf: 2, tx: 10 }],
    ['polaris_stream_07_27_2005.bin', { command: 25, okay: 7, phsr: 6, phinf: 2, tx: 10 }],
    ['polaris_stream_07_27_2005.txt', { command: 25, okay: 7, phsr: 6, phinf: 2, tx: 10 }],
    [
      'polaris_stream_08_17_2005.bin',
      { reset: 1, command: 71, okay: 9, text: 3, sstat: 3, error: 2, phsr: 1, phinf: 1, warning: 1, tx: 51 },
    ],
    [
      'polaris_stream_08_18_2005.bin',
      { reset: 1, command: 194, okay: 30, text: 3, sstat: 3, irchk: 2, phrq: 1, phsr: 1, phinf: 2, warning: 1, tx: 151 },
    ],
    [
      'polaris_stream_08_31_2005.bin',
      { reset: 1, command: 207, okay: 34, text: 3, sstat: 3, irchk: 2, phrq: 1, phsr: 2, phinf: 10, tx: 151, error: 1 },
    ],
    [
      'polaris_stream_08_31_2005_NDICommandInterpreter.bin',
      { reset: 1, command: 350, okay: 31, text: 3, sstat: 3, irchk: 2, phrq: 1, phsr: 2, phinf: 6, bx: 151, tx: 151 },
    ],
    [
      'polaris_stream_08_31_2005_NDICommandInterpreter.txt',
      { reset: 1, command: 350, okay: 31, text: 3, sstat: 3, irchk: 2, phrq: 1, phsr: 2, phinf: 6, bx: 151, tx: 151 },
    ],
  ])('every command and reply of %s is read; nothing is refused', (file, wanted) => {
    const lines = decode(read(file));
    expect(lines.filter(isError)).toEqual([]);
    expect(counts(lines)).toEqual(wanted);
    // The only messages without a CRC: commands in the space form, which this old program used.
    const unguarded = lines.filter((line) => 'type' in line && line['crc'] === 'none');
    expect(unguarded).toHaveLength(file === 'aurora_stream_03_30_2005_1.txt' ? 22 : 0);
    for (const line of unguarded) expect(line).toMatchObject({ type: 'command' });
  });

  it('knows the files there are, and refuses every message of another protocol', () => {
    const others = files.filter((file) => OTHER_PROTOCOL.test(file));
    expect(files).toHaveLength(16);
    // Ascension's Flock of Birds: binary, without CR and without CRC.
    expect(others).toHaveLength(3);
    for (const file of others) {
      const lines = decode(read(file));
      expect(lines.length).toBeGreaterThan(20);
      expect(lines.every(isError)).toBe(true);
    }
  });

  it('tells the same of a session however it is logged: raw or with escapes', () => {
    const plain = (file: string): unknown[] => decode(read(file)).map((line) => ({ ...line, offset: 0 }));
    const name = 'polaris_stream_08_31_2005_NDICommandInterpreter';
    expect(plain(`${name}.txt`)).toEqual(plain(`${name}.bin`));
  });

  it('gives offsets at which the messages stand', () => {
    const file = 'polaris_stream_08_31_2005_NDICommandInterpreter.bin';
    const bytes = read(file);
    for (const line of decode(bytes) as DecodedMessage[]) {
      const begins = textOf(bytes.subarray(line.offset, line.offset + 12));
      if (line.type === 'command') expect(begins.startsWith(`${line['name']}:`)).toBe(true);
      if (line.type === 'okay') expect(begins.startsWith('OKAYA896')).toBe(true);
      if (line.type === 'bx') expect(begins.startsWith('\xc4\xa5')).toBe(true);
    }
  });

  /**
   * Every single-byte error changes a CRC16. What no CRC guards cannot be detected by one:
   * - commands in the space form (`INIT `, 22 in aurora_stream_03_30_2005_1.txt) carry none;
   * - nothing else in these files.
   */
  it('a byte that is wrong is detected, in every message of every transcript', () => {
    const random = new Random(20_050_831);
    let damaged = 0;
    let unguarded = 0;
    for (const file of files.filter((name) => !OTHER_PROTOCOL.test(name))) {
      for (const message of messagesOf(file)) {
        if (message.what === 'command' && !message.bytes.includes(0x3a)) {
          unguarded += 1;
          continue;
        }
        for (let n = 0; n < 4 * inject('effort'); n += 1) {
          const bytes = message.bytes.slice();
          const at = random.below(bytes.length);
          bytes[at] = (bytes[at] as number) ^ (1 + random.below(255));
          const lines = decode(transcriptOf(message, bytes));
          if (!lines.some(isError)) expect.unreachable(`${file}: byte ${at} of ${textOf(message.bytes)} to ${bytes[at]}`);
          damaged += 1;
        }
      }
    }
    expect(unguarded).toBe(22);
    expect(damaged).toBeGreaterThan(4 * 9000);
  });

  it('every byte of one message of each kind, by each bit and to 24 other values', () => {
    const seen = new Set<string>();
    const random = new Random(2005);
    let damaged = 0;
    for (const message of files.filter((name) => !OTHER_PROTOCOL.test(name)).flatMap(messagesOf)) {
      if (message.what === 'command' && !message.bytes.includes(0x3a)) continue;
      const kind = `${message.what} ${textOf(message.command).replace(/[: ].*/s, '')}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      expect(decode(transcriptOf(message, message.bytes)).some(isError)).toBe(false);
      for (let at = 0; at < message.bytes.length; at += 1) {
        for (let n = 0; n < 8 + 24 * inject('effort'); n += 1) {
          const bytes = message.bytes.slice();
          const value = (bytes[at] as number) ^ (n < 8 ? 1 << n : 1 + random.below(255));
          bytes[at] = value;
          if (!decode(transcriptOf(message, bytes)).some(isError)) {
            expect.unreachable(`byte ${at} of ${textOf(message.bytes)} to ${value}`);
          }
          damaged += 1;
        }
      }
    }
    expect(seen.size).toBeGreaterThan(35);
    expect(damaged).toBeGreaterThan(30_000);
  });

  it('a byte that is wrong anywhere in a file of each form is detected where a message stands', () => {
    const random = new Random(7);
    for (const file of files.filter((name) => !OTHER_PROTOCOL.test(name))) {
      const bytes = read(file);
      if (bytes.length > 40_000) continue;
      for (const message of decode(bytes) as DecodedMessage[]) {
        if (random.uniform() > 0.2 || message.type === 'note') continue;
        const damaged = bytes.slice();
        const at = message.offset + random.below(4);
        damaged[at] = (damaged[at] as number) ^ (1 + random.below(255));
        const found = decode(damaged).find(isError);
        if (found === undefined) expect.unreachable(`${file} at ${at}: ${damaged[at]}`);
        expect(Math.abs((found?.offset ?? 0) - message.offset)).toBeLessThan(400);
      }
    }
  });

  it('reads the replies of a session as raw bytes: with the options given what has them, other text as text', () => {
    const messages = messagesOf('polaris_stream_08_31_2005_NDICommandInterpreter.bin');
    const replies = messages.filter(
      ({ what, command }) => what === 'reply' && (!textOf(command).startsWith('BX') || textOf(command).startsWith('BX:0001')),
    );
    const lines = decode(joined(...replies.map((m) => m.bytes)), { bxOptions: 0x0001 });
    expect(lines.some(isError)).toBe(false);
    expect(counts(lines)).toMatchObject({ reset: 1, okay: 31, bx: 50, tx: 50, reply: 118 });
  });
});

describe('raw bytes from a device', () => {
  const frame = new NdiFrame();
  frame.begin(0x0801);
  const i = frame.addHandle(10, HANDLE_STATE.valid);
  frame.values.set([0.5, -0.5, 0.5, 0.5, 1.25, -2.5, -1500, 0.125], 8 * i);
  frame.portStatus[i] = 0x71;
  frame.frameNumber[i] = 0x01020304;
  frame.systemStatus = 0x0180;
  const pose = { quaternionWxyz: [0.5, -0.5, 0.5, 0.5], positionMm: [1.25, -2.5, -1500], errorMm: 0.125 };

  it('give BX where its options are told, with named bits, and bytes where they are not', () => {
    const bytes = joined(withCrc('OKAY'), encodeBx(frame), withCrc('ERROR0C'));
    expect(decode(bytes, { bxOptions: 0x0801 })).toEqual([
      { type: 'okay', offset: 0, crc: 'ok' },
      {
        type: 'bx',
        offset: 9,
        crc: 'ok',
        options: '0801',
        tools: [
          {
            handle: 10,
            status: 'valid',
            pose,
            portStatus: 0x71,
            portStatusBits: ['occupied', 'initialised', 'enabled', 'outOfVolume'],
            frame: 0x01020304,
          },
        ],
        systemStatus: 0x0180,
        systemStatusBits: ['portUnoccupied', 'diagnosticPending'],
      },
      { type: 'error', code: '0C', meaning: 'the command is not allowed in this mode', offset: 62, crc: 'ok' },
    ]);
    expect(counts(decode(bytes))).toEqual({ okay: 1, binary: 1, error: 1 });
    expect(decode(bytes, { bxOptions: 0x0003 })[1]).toMatchObject({ error: 'codec/malformed', offset: 9 });
  });

  it('give text that needs its command as text', () => {
    for (const text of [
      '01',
      '00',
      '001414',
      '010A001',
      '0000003F',
      'G.001.005',
      '0000',
      '0B000001Mednetix    001665238011F',
      '0301',
    ]) {
      expect(decode(withCrc(text))).toMatchObject([{ type: 'reply', text, crc: 'ok', offset: 0 }]);
    }
  });

  it('give TX and GX where they fit to the last character, and say where the options were only tried', () => {
    const tx = withCrc(encodeTx(frame));
    const tool = { handle: 10, status: 'valid', pose, portStatus: 0x71, frame: 0x01020304 };
    expect(decode(tx)).toMatchObject([{ type: 'tx', assumed: true, options: '0001', tools: [tool], systemStatus: 0x0180 }]);
    const [line] = decode(tx, { bxOptions: 0x0801 });
    expect(line).toMatchObject({ type: 'tx', options: '0801', tools: [tool] });
    expect(line).not.toHaveProperty('assumed');
    // Options that do not fit are not replaced by others.
    expect(decode(tx, { bxOptions: 0x0005 })).toMatchObject([{ type: 'reply' }]);
    const gx = withCrc('DISABLED\n+05000-05000+05000+05000+000125-000250-150000+01250\nMISSING\n00310071\n');
    expect(decode(gx)).toMatchObject([
      {
        type: 'gx',
        assumed: true,
        tools: [{ status: 'disabled' }, { status: 'valid', pose }, { status: 'missing', portStatus: 0x31 }],
      },
    ]);
    expect(decode(withCrc('0102\n0000'))).toMatchObject([{ type: 'reply' }]);
  });

  it('give null for what the device marks as no number', () => {
    const doubtful = new NdiFrame();
    doubtful.begin(0x0001);
    const k = doubtful.addHandle(10, HANDLE_STATE.valid);
    doubtful.values.set([1, 0, 0, 0, -3.697314e28, 2, Number.NaN, -3.697314e28], 8 * k);
    const [line] = decode(encodeBx(doubtful), { bxOptions: 0x0001 });
    expect(line).toMatchObject({ tools: [{ pose: { positionMm: [null, 2, null], errorMm: null } }] });
  });

  it('give BX2, in short, long and streamed replies', () => {
    const reply = new Bx2Reply();
    reply.begin();
    reply.frameCount = 1;
    reply.frameType[0] = 2;
    reply.frameNumber[0] = 77;
    reply.frameSeconds[0] = 1_700_000_000;
    reply.sixDCount = 1;
    reply.sixDHandle[0] = 10;
    reply.sixDValues.set([0.5, -0.5, 0.5, 0.5, 1.25, -2.5, -1500, 0.125]);
    const frames = [
      {
        frameType: 'passive',
        sequence: 0,
        status: 0,
        frame: 77,
        deviceSeconds: 1_700_000_000,
        deviceNanoseconds: 0,
        tools: [{ handle: 10, status: 'valid', code: 0, codeName: 'ok', averaging: false, face: 0, pose }],
      },
    ];
    const short = encodeBx2(reply);
    const body = encodeBx2Body(reply);
    const long = new Uint8Array(6 + body.length);
    new DataView(long.buffer).setUint16(0, 0xa5c8, true);
    new DataView(long.buffer).setUint32(2, body.length, true);
    long.set(body, 6);
    const streamed = joined(streamHeader('one'), short);
    expect(decode(joined(short, long, streamed))).toEqual([
      { type: 'bx2', offset: 0, crc: 'ok', frames },
      { type: 'bx2', offset: short.length, crc: 'none', frames },
      { type: 'bx2', offset: short.length + long.length, crc: 'ok', stream: 'one', frames },
    ]);
  });

  it('are refused where they are damaged, and read on behind it', () => {
    const bx = encodeBx(frame);
    const broken = bx.slice();
    broken[20] = (broken[20] as number) ^ 1;
    const bytes = joined(withCrc('OKAY'), broken, bx, latin1('OKAYA897\r'), withCrc('OKAY'), bx.subarray(0, 30));
    const lines = decode(bytes, { bxOptions: 0x0801 });
    expect(lines.map((line) => ('error' in line ? `${line.error}@${line.offset}` : line.type))).toEqual([
      'okay',
      'codec/bad-crc@9',
      'bx',
      'codec/bad-crc@115',
      'okay',
      'codec/malformed@133',
    ]);
  });

  it('that look like a long reply, which no checksum guards, are refused where they hold none', () => {
    const noise = new Uint8Array(40).fill(0x41);
    noise.set([0xc8, 0xa5, 30, 0, 0, 0]);
    expect(
      decode(joined(noise, latin1('\r'), withCrc('OKAY'))).map((line) => ('error' in line ? line.error : line.type)),
    ).toEqual(['codec/malformed', 'okay']);
  });

  it('of a whole session with one byte wrong: always detected', () => {
    const random = new Random(99);
    const session = joined(withCrc('RESET'), withCrc('OKAY'), encodeBx(frame), withCrc('020101102011'), encodeBx(frame));
    for (let at = 0; at < session.length; at += 1) {
      for (let n = 0; n < 16 * inject('effort'); n += 1) {
        const bytes = session.slice();
        bytes[at] = (bytes[at] as number) ^ (n < 8 ? 1 << n : 1 + random.below(255));
        expect(decode(bytes, { bxOptions: 0x0801 }).some(isError)).toBe(true);
      }
    }
  });

  it('of any kind end, and never throw', () => {
    const random = new Random(3);
    for (let n = 0; n < 300 * inject('effort'); n += 1) {
      const bytes = Uint8Array.from({ length: random.below(400) }, () => random.below(256));
      for (const line of decode(bytes)) expect(line.offset).toBeLessThan(bytes.length);
    }
  });

  it('that are made to cost take linear time', () => {
    // Headers whose CRC holds and that claim 65,535 bytes, one behind the other.
    const header = new Uint8Array(6);
    const view = new DataView(header.buffer);
    view.setUint16(0, 0xa5c4, true);
    view.setUint16(2, 0xffff, true);
    view.setUint16(4, 0xb4bd, true);
    const bytes = new Uint8Array(1_000_000);
    for (let at = 0; at + 6 <= bytes.length; at += 6) bytes.set(header, at);
    const from = performance.now();
    expect(decode(bytes).every(isError)).toBe(true);
    expect(performance.now() - from).toBeLessThan(5000);
  });
});

describe('transcripts', () => {
  it('of streams: the command that a stream repeats says how its replies are read', () => {
    const frame = new NdiFrame();
    frame.begin(0x0001);
    frame.addHandle(1, HANDLE_STATE.missing);
    const command = encodeCommand('STREAM', '--id=poses TX 0001', 'plain');
    const reply = joined(streamHeader('poses'), withCrc(encodeTx(frame)));
    const text = joined(
      latin1(`1. command[${command.length}] `),
      command,
      latin1('\n1. receive[9] OKAYA896\r\n1. receive['),
      latin1(`${reply.length}] `),
      reply,
    );
    expect(decode(text)).toMatchObject([
      { type: 'command', name: 'STREAM', crc: 'none' },
      { type: 'okay', command: 'STREAM' },
      { type: 'tx', stream: 'poses', command: 'TX', tools: [{ handle: 1, status: 'missing', frame: 0 }] },
    ]);
  });

  it.each([
    ['a reply with the number of another command', '1. command[10] INIT:E3A5\r\n2. receive[9] OKAYA896\r\n', 'codec/malformed'],
    [
      'two replies to one command',
      '1. command[10] INIT:E3A5\r\n1. receive[9] OKAYA896\r\n1. receive[9] OKAYA896\r\n',
      'codec/malformed',
    ],
    ['a length that does not fit', '1. command[11] INIT:E3A5\r\n1. receive[9] OKAYA896\r\n', 'codec/malformed'],
    ['a command whose colon became a space', '1. command[10] INIT E3A5\r\n', 'codec/bad-crc'],
    ['a command whose letter became a space', '1. command[10] IN T:E3A5\r\n', 'codec/bad-crc'],
    ['a reply that is no answer to its command', '1. command[12] PHSR:02E17E\r\n1. receive[6] 1D4C1\r\n', 'codec/malformed'],
    ['a line that is none', '1. command[10] INIT:E3A5\r\nhello\n', 'codec/malformed'],
  ])('refuse %s', (_, text, code) => {
    const errors = decode(latin1(text)).filter(isError);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ error: code });
  });

  it('of nothing are nothing', () => {
    expect(decode(new Uint8Array(0))).toEqual([]);
  });
});
