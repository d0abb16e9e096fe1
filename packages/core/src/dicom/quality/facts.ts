import { platform } from '#io/platform';
import { isNavError, NavError } from '../../base/index.js';
import { charsetOf, codeOf, type DataSet, isDicom, numbersOf, parseDicomFile, textOf } from '../../io/dicom/dataset.js';
import { isLossy } from '../../io/dicom/identity.js';
import { hasPixels } from '../../io/dicom/slice.js';
import { dayTime } from '../../io/dicom/suv-time.js';
import { filesInMemory, type VolumeSource } from '../../io/source.js';

/** How a series was acquired, as its files say; absent is absent, and `undefined` where its files disagree. */
export interface AcquisitionFacts {
  readonly modality: string | undefined;
  /** Slice Thickness (0018,0050), mm. */
  readonly sliceThicknessMm: number | undefined;
  /** Study Date (0008,0020), YYYYMMDD. */
  readonly studyDate: string | undefined;
  /** Patient Position (0018,5100). */
  readonly patientPosition: string | undefined;
  readonly lossy: boolean;
  /** Contrast/Bolus Agent (0018,0010); empty string where the file says that there was none. */
  readonly contrastAgent: string | undefined;
  /** From the start of the bolus (0018,1042) to the first acquisition (0008,0032), s. */
  readonly contrastDelayS: number | undefined;
  readonly description: string | undefined;
  /** Images of the series that were looked at. */
  readonly images: number;
}

/**
 * The facts of one series that a check of its acquisition needs.
 * @param seriesUid which series, where the source holds several
 * @throws NavError `dicom/mixed-series`, `io/not-found`, and what parsing throws
 */
export async function readAcquisitionFacts(source: VolumeSource, seriesUid?: string): Promise<AcquisitionFacts> {
  const files = typeof source === 'string' ? await platform.readPath(source, undefined) : await filesInMemory(source, undefined);
  const sets: { dataset: DataSet; syntax: string }[] = [];
  const series = new Set<string>();
  for (const file of files.filter((f) => isDicom(f.bytes))) {
    const parsed = await parseDicomFile(file).catch((error: unknown) => {
      if (isNavError(error) && files.length > 1) return undefined;
      throw error;
    });
    if (parsed === undefined || !hasPixels(parsed)) continue;
    const uid = codeOf(parsed.dataset, 'x0020000e') ?? '';
    if (seriesUid !== undefined && uid !== seriesUid) continue;
    series.add(uid);
    sets.push(parsed);
  }
  if (series.size > 1) throw mixed([...series]);
  if (sets.length === 0) throw new NavError('io/not-found', 'There is no DICOM image of that series.', { detail: { seriesUid } });
  return factsOf(sets);
}

function mixed(series: readonly string[]): NavError<'dicom/mixed-series'> {
  return new NavError('dicom/mixed-series', `There are ${series.length} series here. Choose one by its UID.`, {
    detail: { series },
  });
}

function factsOf(sets: readonly { dataset: DataSet; syntax: string }[]): AcquisitionFacts {
  const agreed = <T>(of: (d: DataSet) => T): T | undefined => {
    const values = sets.map(({ dataset }) => of(dataset));
    return values.every((v) => v === values[0]) ? values[0] : undefined;
  };
  const first = (sets[0] as { dataset: DataSet }).dataset;
  return {
    modality: agreed((d) => codeOf(d, 'x00080060')),
    sliceThicknessMm: agreed((d) => numbersOf(d, 'x00180050', 1)?.[0]),
    studyDate: agreed((d) => codeOf(d, 'x00080020')),
    patientPosition: agreed((d) => codeOf(d, 'x00185100')),
    lossy: sets.some((s) => isLossy(s)),
    contrastAgent: agreed((d) => (d.elements['x00180010'] === undefined ? undefined : (codeOf(d, 'x00180010') ?? ''))),
    contrastDelayS: delayOf(sets.map((s) => s.dataset)),
    description: textOf(first, 'x0008103e', charsetOf(first)),
    images: sets.length,
  };
}

/** Bolus times have no date: one after the acquisition was before midnight. A delay of hours is a wrong clock and unknown. */
function delayOf(sets: readonly DataSet[]): number | undefined {
  const delays = sets.map((d) => {
    const [bolus, acquired] = [dayTime('20000102', codeOf(d, 'x00181042')), dayTime('20000102', codeOf(d, 'x00080032'))];
    if (bolus === undefined || acquired === undefined) return Number.NaN;
    const seconds = acquired.seconds - bolus.seconds;
    return seconds < 0 ? seconds + 86_400 : seconds;
  });
  const least = Math.min(...delays);
  return Number.isFinite(least) && least <= 3600 ? least : undefined;
}
