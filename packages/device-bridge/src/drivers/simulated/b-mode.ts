import { Random } from '@trocar/core/math';
import { crossing, type EchoScene } from './echo-scene.js';

/** A curved array, in its own image: x along the rows, y away from the probe, mm. */
export interface ScanGeometry {
  readonly width: number;
  readonly height: number;
  /** From the probe's face to the last row, mm. */
  readonly depthMm: number;
}

/** Radius of the array, mm, and how far it looks to either side, rad. */
const RADIUS_MM = 50;
const HALF_ANGLE = 0.52;
const LINES = 160;
const SAMPLES = 480;
/** Scatterers lie on cubes of this edge, mm. */
const SCATTERER_MM = 0.45;
/** Decibels from black to white. */
const RANGE_DB = 60;
const TABLE = 8192;
/** Behind what echoes more than this the beam is weaker, dB, by so much a mm. */
const HARD_DB = 55;
const LOSS_DB_PER_MM = 6;

/**
 * A B-mode scan of a scene whose truth is known: along each beam the bodies that it meets, scatterers that stay where they are in space,
 * a beam of some width, and shadows behind what is hard. Speckle is drawn from a table of Rayleigh amplitudes and not summed from waves:
 * it looks as speckle does and moves as the tissue moves, and is no model to measure speckle with.
 *
 * Everything is drawn from the scene's seed: the same place gives the same image.
 */
export class BModeScan {
  readonly geometry: ScanGeometry;
  /** Edge of a pixel, mm: square. */
  readonly pixelMm: number;
  /** The middle column, where the array's middle is. */
  readonly middleColumn: number;
  /** Speckle, dB, in tenths. */
  readonly #speckle: Int16Array;
  readonly #beams = new Int16Array(LINES * SAMPLES);
  readonly #smooth = new Uint8Array(LINES * SAMPLES);
  /** Where each pixel reads: place of the upper left of four samples, or −1, and how far it is from it, in 1/256. */
  readonly #from: Int32Array;
  readonly #share: Uint16Array;
  readonly #origin = new Float64Array(3);
  readonly #direction = new Float64Array(3);
  readonly #span = new Float64Array(2);

  constructor(geometry: ScanGeometry, seed = 1) {
    this.geometry = geometry;
    const { width, height, depthMm } = geometry;
    this.pixelMm = depthMm / (height - 1);
    this.middleColumn = (width - 1) / 2;
    const random = new Random(seed);
    // 20 log₁₀ of a Rayleigh amplitude of mean square 1.
    const draw = (): number => 100 * Math.log10(-Math.log(1 - random.uniform() * 0.999_999) + 1e-4);
    this.#speckle = Int16Array.from({ length: TABLE }, draw);
    this.#from = new Int32Array(width * height);
    this.#share = new Uint16Array(width * height);
    this.#lookUp();
  }

  #lookUp(): void {
    const { width, height, depthMm } = this.geometry;
    for (let row = 0, n = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1, n += 1) {
        const x = (column - this.middleColumn) * this.pixelMm;
        const y = row * this.pixelMm + RADIUS_MM;
        const line = ((Math.atan2(x, y) / HALF_ANGLE + 1) * (LINES - 1)) / 2;
        const sample = ((Math.hypot(x, y) - RADIUS_MM) * (SAMPLES - 1)) / depthMm;
        const inside = line >= 0 && line < LINES - 1 && sample >= 0 && sample < SAMPLES - 1;
        this.#from[n] = inside ? Math.floor(line) * SAMPLES + Math.floor(sample) : -1;
        this.#share[n] = inside ? (Math.floor(256 * (line % 1)) << 8) | Math.floor(256 * (sample % 1)) : 0;
      }
    }
  }

  /**
   * The image of a scene: `width · height` grey values, row by row, 0 outside the fan.
   * @param trackerFromImage where the image truly is: p = m · (x, y, 0) in mm of the image from the centre of its first pixel; 16 doubles,
   * column-major, rigid
   */
  image(scene: EchoScene, trackerFromImage: ArrayLike<number>, out: Uint8Array): void {
    for (let line = 0; line < LINES; line += 1) this.#beam(scene, trackerFromImage, line);
    this.#widen();
    this.#convert(out);
  }

  #beam(scene: EchoScene, m: ArrayLike<number>, line: number): void {
    const { depthMm } = this.geometry;
    const angle = HALF_ANGLE * ((2 * line) / (LINES - 1) - 1);
    const [sx, sy] = [Math.sin(angle), Math.cos(angle)];
    const middle = this.middleColumn * this.pixelMm;
    const o = this.#origin;
    const d = this.#direction;
    for (let r = 0; r < 3; r += 1) {
      d[r] = (m[r] as number) * sx + (m[4 + r] as number) * sy;
      const [x, y] = [middle + RADIUS_MM * sx, RADIUS_MM * sy - RADIUS_MM];
      o[r] = (m[r] as number) * x + (m[4 + r] as number) * y + (m[12 + r] as number);
    }
    const from = line * SAMPLES;
    const beams = this.#beams;
    beams.fill(10 * (scene.backgroundDb ?? 30), from, from + SAMPLES);
    const perMm = (SAMPLES - 1) / depthMm;
    for (const body of scene.bodies) {
      if (!crossing(body, o, d, this.#span)) continue;
      const first = Math.max(0, Math.ceil((this.#span[0] as number) * perMm));
      const last = Math.min(SAMPLES - 1, Math.floor((this.#span[1] as number) * perMm));
      if (first <= last) beams.fill(10 * body.echoDb, from + first, from + last + 1);
    }
    this.#scatter(from, 1 / perMm, scene.seed ?? 1);
  }

  /** Adds the scatterers' speckle, and what is lost behind hard bodies. */
  #scatter(from: number, stepMm: number, seed: number): void {
    const beams = this.#beams;
    const speckle = this.#speckle;
    const step = stepMm / SCATTERER_MM;
    const [ox, oy, oz] = [0, 1, 2].map((r) => (this.#origin[r] as number) / SCATTERER_MM) as [number, number, number];
    const [dx, dy, dz] = [0, 1, 2].map((r) => (this.#direction[r] as number) * step) as [number, number, number];
    let lost = 0;
    for (let s = 0; s < SAMPLES; s += 1) {
      const echo = beams[from + s] as number;
      const i = Math.floor(ox + s * dx);
      const j = Math.floor(oy + s * dy);
      const k = Math.floor(oz + s * dz);
      let h = Math.imul(i, 0x9e3779b1) ^ Math.imul(j, 0x85ebca6b) ^ Math.imul(k, 0xc2b2ae35) ^ Math.imul(seed, 0x27d4eb2f);
      h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
      h ^= h >>> 12;
      beams[from + s] = echo + (speckle[h & (TABLE - 1)] as number) - lost;
      if (echo > 10 * HARD_DB) lost = Math.min(400, lost + 10 * LOSS_DB_PER_MM * stepMm);
    }
  }

  /** A beam has a width: neighbours along and across are mixed; and what is heard becomes grey. */
  #widen(): void {
    const beams = this.#beams;
    const scale = 255 / (10 * RANGE_DB) / 8;
    for (let line = 0, n = 0; line < LINES; line += 1) {
      const before = line === 0 ? 0 : -SAMPLES;
      const after = line === LINES - 1 ? 0 : SAMPLES;
      for (let s = 0; s < SAMPLES; s += 1, n += 1) {
        const up = s === 0 ? 0 : -1;
        const down = s === SAMPLES - 1 ? 0 : 1;
        const sum =
          4 * (beams[n] as number) +
          (beams[n + before] as number) +
          (beams[n + after] as number) +
          (beams[n + up] as number) +
          (beams[n + down] as number);
        const grey = scale * sum;
        this.#smooth[n] = grey < 1 ? 1 : grey > 255 ? 255 : grey;
      }
    }
  }

  /** From lines and samples to rows and columns, bilinear. */
  #convert(out: Uint8Array): void {
    const beams = this.#smooth;
    for (let n = 0; n < out.length; n += 1) {
      const at = this.#from[n] as number;
      if (at < 0) {
        out[n] = 0;
        continue;
      }
      const share = this.#share[n] as number;
      const across = share >> 8;
      const along = share & 255;
      const left = (256 - along) * (beams[at] as number) + along * (beams[at + 1] as number);
      const right = (256 - along) * (beams[at + SAMPLES] as number) + along * (beams[at + SAMPLES + 1] as number);
      out[n] = ((256 - across) * left + across * right) >> 16;
    }
  }
}
