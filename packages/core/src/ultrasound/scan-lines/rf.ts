import { NavError } from '../../base/index.js';

/** Half the length of the Hilbert filter, samples: it has twice as many taps and one. */
const HALF = 24;
/** A reading of nothing, against the brightest, is as dark as that, dB. */
const DYNAMIC_RANGE_DB = 60;

/**
 * The envelope of radio-frequency lines: |x + i H(x)|, with the Hilbert transform H as a filter of 49 taps under a Hamming window
 * (Oppenheim and Schafer, Discrete-Time Signal Processing, 12.4). Right to one percent for centre frequencies of a tenth to four tenths of the
 * sampling rate; each line's own offset is taken away first.
 * @param samples line by line, 16 bits with their sign
 * @param perLine samples of a line
 * @returns amplitude, in the samples' unit, as many
 * @throws NavError `ultrasound/bad-image`
 */
export function rfEnvelope(samples: Int16Array | Float32Array, perLine: number): Float32Array {
  if (!(Number.isInteger(perLine) && perLine >= 2 * HALF && samples.length % perLine === 0 && samples.length > 0)) {
    throw new NavError(
      'ultrasound/bad-image',
      `Radio-frequency lines of ${perLine} samples do not make up ${samples.length}; a line needs ${2 * HALF} at least.`,
    );
  }
  const taps = hilbertTaps();
  const out = new Float32Array(samples.length);
  // Room beside the line, where there is silence.
  const line = new Float64Array(perLine + 2 * HALF);
  for (let from = 0; from < samples.length; from += perLine) {
    let mean = 0;
    for (let n = 0; n < perLine; n += 1) mean += samples[from + n] as number;
    mean /= perLine;
    for (let n = 0; n < perLine; n += 1) line[n + HALF] = (samples[from + n] as number) - mean;
    for (let n = 0; n < perLine; n += 1) {
      let turned = 0;
      for (let t = 1; t <= HALF; t += 2) {
        turned += (taps[t] as number) * ((line[n + HALF - t] as number) - (line[n + HALF + t] as number));
      }
      out[from + n] = Math.hypot(line[n + HALF] as number, turned);
    }
  }
  return out;
}

/** h(t) = 2 / (π t) for odd t, windowed; the even ones are zero and those of −t have the other sign. */
function hilbertTaps(): Float64Array {
  return Float64Array.from({ length: HALF + 1 }, (_, t) =>
    t % 2 === 0 ? 0 : (2 / (Math.PI * t)) * (0.54 + 0.46 * Math.cos((Math.PI * t) / HALF)),
  );
}

/**
 * Amplitudes as brightness: 255 · (1 + 20 log₁₀(a / top) / range), cut off at 0 and 255.
 * @param topAmplitude what becomes 255; default the largest there is
 * @param dynamicRangeDb what lies so far below becomes 0. Default 60
 * @throws NavError `ultrasound/bad-option`
 */
export function logCompress(
  amplitudes: Float32Array,
  { topAmplitude, dynamicRangeDb = DYNAMIC_RANGE_DB }: { readonly topAmplitude?: number; readonly dynamicRangeDb?: number } = {},
): Uint8Array {
  let top = topAmplitude ?? 0;
  if (topAmplitude === undefined) for (const a of amplitudes) top = Math.max(top, a);
  if (!(Number.isFinite(top) && top >= 0 && (topAmplitude === undefined || top > 0) && dynamicRangeDb > 0)) {
    throw new NavError('ultrasound/bad-option', 'Compression needs a top amplitude and a dynamic range above 0.');
  }
  const scale = 20 / dynamicRangeDb;
  return Uint8Array.from(amplitudes, (a) =>
    a > 0 ? Math.max(0, Math.min(255, Math.round(255 * (1 + scale * Math.log10(a / top))))) : 0,
  );
}
