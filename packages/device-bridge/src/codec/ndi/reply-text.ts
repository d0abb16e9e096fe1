import type { Command } from './command.js';
import { type Described, type Fields, frameFields } from './describe.js';
import { replyWord } from './errors.js';
import type { NdiFrame } from './frame.js';
import { decodeGx } from './gx.js';
import { portStatusNames } from './names.js';
import { parseParameterInfo, parseParameters } from './parameter.js';
import { type PortFacts, parsePortFacts, parsePortHandles, parsePortStats } from './port.js';
import { decodeTx } from './tx.js';

/**
 * A text reply, read as the answer to its command; undefined where it is not laid out as one. OKAY, RESET, WARNING
 * and ERROR answer anything.
 * @param command undefined where it is not known: text that carries data is then `reply`
 * @param frame gives where tracking data is decoded
 */
export function textFields(text: string, command: Command | undefined, frame: () => NdiFrame): Described | undefined {
  const word = wordFields(text);
  if (word !== undefined) return word;
  if (command === undefined) return { type: 'reply', text };
  const read = READERS[command.name];
  return read === undefined ? { type: 'text', text } : read(text, command.args, frame);
}

/** OKAY, RESET, WARNING and ERROR; undefined for text that carries data. */
export function wordFields(text: string): Described | undefined {
  const word = replyWord(text);
  if (word.word === 'data') return undefined;
  if (word.word === 'error' || word.word === 'warning') return { type: word.word, code: word.code, meaning: word.meaning };
  return { type: word.word };
}

type Reader = (text: string, args: string, frame: () => NdiFrame) => Described | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  TX: (text, args, frame) => tracking('tx', text, args, frame()),
  GX: (text, args, frame) => tracking('gx', text, args, frame()),
  // A text reply to a binary command can only be an error, and those are read before.
  BX: () => undefined,
  BX2: () => undefined,
  PHSR: portHandles,
  PHINF: portFacts,
  PHRQ: (text) => (/^[0-9A-F]{2}$/.test(text) ? { type: 'phrq', handle: Number.parseInt(text, 16) } : undefined),
  PSTAT: portStats,
  GET: (text) => named('get', parseParameters(text)),
  GETINFO: (text) => named('getinfo', parseParameterInfo(text)),
  SSTAT: systemStates,
  IRCHK: infrared,
};

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** The number of an option argument; the default of an empty one. NaN where it is none. */
const optionOf = (args: string, otherwise: number): number =>
  args === '' ? otherwise : /^[0-9A-Fa-f]{1,4}$/.test(args) ? Number.parseInt(args, 16) : Number.NaN;

function tracking(type: 'tx' | 'gx', text: string, args: string, frame: NdiFrame): Described | undefined {
  const options = optionOf(args, 0x0001);
  if (Number.isNaN(options)) return undefined;
  const bytes = latin1(text);
  const decode = type === 'tx' ? decodeTx : decodeGx;
  return decode(frame, bytes, 0, bytes.length, options) ? { type, ...frameFields(frame, type) } : undefined;
}

function portHandles(text: string): Described | undefined {
  const handles = parsePortHandles(text);
  if (handles === undefined) return undefined;
  return {
    type: 'phsr',
    handles: handles.map(({ handle, status }) => ({ handle, status, statusBits: portStatusNames(status) })),
  };
}

function portFacts(text: string, args: string): Described | undefined {
  const facts = parsePortFacts(text, optionOf(args.slice(2), 0x0001));
  if (facts === undefined) return undefined;
  const handle = Number.parseInt(args.slice(0, 2), 16);
  return facts === 'unoccupied' ? { type: 'phinf', handle, occupied: false } : { type: 'phinf', handle, ...flat(facts) };
}

function flat({ basic, ...rest }: PortFacts): Fields {
  if (basic === undefined) return rest;
  const { status, ...tool } = basic;
  return { ...tool, status, statusBits: portStatusNames(status), ...rest };
}

function portStats(text: string): Described | undefined {
  const ports = parsePortStats(text);
  if (ports === undefined) return undefined;
  return {
    type: 'pstat',
    ports: ports.map((port) =>
      port === 'unoccupied' ? { occupied: false } : { ...port, statusBits: portStatusNames(port.status) },
    ),
  };
}

const named = (type: string, parameters: readonly object[] | undefined): Described | undefined =>
  parameters === undefined ? undefined : { type, parameters };

/** SSTAT: two hex digits for each option bit: 0001 control, 0002 sensors, 0004 tool interface. */
function systemStates(text: string, args: string): Described | undefined {
  const options = optionOf(args, Number.NaN);
  const names = ['control', 'sensors', 'toolInterface'].filter((_, i) => (options & (1 << i)) !== 0);
  if (names.length * 2 !== text.length || !/^[0-9A-F]+$/.test(text)) return undefined;
  return {
    type: 'sstat',
    ...Object.fromEntries(names.map((name, i) => [name, Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)])),
  };
}

/**
 * IRCHK: option 0001 one digit, whether there is environmental infrared light; option 0002 for each sensor a count and
 * as many pairs of directions in degrees, signed, three characters each (the pairs: measured on one recorded reply).
 */
function infrared(text: string, args: string): Described | undefined {
  const options = optionOf(args, 0x0001);
  let at = 0;
  const fields: Described = { type: 'irchk' };
  if (options & 0x0001) {
    if (!/^[01]/.test(text)) return undefined;
    fields['detected'] = text[0] === '1';
    at = 1;
  }
  if (options & 0x0002) {
    const sensors: number[][][] = [];
    for (let sensor = 0; sensor < 2; sensor += 1) {
      const numbers =
        text
          .slice(at)
          .match(/^([+-]\d{2})*/)?.[0]
          .match(/.{3}/g)
          ?.map(Number) ?? [];
      const count = numbers[0];
      if (count === undefined || count < 0 || numbers.length < 1 + 2 * count) return undefined;
      sensors.push(Array.from({ length: count }, (_, k) => [numbers[1 + 2 * k] as number, numbers[2 + 2 * k] as number]));
      at += 3 + 6 * count;
    }
    fields['directionsDegrees'] = sensors;
  }
  return at === text.length ? fields : undefined;
}
