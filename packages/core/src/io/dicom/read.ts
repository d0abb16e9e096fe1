import { isNavError, NavError } from '../../base/index.js';
import { type Volume, type VolumeWarning, type VoxelArray, volume } from '../../volume/index.js';
import type { Platform } from '../platform.js';
import { breathe, type ReadVolumeOptions, type SuvKind, type VolumeFile } from '../source.js';
import { type DicomFile, isDicom, parseDicomFile, seriesOfDamaged } from './dataset.js';
import { fillVoxels } from './gaps.js';
import { isLossy } from './identity.js';
import { storedValues } from './pixels.js';
import { choicesOf, type OrderedSeries, orderSeries, type SeriesChoice } from './series.js';
import { hasPixels, type Slice, slicesOf } from './slice.js';
import { suvSlices } from './suv.js';

/** Media Storage Directory: the index file of a DICOM medium, no image. */
const DICOMDIR_CLASS = '1.2.840.10008.1.3.10';

interface Gathered {
  /** Images by their series, in order of first appearance; '' stands for no UID. */
  readonly series: ReadonlyMap<string, DicomFile[]>;
  /** Files that cannot be read, by the series that they still name. */
  readonly damaged: ReadonlyMap<string, NavError>;
  readonly ignored: readonly string[];
}

/**
 * A volume from DICOM files: one series, checked, sorted and placed by its own tags.
 *
 * Stored values stay as they are; where slices of one series differ in slope or intercept, all are converted to
 * value = slope · stored + intercept in single precision, and the volume says so in a warning.
 * @throws NavError `dicom/…`, `io/…`, `assets/…`
 */
export async function readDicom<F extends string>(
  files: readonly VolumeFile[],
  options: ReadVolumeOptions<F>,
  platform: Platform,
): Promise<Volume<F>> {
  const progress = options.progress ?? (() => {});
  const gathered = await gather(files, options.signal, (f) => progress(0.3 * f));
  const chosen = choose(gathered, files.length, options.seriesUid);
  const series = inSuv(
    orderSeries(
      chosen.flatMap((file) => slicesOf(file)),
      options.gaps,
      options.pick,
    ),
    options.suv,
  );
  const stored = await storedValues(series.slices, {
    platform,
    signal: options.signal,
    progress: (f) => progress(0.3 + 0.7 * f),
  });
  const { voxels, rescale, warnings } = rescaled(series, stored);
  const { header } = series.slices[0] as Slice;
  const perSlice = header.rows * header.columns;
  const { filled } = series;
  progress(1);
  return volume({
    frame: options.frame,
    voxels: filled === undefined ? voxels : fillVoxels(voxels, perSlice, filled),
    size: [header.columns, header.rows, filled?.planes.length ?? series.slices.length],
    frameFromIndex: series.frameFromIndex,
    rescale,
    ...(header.modality !== undefined && { modality: header.modality }),
    ...(header.frameOfReferenceUid !== undefined && { frameOfReferenceUid: header.frameOfReferenceUid }),
    patient: header.patient,
    series: header.series,
    warnings: [...series.warnings, ...warnings, ...sourceWarnings(series, gathered.ignored)],
  });
}

function inSuv(series: OrderedSeries, kind: SuvKind | undefined): OrderedSeries {
  if (kind === undefined) return series;
  const { slices, warning } = suvSlices(series.slices, kind);
  return { ...series, slices, warnings: [...series.warnings, warning] };
}

/**
 * The image files by series. What is no DICOM image (the medium's index, notes, reports) is ignored beside images and
 * reported; alone it is an error.
 */
async function gather(
  files: readonly VolumeFile[],
  signal: AbortSignal | undefined,
  progress: (fraction: number) => void,
): Promise<Gathered> {
  const series = new Map<string, DicomFile[]>();
  const damaged = new Map<string, NavError>();
  const ignored: string[] = [];
  let reason: NavError | undefined;
  for (const [n, file] of files.entries()) {
    if (n % 32 === 31) {
      progress(n / files.length);
      await breathe(signal);
    }
    const parsed = isDicom(file.bytes) ? await parseOrKeep(file, damaged) : undefined;
    if (parsed === 'damaged') continue;
    if (parsed !== undefined && isImage(parsed)) {
      const uid = parsed.dataset.string('x0020000e') ?? '';
      const group = series.get(uid);
      if (group === undefined) series.set(uid, [parsed]);
      else group.push(parsed);
      continue;
    }
    ignored.push(file.name);
    if (reason === undefined && !isDirectory(parsed)) reason = await whyNot(file, parsed);
  }
  if (series.size === 0 && damaged.size === 0) {
    throw reason ?? new NavError('dicom/no-pixel-data', `None of the ${files.length} files holds an image.`);
  }
  return { series, damaged, ignored };
}

/** The file parsed; where it is damaged but names its series, its error is kept for those who choose that series. */
async function parseOrKeep(file: VolumeFile, damaged: Map<string, NavError>): Promise<DicomFile | 'damaged'> {
  try {
    return await parseDicomFile(file);
  } catch (error) {
    const uid = seriesOfDamaged(file.bytes);
    if (!isNavError(error) || uid === undefined) throw error;
    if (!damaged.has(uid)) damaged.set(uid, error);
    return 'damaged';
  }
}

function isDirectory(parsed: DicomFile | undefined): boolean {
  return parsed?.dataset.string('x00020002') === DICOMDIR_CLASS;
}

/** An image, or what claims to be one (Rows) and must therefore not be passed over in silence. */
function isImage(parsed: DicomFile): boolean {
  return hasPixels(parsed) || parsed.dataset.elements['x00280010'] !== undefined;
}

async function whyNot(file: VolumeFile, parsed: DicomFile | undefined): Promise<NavError | undefined> {
  try {
    if (parsed === undefined) await parseDicomFile(file);
    else slicesOf(parsed);
    return undefined;
  } catch (error) {
    if (isNavError(error)) return error;
    throw error;
  }
}

/**
 * The files of the one series, or of the one asked for.
 * @throws NavError `dicom/mixed-series`, `io/not-found`, or the error of a damaged file of that series
 */
function choose({ series, damaged }: Gathered, count: number, seriesUid: string | undefined): readonly DicomFile[] {
  const all = new Map<string, readonly DicomFile[]>([...[...damaged.keys()].map((uid) => [uid, []] as const), ...series]);
  if (seriesUid === undefined && all.size > 1) throw mixed(all);
  const uid = seriesUid ?? ([...all.keys()][0] as string);
  const error = damaged.get(uid);
  if (error !== undefined) throw error;
  const files = series.get(uid);
  if (files === undefined) {
    const list = choicesOf(all);
    throw new NavError(
      'io/not-found',
      `None of the ${count} files belongs to series ${uid}. There are: ${list.map(choiceName).join('; ')}.`,
      { detail: { seriesUid: uid, series: list } },
    );
  }
  return files;
}

function mixed(all: ReadonlyMap<string, readonly DicomFile[]>): NavError<'dicom/mixed-series'> {
  const choices = choicesOf(all);
  return new NavError(
    'dicom/mixed-series',
    `There are ${choices.length} series here: ${choices.map(choiceName).join('; ')}. Choose one with the option seriesUid, or --series UID.`,
    { detail: { series: choices } },
  );
}

function choiceName(c: SeriesChoice): string {
  return `${c.uid || '(no UID)'} "${c.description}" (${c.modality}, ${c.slices} slices)`;
}

interface Rescaled {
  readonly voxels: VoxelArray;
  readonly rescale: { readonly slope: number; readonly intercept: number; readonly unit?: string };
  readonly warnings: readonly VolumeWarning[];
}

function rescaled(series: OrderedSeries, stored: VoxelArray): Rescaled {
  const first = series.slices[0] as Slice;
  const unit = first.unit === 'US' ? undefined : (first.unit ?? (isOriginalCt(first) ? 'HU' : undefined));
  const withUnit = unit === undefined ? {} : { unit };
  const { slope, intercept } = first;
  if (series.slices.every((s) => s.slope === slope && s.intercept === intercept)) {
    return { voxels: stored, rescale: { slope, intercept, ...withUnit }, warnings: [] };
  }
  const values = new Float32Array(stored.length);
  const perSlice = first.header.rows * first.header.columns;
  series.slices.forEach((s, k) => {
    for (let n = k * perSlice; n < (k + 1) * perSlice; n += 1) values[n] = s.slope * (stored[n] as number) + s.intercept;
  });
  return {
    voxels: values,
    rescale: { slope: 1, intercept: 0, ...withUnit },
    warnings: [
      {
        code: 'rescale-applied',
        message: 'The slices differ in rescale slope or intercept, so all voxels hold rescaled values in single precision.',
      },
    ],
  };
}

/** Rescale Type is optional in CT images, where its default is Hounsfield units (PS3.3, C.11.1.1.2). */
function isOriginalCt(slice: Slice): boolean {
  return (
    slice.header.modality === 'CT' && slice.header.file.dataset.elements['x00281053'] !== undefined && !slice.header.localizer
  );
}

function sourceWarnings(series: OrderedSeries, ignored: readonly string[]): VolumeWarning[] {
  const { header } = series.slices[0] as Slice;
  const warnings: VolumeWarning[] = [];
  if (header.frameOfReferenceUid === undefined) {
    warnings.push({
      code: 'no-frame-of-reference',
      message: 'The images name no Frame of Reference: nothing else can be proven to be in the same coordinates.',
    });
  }
  if (header.patient.id === undefined && header.patient.name === undefined) {
    warnings.push({ code: 'no-patient', message: 'The images name no patient.' });
  }
  if (series.slices.some((s) => isLossy(s.header.file))) {
    warnings.push({
      code: 'lossy-compression',
      message: 'The images have been compressed with loss: fine detail may be altered.',
    });
  }
  if (ignored.length > 0) {
    warnings.push({
      code: 'ignored-files',
      message: `${ignored.length} file(s) that hold no DICOM image were ignored: ${ignored.slice(0, 5).join(', ')}${ignored.length > 5 ? ', …' : ''}.`,
      detail: { files: ignored },
    });
  }
  return warnings;
}
