import { NavError } from '../../base/index.js';
import { requireScan, type ScanGeometry, type ScanImage } from './geometry.js';

/** Values of samples: brightness of 8 or 16 bits, echoes with a sign, or anything in floating point. */
export type ScanSamples = Uint8Array | Uint16Array | Int16Array | Float32Array;

/** What a {@link ScanConverter} is made for. */
export interface ScanConverterInit {
  readonly geometry: ScanGeometry;
  /** Lines of an image, and samples of each. */
  readonly lines: number;
  readonly samples: number;
  readonly image: ScanImage;
}

/**
 * Scan conversion: samples along lines become an image of square or oblong pixels, by bilinear interpolation between the four samples
 * around each pixel. Which they are is worked out once; images then follow at video rate.
 */
export class ScanConverter {
  /** 255 where a pixel lies between scan lines, 0 where it lies beside them: an `importance` for reconstruction. */
  readonly mask: Uint8Array;
  readonly size: readonly [number, number];
  readonly #samples: number;
  readonly #count: number;
  /** For each pixel inside: which it is, its first sample, and how far it is on towards the next sample and the next line. */
  readonly #pixels: Int32Array;
  readonly #from: Int32Array;
  readonly #along: Float32Array;
  readonly #across: Float32Array;

  /** @throws NavError `ultrasound/bad-geometry`; `ultrasound/bad-clip` where no pixel lies between the lines */
  constructor({ geometry, lines, samples, image }: ScanConverterInit) {
    requireScan(geometry, image);
    if (!(Number.isInteger(lines) && Number.isInteger(samples) && lines >= 2 && samples >= 2)) {
      throw new NavError(
        'ultrasound/bad-image',
        `Scan conversion needs two lines of two samples at least, not ${lines} of ${samples}.`,
      );
    }
    const [columns, rows] = image.size;
    this.size = image.size;
    this.#samples = samples;
    this.#count = lines * samples;
    this.mask = new Uint8Array(columns * rows);
    const place = placer(geometry, lines, samples);
    const [pixels, from, along, across]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let n = 0; n < columns * rows; n += 1) {
      const x = ((n % columns) - image.surface[0]) * image.spacingMm[0];
      const y = (Math.floor(n / columns) - image.surface[1]) * image.spacingMm[1];
      const [line, sample] = place(x, y);
      if (!(line >= 0 && line <= lines - 1 && sample >= 0 && sample <= samples - 1)) continue;
      // The last line and sample have none behind them: they are the whole way on from the last but one.
      const [l, s] = [Math.min(Math.floor(line), lines - 2), Math.min(Math.floor(sample), samples - 2)];
      this.mask[n] = 255;
      pixels.push(n);
      from.push(l * samples + s);
      along.push(sample - s);
      across.push(line - l);
    }
    if (pixels.length === 0) {
      throw new NavError(
        'ultrasound/bad-clip',
        'No pixel of the image lies between the scan lines: is the place of the array in pixels?',
      );
    }
    this.#pixels = Int32Array.from(pixels);
    this.#from = Int32Array.from(from);
    this.#along = Float32Array.from(along);
    this.#across = Float32Array.from(across);
  }

  /**
   * The image of scan lines.
   * @param samples line by line, the sample nearest to the array first
   * @param out an image to write into; by default a new one, of the samples' kind. Whole numbers are rounded, halves up; 0 beside the lines
   * @throws NavError `ultrasound/bad-image` where there are more or fewer samples than was said, or `out` has another size
   */
  convert<T extends ScanSamples>(samples: T, out: T = new (samples.constructor as new (n: number) => T)(this.mask.length)): T {
    if (samples.length !== this.#count || out.length !== this.mask.length) {
      throw new NavError(
        'ultrasound/bad-image',
        `Scan lines of ${this.#count} samples were expected, for ${this.mask.length} pixels; these are ${samples.length} for ${out.length}.`,
      );
    }
    const half = samples instanceof Float32Array ? 0 : 0.5;
    const step = this.#samples;
    for (let n = 0; n < this.#pixels.length; n += 1) {
      const at = this.#from[n] as number;
      const s = this.#along[n] as number;
      const near = (samples[at] as number) * (1 - s) + (samples[at + 1] as number) * s;
      const far = (samples[at + step] as number) * (1 - s) + (samples[at + step + 1] as number) * s;
      const value = near + (far - near) * (this.#across[n] as number);
      out[this.#pixels[n] as number] = half === 0 ? value : Math.floor(value + half);
    }
    return out;
  }
}

/**
 * One image of scan lines; for many of one geometry make a {@link ScanConverter}.
 * @throws NavError as ScanConverter does
 */
export function scanConvert<T extends ScanSamples>(samples: T, init: ScanConverterInit): T {
  return new ScanConverter(init).convert(samples);
}

/** Line and sample, with fractions, at a place in mm from the middle of the array's surface. */
function placer(geometry: ScanGeometry, lines: number, samples: number): (x: number, y: number) => readonly [number, number] {
  if (geometry.kind === 'linear') {
    const [first, last] = geometry.depthsMm;
    return (x, y) => [(x / geometry.widthMm + 0.5) * (lines - 1), ((y - first) / (last - first)) * (samples - 1)];
  }
  const [inner, outer] = geometry.radiiMm;
  const [left, right] = geometry.anglesDeg.map((degrees) => (degrees * Math.PI) / 180) as [number, number];
  return (x, y) => {
    const radius = Math.hypot(x, y + inner);
    const angle = Math.atan2(x, y + inner);
    return [((angle - left) / (right - left)) * (lines - 1), ((radius - inner) / (outer - inner)) * (samples - 1)];
  };
}
