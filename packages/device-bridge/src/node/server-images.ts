import type { NavErrorCode } from '@trocar/core';
import { type ImageFrame, type ImageSource, imageFault } from '@trocar/core/recording';
import { encodeImage, type ImageEncoding, MOST_SOURCES } from '../codec/bridge/index.js';
import type { ImageOutlet } from './image-outlet.js';
import { packImage } from './image-packer.js';

/** What a bridge has done with the images of one source. */
export interface SourceFigures {
  readonly name: string;
  /** From the device; to clients, over all of them; and not sent because a client had not dealt with those before. */
  readonly imagesIn: number;
  readonly imagesOut: number;
  readonly dropped: number;
}

/** One source as the bridge keeps it. */
class Source {
  readonly name: string;
  sequence = 0;
  in = 0;
  /** Packing takes its time: while one image is packed, the newest of those that come waits. */
  packing = false;
  waiting: { readonly sequence: number; readonly frame: ImageFrame } | undefined;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Carries images from devices to the clients that want them. Each image is copied once, when it comes, however many clients get it; one
 * that nobody wants is not copied at all. What a client has not acknowledged is bounded by its window: see {@link ImageOutlet}.
 */
export class ImageHub {
  readonly #outlets: readonly { readonly images: ImageOutlet | undefined }[];
  readonly #fault: (code: NavErrorCode, message: string) => void;
  #sources: Source[] = [];
  /** Sources whose images cannot be carried have been told. */
  readonly #complained = new Set<string>();

  /** @param clients of the hub; those with `images` undefined want none */
  constructor(
    clients: readonly { readonly images: ImageOutlet | undefined }[],
    fault: (code: NavErrorCode, message: string) => void,
  ) {
    this.#outlets = clients;
    this.#fault = fault;
  }

  /** The sources, by number. */
  get list(): readonly ImageSource[] {
    return this.#sources.map(({ name }) => ({ name }));
  }

  setSources(list: readonly ImageSource[]): void {
    if (list.length > MOST_SOURCES) this.#complain('', `A bridge carries ${MOST_SOURCES} sources of images, not ${list.length}.`);
    for (const { name } of list.slice(this.#sources.length, MOST_SOURCES)) this.#sources.push(new Source(name));
  }

  /** Takes an image; its pixels are copied where somebody wants them. */
  take(number: number, frame: ImageFrame): void {
    const source = this.#sources[number];
    if (source === undefined) return;
    const fault = imageFault(frame);
    if (fault !== undefined) {
      this.#complain(source.name, `An image of "${source.name}" ${fault}: it is not sent.`);
      return;
    }
    source.in += 1;
    source.sequence = (source.sequence + 1) >>> 0;
    const { sequence } = source;
    if (this.#isWanted(source.name, 'raw')) {
      const message = encodeImage(
        { source: number, sequence, encoding: 'raw', data: frame.pixels },
        frame,
        Buffer.allocUnsafeSlow,
      );
      this.#offer(source.name, 'raw', number, sequence, message);
    }
    if (this.#isWanted(source.name, 'deflate')) this.#pack(source, number, { ...frame, pixels: frame.pixels.slice() }, sequence);
  }

  #isWanted(name: string, encoding: ImageEncoding): boolean {
    for (let i = 0; i < this.#outlets.length; i += 1) if (this.#outlets[i]?.images?.wants(name, encoding) === true) return true;
    return false;
  }

  #offer(name: string, encoding: ImageEncoding, number: number, sequence: number, message: Uint8Array): void {
    for (let i = 0; i < this.#outlets.length; i += 1) {
      const images = this.#outlets[i]?.images;
      if (images?.wants(name, encoding) === true) images.offer(number, sequence, message);
    }
  }

  #pack(source: Source, number: number, frame: ImageFrame, sequence: number): void {
    if (source.packing) {
      source.waiting = { sequence, frame };
      return;
    }
    source.packing = true;
    packImage(frame, (data) => {
      source.packing = false;
      this.#offer(
        source.name,
        'deflate',
        number,
        sequence,
        encodeImage({ source: number, sequence, encoding: 'deflate', data }, frame),
      );
      const next = source.waiting;
      source.waiting = undefined;
      if (next !== undefined) this.#pack(source, number, next.frame, next.sequence);
    });
  }

  #complain(source: string, message: string): void {
    if (this.#complained.has(source)) return;
    this.#complained.add(source);
    this.#fault('bridge/too-much', message);
  }

  /** @param gone what clients that have left had been sent, and not sent, by source */
  figures(gone: ImageTotals): SourceFigures[] {
    return this.#sources.map(({ name, in: imagesIn }, number) => {
      const sum = (of: (totals: ImageTotals) => readonly number[]): number =>
        this.#outlets.reduce((n, { images }) => n + ((images && of(images)[number]) ?? 0), of(gone)[number] ?? 0);
      return { name, imagesIn, imagesOut: sum((t) => t.sent), dropped: sum((t) => t.dropped) };
    });
  }
}

/** Images that a client was sent, and that were replaced by newer ones before they could be sent: by source number. */
export interface ImageTotals {
  readonly sent: readonly number[];
  readonly dropped: readonly number[];
}
