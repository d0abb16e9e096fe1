import { isNavError, NavError, type NavErrorCode } from '../../base/index.js';
import type { VolumeWarning } from '../../volume/index.js';
import { SHEAR_LIMIT_DEGREES } from '../../volume/index.js';
import { charsetOf, codeOf, type DicomFile, textOf } from './dataset.js';
import { type FilledStack, fillStack } from './gaps.js';
import { pickSlices, severalVolumes } from './several.js';
import { dot, framesOf, placeName, type Slice, sliceName } from './slice.js';

/** A series' slices in order, and the grid they lie on. */
export interface OrderedSeries {
  readonly slices: readonly Slice[];
  /** 16 doubles, column-major, LPS mm: voxel centres; may hold the shear of gantry tilt. */
  readonly frameFromIndex: Float64Array;
  readonly warnings: readonly VolumeWarning[];
  /** How to lay an even stack through slices with gaps, where that was asked for and needed. */
  readonly filled?: FilledStack;
}

/** One series of a folder, as a choice to offer. */
export interface SeriesChoice {
  readonly uid: string;
  readonly description: string;
  readonly modality: string;
  readonly slices: number;
}

/** Direction cosines of one stack may differ by their own rounding: 0.02 mm at the far corner of 200 mm. */
const DIRECTION_TOLERANCE = 1e-4;
/** Relative difference of pixel spacings within one stack. */
const SPACING_TOLERANCE = 1e-4;
/** Slices nearer than this along the normal are at the same position, mm. */
const SAME_POSITION_MM = 1e-3;
/** Distance of a slice from its place on the even grid that is only rounding, mm. */
const ROUNDING_MM = 0.01;
/** Distance of a slice from its place on the even grid that is still accepted, with a warning, mm. */
const LARGEST_ROUNDING_MM = 0.1;

/**
 * The slices of one series, checked and sorted along their normal n = along × down, so that the grid is right-handed.
 * @throws NavError `dicom/mixed-patient`, `dicom/mixed-frame-of-reference`, `dicom/mixed-size`,
 *   `dicom/mixed-orientation`, `dicom/duplicate-position`, `dicom/missing-slice`, `dicom/uneven-spacing`,
 *   `dicom/missing-geometry` (a lone slice without thickness),
 *   `dicom/several-volumes` (time points, phases, echoes, b-values: `pick` takes one)
 */
export function orderSeries(all: readonly Slice[], gaps: 'refuse' | 'interpolate' = 'refuse', pick?: string): OrderedSeries {
  const { slices, warnings: told } = pickSlices(all, placesOf(all), pick, gaps);
  const first = slices[0] as Slice;
  for (const slice of slices) requireAlike(first, slice);
  const normal = cross(first.along, first.down);
  const sorted = [...slices].sort((a, b) => dot(normal, a.position) - dot(normal, b.position));
  const stack = stackOf(sorted, normal, gaps);
  const { along, down, columnSpacing, rowSpacing, position } = sorted[0] as Slice;
  const frameFromIndex = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) {
    frameFromIndex[r] = (along[r] as number) * columnSpacing;
    frameFromIndex[4 + r] = (down[r] as number) * rowSpacing;
    frameFromIndex[8 + r] = stack.step[r] as number;
    frameFromIndex[12 + r] = position[r] as number;
  }
  frameFromIndex[15] = 1;
  return {
    slices: sorted,
    frameFromIndex,
    warnings: [...told, ...stack.warnings],
    ...(stack.filled !== undefined && { filled: stack.filled }),
  };
}

interface Stack {
  readonly step: readonly number[];
  readonly warnings: readonly VolumeWarning[];
  readonly filled?: FilledStack;
}

/** The vector from slice to slice, of slices sorted along their normal. */
function stackOf(sorted: readonly Slice[], normal: readonly number[], gaps: 'refuse' | 'interpolate'): Stack {
  const origin = sorted[0] as Slice;
  const last = sorted[sorted.length - 1] as Slice;
  if (sorted.length === 1) return { step: normal.map((x) => x * loneThickness(origin)), warnings: [] };
  const depths = sorted.map((s) => dot(normal, s.position));
  requireDistinct(sorted, depths);
  try {
    requireSteps(sorted, depths);
    const step = [0, 1, 2].map((r) => ((last.position[r] as number) - (origin.position[r] as number)) / (sorted.length - 1));
    return { step, warnings: [...roundingWarning(sorted, (k) => step.map((x) => k * x)), ...tiltWarning(normal, step)] };
  } catch (error) {
    if (gaps === 'refuse' || !(isNavError(error, 'dicom/missing-slice') || isNavError(error, 'dicom/uneven-spacing')))
      throw error;
  }
  const filled = fillStack(sorted, normal);
  const whole = [0, 1, 2].map((r) => (last.position[r] as number) - (origin.position[r] as number));
  const depth = dot(normal, whole);
  // Uneven steps are filled, a slice beside the line of the others is not.
  const onLine = (k: number): number[] => whole.map((x) => (x * ((depths[k] as number) - (depths[0] as number))) / depth);
  return {
    step: filled.step,
    warnings: [filled.warning, ...roundingWarning(sorted, onLine), ...tiltWarning(normal, filled.step)],
    filled,
  };
}

/** What to show a person who must choose among series: the images of each, whether or not they can become a volume. */
export function choicesOf(groups: ReadonlyMap<string, readonly DicomFile[]>): SeriesChoice[] {
  return [...groups].map(([uid, files]) => {
    const dataset = files[0]?.dataset;
    return {
      uid,
      description: (dataset && textOf(dataset, 'x0008103e', charsetOf(dataset))) ?? '',
      modality: (dataset && codeOf(dataset, 'x00080060')) ?? 'OT',
      slices: files.reduce((sum, file) => sum + framesOf(file.dataset), 0),
    };
  });
}

function requireAlike(a: Slice, b: Slice): void {
  const refuse = (code: NavErrorCode, what: string, detail: Record<string, unknown> = {}): NavError =>
    new NavError(code, `${sliceName(b)} at ${placeName(b.position)} does not belong with ${sliceName(a)}: ${what}.`, {
      detail: { file: b.header.file.name, frame: b.frame, position: b.position, ...detail },
    });
  const [h, g] = [a.header, b.header];
  if (h === g && a === b) return;
  if ((h.patient.id ?? '') !== (g.patient.id ?? '') || (h.patient.name ?? '') !== (g.patient.name ?? '')) {
    throw refuse('dicom/mixed-patient', 'it names another patient');
  }
  if (h.frameOfReferenceUid !== g.frameOfReferenceUid) {
    throw refuse('dicom/mixed-frame-of-reference', 'it has another Frame of Reference, so their positions cannot be compared');
  }
  const localizer = h.localizer !== g.localizer ? ` (${h.localizer ? sliceName(a) : sliceName(b)} is a localizer)` : '';
  if (different(a.along, b.along) || different(a.down, b.down)) {
    throw refuse('dicom/mixed-orientation', `its orientation is another${localizer}`, { localizer: localizer !== '' });
  }
  if (h.rows !== g.rows || h.columns !== g.columns) {
    throw refuse('dicom/mixed-size', `it is ${g.columns}×${g.rows} pixels, not ${h.columns}×${h.rows}${localizer}`);
  }
  if (spacingDiffers(a.rowSpacing, b.rowSpacing) || spacingDiffers(a.columnSpacing, b.columnSpacing)) {
    throw refuse(
      'dicom/mixed-size',
      `its pixels are ${b.rowSpacing}×${b.columnSpacing} mm, not ${a.rowSpacing}×${a.columnSpacing} mm`,
    );
  }
  if (JSON.stringify(h.layout) !== JSON.stringify(g.layout)) {
    throw refuse('dicom/mixed-size', 'its pixel values are stored with other bits');
  }
  if (h.modality !== g.modality) throw refuse('dicom/mixed-series', `its modality is ${g.modality}, not ${h.modality}`);
}

function different(a: readonly number[], b: readonly number[]): boolean {
  return a.some((x, n) => Math.abs(x - (b[n] as number)) > DIRECTION_TOLERANCE);
}

function spacingDiffers(a: number, b: number): boolean {
  return Math.abs(a - b) > SPACING_TOLERANCE * a;
}

function loneThickness(slice: Slice): number {
  if (slice.thickness !== undefined) return slice.thickness;
  throw new NavError(
    'dicom/missing-geometry',
    `${sliceName(slice)} is a lone slice without Slice Thickness (0018,0050), so its depth is not known.`,
    { detail: { file: slice.header.file.name, absent: ['(0018,0050)'] } },
  );
}

const neighbours = (sorted: readonly Slice[], n: number): [Slice, Slice] => [sorted[n] as Slice, sorted[n + 1] as Slice];

function requireDistinct(sorted: readonly Slice[], depths: readonly number[]): void {
  const twice = depths.findIndex((d, n) => n + 1 < depths.length && (depths[n + 1] as number) - d < SAME_POSITION_MM);
  if (twice < 0) return;
  const pair = neighbours(sorted, twice);
  const [one, other] = pair.map((slice) => codeOf(slice.header.file.dataset, 'x00080018'));
  const copies = one !== undefined && one === other && pair[0].frame === pair[1].frame;
  const several = copies ? undefined : severalVolumes(placesOf(sorted));
  if (several !== undefined) throw several;
  throw between(
    'dicom/duplicate-position',
    pair,
    'are at the same position',
    copies
      ? ': they carry one SOP Instance UID, so one is a copy of the other. Remove it'
      : ', and nothing tells which belongs to which volume',
    { copies },
  );
}

/** The slices of each place along the normal of the first. */
function placesOf(slices: readonly Slice[]): Slice[][] {
  const { along, down } = slices[0] as Slice;
  const normal = cross(along, down);
  const depths = new Map(slices.map((s) => [s, dot(normal, s.position)]));
  const sorted = [...slices].sort((a, b) => (depths.get(a) as number) - (depths.get(b) as number));
  const places: Slice[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const slice of sorted) {
    const depth = depths.get(slice) as number;
    if (depth - last < SAME_POSITION_MM) places.at(-1)?.push(slice);
    else places.push([slice]);
    last = depth;
  }
  return places;
}

/** Gaps and uneven steps between neighbours along the normal. */
function requireSteps(sorted: readonly Slice[], depths: readonly number[]): void {
  const steps = depths.slice(1).map((d, n) => d - (depths[n] as number));
  // The lower median: with few slices a gap must not become the ordinary step.
  const ordinary = [...steps].sort((a, b) => a - b)[Math.floor((steps.length - 1) / 2)] as number;
  const apart = (step: number): string => `are ${step.toFixed(3)} mm apart, where others are ${ordinary.toFixed(3)} mm`;
  steps.forEach((step, n) => {
    const missing = Math.round(step / ordinary) - 1;
    if (missing < 1 || Math.abs(step - (missing + 1) * ordinary) > Math.max(LARGEST_ROUNDING_MM, 0.05 * ordinary)) return;
    const [a, b] = neighbours(sorted, n);
    const at = a.position.map((x, r) => x + ((b.position[r] as number) - x) / (missing + 1));
    const count = missing === 1 ? 'a slice is missing' : `${missing} slices are missing, the first`;
    throw between('dicom/missing-slice', [a, b], apart(step), `: ${count} at ${placeName(at)}`, {
      missing,
      step,
      ordinary,
      missingAt: at,
    });
  });
  const worst = steps.reduce((w, s, n) => (Math.abs(s - ordinary) > Math.abs((steps[w] as number) - ordinary) ? n : w), 0);
  const step = steps[worst] as number;
  if (Math.abs(step - ordinary) > 2 * LARGEST_ROUNDING_MM) {
    throw between('dicom/uneven-spacing', neighbours(sorted, worst), apart(step), '', { step, ordinary });
  }
}

function between(
  code: NavErrorCode,
  [a, b]: readonly [Slice, Slice],
  what: string,
  then = '',
  detail: Record<string, unknown> = {},
): NavError {
  return new NavError(
    code,
    `Slices ${sliceName(a)} at ${placeName(a.position)} and ${sliceName(b)} at ${placeName(b.position)} ${what}${then}.`,
    {
      detail: {
        files: [a.header.file.name, b.header.file.name],
        frames: [a.frame, b.frame],
        positions: [a.position, b.position],
        ...detail,
      },
    },
  );
}

/** How far each slice lies from its place relative to the first. */
function roundingWarning(sorted: readonly Slice[], placeAt: (k: number) => readonly number[]): VolumeWarning[] {
  const origin = (sorted[0] as Slice).position;
  let worst = 0;
  let worstAt = 0;
  sorted.forEach((s, k) => {
    const miss = Math.hypot(...placeAt(k).map((x, r) => (s.position[r] as number) - (origin[r] as number) - x));
    if (miss > worst) [worst, worstAt] = [miss, k];
  });
  if (worst <= ROUNDING_MM) return [];
  const slice = sorted[worstAt] as Slice;
  const what = `${sliceName(slice)} at ${placeName(slice.position)} lies ${worst.toFixed(3)} mm off the even grid of its series`;
  if (worst > LARGEST_ROUNDING_MM) {
    throw new NavError('dicom/uneven-spacing', `${what}.`, {
      detail: { file: slice.header.file.name, frame: slice.frame, position: slice.position, offMm: worst },
    });
  }
  return [{ code: 'spacing-rounded', message: `${what}: taken as rounding.`, detail: { offMm: worst } }];
}

function tiltWarning(normal: readonly number[], step: readonly number[]): VolumeWarning[] {
  const across = cross(normal, step);
  const degrees = (Math.atan2(Math.hypot(...across), dot(normal, step)) * 180) / Math.PI;
  if (degrees <= SHEAR_LIMIT_DEGREES) return [];
  return [
    {
      code: 'gantry-tilt',
      message:
        `The slices are stacked ${degrees.toFixed(2)}° off their normal (gantry tilt). The geometry keeps this shear exactly; ` +
        'navigation and registration refuse it until the volume is resampled.',
      detail: { degrees },
    },
  ];
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = b as [number, number, number];
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}
