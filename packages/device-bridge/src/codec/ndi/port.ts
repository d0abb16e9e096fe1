/** A port handle and its status bits, as PHSR lists them. */
export interface PortHandle {
  readonly handle: number;
  readonly status: number;
}

/** Which handles PHSR is to list. */
export const PHSR: {
  readonly all: '00';
  readonly toBeFreed: '01';
  readonly toBeInitialised: '02';
  readonly toBeEnabled: '03';
  readonly enabled: '04';
} = { all: '00', toBeFreed: '01', toBeInitialised: '02', toBeEnabled: '03', enabled: '04' };

/** A PHSR reply: count (2 hex), then handle (2) and status (3) each; undefined where the text is not one. */
export function parsePortHandles(text: string): readonly PortHandle[] | undefined {
  if (!/^[0-9A-F]{2}([0-9A-F]{5})*$/.test(text)) return undefined;
  const count = Number.parseInt(text.slice(0, 2), 16);
  if (text.length !== 2 + 5 * count) return undefined;
  return Array.from({ length: count }, (_, i) => ({
    handle: Number.parseInt(text.slice(2 + 5 * i, 4 + 5 * i), 16),
    status: Number.parseInt(text.slice(4 + 5 * i, 7 + 5 * i), 16),
  }));
}

/** Options of PHINF, which add up. */
export const PHINF: {
  readonly basic: 0x0001;
  readonly currentTest: 0x0002;
  readonly partNumber: 0x0004;
  readonly accessories: 0x0008;
  readonly markerType: 0x0010;
  readonly location: 0x0020;
  readonly gpio: 0x0040;
} = {
  basic: 0x0001,
  currentTest: 0x0002,
  partNumber: 0x0004,
  accessories: 0x0008,
  markerType: 0x0010,
  location: 0x0020,
  gpio: 0x0040,
};

/** What PHINF (options 0001 and 0004) says of a tool. Texts are trimmed. */
export interface PortInfo {
  /** First two hex digits of the tool type: 01 reference, 02 probe, 03 button box, … */
  readonly mainType: number;
  readonly toolType: string;
  readonly manufacturer: string;
  readonly revision: string;
  readonly serial: string;
  readonly status: number;
  /** Empty where the tool has none. */
  readonly partNumber: string;
}

/** All that PHINF can say: the blocks that were asked for are present. Texts are trimmed. */
export interface PortFacts {
  readonly basic?: Omit<PortInfo, 'partNumber'>;
  /** Current test of a wired tool, 8 hex digits. */
  readonly currentTest?: string;
  readonly partNumber?: string;
  /** Bits of the tool's switches and lights. */
  readonly accessories?: number;
  readonly markerType?: number;
  /** Where a wired tool is plugged in. */
  readonly location?: {
    readonly device: string;
    readonly systemType: string;
    readonly toolType: string;
    readonly port: string;
    readonly channel: string;
  };
  readonly gpio?: number;
}

/** Characters of each block, in the order they are sent. */
const BLOCKS: ReadonlyArray<readonly [number, number]> = [
  [PHINF.basic, 33],
  [PHINF.currentTest, 8],
  [PHINF.partNumber, 20],
  [PHINF.accessories, 2],
  [PHINF.markerType, 2],
  [PHINF.location, 14],
  [PHINF.gpio, 2],
];

/**
 * A PHINF reply with any of its blocks, in rising bit order; `'unoccupied'`, or undefined where the text is not what
 * the options ask for. Block 0040 may be left out: older devices do not know it. Blocks 0001, 0002, 0004, 0008, 0010
 * and 0020 are checked against recorded replies.
 */
export function parsePortFacts(text: string, options: number): PortFacts | 'unoccupied' | undefined {
  if (text === 'UNOCCUPIED') return 'unoccupied';
  const blocks = new Map<number, string>();
  let at = 0;
  for (const [bit, width] of BLOCKS) {
    // Devices that know no GPIO leave its block out, which is the last.
    if ((options & bit) === 0 || (bit === PHINF.gpio && at > 0 && at === text.length)) continue;
    blocks.set(bit, text.slice(at, at + width));
    at += width;
  }
  if (at !== text.length || at === 0) return undefined;
  const basic = parseBasic(blocks.get(PHINF.basic));
  const bytes = [PHINF.accessories, PHINF.markerType, PHINF.gpio].map((bit) => blocks.get(bit));
  if (basic === null || bytes.some((b) => b !== undefined && !/^[0-9A-Fa-f]{2}$/.test(b))) return undefined;
  const [accessories, markerType, gpio] = bytes;
  const test = blocks.get(PHINF.currentTest);
  const part = blocks.get(PHINF.partNumber);
  const location = blocks.get(PHINF.location);
  return {
    ...(basic !== undefined && { basic }),
    ...(test !== undefined && { currentTest: test }),
    ...(part !== undefined && { partNumber: part.trim() }),
    ...(accessories !== undefined && { accessories: Number.parseInt(accessories, 16) }),
    ...(markerType !== undefined && { markerType: Number.parseInt(markerType, 16) }),
    ...(location !== undefined && { location: locationOf(location) }),
    ...(gpio !== undefined && { gpio: Number.parseInt(gpio, 16) }),
  };
}

/** The block of option 0001; null where it is none. */
function parseBasic(text: string | undefined): Omit<PortInfo, 'partNumber'> | undefined | null {
  if (text === undefined) return undefined;
  if (!/^[0-9A-Fa-f]{8}/.test(text) || !/^[0-9A-Fa-f]{2}$/.test(text.slice(31, 33))) return null;
  return {
    mainType: Number.parseInt(text.slice(0, 2), 16),
    toolType: text.slice(0, 8),
    manufacturer: text.slice(8, 20).trim(),
    revision: text.slice(20, 23).trim(),
    serial: text.slice(23, 31).trim(),
    status: Number.parseInt(text.slice(31, 33), 16),
  };
}

/** 8 characters of device, one of system type, one of tool type, two of port, two of channel (measured on 0021 and 0025). */
function locationOf(text: string): NonNullable<PortFacts['location']> {
  return {
    device: text.slice(0, 8).trim(),
    systemType: text.slice(8, 9),
    toolType: text.slice(9, 10),
    port: text.slice(10, 12),
    channel: text.slice(12, 14),
  };
}

/** The option that {@link parsePortInfo} reads: tool information and part number. */
export const PHINF_OPTION = '0005';

/** A PHINF reply to option 0005 (33 + 20 characters); `'unoccupied'`, or undefined where the text is neither. */
export function parsePortInfo(text: string): PortInfo | 'unoccupied' | undefined {
  const facts = parsePortFacts(text, PHINF.basic | PHINF.partNumber);
  if (facts === 'unoccupied' || facts?.basic === undefined) return facts === 'unoccupied' ? facts : undefined;
  return { ...facts.basic, partNumber: facts.partNumber ?? '' };
}

/** One of the three wired ports of a first-generation system, as PSTAT tells it. */
export interface PortStat {
  readonly toolType: string;
  readonly manufacturer: string;
  readonly revision: string;
  readonly serial: string;
  readonly status: number;
}

/**
 * A PSTAT reply (option 0001): a line per port, read from its end: status 2, serial 8, revision 3, manufacturer 12,
 * type the rest (7 and 2 characters in the one recording there is: unverified beyond it). Undefined where it is not one.
 */
export function parsePortStats(text: string): ReadonlyArray<PortStat | 'unoccupied'> | undefined {
  const lines = text.replace(/\n$/, '').split('\n');
  if (lines.length !== 3 && lines.length !== 6 && lines.length !== 12) return undefined;
  const stats: Array<PortStat | 'unoccupied'> = [];
  for (const line of lines) {
    if (line === 'UNOCCUPIED') stats.push('unoccupied');
    else {
      const match = /^([0-9A-F]{1,8})(.{12})(.{3})(.{8})([0-9A-F]{2})$/.exec(line);
      if (match === null) return undefined;
      const [, toolType = '', manufacturer = '', revision = '', serial = '', status = ''] = match;
      stats.push({
        toolType,
        manufacturer: manufacturer.trim(),
        revision: revision.trim(),
        serial: serial.trim(),
        status: Number.parseInt(status, 16),
      });
    }
  }
  return stats;
}
