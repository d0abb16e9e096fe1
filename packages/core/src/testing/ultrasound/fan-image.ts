import type { Random } from '../../math/index.js';
import { type Anatomy, TISSUES, type Tissue } from './anatomy.js';
import type { Movement } from './deformation.js';
import { hash, normalOf } from './noise.js';

/** The probe's own geometry: a sector in the plane x–z, its apex behind the skin, z along the middle beam, mm and rad. */
export interface Fan {
  readonly lines: number;
  readonly samples: number;
  /** Along a line from one sample to the next, mm. */
  readonly stepMm: number;
  /** From the apex to the first sample, mm. */
  readonly startMm: number;
  readonly halfAngle: number;
  /** Where the beam is narrowest, mm from the first sample. */
  readonly focusMm: number;
}

/** What the probe hears, and how badly. */
export interface Acoustics {
  /** Echo of each tissue, amplitude. */
  readonly echoes: readonly number[];
  /** Acoustic impedance of each tissue, MRayl. */
  readonly impedances: readonly number[];
  /** What each tissue takes from the beam beyond what gain makes up for, dB a mm: bone and gas shadow. */
  readonly losses: readonly number[];
  /** Gain over depth that is left after time-gain compensation, dB at the samples. */
  readonly gainDb: Float64Array;
  /** Electronic noise over depth, amplitude. */
  readonly noise: Float64Array;
  /** Loss along each line from some depth on, dB, and that sample. */
  readonly shadows: readonly { readonly from: number; readonly to: number; readonly start: number; readonly db: number }[];
  readonly seed: number;
}

/** How a tissue sounds. */
export interface Sound {
  readonly echoDb: number;
  /** MRayl. */
  readonly impedance: number;
  /** dB a mm beyond the usual. */
  readonly loss: number;
}

const ECHO_DB: Readonly<Record<Tissue, number>> = {
  outside: -26,
  white: -16,
  grey: -20,
  sulcus: 0,
  ventricle: -36,
  tumour: -9,
  vessel: -6,
  falx: 6,
  cavity: -34,
};

const IMPEDANCE: Readonly<Record<Tissue, number>> = {
  outside: 1.5,
  white: 1.61,
  grey: 1.58,
  sulcus: 1.52,
  ventricle: 1.5,
  tumour: 1.63,
  vessel: 1.62,
  falx: 1.8,
  cavity: 1.5,
};

/** How the simulated brain sounds, by its tissues' numbers. */
export const BRAIN_SOUNDS: readonly Sound[] = TISSUES.map((t) => ({ echoDb: ECHO_DB[t], impedance: IMPEDANCE[t], loss: 0 }));

/** Acoustics drawn at random around the usual ones. @param tissues by their numbers; default: the brain's */
export function drawAcoustics(random: Random, fan: Fan, tissues: readonly Sound[] = BRAIN_SOUNDS): Acoustics {
  const tilt = random.between(-5, 5);
  const bend = random.between(-3, 3);
  const gainDb = Float64Array.from({ length: fan.samples }, (_, n) => {
    const d = n / (fan.samples - 1);
    return tilt * (d - 0.5) + bend * Math.cos(Math.PI * 2 * d);
  });
  const noiseDb = random.between(-38, -30);
  const shadows = Array.from({ length: random.below(3) }, () => {
    const from = random.below(fan.lines);
    return { from, to: from + 3 + random.below(8), start: random.below(fan.samples >> 1), db: random.between(8, 20) };
  });
  return {
    echoes: tissues.map(({ echoDb }) => 10 ** ((echoDb + random.between(-2, 2)) / 20)),
    impedances: tissues.map(({ impedance }) => impedance * random.between(0.995, 1.005)),
    losses: tissues.map(({ loss }) => loss),
    gainDb,
    // Time-gain compensation lifts the noise where the echoes are weakest: deep.
    noise: Float64Array.from({ length: fan.samples }, (_, n) => 10 ** ((noiseDb + (16 * n) / fan.samples) / 20)),
    shadows,
    seed: random.nextUint32(),
  };
}

/** Scatterers lie on cubes of this edge, mm. */
const SCATTERER = 0.35;
/** Planes that a beam is thick. */
const THICKNESS = [-0.7, 0, 0.7];

/**
 * One frame: log-compressed echoes 1 … 255 per line and sample, samples fastest. Scatterers are fixed in the moved tissue;
 * their echoes are summed with the beam's width and thickness, so that speckle is as correlated as the beam makes it.
 * @param bodyFromProbe where the probe truly is
 */
export function fanImage(
  tissueAt: (x: number, y: number, z: number) => number,
  fan: Fan,
  acoustics: Acoustics,
  bodyFromProbe: ArrayLike<number>,
  frameSeed: number,
): Uint8Array {
  const count = fan.lines * fan.samples;
  let real = new Float32Array(count);
  let imaginary = new Float32Array(count);
  const tissues = new Uint8Array(count);
  for (const offset of THICKNESS) {
    for (let line = 0, n = 0; line < fan.lines; line += 1) {
      const angle = fan.halfAngle * ((2 * line) / (fan.lines - 1) - 1);
      for (let s = 0; s < fan.samples; s += 1, n += 1) {
        const r = fan.startMm + fan.stepMm * s;
        const [px, pz] = [r * Math.sin(angle), r * Math.cos(angle)];
        const x = row(bodyFromProbe, 0, px, offset, pz);
        const y = row(bodyFromProbe, 1, px, offset, pz);
        const z = row(bodyFromProbe, 2, px, offset, pz);
        const tissue = tissueAt(x, y, z);
        if (offset === 0) tissues[n] = tissue;
        const [i, j, k] = [Math.floor(x / SCATTERER), Math.floor(y / SCATTERER), Math.floor(z / SCATTERER)];
        const echo = (acoustics.echoes[tissue] as number) / Math.sqrt(THICKNESS.length);
        real[n] = (real[n] as number) + echo * normalOf(hash(i, j, k, acoustics.seed));
        imaginary[n] = (imaginary[n] as number) + echo * normalOf(hash(k, i, j, acoustics.seed + 1));
      }
    }
  }
  addInterfaces(real, tissues, fan, acoustics);
  if (acoustics.losses.some((loss) => loss > 0)) weaken(real, imaginary, tissues, fan, acoustics);
  real = beamWide(real, fan);
  imaginary = beamWide(imaginary, fan);
  return compressed(real, imaginary, fan, acoustics, frameSeed);
}

function row(m: ArrayLike<number>, r: number, x: number, y: number, z: number): number {
  return (m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z + (m[12 + r] as number);
}

/** Echoes of borders met head-on: (Z₁ − Z₂) / (Z₁ + Z₂) between samples of a line. */
function addInterfaces(real: Float32Array, tissues: Uint8Array, fan: Fan, { impedances }: Acoustics): void {
  for (let n = 1; n < tissues.length; n += 1) {
    if (n % fan.samples === 0) continue;
    const a = impedances[tissues[n - 1] as number] as number;
    const b = impedances[tissues[n] as number] as number;
    real[n] = (real[n] as number) + (40 * (b - a)) / (a + b);
  }
}

/** Behind bone and gas less comes back. */
function weaken(real: Float32Array, imaginary: Float32Array, tissues: Uint8Array, fan: Fan, { losses }: Acoustics): void {
  let db = 0;
  for (let n = 0; n < tissues.length; n += 1) {
    if (n % fan.samples === 0) db = 0;
    const left = 10 ** (-db / 20);
    real[n] = left * (real[n] as number);
    imaginary[n] = left * (imaginary[n] as number);
    db = Math.min(80, db + fan.stepMm * (losses[tissues[n] as number] as number));
  }
}

/** Axial and lateral width of the beam: Gaussians, the lateral one wider away from the focus. */
function beamWide(source: Float32Array, fan: Fan): Float32Array<ArrayBuffer> {
  const along = new Float32Array(source.length);
  for (let n = 0; n < source.length; n += 1) {
    const s = n % fan.samples;
    let sum = 0.5 * (source[n] as number);
    if (s > 0) sum += 0.25 * (source[n - 1] as number);
    if (s < fan.samples - 1) sum += 0.25 * (source[n + 1] as number);
    along[n] = 1.6 * sum;
  }
  const out = new Float32Array(source.length);
  const angleStep = (2 * fan.halfAngle) / (fan.lines - 1);
  for (let s = 0; s < fan.samples; s += 1) {
    const depth = fan.stepMm * s;
    const sigma = (0.7 + 0.02 * Math.abs(depth - fan.focusMm)) / ((fan.startMm + depth) * angleStep);
    const reach = Math.min(6, Math.ceil(2 * sigma));
    const weights = Array.from({ length: reach + 1 }, (_, d) => Math.exp((-0.5 * d * d) / (sigma * sigma)));
    const energy = Math.sqrt(weights.reduce((e, w, d) => e + (d === 0 ? 1 : 2) * w * w, 0));
    for (let line = 0; line < fan.lines; line += 1) {
      let sum = 0;
      for (let d = -reach; d <= reach; d += 1) {
        const l = line + d;
        if (l >= 0 && l < fan.lines) sum += (weights[Math.abs(d)] as number) * (along[l * fan.samples + s] as number);
      }
      out[line * fan.samples + s] = sum / energy;
    }
  }
  return out;
}

function compressed(real: Float32Array, imaginary: Float32Array, fan: Fan, a: Acoustics, seed: number): Uint8Array {
  const out = new Uint8Array(real.length);
  for (let n = 0; n < real.length; n += 1) {
    const s = n % fan.samples;
    const line = Math.floor(n / fan.samples);
    const loss = a.shadows.reduce((db, w) => db + (line >= w.from && line <= w.to && s >= w.start ? w.db : 0), 0);
    const gain = 10 ** (-loss / 20);
    const noise = a.noise[s] as number;
    const re = gain * (real[n] as number) + noise * normalOf(hash(n, seed, 1, a.seed));
    const im = gain * (imaginary[n] as number) + noise * normalOf(hash(n, seed, 2, a.seed));
    const db = 10 * Math.log10(re * re + im * im + 1e-9) + (a.gainDb[s] as number);
    // 50 dB from black to white.
    out[n] = Math.max(1, Math.min(255, Math.round(255 * (1 + (db - 8) / 50))));
  }
  return out;
}

/** What tissue is now at a place: that which moved there; a resection is a ball of fluid. */
export function movedTissue(
  anatomy: Pick<Anatomy, 'tissueAt'>,
  movement: Movement,
  cavity: { readonly centre: readonly number[]; readonly radiusMm: number } | undefined,
): (x: number, y: number, z: number) => number {
  const p = new Float64Array(3);
  const fluid = TISSUES.indexOf('cavity');
  return (x, y, z) => {
    movement.back(p, x, y, z);
    const [a, b, c] = [p[0] as number, p[1] as number, p[2] as number];
    if (cavity !== undefined) {
      const [cx, cy, cz] = cavity.centre as [number, number, number];
      if (Math.hypot(a - cx, b - cy, c - cz) < cavity.radiusMm) return fluid;
    }
    return anatomy.tissueAt(a, b, c);
  };
}
