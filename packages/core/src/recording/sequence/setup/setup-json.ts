import { NavError } from '../../../base/index.js';
import {
  type SetupFan,
  type SetupFrames,
  type SetupHoleFilling,
  type SetupPhantom,
  type SetupReconstruction,
  type SetupRectangle,
  type SetupSegmentation,
  type SetupTransform,
  type SetupWire,
  type UltrasoundSetup,
  USUAL_FRAMES,
} from './setup.js';
import { withoutUndefined } from './values.js';

/**
 * Reads a set-up in our own JSON: the fields of {@link UltrasoundSetup}, with matrices as four rows of four numbers. A `probeFromImage`, as
 * a probe's calibration prints it, stands for the transform from the image to the probe.
 * @throws NavError `setup/corrupt`, `setup/missing`, `setup/contradictory`, with the path of the field
 */
export function readSetupJson(text: string, name: string): UltrasoundSetup {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NavError('setup/corrupt', `${name} is neither XML nor JSON.`, { cause });
  }
  const root = new Field(value, '', name).object();
  const outcome = root.key('outcome')?.text() ?? 'ok';
  if (outcome !== 'ok') {
    const message = `${name} holds a calibration whose outcome is "${outcome}": look at its findings, and take out "outcome" to use it all the same.`;
    throw new NavError('setup/unsupported', message, { detail: { outcome } });
  }
  const frames = root.key('frames')?.read(framesOf) ?? USUAL_FRAMES;
  const transforms = root.key('transforms')?.list(transformOf) ?? [];
  const calibration = root.key('probeFromImage')?.read(matrixOf);
  if (calibration !== undefined) {
    if (transforms.some((t) => t.from === frames.image && t.to === frames.probe))
      throw new NavError(
        'setup/contradictory',
        `${name} says twice where the image lies in the probe: in "probeFromImage" and in "transforms".`,
      );
    transforms.push({ from: frames.image, to: frames.probe, matrix: calibration });
  }
  const lagMs = root.key('lagMs')?.number(-10_000, 10_000);
  const phantom = root.key('phantom')?.read(phantomOf);
  const segmentation = root.key('segmentation')?.read(segmentationOf);
  const reconstruction = root.key('reconstruction')?.read(reconstructionOf);
  const temporalClip = root.key('temporalClip')?.read(rectangleOf);
  return withoutUndefined({
    name,
    transforms,
    frames,
    phantom,
    segmentation,
    reconstruction,
    lagMs,
    temporalClip,
    notes: [],
  }) as UltrasoundSetup;
}

/** A value of the file and where it stands. */
class Field {
  readonly #value: unknown;
  readonly #path: string;
  readonly #file: string;

  constructor(value: unknown, path: string, file: string) {
    this.#value = value;
    this.#path = path;
    this.#file = file;
  }

  fault(what: string): NavError {
    const where = this.#path === '' ? this.#file : `${this.#file}: "${this.#path}"`;
    return new NavError('setup/corrupt', `${where} ${what}.`, { detail: { field: this.#path } });
  }

  object(): this {
    if (typeof this.#value === 'object' && this.#value !== null && !Array.isArray(this.#value)) return this;
    throw this.fault('is no object');
  }

  /** A field of an object, undefined where it is not there. */
  key(name: string): Field | undefined {
    const own = this.object().#value as Record<string, unknown>;
    if (!Object.hasOwn(own, name) || own[name] === undefined || own[name] === null) return undefined;
    return new Field(own[name], this.#path === '' ? name : `${this.#path}.${name}`, this.#file);
  }

  /** @throws NavError `setup/missing` */
  required(name: string): Field {
    const field = this.key(name);
    if (field !== undefined) return field;
    const where = this.#path === '' ? this.#file : `${this.#file}: "${this.#path}"`;
    throw new NavError('setup/missing', `${where} has no "${name}".`, { detail: { field: this.#path } });
  }

  read<T>(how: (field: Field) => T): T {
    return how(this);
  }

  list<T>(how: (field: Field) => T): T[] {
    if (!Array.isArray(this.#value)) throw this.fault('is no list');
    return this.#value.map((one, n) => how(new Field(one, `${this.#path}[${n}]`, this.#file)));
  }

  text(): string {
    if (typeof this.#value === 'string' && this.#value !== '') return this.#value;
    throw this.fault('is no text');
  }

  number(least: number = Number.NEGATIVE_INFINITY, most: number = Number.POSITIVE_INFINITY): number {
    if (typeof this.#value === 'number' && Number.isFinite(this.#value) && this.#value >= least && this.#value <= most)
      return this.#value;
    throw this.fault(`is no number${Number.isFinite(least) ? ` of ${least} … ${most}` : ''}`);
  }

  numbers(count: number): number[] {
    const values = this.list((field) => field.number());
    if (values.length !== count) throw this.fault(`has ${values.length} numbers and not ${count}`);
    return values;
  }

  word<T extends string>(...words: readonly T[]): T {
    const found = words.find((word) => word === this.#value);
    if (found === undefined) throw this.fault(`is one of ${words.join(', ')}`);
    return found;
  }
}

const pair = (field: Field): [number, number] => field.numbers(2) as [number, number];
const triple = (field: Field): [number, number, number] => field.numbers(3) as [number, number, number];

function matrixOf(field: Field): Float64Array {
  const rows = field.list((row) => row.numbers(4));
  if (rows.length !== 4) throw field.fault('is not four rows of four numbers');
  const m = Float64Array.from({ length: 16 }, (_, n) => rows[n % 4]?.[n >> 2] as number);
  if (m[3] !== 0 || m[7] !== 0 || m[11] !== 0 || m[15] !== 1) throw field.fault('has a last row other than 0 0 0 1');
  return m;
}

function transformOf(field: Field): SetupTransform {
  return { from: field.required('from').text(), to: field.required('to').text(), matrix: matrixOf(field.required('matrix')) };
}

function framesOf(field: Field): SetupFrames {
  const name = (key: keyof SetupFrames): string => field.key(key)?.text() ?? USUAL_FRAMES[key];
  return { image: name('image'), probe: name('probe'), reference: name('reference'), phantom: name('phantom') };
}

function phantomOf(field: Field): SetupPhantom {
  const patterns = field.required('patterns').list((pattern) => {
    const wires = pattern.list(wireOf);
    if (wires.length !== 3) throw pattern.fault(`has ${wires.length} wires; an N-wire has three`);
    return wires as unknown as readonly [SetupWire, SetupWire, SetupWire];
  });
  if (patterns.length === 0) throw field.fault('has no patterns');
  return { name: field.key('name')?.text() ?? 'phantom', patterns };
}

function wireOf(field: Field): SetupWire {
  const [front, back] = [triple(field.required('front')), triple(field.required('back'))];
  if (Math.hypot(...front.map((x, r) => x - (back[r] as number))) < 1) throw field.fault('has ends less than 1 mm apart');
  return { name: field.key('name')?.text() ?? 'wire', front, back };
}

function rectangleOf(field: Field): SetupRectangle {
  const size = pair(field.required('size'));
  if (!(Math.min(...size) > 0)) throw field.fault('has a size that is not above zero');
  return { origin: pair(field.required('origin')), size };
}

function fanOf(field: Field): SetupFan {
  const [anglesDeg, radii] = [pair(field.required('anglesDeg')), pair(field.required('radii'))];
  if (!(anglesDeg[0] < anglesDeg[1] && radii[0] >= 0 && radii[0] < radii[1])) throw field.fault('encloses nothing');
  return { apex: pair(field.required('apex')), anglesDeg, radii };
}

function segmentationOf(field: Field): SetupSegmentation {
  return withoutUndefined({
    pixelMm: field.required('pixelMm').number(0.005, 5),
    clip: field.key('clip')?.read(rectangleOf),
    discMm: field.key('discMm')?.number(0, 10),
    threshold: field.key('threshold')?.number(0, 1),
    lengthError: field.key('lengthError')?.number(0, 1),
    offLineMm: field.key('offLineMm')?.number(0, 20),
    tiltDeg: field.key('tiltDeg')?.number(0, 90),
    parallelDeg: field.key('parallelDeg')?.number(0, 90),
    mostDots: field.key('mostDots')?.number(1, 1000),
  });
}

function reconstructionOf(field: Field): SetupReconstruction {
  const spacingMm = triple(field.required('spacingMm'));
  if (!(Math.min(...spacingMm) > 0)) throw field.fault('has a spacingMm that is not above zero');
  const importanceFile = field.key('importanceFile')?.text();
  const compounding = field.key('compounding')?.word('latest', 'maximum', 'mean', 'importance') ?? 'mean';
  return withoutUndefined({
    spacingMm,
    imageFrame: field.key('imageFrame')?.text(),
    referenceFrame: field.key('referenceFrame')?.text(),
    clip: field.key('clip')?.read(rectangleOf),
    fan: field.key('fan')?.read(fanOf),
    interpolation: field.key('interpolation')?.word('nearest', 'linear') ?? 'linear',
    compounding,
    optimization: field.key('optimization')?.word('full', 'partial', 'none') ?? 'full',
    skipInterval: field.key('skipInterval')?.number(1, 1e6) ?? 1,
    rejectBelow: field.key('rejectBelow')?.number(),
    importanceFile,
    holeFilling: field.key('sticks')?.list(stickOf) ?? [],
  });
}

function stickOf(field: Field): SetupHoleFilling {
  return {
    kind: 'stick',
    lengthLimit: field.required('lengthLimit').number(1, 1000),
    count: field.key('count')?.number(1, 13) ?? 1,
  };
}
