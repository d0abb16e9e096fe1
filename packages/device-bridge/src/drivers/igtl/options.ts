import { type Clock, NavError } from '@trocar/core';
import type { HeaderVersion, IgtlFrame } from '../../codec/igtl/index.js';
import type { Transport } from '../../transport.js';
import { requireFrozenAfter } from '../kit/index.js';

/** A tool that is expected, and what to call it. */
export interface IgtlToolOptions {
  /** As the sender names it: the device of TRANSFORM and POSITION, the tool within TDATA and QTDATA. */
  readonly device: string;
  /** What clients call it. Default as the sender does. */
  readonly name?: string;
}

/** What to ask a tracker for that does not send of its own accord. */
export interface IgtlRequest {
  readonly type: 'TDATA' | 'QTDATA';
  /** The shortest time between two messages, ms; 0 is as fast as possible. Default 16. */
  readonly intervalMs?: number;
  /** What the poses shall be relative to, 32 bytes at most. Default empty: the sender's own. */
  readonly coordinateName?: string;
  /** The device that is asked, 20 bytes at most. Default empty. */
  readonly device?: string;
}

/** How an OpenIGTLink server is driven. */
export interface IgtlDriverOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Tools known before they are seen: they get the first numbers. Default none. */
  readonly tools?: readonly IgtlToolOptions[];
  /** Also take tools that are not in {@link tools}, as they appear. Default true. */
  readonly otherTools?: boolean;
  /** Tools beyond so many are not taken, and told as a fault. Default 64, at most 255. */
  readonly maxTools?: number;
  /** What to ask for once connected, and to stop before leaving. Default nothing: the server pushes. */
  readonly ask?: IgtlRequest;
  /**
   * Header version to begin with. Default 1, which every peer reads; it becomes 2 once the server has sent one. 2 says
   * so first, with a GET_STATUS, and is what PLUS needs to send metadata; a server that knows only 1 may hang on it.
   */
  readonly headerVersion?: HeaderVersion;
  /**
   * What a pose counts as whose message says nothing of visibility (any of header version 1, TDATA, and any server but
   * PLUS). Default `unknown`. `ok` only for a server that is known to leave out tools that it does not see.
   */
  readonly withoutStatus?: 'unknown' | 'ok';
  /** Without any message for so long the server is silent. Default 1000 ms: PLUS sends a STATUS at least every 250. */
  readonly silentMs?: number;
  /**
   * How long the first message, or the first answer to {@link ask}, may take, ms. Default 5000. With `onSilence: 'stale'`
   * and nothing asked for it is not waited for.
   */
  readonly firstMessageMs?: number;
  /**
   * `reconnect`, the default: a silent server is lost, its tools `disconnected`, and connected again. `stale`: for
   * servers that send only what changes (Slicer): its tools become `stale`, and the connection stays.
   */
  readonly onSilence?: 'reconnect' | 'stale';
  /** Ask a server that has been silent for so long for its STATUS, which PLUS and Trocar answer. Default 0: never. */
  readonly keepAliveMs?: number;
  /** How long the same numbers may come before they are `stale`, ms: see `freezeGuard`. `Infinity` for noise-free simulations. */
  readonly frozenAfterMs?: number;
  /** First pause before connecting again, ms; doubled up to 5 s. Default 250. */
  readonly reconnectMs?: number;
  /**
   * Take flat IMAGEs for a live device's, each sender a source: of bytes or of 16 bits without sign, grey or colour. Default true; they
   * go to `onMessage` as well.
   */
  readonly images?: boolean;
  /** A longer message ends the connection. Default 128 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * Gets every message that is neither a pose nor an answer to a command: IMAGE, STATUS, STRING, POINT, … Nothing of its
   * content has been read: `decodeIgtl(frame)` does. The frame is valid until the handler returns. What it throws is
   * told as a fault, a refused content under its own code.
   */
  readonly onMessage?: (frame: IgtlFrame) => void;
}

/** The options with every default filled in. */
export type IgtlSettings = Required<Omit<IgtlDriverOptions, 'ask' | 'maxBodyBytes' | 'frozenAfterMs'>> & {
  readonly ask: Required<IgtlRequest> | undefined;
  readonly maxBodyBytes: number | undefined;
  readonly frozenAfterMs: number | undefined;
};

/**
 * Refuses what cannot work before anything is connected.
 * @throws NavError `bridge/bad-option`, `pose/bad-option`
 */
export function resolveOptions(options: IgtlDriverOptions): IgtlSettings {
  const { ask, tools = [] } = options;
  const settings: IgtlSettings = {
    transport: options.transport,
    clock: options.clock,
    tools,
    otherTools: options.otherTools ?? true,
    maxTools: options.maxTools ?? 64,
    ask: ask && { intervalMs: 16, coordinateName: '', device: '', ...ask },
    headerVersion: options.headerVersion ?? 1,
    withoutStatus: options.withoutStatus ?? 'unknown',
    silentMs: options.silentMs ?? 1000,
    firstMessageMs: options.firstMessageMs ?? 5000,
    onSilence: options.onSilence ?? 'reconnect',
    keepAliveMs: options.keepAliveMs ?? 0,
    reconnectMs: options.reconnectMs ?? 250,
    maxBodyBytes: options.maxBodyBytes,
    frozenAfterMs: options.frozenAfterMs,
    images: options.images ?? true,
    onMessage: options.onMessage ?? (() => undefined),
  };
  checkTools(settings);
  checkNumbers(settings);
  requireFrozenAfter(settings.frozenAfterMs);
  return settings;
}

function checkTools({ tools, maxTools }: IgtlSettings): void {
  if (!(Number.isInteger(maxTools) && maxTools >= Math.max(1, tools.length) && maxTools <= 255)) {
    throw new NavError(
      'bridge/bad-option',
      `maxTools must be a whole number from ${Math.max(1, tools.length)} to 255, got ${maxTools}.`,
    );
  }
  const names = new Set<string>();
  const devices = new Set<string>();
  for (const { device, name = device } of tools) {
    if (name === '' || name.length > 200 || names.has(name) || devices.has(device)) {
      throw new NavError('bridge/bad-option', `Tool "${name}" (device "${device}") is empty, too long or named twice.`);
    }
    names.add(name);
    devices.add(device);
  }
}

function checkNumbers(settings: IgtlSettings): void {
  const { silentMs, firstMessageMs, keepAliveMs, reconnectMs, ask, headerVersion } = settings;
  const fits =
    silentMs > 0 && firstMessageMs > 0 && keepAliveMs >= 0 && reconnectMs >= 0 && (headerVersion === 1 || headerVersion === 2);
  const asks = ask === undefined || (Number.isInteger(ask.intervalMs) && ask.intervalMs >= 0 && ask.intervalMs < 2 ** 32);
  if (fits && asks) return;
  throw new NavError(
    'bridge/bad-option',
    'The OpenIGTLink driver needs silentMs > 0, firstMessageMs > 0, keepAliveMs ≥ 0, reconnectMs ≥ 0, headerVersion 1 or 2 and ' +
      'a whole number of milliseconds as interval.',
  );
}
