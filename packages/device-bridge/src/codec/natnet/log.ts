import { type DecodedLine, type RefusedMessage, refusedMessage } from '../decoded.js';
import { NATNET, natnetMessage, packetSize } from './header.js';
import { decodeNatnet, type NatNetMessage } from './message.js';
import { DEFAULT_NATNET, type NatNetVersion, versionText } from './version.js';

/** Tried in this order where nothing in the file says which version its frames have. */
const GUESSES: readonly NatNetVersion[] = [
  DEFAULT_NATNET,
  { major: 4, minor: 1 },
  { major: 4, minor: 0 },
  { major: 4, minor: 2 },
  { major: 2, minor: 11 },
  { major: 2, minor: 10 },
  { major: 2, minor: 7 },
  { major: 2, minor: 6 },
];

/** How a log of NatNet packets is read. */
export interface NatNetLogOptions {
  /** The version of frames and model definitions. Default: that of the file's own server info, else the first that fits. */
  readonly version?: NatNetVersion;
}

/**
 * What a file of NatNet packets, one or several one behind the other, holds. Lengths in mm, quaternions x y z w, 64-bit
 * numbers as text. Frames and model definitions say the version they were read as, and `assumed` where that is only the
 * first that fits to the byte. A packet that cannot be read is one line with its code; one that is cut off ends the file.
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
  let first: RefusedMessage | undefined;
  for (const candidate of candidates) {
    try {
      const message = decodeNatnet(packet, candidate);
      const read = depends ? { version: versionText(candidate), ...(version === undefined && { assumed: true }) } : {};
      return { line: lineOf(message, offset, read), message };
    } catch (error) {
      const refused = refusedMessage(error, offset);
      first ??= refused;
    }
  }
  return { line: first as RefusedMessage };
}

function lineOf(message: NatNetMessage, offset: number, read: Record<string, unknown>): DecodedLine {
  if (message.type === 'frameOfData') return { type: message.type, offset, ...read, ...message.facts };
  if ('version' in message) return { ...message, offset, version: versionText(message.version) };
  return { ...message, offset, ...read };
}
