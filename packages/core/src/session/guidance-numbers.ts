import { type PoseView, severity } from '../frames/index.js';
import type { Deviation, GuidanceState } from '../guidance/index.js';
import { crc32 } from '../recording/crc32.js';

/**
 * The numbers of a guide at one query time, by name and in order. Lengths are mm, times ms, the angle degrees; `status` is
 * the status's severity and `state` the place in {@link STATES}. `poseDigest` is the CRC-32 of all doubles of the pose's
 * matrix and covariance, so that these are held to the last bit too without being written out.
 */
export const GUIDANCE_NUMBERS = [
  'at',
  'status',
  'state',
  'distanceToTargetMm',
  'depthRemainingMm',
  'depthFromEntryMm',
  'lateralMm',
  'angleDeg',
  'tipError95Mm',
  'tipX',
  'tipY',
  'tipZ',
  'ageMs',
  'errorMm',
  'predictedMs',
  'degreesOfFreedom',
  'poseDigest',
] as const;

/** One of {@link GUIDANCE_NUMBERS}. */
export type GuidanceNumber = (typeof GUIDANCE_NUMBERS)[number];

/** How many there are. */
export const NUMBER_COUNT: number = GUIDANCE_NUMBERS.length;

const STATES: readonly GuidanceState[] = ['noPose', 'notLive', 'approach', 'onTarget', 'pastTarget'];

const pose = new DataView(new ArrayBuffer(8 * (16 + 36)));
const poseBytes = new Uint8Array(pose.buffer);
const tip = new Float64Array(3);

/** Fills `out` with the numbers of {@link GUIDANCE_NUMBERS}; NaN where something is not known. */
export function fillNumbers<F extends string>(
  out: Float64Array,
  view: PoseView,
  deviation: Deviation<F> | undefined,
  state: GuidanceState,
): void {
  out.fill(Number.NaN);
  out[0] = view.at;
  out[1] = severity(view.status);
  out[2] = STATES.indexOf(state);
  if (deviation !== undefined) {
    out[3] = deviation.distanceToTargetMm;
    out[4] = deviation.depthRemainingMm;
    out[5] = deviation.depthFromEntryMm;
    out[6] = deviation.lateralMm;
    out[7] = deviation.angleDeg;
    out[8] = deviation.tipError95Mm;
    deviation.tip(tip);
    for (let k = 0; k < 3; k += 1) out[9 + k] = tip[k] as number;
  }
  out[12] = view.ageMs;
  out[13] = view.errorMm;
  out[14] = view.predictedMs;
  out[15] = view.degreesOfFreedom;
  out[16] = digest(view);
}

function digest(view: PoseView): number {
  for (let i = 0; i < 16; i += 1) setDouble(pose, i, view.matrix[i] as number);
  for (let i = 0; i < 36; i += 1) setDouble(pose, 16 + i, view.covariance[i] as number);
  return crc32(poseBytes);
}

/** All NaNs are written as one: which one comes out of a computation is the processor's to choose. */
function setDouble(to: DataView, i: number, value: number): void {
  to.setFloat64(8 * i, Number.isNaN(value) ? Number.NaN : value, true);
}

/** Doubles as text, bit for bit: little-endian, in base 64. */
export function packNumbers(numbers: Float64Array): string {
  const view = new DataView(new ArrayBuffer(8 * numbers.length));
  for (let i = 0; i < numbers.length; i += 1) setDouble(view, i, numbers[i] as number);
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}

/** The doubles again; undefined where the text is not {@link NUMBER_COUNT} of them. */
export function unpackNumbers(text: string): Float64Array | undefined {
  let bytes: string;
  try {
    bytes = atob(text);
  } catch {
    return undefined;
  }
  if (bytes.length !== 8 * NUMBER_COUNT) return undefined;
  const view = new DataView(Uint8Array.from(bytes, (c) => c.charCodeAt(0)).buffer);
  return Float64Array.from({ length: NUMBER_COUNT }, (_, i) => view.getFloat64(8 * i, true));
}
