import { type Clock, isNavError, Signal } from '@trocar/core';
import type { ImageFrame } from '@trocar/core/recording';
import {
  BRIDGE_REVISION,
  ClientDecoder,
  type ClientHandler,
  decodeImage,
  encodeHello,
  encodeImageAck,
  encodePing,
  type ImageEncoding,
  type ImageMessage,
  isImage,
  type RawMessage,
} from '../codec/bridge/index.js';
import { unpackImage } from './image-unpacker.js';
import type { BridgeSocket, CreateSocket } from './socket.js';

/** How images are asked for. */
export interface BridgeImageOptions {
  /**
   * `raw`: as they are, for a bridge on this machine; `deflate`: packed without loss, for a network that is narrower than they are wide.
   * Default `raw` for a bridge on loopback, and `deflate` elsewhere.
   */
  readonly encoding?: ImageEncoding;
  /** So many images may be on their way: 1 … 8. Default 2: one that is drawn, and one that comes meanwhile. */
  readonly inFlight?: number;
}

/** What has come of a source's images. */
export interface BridgeImageCounts {
  images: number;
  bytes: number;
  /** The bridge had them and did not send them, because this client had not dealt with those before. */
  dropped: number;
  /** Came while the clocks were not compared, and so could not be placed in time. */
  unsynchronised: number;
  /** Connections that were made. */
  connections: number;
}

/** The images of one source of a bridge, over a connection of their own. */
export interface BridgeImages {
  readonly source: string;
  /**
   * Each image, on the host's clock. Its pixels are the listener's to keep: they lie in the message that came, or, where they were
   * packed, in memory of their own. The bridge sends the next one when the listeners have returned.
   */
  readonly frames: Signal<ImageFrame>;
  /** The last image that came. */
  readonly latest: ImageFrame | undefined;
  readonly counts: Readonly<BridgeImageCounts>;
  /** What went wrong with the last connection; empty while there is nothing to tell. */
  readonly reason: string;
  close(): void;
}

/** What an image link needs of its client. */
export interface ImageLinkHost {
  readonly url: string;
  readonly token: string | undefined;
  readonly clock: Clock;
  readonly createSocket: CreateSocket;
  /** Carries times from the bridge's clock to the host's, in place; false while the clocks are not compared. */
  toHost(times: Float64Array, session: string): boolean;
  /** The link was closed: it need not be told of the client's connection any more. */
  forget(link: ImageLink): void;
}

/** Larger than any image with its header. */
const LARGEST = 33 * 1024 * 1024;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** The bridge wants to hear of a client within ten seconds, and says something itself many times a second. */
const PING_MS = 1000;
const SILENT_MS = 3000;

/**
 * One source's images over a WebSocket of their own: an image is as long as thousands of poses, and these do not wait behind it.
 * Comes back by itself after a loss, while its client is connected.
 */
export class ImageLink implements BridgeImages {
  readonly source: string;
  readonly frames: Signal<ImageFrame> = new Signal();
  latest: ImageFrame | undefined;
  reason = '';
  readonly counts: BridgeImageCounts = { images: 0, bytes: 0, dropped: 0, unsynchronised: 0, connections: 0 };
  readonly #host: ImageLinkHost;
  readonly #encoding: ImageEncoding;
  readonly #inFlight: number;
  readonly #times = new Float64Array(2);
  #socket: BridgeSocket | undefined;
  /** Rises with every connection: what an older one still tells is let go. */
  #generation = 0;
  #session = '';
  #sequence = -1;
  #heard = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #wanted = false;
  #closed = false;
  #pingId = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  /** Images are unpacked one after the other. */
  #unpacking: Promise<void> = Promise.resolve();

  constructor(source: string, host: ImageLinkHost, encoding: ImageEncoding, inFlight: number) {
    this.source = source;
    this.#host = host;
    this.#encoding = encoding;
    this.#inFlight = inFlight;
  }

  /** The client is connected to its bridge, or no longer is. */
  follow(open: boolean): void {
    if (this.#closed || open === this.#wanted) return;
    this.#wanted = open;
    if (open) this.#connect();
    else this.#drop();
  }

  close(): void {
    this.#closed = true;
    this.#wanted = false;
    this.#host.forget(this);
    this.#drop();
  }

  #connect(): void {
    this.#generation += 1;
    const mine = this.#generation;
    const { url, token, createSocket, clock } = this.#host;
    this.#sequence = -1;
    this.#heard = clock.now();
    const decoder = new ClientDecoder(this.#handler());
    const events = {
      open: () => {
        if (this.#generation === mine) this.#opened();
      },
      message: (message: RawMessage) => {
        if (this.#generation === mine) this.#message(message, decoder);
      },
      closed: (code: number, reason: string) => {
        if (this.#generation === mine) this.#lost(`The connection for images closed (${code}${reason && `, ${reason}`}).`);
      },
    };
    this.#socket = createSocket(url, events, { largestMessage: LARGEST, ...(token !== undefined && { token }) });
    this.#beat = setInterval(() => this.#look(), PING_MS);
  }

  #opened(): void {
    const images = { sources: [this.source], encoding: this.#encoding, inFlight: this.#inFlight };
    this.#socket?.send(encodeHello({ client: 'trocar images', revision: BRIDGE_REVISION, subscribe: [], images }));
  }

  #handler(): ClientHandler {
    const nothing = (): void => undefined;
    return {
      hello: (hello) => {
        this.counts.connections += 1;
        this.#session = hello.session ?? '';
        const older = (hello.revision ?? 0) < 2;
        this.reason = older ? 'The bridge is older than images over the bridge: update it.' : '';
        this.#pauseMs = FIRST_PAUSE_MS;
        this.#ping();
      },
      pose: nothing,
      batch: nothing,
      pong: nothing,
      event: nothing,
      heartbeat: nothing,
    };
  }

  #ping(): void {
    this.#pingId = (this.#pingId + 1) >>> 0;
    this.#socket?.send(encodePing(this.#pingId, this.#host.clock.now()));
  }

  #look(): void {
    if (this.#host.clock.now() - this.#heard > SILENT_MS) this.#lost('The connection for images is silent.');
    else if (this.#session !== '') this.#ping();
  }

  #message(message: RawMessage, decoder: ClientDecoder): void {
    this.#heard = this.#host.clock.now();
    try {
      if (typeof message === 'string' || !isImage(message)) decoder.decode(message);
      else this.#image(decodeImage(message));
    } catch (error) {
      this.#lost(isNavError(error) ? error.message : String(error));
    }
  }

  #image(message: ImageMessage): void {
    this.counts.bytes += message.data.length;
    if (this.#sequence >= 0) this.counts.dropped += Math.max(0, ((message.sequence - this.#sequence) | 0) - 1);
    this.#sequence = message.sequence;
    if (message.encoding === 'raw') {
      this.#tell(message, message.data);
      return;
    }
    const mine = this.#generation;
    this.#unpacking = this.#unpacking
      .then(() => unpackImage(message))
      .then(
        (pixels) => {
          if (this.#generation === mine) this.#tell(message, pixels);
        },
        (error: unknown) => {
          if (this.#generation === mine) this.#lost(error instanceof Error ? error.message : String(error));
        },
      );
  }

  /** Hands an image on, and then says that there may be another. */
  #tell({ source, sequence, image }: ImageMessage, pixels: Uint8Array): void {
    const times = this.#times;
    times[0] = image.measuredAt;
    times[1] = image.arrivedAt;
    if (this.#host.toHost(times, this.#session)) {
      const frame: ImageFrame = { ...image, pixels, measuredAt: times[0] as number, arrivedAt: times[1] as number };
      this.counts.images += 1;
      this.latest = frame;
      this.#emit(frame);
    } else {
      this.counts.unsynchronised += 1;
    }
    this.#socket?.send(encodeImageAck(source, sequence));
  }

  /** What a listener throws is its own failure, and no reason to close the connection: it surfaces as an uncaught error. */
  #emit(frame: ImageFrame): void {
    try {
      this.frames.emit(frame);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }

  #lost(reason: string): void {
    this.#drop();
    this.reason = reason;
    if (!this.#wanted) return;
    this.#retry = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #drop(): void {
    this.#generation += 1;
    clearTimeout(this.#retry);
    clearInterval(this.#beat);
    this.#session = '';
    this.#socket?.close(1000, 'closed');
    this.#socket = undefined;
  }
}
