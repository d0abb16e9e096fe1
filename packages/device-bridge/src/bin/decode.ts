import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NavError } from '@trocar/core';
import type { DecodedLine } from '../codec/decoded.js';
import { decodeDtrackLog } from '../codec/dtrack/index.js';
import { decodeIgtlLog } from '../codec/igtl/index.js';
import { decodeNatnetLog } from '../codec/natnet/index.js';
import { decodeNdiLog } from '../codec/ndi/index.js';
import { type Command, type Io, type Parsed, usageError } from './command.js';

type Decode = (bytes: Uint8Array, bxOptions: number | undefined) => Generator<DecodedLine>;

const PROTOCOLS: Readonly<Record<string, Decode>> = {
  igtl: (bytes) => decodeIgtlLog(bytes),
  ndi: (bytes, bxOptions) => decodeNdiLog(bytes, bxOptions === undefined ? {} : { bxOptions }),
  natnet: (bytes) => decodeNatnetLog(bytes),
  dtrack: (bytes) => decodeDtrackLog(bytes),
};
const NAMES = Object.keys(PROTOCOLS);

/** Lines are handed on in pieces of this many characters. */
const PIECE = 65_536;
/** How long it works without looking up, ms. */
const TURN_MS = 100;

/** `trocar-bridge decode`. */
export const decode: Command = {
  name: 'decode',
  summary: 'say what raw bytes of a device mean, one line per message.',
  takes: 'FILE',
  about:
    'FILE holds bytes as they came from the device; for ndi also a transcript of both directions, as the IGSTK logs are.\n' +
    'Every line has the type, the fields and the byte offset of a message; a message that is refused has the code of\n' +
    'its error instead. Exit code 0: nothing was refused.',
  options: {
    protocol: { value: 'NAME', help: `${NAMES.slice(0, -1).join(', ')} or ${NAMES.at(-1)}` },
    json: { help: 'one JSON object per line' },
    'bx-options': { value: 'HEX', help: 'the options that BX was asked with (ndi), where FILE holds replies only' },
  },
  examples: ['decode capture.bin --protocol igtl --json', 'decode replies.bin --protocol ndi --bx-options 0801 --json'],
  run,
};

async function run(parsed: Parsed, io: Io): Promise<number> {
  const protocol = parsed.text('protocol');
  if (protocol === undefined) throw usageError(`decode needs --protocol: ${NAMES.join(', ')}.`);
  if (!Object.hasOwn(PROTOCOLS, protocol)) throw usageError(`--protocol must be one of ${NAMES.join(', ')}, got "${protocol}".`);
  const options = bxOptions(parsed, protocol);
  const lines = (PROTOCOLS[protocol] as Decode)(await readBytes(parsed.operand), options);
  const json = parsed.has('json');
  let refused = 0;
  let count = 0;
  let piece = '';
  let workedSince = performance.now();
  for (const line of lines) {
    count += 1;
    if ('error' in line) refused += 1;
    // A signal is heard only where the work pauses, and lines may be few and far between.
    if (performance.now() - workedSince > TURN_MS) {
      await nextTurn();
      workedSince = performance.now();
      if (io.signal.aborted) break;
    }
    piece += `${piece === '' ? '' : '\n'}${json ? JSON.stringify(line) : inWords(line)}`;
    if (piece.length < PIECE) continue;
    await io.out(piece);
    piece = '';
    // Whoever read the answer has read enough.
    if (io.signal.aborted) break;
  }
  if (piece !== '') await io.out(piece);
  if (count === 0) io.error('The file holds no message.');
  return refused === 0 ? 0 : 1;
}

function bxOptions(parsed: Parsed, protocol: string): number | undefined {
  const hex = parsed.text('bx-options');
  if (hex === undefined) return undefined;
  if (protocol !== 'ndi') throw usageError('--bx-options belongs to --protocol ndi.');
  if (!/^(0x)?[0-9a-f]{1,4}$/i.test(hex)) throw usageError(`--bx-options needs up to four hexadecimal digits, got "${hex}".`);
  return Number.parseInt(hex.replace(/^0x/i, ''), 16);
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NavError('io/not-found', `The file "${file}" cannot be read: ${why}.`, { cause });
  }
}

function inWords(line: DecodedLine): string {
  const at = String(line.offset).padStart(8);
  if ('error' in line) return `${at}  REFUSED ${String(line.error)}: ${String(line.message)}`;
  const { type, offset: _, ...fields } = line;
  const words = Object.entries(fields).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return `${at}  ${String(type)}  ${words.join(', ')}`;
}
