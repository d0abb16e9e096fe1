/** The beams of a convex probe. */
export interface Beams {
  readonly lines: number;
  readonly samples: number;
  /** Along a beam from one sample to the next, mm. */
  readonly stepMm: number;
  /** From the apex to the first sample, mm. */
  readonly startMm: number;
  /** Of each line from the middle beam, rad. */
  readonly angles: Float64Array;
  /** The pulse, from its middle outwards. */
  readonly pulse: Float64Array;
  /** The beam's width: by line from its middle outwards, the weight at each sample, as far as there is one worth adding. */
  readonly widths: readonly Float32Array[];
}

/** Standard deviations: of the pulse, of the beam at its focus, mm, and how that grows away from there. */
const PULSE_MM = 0.2;
const FOCUS_MM = 0.42;
const SPREAD = 0.022;
/** Lines beyond which nothing is added. */
const REACH = 8;
/** Weights under this share of the middle one are left away. */
const LEAST = 0.03;

/** Beams over a sector, and how far their echoes smear: Gaussians that keep the energy of noise. */
export function beamsOf(
  sector: { readonly startMm: number; readonly depthMm: number; readonly halfAngle: number; readonly focusMm: number },
  lines: number,
  samples: number,
): Beams {
  const { startMm, depthMm, halfAngle, focusMm } = sector;
  const stepMm = depthMm / (samples - 1);
  const pitch = (2 * halfAngle) / (lines - 1);
  const bySample = Array.from({ length: samples }, (_, s) => {
    const depth = s * stepMm;
    return gaussian((FOCUS_MM + SPREAD * Math.abs(depth - focusMm)) / ((startMm + depth) * pitch), REACH);
  });
  const widths = Array.from({ length: REACH + 1 }, (_, d) => {
    const weights = Float32Array.from(bySample, (w) => w[d] as number);
    // Near the face lines lie closer together, and the beam covers more of them.
    const end = bySample.findLastIndex((w) => (w[d] as number) > LEAST * (w[0] as number));
    return weights.subarray(0, end + 1);
  });
  const angles = Float64Array.from({ length: lines }, (_, n) => halfAngle * ((2 * n) / (lines - 1) - 1));
  return {
    lines,
    samples,
    stepMm,
    startMm,
    angles,
    pulse: gaussian(PULSE_MM / stepMm, Math.ceil((2.5 * PULSE_MM) / stepMm)),
    widths,
  };
}

/** Weights from the middle to `reach`, whose squares over both sides add up to 1. */
function gaussian(sigma: number, reach: number): Float64Array {
  const w = Float64Array.from({ length: reach + 1 }, (_, d) => Math.exp((-0.5 * d * d) / (sigma * sigma)));
  const energy = Math.sqrt(w.reduce((sum, x, d) => sum + (d === 0 ? 1 : 2) * x * x, 0));
  return w.map((x) => x / energy);
}

/** Echoes as a pulse of some length in beams of some width shows them: by line and sample, samples fastest. */
export function widened(source: Float32Array, beams: Beams): Float32Array {
  const { lines, samples, widths } = beams;
  const along = pulsed(source, beams);
  const out = new Float32Array(source.length);
  const middle = widths[0] as Float32Array;
  for (let line = 0; line < lines; line += 1) {
    const first = line * samples;
    for (let s = 0; s < samples; s += 1) out[first + s] = (middle[s] as number) * (along[first + s] as number);
    for (let d = 1; d <= REACH; d += 1) {
      const weights = widths[d] as Float32Array;
      // Beyond the sector's sides its last line goes on.
      const left = Math.max(0, line - d) * samples;
      const right = Math.min(lines - 1, line + d) * samples;
      for (let s = 0; s < weights.length; s += 1) {
        out[first + s] =
          (out[first + s] as number) + (weights[s] as number) * ((along[left + s] as number) + (along[right + s] as number));
      }
    }
  }
  return out;
}

/** Each line smeared by the pulse; what would reach beyond its ends is left away. */
function pulsed(source: Float32Array, { lines, samples, pulse }: Beams): Float32Array {
  const out = new Float32Array(source.length);
  const reach = pulse.length - 1;
  for (let line = 0; line < lines; line += 1) {
    const first = line * samples;
    for (let s = reach; s < samples - reach; s += 1) {
      const n = first + s;
      let sum = (pulse[0] as number) * (source[n] as number);
      for (let d = 1; d <= reach; d += 1) sum += (pulse[d] as number) * ((source[n - d] as number) + (source[n + d] as number));
      out[n] = sum;
    }
    // The few samples at both ends, with what there is.
    for (let s = 0; s < samples; s += s === reach - 1 ? samples - 2 * reach + 1 : 1) {
      let sum = 0;
      for (let d = Math.max(-reach, -s); d <= Math.min(reach, samples - 1 - s); d += 1) {
        sum += (pulse[Math.abs(d)] as number) * (source[first + s + d] as number);
      }
      out[first + s] = sum;
    }
  }
  return out;
}
