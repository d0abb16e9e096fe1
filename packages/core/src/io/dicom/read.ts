import { isNavError, NavError } from '../../base/index.js';
import { type Volume, type VolumeWarning, type VoxelArray, volume } from '../../volume/index.js';
import type { Platform } from '../platform.js';
import { breathe, type ReadVolumeOptions, type VolumeFile } from '../source.js';
import { type DicomFile, isDicom, parseDicomFile } from './dataset.js';
import { fillVoxels } from './gaps.js';
import { storedValues } from './pixels.js';
import { choicesOf, type OrderedSeries, orderSeries, seriesAmong } from './series.js';
import { hasPixels, type Slice, slicesOf } from './slice.js';

/** Media Storage Directory: the index file of a DICOM medium, no image. */
const DICOMDIR_CLASS = '1.2.840.10008.1.3.10';

/** Lossy syntaxes (PS3.5, 8.2, A.4): 10 JPEG processes are retired; these are what archives hold. */
const LOSSY = new Set(['50', '51', '81', '91'].map((end) => `1.2.840.10008.1.2.4.${end}`));

interface Gathered {
  readonly slices: readonly Slice[];
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
  const { slices, ignored } = await gather(files, options.signal, (f) => progress(0.3 * f), options.seriesUid);
  const series = orderSeries(choose(slices, options.seriesUid), options.gaps);
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
    series: {
      ...(header.studyUid !== undefined && { studyUid: header.studyUid }),
      ...(header.seriesUid !== undefined && { seriesUid: header.seriesUid }),
      ...(header.description !== undefined && { description: header.description }),
      ...(header.patientPosition !== undefined && { patientPosition: header.patientPosition }),
    },
    warnings: [...series.warnings, ...warnings, ...sourceWarnings(series, ignored)],
  });
}

/**
 * The slices of all image files. What is no DICOM image (the medium's index, notes, reports) is ignored beside
 * images and reported; alone it is an error.
 */
async function gather(
  files: readonly VolumeFile[],
  signal: AbortSignal | undefined,
  progress: (fraction: number) => void,
  seriesUid: string | undefined,
): Promise<Gathered> {
  const slices: Slice[] = [];
  const ignored: string[] = [];
  let reason: NavError | undefined;
  for (const [n, file] of files.entries()) {
    if (n % 32 === 31) {
      progress(n / files.length);
      await breathe(signal);
    }
    const parsed = isDicom(file.bytes) ? await parseDicomFile(file) : undefined;
    if (parsed !== undefined && isImage(parsed)) {
      if (seriesUid === undefined || parsed.dataset.string('x0020000e') === seriesUid) slices.push(...slicesOf(parsed));
      continue;
    }
    ignored.push(file.name);
    if (reason === undefined && !isDirectory(parsed)) reason = await whyNot(file, parsed);
  }
  if (slices.length > 0) return { slices, ignored };
  if (seriesUid !== undefined && ignored.length < files.length) {
    throw new NavError('io/not-found', `None of the ${files.length} files belongs to series ${seriesUid}.`, {
      detail: { seriesUid },
    });
  }
  throw reason ?? new NavError('dicom/no-pixel-data', `None of the ${files.length} files holds an image.`);
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

function choose(slices: readonly Slice[], seriesUid: string | undefined): readonly Slice[] {
  const groups = seriesAmong(slices);
  if (groups.size === 1) return slices;
  const choices = choicesOf(groups);
  const list = choices.map((c) => `${c.uid || '(no UID)'} "${c.description}" (${c.modality}, ${c.slices} slices)`);
  throw new NavError(
    'dicom/mixed-series',
    `There are ${choices.length} series here: ${list.join('; ')}. Choose one with the option seriesUid.`,
    { detail: { series: choices, ...(seriesUid !== undefined && { seriesUid }) } },
  );
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
  if (series.slices.some((s) => isLossy(s))) {
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

function isLossy(slice: Slice): boolean {
  const { dataset, syntax } = slice.header.file;
  return dataset.string('x00282110') === '01' || LOSSY.has(syntax);
}
