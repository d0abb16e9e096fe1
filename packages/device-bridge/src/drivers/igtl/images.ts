import { type ImageFrame, type ImageSource, imageFault } from '@trocar/core/recording';
import {
  decodeIgtl,
  findFullName,
  type IgtlFrame,
  type IgtlMessage,
  type ImageContent,
  type ScalarType,
  type TrackedFrameContent,
} from '../../codec/igtl/index.js';
import type { PoseSink } from '../../driver.js';
import type { RareFaults } from '../kit/faults.js';
import type { ToolRegistry } from './registry.js';
import { SenderClock } from './sender-clock.js';

/** Sources beyond so many are not taken: names on a network must not fill the memory. */
const MOST_SOURCES = 16;
/** OpenIGTLink's numbers for what live images are made of. */
const NUMBERS: Readonly<Partial<Record<number, ImageFrame['number']>>> = { 3: 'u8', 5: 'u16' };
/** What senders call the depth of an ultrasound image, mm, in metadata. */
const DEPTH_KEYS = ['DepthMm', 'Depth'];
const found = new Uint32Array(2);

/** PLUS's numbers of images to look at: unknown, brightness, colour; the others are radio frequency. */
const SEEN_TYPES: ReadonlySet<number> = new Set([0, 1, 5]);

/** A flat image of either message. */
interface Picture {
  readonly size: readonly [number, number, number];
  readonly components: number;
  readonly scalarType: ScalarType;
  readonly littleEndian: boolean;
  readonly pixels: Uint8Array;
  /** Steps along i and j: six numbers and more. */
  readonly axes: ArrayLike<number>;
  readonly frameNumber: number;
  /** What the sender says of it, by name. */
  readonly said: ReadonlyMap<string, string>;
}

interface Source {
  readonly number: number;
  readonly clock: SenderClock;
}

/**
 * IMAGE and TRACKEDFRAME messages to live images: flat ones alone, since a volume is no image of a live device. Where they were taken is told by the poses of
 * the same server, and not by the place that the message may give; its axes give the size of a pixel.
 */
export class IgtlImages {
  /** Images told. */
  told = 0;
  readonly #registry: ToolRegistry;
  readonly #faults: RareFaults;
  readonly #sink: PoseSink;
  readonly #sources = new Map<string, Source>();
  readonly #stamp = new Float64Array(1);
  readonly #measured = new Float64Array(1);

  constructor(registry: ToolRegistry, faults: RareFaults, sink: PoseSink) {
    this.#registry = registry;
    this.#faults = faults;
    this.#sink = sink;
  }

  /** A new connection: another clock, perhaps. */
  restart(): void {
    for (const { clock } of this.#sources.values()) clock.restart();
  }

  /**
   * Takes an IMAGE.
   * @param arrivedAt `[host ms]` of its last byte
   * @throws NavError of decodeIgtl, where its content is refused
   */
  take(frame: IgtlFrame, arrivedAt: Float64Array): void {
    const message = decodeIgtl(frame, true);
    const { content } = message;
    if (content.kind !== 'image' || content.blockSize[2] !== 1) return;
    this.#show(frame, pictureOfImage(message, content), arrivedAt);
  }

  /**
   * The image of a TRACKEDFRAME.
   * @param arrivedAt as for {@link take}
   */
  takeTrackedFrame(frame: IgtlFrame, content: TrackedFrameContent, arrivedAt: Float64Array): void {
    if (content.size[2] !== 1 || content.pixels.length === 0) return;
    if (SEEN_TYPES.has(content.imageType)) {
      this.#show(frame, pictureOfFrame(content), arrivedAt);
      return;
    }
    const what = `is radio frequency (image type ${content.imageType}) and no picture`;
    this.#faults.tell(this.#sink, 'igtl/unsupported', `${frame.type} "${frame.device}" ${what}: it is not shown live.`);
  }

  #show(frame: IgtlFrame, picture: Picture, arrivedAt: Float64Array): void {
    const source = this.#source(nameOf(frame), frame.type);
    if (source === undefined) return;
    const boundMs = this.#time(frame, source.clock, arrivedAt);
    const image = imageOf(picture, [this.#measured[0] as number, arrivedAt[0] as number, boundMs]);
    const fault = image === undefined ? 'is not made of bytes or of 16 bits without sign' : imageFault(image);
    if (image === undefined || fault !== undefined) {
      this.#faults.tell(this.#sink, 'igtl/unsupported', `${frame.type} "${frame.device}" ${fault}: it is not shown live.`);
      return;
    }
    this.told += 1;
    this.#sink.image?.(source.number, image);
  }

  #source(name: string, type: string): Source | undefined {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    if (this.#sources.size >= MOST_SOURCES) {
      const message = `${type} "${name}" is one source too many, and is not taken: ${MOST_SOURCES} are.`;
      this.#faults.tell(this.#sink, 'igtl/unsupported', message);
      return undefined;
    }
    const made = { number: this.#sources.size, clock: new SenderClock() };
    this.#sources.set(name, made);
    const list: ImageSource[] = [...this.#sources.keys()].map((each) => ({ name: each }));
    this.#sink.images?.(list);
    return made;
  }

  /**
   * When it was taken, into the measured cell. By the clock of the poses where they have one, so that image and pose are off by the same.
   * @returns how far that can be off, ms; NaN where nobody knows
   */
  #time(frame: IgtlFrame, own: SenderClock, arrivedAt: Float64Array): number {
    frame.readTime(this.#stamp);
    const stamped = !Number.isNaN(this.#stamp[0] as number);
    own.measure(this.#stamp, arrivedAt, this.#measured);
    const poses = stamped ? this.#registry.poseClock() : undefined;
    if (poses !== undefined) {
      const cell = Float64Array.of(this.#stamp[0] as number);
      poses.map(cell);
      // A stamp that says more than the arrival allows is not the clock of the poses.
      if ((cell[0] as number) <= (arrivedAt[0] as number)) {
        this.#measured[0] = cell[0] as number;
        return finiteBound(poses.boundMs);
      }
    }
    return stamped ? finiteBound(own.boundMs) : Number.NaN;
  }
}

const finiteBound = (ms: number): number => (Number.isFinite(ms) ? ms : Number.NaN);

/** By its full name where the header had no room for it. */
function nameOf(frame: IgtlFrame): string {
  const size = findFullName(frame, found) ? (found[1] as number) - (found[0] as number) : 0;
  if (!(size > 20 && size <= 200)) return frame.device === '' ? 'image' : frame.device;
  return new TextDecoder().decode(frame.bytes.subarray(found[0], found[1]));
}

function pictureOfImage(message: IgtlMessage, content: ImageContent): Picture {
  const { components, scalarType, pixels, axes, blockSize } = content;
  const said = new Map(message.metadata.map(({ key, value }) => [key, value]));
  return {
    ...{ components, scalarType, pixels, axes, said, size: blockSize },
    littleEndian: content.pixelsLittleEndian,
    frameNumber: message.messageId,
  };
}

function pictureOfFrame(content: TrackedFrameContent): Picture {
  const { components, scalarType, pixels, size, embedded } = content;
  const said = new Map(content.fields.map(({ name, value }) => [name, value]));
  const number = Number(said.get('FrameNumber') ?? 0);
  return {
    ...{ components, scalarType, pixels, said, size, littleEndian: true },
    axes: [0, 1, 2, 4, 5, 6].map((n) => embedded[n] as number),
    frameNumber: Number.isInteger(number) && number >= 0 ? number : 0,
  };
}

function imageOf(picture: Picture, [measuredAt, arrivedAt, boundMs]: readonly [number, number, number]): ImageFrame | undefined {
  const number = NUMBERS[picture.scalarType];
  if (number === undefined) return undefined;
  const [width, height] = picture.size;
  return {
    width,
    height,
    components: picture.components as ImageFrame['components'],
    number,
    pixels: number === 'u8' || picture.littleEndian ? picture.pixels : swapped(picture.pixels),
    measuredAt,
    arrivedAt,
    boundMs,
    frameNumber: picture.frameNumber,
    spacingMm: [pixelMm(picture.axes, 0), pixelMm(picture.axes, 3)],
    depthMm: depthOf(picture.said),
  };
}

/** The length of an axis. Exactly 1 both ways is what a sender writes that knows none (PLUS sends pixels so). */
function pixelMm(axes: ArrayLike<number>, from: number): number {
  const mm = Math.hypot(axes[from] as number, axes[from + 1] as number, axes[from + 2] as number);
  return mm > 0 && mm !== 1 ? mm : Number.NaN;
}

function depthOf(said: ReadonlyMap<string, string>): number {
  for (const key of DEPTH_KEYS) {
    const text = said.get(key);
    const mm = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
    if (mm > 0 && Number.isFinite(mm)) return mm;
  }
  return Number.NaN;
}

function swapped(pixels: Uint8Array): Uint8Array {
  const out = new Uint8Array(pixels.length);
  for (let i = 0; i + 1 < pixels.length; i += 2) {
    out[i] = pixels[i + 1] as number;
    out[i + 1] = pixels[i] as number;
  }
  return out;
}
