import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { invertRigid, multiply4 } from '@trocar/core/math';
import { readTrackedSequence, sequenceImages } from '@trocar/core/recording';
import { detectDots } from '../dots.js';
import { findWires } from '../find-wires.js';
import { phantomFromProbeOf, type WireObservation } from '../observations.js';
import { PHANTOM, SIZE } from './wire-scenes.js';

/** PLUS's recordings of fCal 1.2 (PlusLibData, BSD-3), found through TROCAR_DATA. */
const FOLDER = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../../shared/data')),
  'tracked-ultrasound',
);
/** Whether they are there. */
export const haveFcalData: boolean = existsSync(FOLDER);

const columns = (rows: readonly number[]): Float64Array =>
  Float64Array.from({ length: 16 }, (_, n) => rows[4 * (n % 4) + (n >> 2)] as number);

/** PhantomToReference of its configuration. */
const REFERENCE_FROM_PHANTOM = columns([
  0.00898765, -0.0136951, -0.999866, 9.59137, 0.0246163, -0.9996, 0.0139127, 36.0012, -0.999657, -0.024738, -0.00864693, 87.8909,
  0, 0, 0, 1,
]);

/** The segmentation of its configuration. */
const LOOK = { pixelMm: 0.078, clip: { origin: [27, 27], size: [766, 562] } } as const;

/** What PLUS itself found in a recording. */
export interface PlusCalibration {
  readonly probeFromImage: Float64Array;
  /** Column and row of each wire of each image, wires in the phantom's order. */
  readonly dots: readonly Float64Array[];
  readonly validationMm: { readonly mean: number; readonly sd: number };
}

/** PLUS's own result. @param part whose dots */
export function plusCalibration(part: 'Calibration' | 'Validation'): PlusCalibration {
  const text = readFileSync(join(FOLDER, 'baselines/FreehandCalibration3NWires.results.xml'), 'utf8');
  const numbers = (value: string): number[] => value.trim().split(/\s+/).map(Number);
  const matrix = /<Transform From="Image" To="Probe"\s+Matrix="([^"]+)"/.exec(text)?.[1] ?? '';
  const section = new RegExp(`<${part}Data>([\\s\\S]*?)</${part}Data>`).exec(text)?.[1] ?? '';
  const dots = section
    .split('<Frame ')
    .slice(1)
    .map((one) =>
      Float64Array.from(
        [...one.matchAll(/WireName="\S+" Position="([^"]+)"/g)].flatMap((m) => numbers(m[1] as string).slice(0, 2)),
      ),
    );
  const figure = (name: string): number => Number(new RegExp(`${name}="([^"]+)"`).exec(text)?.[1]);
  return {
    probeFromImage: columns(numbers(matrix)),
    dots,
    validationMm: { mean: figure('ValidationMeanMm'), sd: figure('ValidationStdDevMm') },
  };
}

/** Dots and poses of a recording, and how many images it has. */
export async function fcalRecording(
  part: 'Calibration' | 'Validation',
): Promise<{ observations: WireObservation[]; images: number; timesMs: number[] }> {
  const bytes = new Uint8Array(readFileSync(join(FOLDER, `sequences/fCal_Test_${part}_3NWires.igs.mha`)));
  const sequence = readTrackedSequence(bytes, part);
  const observations: WireObservation[] = [];
  let n = 0;
  for await (const pixels of sequenceImages(sequence)) {
    const frame = sequence.frames[n];
    n += 1;
    const dots = findWires(detectDots(pixels, SIZE, LOOK), PHANTOM, LOOK);
    const pose = (name: string): Float64Array => frame?.transforms.find((t) => t.name === name)?.matrix ?? new Float64Array(16);
    if (dots === undefined || frame === undefined) continue;
    const m = invertRigid(new Float64Array(16), pose('ReferenceToTracker'));
    multiply4(m, m, pose('ProbeToTracker'));
    observations.push({ dots, phantomFromProbe: phantomFromProbeOf(REFERENCE_FROM_PHANTOM, m), timeMs: frame.timestamp * 1000 });
  }
  return { observations, images: n, timesMs: observations.map(({ timeMs }) => timeMs as number) };
}
