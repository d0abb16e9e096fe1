import { Random } from '../../math/index.js';
import type { ClipFan } from '../../ultrasound/index.js';
import { TISSUES, type Tissue } from './anatomy.js';
import { type BModeGeometry, CRANIOTOMY_SECTOR } from './b-mode-geometry.js';
import { BRAIN_SOUNDS, type Sound } from './fan-image.js';
import { hash, normalOf, smoothNoise } from './noise.js';
import { type Beams, beamsOf, widened } from './point-spread.js';
import { drawn, scanConversion } from './scan-conversion.js';

/** How a {@link BModeProbe} is simulated. */
export interface BModeOptions {
  /** Seed of gain, shadows, noise and the tissue's scatterers. Default 1. */
  readonly seed?: number;
  /** Default {@link CRANIOTOMY_SECTOR}. */
  readonly geometry?: BModeGeometry;
  /** How tissues sound, by their numbers. Default: those of the simulated brain. */
  readonly sounds?: readonly Sound[];
}

/** A probe whose pictures are stored in pixels, as a scanner sends them. */
export interface BModeProbe {
  readonly geometry: BModeGeometry;
  /** Column and row of the sector's apex, and the sector in pixels: what lies outside of it is 0, inside 1 … 255. */
  readonly sector: ClipFan;
  /** Plane from image: x to the right, z along the middle beam, mm from the apex; 16 doubles, column-major. */
  readonly planeFromImage: Float64Array;
  /**
   * One picture, row by row.
   * @param tissueAt a tissue's number at a place of the body, mm, as it lies now
   * @param bodyFromPlane where the imaged plane truly is: rigid, 16 doubles, column-major, mm
   * @param number of the picture: no two have the same electronic noise
   * @param speed how much too deep echoes are drawn: the assumed speed of sound over the true one. Default 1
   */
  image(
    tissueAt: (x: number, y: number, z: number) => number,
    bodyFromPlane: ArrayLike<number>,
    number: number,
    speed?: number,
  ): Uint8Array<ArrayBuffer>;
}

/** What fluid, hard and coarse tissue take from the beam more (or less) than the gain over depth makes up for, dB a mm. */
const LOSS: Readonly<Partial<Record<Tissue, number>>> = {
  sulcus: 0.05,
  ventricle: -0.25,
  cavity: -0.25,
  tumour: 0.06,
  falx: 0.9,
};

/**
 * A B-mode probe: beams every 0.42° and samples every 0.17 mm over scatterers that are fixed in the tissue, three planes thick, summed by the
 * pulse's length and the beam's width; echoes of borders; the probe's own ringing before it; attenuation, poor contact, gain that does not quite
 * fit; electronic noise; logarithm; and the sector drawn into pixels. After Bürger 2013 (Med. Image Anal. 17:1235), without refraction and
 * without echoes that come back by a detour, but for those between tissue and face.
 */
export function bModeProbe({ seed = 1, geometry = CRANIOTOMY_SECTOR, sounds }: BModeOptions = {}): BModeProbe {
  const apex = [(geometry.columns - 1) / 2, 4 - (geometry.startMm * Math.cos(geometry.halfAngle)) / geometry.pixelMm] as const;
  const { pixelMm: px, startMm, depthMm, halfAngle } = geometry;
  const degrees = (halfAngle * 180) / Math.PI;
  const sector: ClipFan = { apex, anglesDeg: [-degrees, degrees], radii: [startMm / px, (startMm + depthMm) / px] };
  const planeFromImage = Float64Array.of(px, 0, 0, 0, 0, 0, px, 0, 0, -px, 0, 0, -px * apex[0], 0, -px * apex[1], 1);
  const brain = BRAIN_SOUNDS.map((s, n) => ({ ...s, loss: LOSS[TISSUES[n] as Tissue] ?? 0 }));
  const scanner = new Scanner(geometry, sounds ?? brain, seed);
  const drawing = scanConversion(geometry, apex, scanner.beams);
  return {
    geometry,
    sector,
    planeFromImage,
    image(tissueAt, bodyFromPlane, number, speed = 1) {
      return drawn(scanner.lines(tissueAt, bodyFromPlane, number, speed), drawing, geometry);
    },
  };
}

/** Between beams, and along a beam. */
const LINE_RAD = 0.0073;
const SAMPLE_MM = 0.17;
/** Scatterers lie on cubes of this edge, mm, and come again after so many. */
const PER_MM = 1 / 0.21;
const CELLS = 64;
/** Planes that a beam is thick, mm. */
const PLANES = [-0.7, 0, 0.7];
/** Places of tissue are blurred by this, mm: labels on cubes have no smooth borders of their own. */
const ROUGH = 0.25;
const SHIFTS = 4096;
/** Standard deviation of the table's whole numbers. */
const UNIT = 36;
const BORDER = 26;
/** From black to white, dB, and the echo that is black. */
const RANGE_DB = 58;
const FLOOR_DB = -44;

/** Grey values over that range: a little darker in the middle than the logarithm alone. */
const GREY = Float32Array.from({ length: 1024 }, (_, n) => 1 + 254 * (n / 1023) ** 1.25);

/** What beams bring back, by line and sample; the texture by line and every eighth sample. */
interface Echoes {
  readonly real: Float32Array;
  readonly imaginary: Float32Array;
  /** Summed over the beam's planes. */
  readonly impedance: Float32Array;
  /** What is left of the pulse. */
  readonly left: Float32Array;
  readonly lit: Float32Array;
}

/** All of the probe but its picture: what one beam after another sends back. */
class Scanner {
  readonly beams: Beams;
  /** Of each scatterer both parts of its echo, normal with a standard deviation of 36; of some of them a small shift. */
  readonly #table: Int8Array;
  readonly #shifts: Float32Array;
  readonly #texture: (x: number, y: number, z: number) => number;
  readonly #echo: Float64Array;
  readonly #impedance: Float64Array;
  readonly #left: Float64Array;
  /** Over depth: gain and electronic noise as amplitudes; the face's ringing. */
  readonly #gain: Float64Array;
  readonly #noise: Float64Array;
  readonly #ringing: Float64Array;
  /** By line: what poor contact leaves. */
  readonly #contact: Float64Array;
  readonly #seed: number;

  constructor(geometry: BModeGeometry, sounds: readonly Sound[], seed: number) {
    const random = new Random(seed);
    this.#seed = random.below(1e6);
    const lines = Math.round((2 * geometry.halfAngle) / LINE_RAD) + 1;
    this.beams = beamsOf(geometry, lines, Math.round(geometry.depthMm / SAMPLE_MM));
    this.#table = Int8Array.from({ length: 2 * CELLS ** 3 }, (_, n) => Math.round(UNIT * normalOf(hash(n, 3, 5, this.#seed))));
    this.#shifts = Float32Array.from({ length: 4 * SHIFTS }, (_, n) => ROUGH * normalOf(hash(n, 5, 3, this.#seed)));
    this.#texture = smoothNoise(this.#seed + 1, 3);
    this.#echo = Float64Array.from(
      sounds,
      ({ echoDb }) => amplitude(echoDb + random.between(-2, 2)) / (UNIT * Math.sqrt(PLANES.length)),
    );
    this.#impedance = Float64Array.from(sounds, ({ impedance }) => impedance * random.between(0.995, 1.005));
    this.#left = Float64Array.from(sounds, ({ loss }) => amplitude(-loss * this.beams.stepMm));
    this.#gain = gainOf(random, this.beams, geometry);
    const noiseDb = random.between(-40, -34);
    this.#noise = this.#gain.map((_, s) => amplitude(noiseDb + (14 * s) / this.beams.samples) / UNIT);
    const phase = random.between(0, 6);
    this.#ringing = this.#gain.map((_, s) => {
      const d = s * this.beams.stepMm;
      return 1.6 * Math.exp(-d / 1.1) * Math.cos((2 * Math.PI * d) / 0.9 + phase);
    });
    this.#contact = contactOf(random, lines);
  }

  /** Grey values 1 … 255 by line and sample, samples fastest. */
  lines(
    tissueAt: (x: number, y: number, z: number) => number,
    bodyFromPlane: ArrayLike<number>,
    number: number,
    speed: number,
  ): Float32Array {
    const { lines, samples } = this.beams;
    const real = new Float32Array(lines * samples);
    const imaginary = new Float32Array(lines * samples);
    const impedance = new Float32Array(lines * samples);
    const left = new Float32Array(lines * samples);
    const lit = this.#litBy(bodyFromPlane, speed);
    for (const offset of PLANES) {
      for (let line = 0; line < lines; line += 1) {
        this.#scatter({ real, imaginary, impedance, left, lit }, tissueAt, bodyFromPlane, line, offset, speed);
      }
    }
    this.#addBorders(real, imaginary, impedance, left);
    return this.#compressed(widened(real, this.beams), widened(imaginary, this.beams), number);
  }

  /** How much brighter or darker the texture makes every eighth sample of each line: it is wide. */
  #litBy(m: ArrayLike<number>, speed: number): Float32Array {
    const { lines, samples, stepMm, startMm, angles } = this.beams;
    const each = Math.ceil(samples / 8);
    const lit = new Float32Array(lines * each);
    for (let line = 0, n = 0; line < lines; line += 1) {
      const [sin, cos] = [Math.sin(angles[line] as number), Math.cos(angles[line] as number)];
      for (let s = 0; s < each; s += 1, n += 1) {
        const r = startMm + (8 * s * stepMm) / speed;
        const along = (k: number): number => (m[k] as number) * r * sin + (m[8 + k] as number) * r * cos + (m[12 + k] as number);
        lit[n] = Math.exp(0.3 * this.#texture(along(0), along(1), along(2)));
      }
    }
    return lit;
  }

  /** What one beam meets in one of its planes. */
  #scatter(
    { real, imaginary, impedance, left: leftAt, lit }: Echoes,
    tissueAt: (x: number, y: number, z: number) => number,
    m: ArrayLike<number>,
    line: number,
    offset: number,
    speed: number,
  ): void {
    const { samples, stepMm, startMm } = this.beams;
    const angle = this.beams.angles[line] as number;
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const at = (c: number): number => m[c] as number;
    const [dx, dy, dz] = [at(0) * sin + at(8) * cos, at(1) * sin + at(9) * cos, at(2) * sin + at(10) * cos];
    const [ox, oy, oz] = [at(12) + offset * at(4), at(13) + offset * at(5), at(14) + offset * at(6)];
    const [table, shifts, echoes, impedances, lefts] = [this.#table, this.#shifts, this.#echo, this.#impedance, this.#left];
    const mask = CELLS - 1;
    const each = line * Math.ceil(samples / 8);
    const step = stepMm / speed;
    let left = this.#contact[line] as number;
    for (let s = 0, n = line * samples; s < samples; s += 1, n += 1) {
      const r = startMm + s * step;
      const x = ox + r * dx;
      const y = oy + r * dy;
      const z = oz + r * dz;
      const [i, j, k] = [Math.floor(x * PER_MM) & mask, Math.floor(y * PER_MM) & mask, Math.floor(z * PER_MM) & mask];
      const cell = i + CELLS * (j + CELLS * k);
      const shift = 4 * (Math.imul(cell, 0x9e3779b1) >>> 20);
      const tissue = tissueAt(
        x + (shifts[shift] as number),
        y + (shifts[shift + 1] as number),
        z + (shifts[shift + 2] as number),
      );
      const echo = left * (lit[each + (s >> 3)] as number) * (echoes[tissue] as number);
      real[n] = (real[n] as number) + echo * (table[2 * cell] as number);
      imaginary[n] = (imaginary[n] as number) + echo * (table[2 * cell + 1] as number);
      impedance[n] = (impedance[n] as number) + (impedances[tissue] as number);
      leftAt[n] = left;
      left *= lefts[tissue] as number;
      if (left > 4) left = 4;
    }
  }

  /** Echoes of borders, (Z₁ − Z₂) / (Z₁ + Z₂), added up over the beam's width: so they are strong where they are met head-on. */
  #addBorders(real: Float32Array, imaginary: Float32Array, z: Float32Array, left: Float32Array): void {
    const { samples } = this.beams;
    for (let n = 1; n < real.length; n += 1) {
      const s = n % samples;
      if (s === 0) continue;
      const [a, b] = [z[n - 1] as number, z[n] as number];
      const echo = (BORDER * (left[n] as number) * (b - a)) / (a + b);
      real[n] = (real[n] as number) + echo;
      // A quarter of a wavelength on, the other part: the envelope of a border has no zero in its middle.
      imaginary[n - 1] = (imaginary[n - 1] as number) + echo;
    }
  }

  #compressed(real: Float32Array, imaginary: Float32Array, number: number): Float32Array {
    const { lines, samples } = this.beams;
    const table = this.#table;
    const last = table.length - 1;
    for (let line = 0, n = 0; line < lines; line += 1) {
      const from = hash(line, number, 9, this.#seed);
      for (let s = 0; s < samples; s += 1, n += 1) {
        const noise = this.#noise[s] as number;
        const k = (from + 2 * s) & last & ~1;
        const re = (real[n] as number) + (this.#ringing[s] as number) + noise * (table[k] as number);
        const im = (imaginary[n] as number) + noise * (table[k + 1] as number);
        const gain = this.#gain[s] as number;
        const db = 4.342944819 * Math.log((re * re + im * im) * gain * gain + 1e-9);
        real[n] = GREY[Math.min(1023, Math.max(0, (1023 * (db - FLOOR_DB)) / RANGE_DB)) | 0] as number;
      }
    }
    return real;
  }
}

const amplitude = (db: number): number => 10 ** (db / 20);

/** Gain over depth that is left after time-gain compensation: eight sliders a little off, and the focus brighter than the rest. */
function gainOf(random: Random, beams: Beams, { depthMm, focusMm }: BModeGeometry): Float64Array {
  const tilt = random.between(-5, 5);
  const sliders = Array.from({ length: 9 }, () => random.between(-2, 2));
  return Float64Array.from({ length: beams.samples }, (_, s) => {
    const d = (s * beams.stepMm) / depthMm;
    const k = Math.min(7, Math.floor(8 * d));
    const f = (1 - Math.cos(Math.PI * (8 * d - k))) / 2;
    const slider = (sliders[k] as number) * (1 - f) + (sliders[k + 1] as number) * f;
    return amplitude(tilt * (d - 0.5) + slider + 2.5 * Math.exp(-(((d * depthMm - focusMm) / 9) ** 2)));
  });
}

/** What up to two places without gel leave of each line; the sector's sides hear less, too. */
function contactOf(random: Random, lines: number): Float64Array {
  const places = Array.from({ length: random.below(3) }, () => ({
    at: random.between(0.1, 0.9) * lines,
    half: random.between(0.015, 0.05) * lines,
    db: random.between(8, 22),
  }));
  return Float64Array.from({ length: lines }, (_, line) => {
    const side = Math.abs((2 * line) / (lines - 1) - 1);
    const loss = places.reduce((sum, { at, half, db }) => sum + db / (1 + (Math.abs(line - at) / half) ** 6), 3 * side ** 6);
    return amplitude(-loss);
  });
}
