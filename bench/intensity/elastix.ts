import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVolume } from '@trocar/core/io';
import { readTransformFile } from '@trocar/registration/itk';
import { fixedFrame, movingFrame, type Pair } from './pairs.js';

/** elastix's default rigid parameter map, as its own library hands it out. */
const RIGID = `
(AutomaticParameterEstimation "true")
(AutomaticScalesEstimation "true")
(CheckNumberOfSamples "true")
(DefaultPixelValue 0)
(FinalBSplineInterpolationOrder 3)
(FixedImagePyramid "FixedSmoothingImagePyramid")
(ImageSampler "RandomCoordinate")
(Interpolator "LinearInterpolator")
(MaximumNumberOfIterations 256)
(MaximumNumberOfSamplingAttempts 8)
(Metric "AdvancedMattesMutualInformation")
(MovingImagePyramid "MovingSmoothingImagePyramid")
(NewSamplesEveryIteration "true")
(NumberOfResolutions 4)
(NumberOfSamplesForExactGradient 4096)
(NumberOfSpatialSamples 2048)
(Optimizer "AdaptiveStochasticGradientDescent")
(Registration "MultiResolutionRegistration")
(ResampleInterpolator "FinalBSplineInterpolator")
(Resampler "DefaultResampler")
(ResultImageFormat "nii")
(Transform "EulerTransform")
(WriteIterationInfo "false")
(WriteResultImage "true")
`;

/** One run of elastix. */
export interface ElastixRun {
  /** moving from fixed. */
  readonly matrix: ArrayLike<number>;
  /** Wall-clock seconds of the whole program, and less what its log says of reading and writing. */
  readonly wall: number;
  readonly net: number;
  /** Processor seconds. */
  readonly cpu: number;
}

/** The peer program, with two threads, on files of its own. */
export class Elastix {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'trocar-bench-'));
  readonly #program: string;

  /** undefined where elastix is not installed. */
  static open(): Elastix | undefined {
    const found = spawnSync('elastix', ['--version'], { encoding: 'utf8' });
    return found.status === 0 ? new Elastix('elastix') : undefined;
  }

  private constructor(program: string) {
    this.#program = program;
    writeFileSync(join(this.#folder, 'rigid.txt'), RIGID);
  }

  /** The file of an image, once {@link put}. */
  file(side: 'fixed' | 'moving'): string {
    return join(this.#folder, `${side}.mha`);
  }

  async put(pair: Pair): Promise<void> {
    for (const side of ['fixed', 'moving'] as const) {
      writeFileSync(this.file(side), await encodeVolume(pair[side], `${side}.mha`));
    }
  }

  /** @param start moving from fixed, rigid; undefined to start as the headers say */
  async run(start?: ArrayLike<number>): Promise<ElastixRun | undefined> {
    const at = (name: string): string => join(this.#folder, name);
    const out = at('out');
    rmSync(out, { recursive: true, force: true });
    execFileSync('mkdir', [out]);
    if (start !== undefined) writeFileSync(at('start.txt'), startFile(start));
    const words = [
      this.#program,
      '-f',
      at('fixed.mha'),
      '-m',
      at('moving.mha'),
      '-p',
      at('rigid.txt'),
      '-out',
      out,
      '-threads',
      '2',
    ];
    if (start !== undefined) words.push('-t0', at('start.txt'));
    // The shell's clock, because Node does not tell a child's processor time.
    const timed = spawnSync('bash', ['-c', `TIMEFORMAT='%R %U %S'; time "$@" >/dev/null 2>&1`, 'bash', ...words], {
      encoding: 'utf8',
    });
    const file = join(out, 'TransformParameters.0.txt');
    if (!existsSync(file)) return undefined;
    const [wall, user, system] = (timed.stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number) as [
      number,
      number,
      number,
    ];
    const others = start === undefined ? [] : [{ name: 'start.txt', bytes: readFileSync(at('start.txt')) }];
    const found = await readTransformFile(
      { name: 'result.txt', bytes: readFileSync(file) },
      { to: movingFrame, from: fixedFrame },
      others,
    );
    if (found.kind !== 'linear') throw new Error('elastix gave no matrix.');
    return { matrix: found.edge.matrix, wall, net: wall - readingAndWriting(out), cpu: user + system };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Seconds that the log gives to reading the images and to making and writing the result. */
function readingAndWriting(out: string): number {
  const log = readFileSync(join(out, 'elastix.log'), 'utf8');
  let seconds = 0;
  for (const match of log.matchAll(/^(?:Reading images took|Time spent on saving the results[^:]*:) *([\d.]+) *(ms|s)/gm)) {
    seconds += Number(match[1]) / (match[2] === 'ms' ? 1000 : 1);
  }
  return seconds;
}

/** A rigid matrix as an elastix transform file: affine, about the origin. */
function startFile(m: ArrayLike<number>): string {
  const rows = [0, 1, 2].map((r) => [0, 1, 2].map((c) => m[4 * c + r]).join(' ')).join(' ');
  return [
    '(Transform "AffineTransform")',
    '(NumberOfParameters 12)',
    `(TransformParameters ${rows} ${m[12]} ${m[13]} ${m[14]})`,
    '(InitialTransformParametersFileName "NoInitialTransform")',
    '(HowToCombineTransforms "Compose")',
    '(CenterOfRotationPoint 0 0 0)',
    '(FixedImageDimension 3)',
    '(MovingImageDimension 3)',
    '(FixedInternalImagePixelType "float")',
    '(MovingInternalImagePixelType "float")',
    '(UseDirectionCosines "true")',
    '',
  ].join('\n');
}
