import { NavError } from '../../base/index.js';
import { codeOf, type DicomFile, numbersOf, tagName } from './dataset.js';

/** RT Dose Storage (PS3.4, B.5). */
const RT_DOSE = '1.2.840.10008.5.1.4.1.1.481.2';
/** A first offset within this of the first position's z is that z, mm. */
const SAME_MM = 1e-3;

/** Whether a file is a grid of doses. */
export function isDose(file: DicomFile): boolean {
  return codeOf(file.dataset, 'x00080016') === RT_DOSE;
}

/** How the frames of a dose grid lie and what its values mean. */
export interface DoseGrid {
  /** Distance of each frame from the first, along the normal of the image, mm. */
  readonly offsets: readonly number[];
  /** Dose = scaling · stored value. */
  readonly scaling: number;
  /** `Gy`, or `relative` where the doses are shares of a reference that the file does not state. */
  readonly unit: string;
}

/**
 * The grid of an RT Dose (PS3.3, C.8.8.3): Grid Frame Offset Vector (3004,000C), either relative with a first offset of 0, or
 * absolute z positions in axial grids (C.8.8.3.2); Dose Grid Scaling (3004,000E); Dose Units (3004,0002).
 * @throws NavError `dicom/bad-dose`
 */
export function doseGrid(file: DicomFile, frames: number): DoseGrid {
  const { dataset } = file;
  const scaling = numbersOf(dataset, 'x3004000e', 1)?.[0];
  if (scaling === undefined || !(scaling > 0)) throw bad(file, 'x3004000e', 'Dose Grid Scaling is absent or not above 0');
  const units = codeOf(dataset, 'x30040002');
  if (units !== 'GY' && units !== 'RELATIVE')
    throw bad(file, 'x30040002', `Dose Units is ${units ?? 'absent'}, neither GY nor RELATIVE`);
  const type = codeOf(dataset, 'x30040004');
  if (type === 'ERROR') throw bad(file, 'x30040004', 'Dose Type is ERROR: the values are uncertainties, not doses');
  return { offsets: frames === 1 ? [0] : offsetsOf(file, frames), scaling, unit: units === 'GY' ? 'Gy' : 'relative' };
}

function offsetsOf(file: DicomFile, frames: number): number[] {
  const { dataset } = file;
  const vector = numbersOf(dataset, 'x3004000c', frames);
  if (vector === undefined) throw bad(file, 'x3004000c', `Grid Frame Offset Vector does not give ${frames} offsets`);
  const first = vector[0] as number;
  if (first === 0) return vector;
  const z = numbersOf(dataset, 'x00200032', 3)?.[2];
  const cosines = numbersOf(dataset, 'x00200037', 6);
  const axial = cosines !== undefined && [1, 0, 0, 0, 1, 0].every((x, n) => Math.abs(Math.abs(cosines[n] as number) - x) < 1e-4);
  if (!axial || z === undefined || Math.abs(first - z) > SAME_MM) {
    throw bad(file, 'x3004000c', `Grid Frame Offset Vector begins with ${first}, which is neither 0 nor the z of an axial grid`);
  }
  // Absolute positions along +z; the normal of the image may point the other way.
  const up = Math.sign((cosines[0] as number) * (cosines[4] as number));
  return vector.map((at) => up * (at - first));
}

function bad(file: DicomFile, tag: string, what: string): NavError<'dicom/bad-dose'> {
  return new NavError('dicom/bad-dose', `"${file.name}" is no usable dose: ${what} ${tagName(tag)}.`, {
    detail: { file: file.name, tag: tagName(tag) },
  });
}
