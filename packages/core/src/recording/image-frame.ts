/** What one number of a pixel is: a byte, or 16 bits without sign. */
export type ImageNumber = 'u8' | 'u16';

/**
 * One image of a live device, as drivers tell it, bridges carry it and recordings keep it. Pixels lie row by row, the first row
 * nearest to the probe, components interleaved. Times are on the host's clock.
 */
export interface ImageFrame {
  /** Pixels along a row, and rows: 1 … {@link LARGEST_SIDE}. */
  readonly width: number;
  readonly height: number;
  /** Numbers a pixel: 1 grey, 3 red green blue, 4 with alpha. */
  readonly components: 1 | 3 | 4;
  readonly number: ImageNumber;
  /** The pixels' bytes, `width · height · components` numbers; those of 16 bits little-endian. */
  readonly pixels: Uint8Array;
  /**
   * When the device says that the image was taken, ms: with everything a clock map knows of, and without the lag that only a
   * temporal calibration finds.
   */
  readonly measuredAt: number;
  /** When its last byte arrived on this host, ms. */
  readonly arrivedAt: number;
  /** How far `measuredAt` can be off beside a constant delay, ms; NaN where nobody knows. */
  readonly boundMs: number;
  /** The device's own counter, 0 … 2³² − 1; 0 where it has none. */
  readonly frameNumber: number;
  /** From one column, and from one row, to the next, mm; NaN where the device does not say. */
  readonly spacingMm: readonly [number, number];
  /** How deep the machine looks, mm; NaN where it does not say. */
  readonly depthMm: number;
}

/** A source of images, as a driver knows it. Its place in the driver's list is its number, and stays so while the driver runs. */
export interface ImageSource {
  /** Unique within the driver; what a client asks for. */
  readonly name: string;
}

/** No image is wider or higher, pixels. */
export const LARGEST_SIDE = 8192;
/** No image has more bytes. */
export const LARGEST_IMAGE_BYTES: number = 32 * 1024 * 1024;

/** The bytes that the pixels of such an image take. */
export function imageBytes(image: Pick<ImageFrame, 'width' | 'height' | 'components' | 'number'>): number {
  return image.width * image.height * image.components * (image.number === 'u8' ? 1 : 2);
}

/** What is wrong with an image, as the end of a sentence; undefined where it can be used. */
export function imageFault(image: ImageFrame): string | undefined {
  const { width, height, components, number, pixels } = image;
  for (const side of [width, height]) {
    if (!(Number.isInteger(side) && side >= 1 && side <= LARGEST_SIDE)) {
      return `has ${width} × ${height} pixels; 1 to ${LARGEST_SIDE} each way can be`;
    }
  }
  if (components !== 1 && components !== 3 && components !== 4) return `has ${components} numbers a pixel; 1, 3 or 4 can be`;
  if (number !== 'u8' && number !== 'u16') return `has numbers of type "${number}"; u8 and u16 can be`;
  const bytes = imageBytes(image);
  if (bytes > LARGEST_IMAGE_BYTES) return `takes ${bytes} bytes; ${LARGEST_IMAGE_BYTES} at most can be`;
  if (pixels.length !== bytes) return `has ${pixels.length} bytes of pixels and needs ${bytes}`;
  return Number.isFinite(image.measuredAt) ? undefined : 'has no time';
}
