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

/** The option that {@link parsePortInfo} reads: tool information and part number. */
export const PHINF_OPTION = '0005';

/** A PHINF reply to option 0005 (33 + 20 characters); `'unoccupied'`, or undefined where the text is neither. */
export function parsePortInfo(text: string): PortInfo | 'unoccupied' | undefined {
  if (text === 'UNOCCUPIED') return 'unoccupied';
  if (text.length !== 53 || !/^[0-9A-Fa-f]{8}/.test(text) || !/^[0-9A-F]{2}$/.test(text.slice(31, 33))) return undefined;
  return {
    mainType: Number.parseInt(text.slice(0, 2), 16),
    toolType: text.slice(0, 8),
    manufacturer: text.slice(8, 20).trim(),
    revision: text.slice(20, 23).trim(),
    serial: text.slice(23, 31).trim(),
    status: Number.parseInt(text.slice(31, 33), 16),
    partNumber: text.slice(33, 53).trim(),
  };
}
