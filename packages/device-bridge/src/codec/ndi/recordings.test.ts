import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../drivers/ndi/index.js';
import {
  crc16,
  decodeBx,
  decodeTx,
  encodeBx,
  encodeCommand,
  encodeTx,
  HANDLE_STATE,
  hex,
  NdiFrame,
  type NdiReply,
  NdiReplyFramer,
  parseCommand,
  parsePortHandles,
  parsePortInfo,
  readToolFile,
  replyWord,
  toolFileWrites,
  withCrc,
} from './index.js';

/**
 * Other people's sessions with Polaris and Aurora trackers (IGSTK 5.2 test data), found through TROCAR_DATA. Where it
 * is absent these tests are skipped, and counted as skipped.
 */
const FOLDER = join(process.env['TROCAR_DATA'] ?? join(process.cwd(), '../shared/data'), 'ndi');
const missing = !existsSync(FOLDER);

interface Exchange {
  readonly command: Uint8Array;
  readonly reply: Uint8Array;
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** `12. command[10] …` with the raw bytes behind it: pairs of what was sent and what came back. */
function readCounted(file: string): Exchange[] {
  const bytes = readFileSync(join(FOLDER, file));
  const text = bytes.toString('latin1');
  const noCr = !text.includes('\r');
  const head = /(?<=^|\n)(\d+)\. (command|receive)\[(\d+)\] /g;
  const commands = new Map<string, Uint8Array>();
  const replies = new Map<string, Uint8Array[]>();
  for (let match = head.exec(text); match !== null; match = head.exec(text)) {
    const [all, number = '', what, length] = match;
    const from = match.index + all.length;
    const raw = new Uint8Array(bytes.subarray(from, from + Number(length)));
    // Text-only logs were saved with the CR of each message turned to LF.
    if (noCr && raw.at(-1) === 0x0a) raw[raw.length - 1] = 0x0d;
    if (what === 'command') commands.set(number, raw);
    else replies.set(number, [...(replies.get(number) ?? []), raw]);
    head.lastIndex = from + Number(length);
  }
  return [...commands].map(([number, command]) => ({ command, reply: Buffer.concat(replies.get(number) ?? []) }));
}

/** `sent:0002 = …` and `recv:0002 = …`, CR written as a line end. */
function readTagged(file: string): Exchange[] {
  const text = readFileSync(join(FOLDER, file)).toString('latin1').replaceAll('\r', '');
  const parts = text.split(/(?:^|\n|>)(?=(?:sent|recv):\d+ = )/);
  const commands = new Map<string, string>();
  const exchanges: Exchange[] = [];
  for (const part of parts) {
    const match = /^(sent|recv):(\d+) = ([\s\S]*)$/.exec(part);
    if (match === null) continue;
    const [, what, number = '', body = ''] = match;
    const value = `${body.replace(/\n+$/, '')}\r`;
    if (what === 'sent') commands.set(number, value);
    else if (commands.has(number)) exchanges.push({ command: latin1(commands.get(number) as string), reply: latin1(value) });
  }
  return exchanges;
}

/** Escaped logs: `\x0D` and the like. */
function readEscaped(file: string): Exchange[] {
  const text = readFileSync(join(FOLDER, file)).toString('latin1');
  const commands = new Map<string, Uint8Array>();
  const replies = new Map<string, Uint8Array[]>();
  for (const line of text.split('\n')) {
    const match = /\(INFO\) (\d+)\. (command|receive)\[\d+\] (.*)$/.exec(line);
    if (match === null) continue;
    const [, number = '', what, body = ''] = match;
    const raw = latin1(body.replace(/\\x([0-9A-F]{2})/g, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16))));
    if (what === 'command') commands.set(number, raw);
    else replies.set(number, [...(replies.get(number) ?? []), raw]);
  }
  return [...commands].map(([number, command]) => ({ command, reply: Buffer.concat(replies.get(number) ?? []) }));
}

interface Taken {
  readonly kind: NdiReply['kind'];
  readonly body: Uint8Array;
}

/** The replies in some bytes, fed in pieces of `chunk`; a fault fails the test. */
function take(bytes: Uint8Array, chunk: number): Taken[] {
  const taken: Taken[] = [];
  const framer = new NdiReplyFramer({
    reply: (r: NdiReply) => taken.push({ kind: r.kind, body: r.bytes.slice(r.start, r.end) }),
    fault: (code, lost) => {
      throw new Error(`${code}, ${lost} bytes of ${Buffer.from(bytes).toString('latin1')}`);
    },
  });
  for (let at = 0; at < bytes.length; at += chunk) framer.feed(bytes.subarray(at, at + chunk));
  return taken;
}

/** The options of a TX or BX command, or undefined for another command. */
function tracking(command: Uint8Array): { name: string; options: number } | undefined {
  const { name, args } = parseCommand(command.subarray(0, command.length - 1));
  return name === 'TX' || name === 'BX' ? { name, options: Number.parseInt(args, 16) } : undefined;
}

const frame = new NdiFrame();

/** Decodes one tracking exchange and checks that encoding it again gives the same bytes. */
function decodeExchange(exchange: Exchange): { name: string; options: number } | undefined {
  const what = tracking(exchange.command);
  if (what === undefined) return undefined;
  const [reply, ...more] = take(exchange.reply, 1);
  expect(more).toHaveLength(0);
  if (reply === undefined) throw new Error('no reply');
  if (what.name === 'BX') {
    const view = new DataView(reply.body.buffer, reply.body.byteOffset, reply.body.byteLength);
    expect(decodeBx(frame, view, 0, reply.body.length, what.options)).toBe(true);
    expect(Buffer.from(encodeBx(frame)).equals(Buffer.from(exchange.reply))).toBe(true);
  } else {
    expect(decodeTx(frame, reply.body, 0, reply.body.length, what.options)).toBe(true);
    expect(Buffer.from(withCrc(encodeTx(frame))).toString()).toBe(Buffer.from(exchange.reply).toString());
  }
  return what;
}

describe.skipIf(missing)('recorded sessions', () => {
  it('151 BX and 151 TX replies decode, every CRC holds, and they encode to the same bytes', () => {
    const counts: Record<string, number> = {};
    let poses = 0;
    for (const exchange of readCounted('polaris_stream_08_31_2005_NDICommandInterpreter.bin')) {
      const what = decodeExchange(exchange);
      if (what === undefined) continue;
      counts[what.name] = (counts[what.name] ?? 0) + 1;
      for (let i = 0; i < frame.count; i += 1) {
        if (frame.state[i] !== HANDLE_STATE.valid || (what.options & 1) === 0) continue;
        poses += 1;
        const q = frame.values.subarray(i * 8, i * 8 + 4);
        expect(Math.abs(Math.hypot(...q) - 1)).toBeLessThan(2e-4);
      }
    }
    expect(counts).toEqual({ BX: 151, TX: 151 });
    expect(poses).toBeGreaterThan(150);
  });

  it('the same session, logged with escapes, gives the same replies', () => {
    const raw = readCounted('polaris_stream_08_31_2005_NDICommandInterpreter.bin').filter(
      (e) => tracking(e.command)?.name === 'TX',
    );
    const escaped = readEscaped('polaris_stream_08_31_2005_NDICommandInterpreter.txt').filter(
      (e) => tracking(e.command)?.name === 'TX',
    );
    expect(escaped.map((e) => Buffer.from(e.reply).toString())).toEqual(raw.map((e) => Buffer.from(e.reply).toString()));
  });

  it.each([
    ['polaris_stream_03_31_2005_1.txt', 238],
    ['polaris_stream_03_31_2005_2.txt', 142],
    ['aurora_stream_03_30_2005_2.txt', 220],
  ])('1000 TX replies of %s, %i of them missing', (file, missingCount) => {
    let replies = 0;
    let notSeen = 0;
    for (const exchange of readTagged(file)) {
      if (decodeExchange(exchange) === undefined) continue;
      replies += 1;
      for (let i = 0; i < frame.count; i += 1) if (statusOf(frame, i) === 'missing') notSeen += 1;
    }
    expect(replies).toBe(1000);
    expect(notSeen).toBe(missingCount);
  });

  it.each([
    'polaris_stream_08_17_2005.bin',
    'polaris_stream_08_18_2005.bin',
    'polaris_stream_08_31_2005.bin',
    'polaris_stream_07_27_2005.bin',
  ])('every tracking reply of %s', (file) => {
    const decoded = readCounted(file).filter((exchange) => decodeExchange(exchange) !== undefined).length;
    expect(decoded).toBe({ 17: 51, 18: 151, 31: 151, 27: 10 }[Number(/_(\d\d)_2005/.exec(file)?.[1])]);
  });

  it('every recorded command parses with its CRC, and is written again to the same bytes', () => {
    let commands = 0;
    for (const file of readdirSync(FOLDER)) {
      if (!/^(polaris|aurora)_stream/.test(file) || file === 'aurora_stream_03_30_2005_1.txt') continue;
      const read = file.endsWith('.bin') ? readCounted : /03_3\d|07_13/.test(file) ? readTagged : readEscaped;
      for (const { command } of read(file)) {
        const { name, args, form } = parseCommand(command.subarray(0, command.length - 1));
        expect(form).toBe('crc');
        expect(Buffer.from(encodeCommand(name, args)).toString()).toBe(Buffer.from(command).toString());
        commands += 1;
      }
    }
    expect(commands).toBeGreaterThan(3700);
  });

  it('port handles, port facts and words of the full session are understood', () => {
    const words: Record<string, number> = {};
    const infos: string[] = [];
    for (const { command, reply } of readCounted('polaris_stream_08_31_2005_NDICommandInterpreter.bin')) {
      const { name, args } = parseCommand(command.subarray(0, command.length - 1));
      if (name === 'BX') continue;
      const text = Buffer.from(take(reply, 3)[0]?.body ?? []).toString('latin1');
      const { word } = replyWord(text);
      words[word] = (words[word] ?? 0) + 1;
      if (name === 'PHSR') expect(parsePortHandles(text)).toBeDefined();
      // Option 002D also has accessories and a location: our option 0005 is the first part of it and the next 20.
      if (name === 'PHINF' && args.endsWith('002D')) {
        const info = parsePortInfo(text.slice(0, 53));
        if (info === undefined || info === 'unoccupied') throw new Error(text);
        infos.push(`${info.mainType} ${info.manufacturer} ${info.serial} ${info.partNumber}`);
      }
    }
    expect(words['okay']).toBeGreaterThan(20);
    expect(infos.slice(0, 2)).toEqual(['2 UNKNOWN 32BBC007 1000000', '1 Traxtal Tech 32111402 HP0051010-1HEE1LSQBB']);
  });

  it('tool files are read, and the upload of the recorded one gives the recorded PVWR commands', () => {
    const folder = join(FOLDER, 'rom');
    let files = 0;
    for (const file of readdirSync(folder)) {
      const info = readToolFile(new Uint8Array(readFileSync(join(folder, file))));
      expect(info.markers.length).toBeGreaterThanOrEqual(3);
      for (const marker of info.markers) expect(Math.hypot(...marker)).toBeLessThan(500);
      expect(info.maxAngleDegrees).toBeGreaterThan(0);
      expect(info.minimumMarkers).toBeLessThanOrEqual(info.markers.length);
      files += 1;
    }
    expect(files).toBeGreaterThanOrEqual(9);
    const rom = new Uint8Array(readFileSync(join(folder, 'polaris_passive_pointer_1.rom')));
    const recorded = readCounted('polaris_stream_08_31_2005_NDICommandInterpreter.bin')
      .map(({ command }) => parseCommand(command.subarray(0, command.length - 1)))
      .filter(({ name }) => name === 'PVWR')
      .map(({ args }) => args);
    expect(toolFileWrites(1, rom)).toEqual(recorded);
  });
});

describe('published checksums', () => {
  it.each([
    ['INIT:', 'E3A5'],
    ['OKAY', 'A896'],
    ['RESET', 'BE6F'],
    ['VER:0', '65EE'],
    ['GETINFO:Features.Firmware.Version', '0492'],
    ['WARNING', '7423'],
    ['00', '1414'],
    ['010A001', 'C1B5'],
    ['Testing!', 'A81C'],
    ['Info.Timeout.PINIT=5\n', '96A7'],
    ['COMM:30000', '00C0'],
    ['COMM:50000', '0048'],
  ])('%j has %s', (text, crc) => {
    expect(hex(crc16(latin1(text)), 4)).toBe(crc);
  });
});
