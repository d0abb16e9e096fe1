import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { affineTransform, point } from '@trocar/core';
import { encodeVolume } from '@trocar/core/io';
import { fromRotationVector } from '@trocar/core/math';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { rigidFile } from '../testing/parameter-files.js';
import { ct, ctHead, errorsOf, headPlaces, mr, mrHead } from '../testing/phantoms.js';
import { affineParameterMap } from './elastix-transform.js';
import {
  deformation,
  type ElastixDeformation,
  formatParameterMap,
  type ParameterMap,
  readTransformFile,
  registerImages,
  type TransformFile,
} from './index.js';

const elastix = '/usr/bin/elastix';
const SPACING = 4;
/** Whole registrations, twice over, on machines that may be busy. */
const PATIENCE_MS = 240_000;

const affineFile: ParameterMap = { ...rigidFile, Transform: ['AffineTransform'] };
/** Steps of 1 mm: with steps of a voxel, 4 mm here, elastix itself ends millimetres apart with one thread and with two. */
const splineFile: ParameterMap = {
  ...rigidFile,
  Transform: ['BSplineTransform'],
  NumberOfResolutions: ['2'],
  FinalGridSpacingInPhysicalUnits: ['40'],
  GridSpacingSchedule: ['2', '1'],
  MaximumStepLength: ['1'],
  MaximumNumberOfIterations: ['60'],
};

const folder = mkdtempSync(join(tmpdir(), 'trocar-elastix-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!existsSync(elastix))('the same parameter files as the elastix of this machine', { timeout: PATIENCE_MS }, () => {
  const fixed = ctHead(SPACING);
  const places = headPlaces(fixed);
  const pose = fromRotationVector(new Float64Array(16), [0.12, -0.08, 0.15]);
  pose.set([9, -7, 6], 12);
  const moving = mrHead(SPACING, pose).volume;
  const near = fromRotationVector(new Float64Array(16), [0.1, -0.05, 0.1]);
  near.set([7, -5, 8], 12);
  const initial = affineTransform(mr, ct, near);

  /** Runs the peer program with the same images and parameters; its last file names the earlier ones. */
  async function native(maps: readonly ParameterMap[], from?: ParameterMap): Promise<ElastixDeformation<'mr', 'ct'>> {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('fixed.mha'), await encodeVolume(fixed.volume, 'fixed.mha'));
    writeFileSync(at('moving.mha'), await encodeVolume(moving, 'moving.mha'));
    maps.forEach((map, n) => {
      writeFileSync(at(`p${n}.txt`), formatParameterMap(map));
    });
    if (from !== undefined) writeFileSync(at('start.txt'), formatParameterMap(from));
    const files = maps.flatMap((_, n) => ['-p', at(`p${n}.txt`)]);
    const start = from === undefined ? [] : ['-t0', at('start.txt')];
    const images = ['-f', at('fixed.mha'), '-m', at('moving.mha')];
    execFileSync(elastix, [...images, ...files, ...start, '-out', folder, '-threads', '1'], { stdio: 'ignore' });
    const names = [...(from === undefined ? [] : ['start.txt']), ...maps.map((_, n) => `TransformParameters.${n}.txt`)];
    const written = names.map((name): TransformFile => ({ name, bytes: readFileSync(at(name)) }));
    const read = await readTransformFile(written.at(-1) as TransformFile, { to: mr, from: ct }, written);
    if (read.kind === 'deformable') return read.deformation;
    return deformation(mr, ct, [affineParameterMap(read.edge.matrix)]);
  }

  const pairs = [
    { name: 'rigid, affine', maps: [rigidFile, affineFile], started: false },
    { name: 'rigid, B-spline', maps: [rigidFile, splineFile], started: false },
    { name: 'affine, B-spline', maps: [affineFile, splineFile], started: false },
    { name: 'rigid, affine from -t0', maps: [rigidFile, affineFile], started: true },
    { name: 'rigid, B-spline from -t0', maps: [rigidFile, splineFile], started: true },
  ];
  // Ten seconds and more each: an ordinary run does the first and the last, which between them have every stage and a start.
  it.each(inject('effort') > 1 ? pairs : pairs.filter((_, n) => n % 4 === 0))(
    '$name: the same answer to 0.05 mm',
    async ({ name, maps, started }) => {
      const steps: number[] = [];
      const kind = maps.includes(splineFile) ? 'bspline' : 'affine';
      const ours = await registerImages(fixed.volume, moving, {
        kind,
        parameters: maps.map(formatParameterMap),
        progress: (fraction) => steps.push(fraction),
        ...(started && { initial }),
      });
      expect(steps).toEqual([0, 1]);
      const own = deformation(mr, ct, ours.parameterMaps);
      const theirs = await native(maps, started ? affineParameterMap(near) : undefined);
      const { worst } = errorsOf(
        places,
        (p) => own.apply(point(ct, p)).xyz,
        (p) => theirs.apply(point(ct, p)).xyz,
      );
      console.log(`against Debian's elastix, ${name}: worst ${worst.toExponential(1)} mm`);
      expect(worst).toBeLessThan(0.05);
    },
  );

  it('our evaluation of its transform files is transformix’s', async () => {
    const theirs = await native([rigidFile, splineFile]);
    const input = join(folder, 'points.txt');
    writeFileSync(input, `point\n${places.length}\n${places.map((p) => p.join(' ')).join('\n')}\n`);
    const map = join(folder, 'TransformParameters.1.txt');
    execFileSync('/usr/bin/transformix', ['-def', input, '-tp', map, '-out', folder], { stdio: 'ignore' });
    const lines = readFileSync(join(folder, 'outputpoints.txt'), 'utf8').trim().split('\n');
    const mapped = lines.map((line) => (/OutputPoint = \[([^\]]*)\]/.exec(line)?.[1] ?? '').trim().split(/\s+/).map(Number));
    const { worst } = errorsOf(
      places,
      (p) => theirs.apply(point(ct, p)).xyz,
      (p) => mapped[places.indexOf(p)] as number[],
    );
    expect(worst).toBeLessThan(1e-3);
  });
});
