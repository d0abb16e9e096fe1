import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inflateSync } from 'node:zlib';
import { frame } from '../../frames/index.js';
import { readTrackedSequence, sequenceImages } from '../../recording/index.js';
import { type Sweep, sweepOfSequence } from '../index.js';

/** Recordings and reference volumes of PLUS (PlusLibData, BSD-3), found through TROCAR_DATA. */
const FOLDER = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../shared/data')),
  'tracked-ultrasound',
);

/** Whether they are there. */
export const havePlusData: boolean = existsSync(FOLDER);

/** The reference tool's own frame. */
export const REFERENCE = frame('reference');

/** Image to probe of the spine sweep, row by row as in its configuration. */
const SPINE = [
  -0.00157821, 0.0785919, -0.00803285, 15.3978, -0.0839128, 0.00372697, 0.0153803, 49.5705, 0.0159024, 0.00714276, 0.0803604,
  -8.63446, 0, 0, 0, 1,
];
const NWIRE = [
  -0.0094, -0.0739, -0.0028, -103.5322, 0.0774, -0.0076, -0.0049, -43.1227, 0.0046, -0.0032, 0.076, -93.3, 0, 0, 0, 1,
];

const columns = (rows: readonly number[]): Float64Array =>
  Float64Array.from({ length: 16 }, (_, n) => rows[4 * (n % 4) + (n >> 2)] as number);

/** The spine phantom, 21 images of 820 × 616. */
export const spineSweep = (): Promise<Sweep<'reference'>> => sweepFrom('SpinePhantomFreehand', SPINE);
/** The N-wire phantom, 97 images of 820 × 616. */
export const wireSweep = (): Promise<Sweep<'reference'>> => sweepFrom('NwirePhantomFreehand', NWIRE);

function sweepFrom(name: string, calibration: readonly number[]): Promise<Sweep<'reference'>> {
  const bytes = new Uint8Array(readFileSync(join(FOLDER, `sequences/${name}.igs.mha`)));
  return sweepOfSequence(readTrackedSequence(bytes, name), { frame: REFERENCE, probeFromImage: columns(calibration) });
}

/** The first images of a recording. @param most so many at most */
export async function plusImages(file: string, most = 1): Promise<Uint8Array[]> {
  const sequence = readTrackedSequence(new Uint8Array(readFileSync(join(FOLDER, 'sequences', file))), file);
  const images: Uint8Array[] = [];
  for await (const pixels of sequenceImages(sequence, file)) {
    images.push(pixels.slice());
    if (images.length === most) break;
  }
  return images;
}

/** A volume of PLUS's: 8 bits, along the axes. */
export interface PlusReference {
  readonly size: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
  readonly voxels: Uint8Array;
}

/** Reads a reference volume (MetaImage, local data). */
export function plusReference(name: string): PlusReference {
  const bytes = readFileSync(join(FOLDER, 'baselines', name));
  const mark = bytes.indexOf('ElementDataFile');
  const end = bytes.indexOf('\n', mark) + 1;
  const header = bytes.subarray(0, end).toString('latin1');
  const values = (key: string): string[] => (new RegExp(`^${key} *= *(.*?)\\s*$`, 'm').exec(header)?.[1] ?? '').split(/\s+/);
  const data = bytes.subarray(end);
  const voxels = values('CompressedData')[0] === 'True' ? inflateSync(data) : data;
  return {
    size: values('DimSize').map(Number) as [number, number, number],
    offset: values('Offset').map(Number) as [number, number, number],
    voxels: new Uint8Array(voxels),
  };
}
