import { type DecodedLine, type RefusedMessage, refusedMessage } from '../decoded.js';
import { NATNET, natnetMessage, packetSize } from './header.js';
import { decodeNatnet, type NatNetMessage } from './message.js';
import { DEFAULT_NATNET, type NatNetVersion, versionText } from './version.js';

/** Tried in this order where nothing in the file says which version its frames have: each is laid out otherwise. */
const GUESSES: readonly NatNetVersion[] = [
  DEFAULT_NATNET,
  { major: 4, minor: 1 },
  { major: 4, minor: 0 },
  { major: 4, minor: 2 },
  { major: 2, minor: 11 },
  { major: 2, minor: 10 },
  { major: 2, minor: 7 },
  { major: 2, minor: 6 },
  { major: 2, minor: 5 },
  { major: 2, minor: 1 },
  { major: 2, minor: 0 },
];

/** How a log of NatNet packets is read. */
export interface NatNetLogOptions {
  /** The version of frames and model definitions. Default: that of the file's own server info, else the first that fits. */
  readonly version?: NatNetVersion;
}

/**
 * What a file of NatNet packets, one or several one behind the other, holds. Lengths in mm, quaternions x y z w, 64-bit
 * numbers as text. Frames and model definitions say the version they were read as, and `assumed` where that is only the
 * first that fits to the byte and gives rotations, errors and a time that can be. A packet that cannot be read is one line with its code; one that is cut off ends the file.
 */
export function* decodeNatnetLog(bytes: Uint8Array, options: NatNetLogOptions = {}): Generator<DecodedLine> {
  let version = options.version;
  for (let offset = 0; offset < bytes.length; ) {
    const size = packetSize(bytes, offset);
    const end = size < 0 ? bytes.length : Math.min(bytes.length, offset + size);
    const { line, message } = decodeOne(bytes.subarray(offset, end), offset, version);
    yield line;
    if (options.version === undefined && message?.type === 'serverInfo') version = message.version;
    offset = end;
  }
}

interface Decoded {
  readonly line: DecodedLine;
  readonly message?: NatNetMessage;
}

function decodeOne(packet: Uint8Array, offset: number, version: NatNetVersion | undefined): Decoded {
  const id = natnetMessage(packet);
  const depends = id === NATNET.frameOfData || id === NATNET.modelDefinitions;
  const candidates = version !== undefined ? [version] : depends ? GUESSES : [DEFAULT_NATNET];
  let refused: RefusedMessage | undefined;
  let fits: Decoded | undefined;
  for (const candidate of candidates) {
    try {
      const message = decodeNatnet(packet, candidate);
      const read = depends ? { version: versionText(candidate), ...(version === undefined && { assumed: true }) } : {};
      const decoded = { line: lineOf(message, offset, read), message };
      if (version !== undefined || message.type !== 'frameOfData' || isPlausible(message.facts)) return decoded;
      fits ??= decoded;
    } catch (error) {
      const why = refusedMessage(error, offset);
      refused ??= why;
    }
  }
  return fits ?? { line: refused as RefusedMessage };
}

/** The time of a frame is in seconds since the server began. */
const LONGEST_RUN_S = 1e9;
/** Rotations are sent in single precision; all zeros where a body is not tracked. */
const UNIT_TOLERANCE = 1e-3;
/** Mean errors in mm, 0 among them. */
const SMALLEST_ERROR = 1e-9;
const LARGEST_ERROR = 1e5;
/** No camera sees a marker a hundred metres away. */
const FARTHEST_MM = 1e5;

/** Whether a frame that was read by a guess has the numbers of one: bytes of another layout hardly do. */
function isPlausible(facts: Readonly<Record<string, unknown>>): boolean {
  const { timestampSeconds } = facts['timing'] as { timestampSeconds: number | null };
  if (timestampSeconds === null || timestampSeconds < 0 || timestampSeconds > LONGEST_RUN_S) return false;
  const bodies = facts['rigidBodies'] as ReadonlyArray<{ orientation: Array<number | null>; meanErrorMm: number | null }>;
  const markers = (facts['labelledMarkers'] ?? []) as ReadonlyArray<{ positionMm: Array<number | null> }>;
  if (!markers.every(({ positionMm }) => positionMm.every((x) => x !== null && Math.abs(x) < FARTHEST_MM))) return false;
  return bodies.every(({ orientation, meanErrorMm }) => {
    const norm = orientation.reduce<number>((sum, q) => sum + (q ?? Number.NaN) ** 2, 0);
    const error = meanErrorMm ?? Number.NaN;
    const errorCanBe = error === 0 || (error >= SMALLEST_ERROR && error <= LARGEST_ERROR);
    return errorCanBe && (norm === 0 || Math.abs(norm - 1) <= UNIT_TOLERANCE);
  });
}

function lineOf(message: NatNetMessage, offset: number, read: Record<string, unknown>): DecodedLine {
  if (message.type === 'frameOfData') return { type: message.type, offset, ...read, ...message.facts };
  if ('version' in message && message.version !== undefined) return { ...message, offset, version: versionText(message.version) };
  return { ...message, offset, ...read };
}
