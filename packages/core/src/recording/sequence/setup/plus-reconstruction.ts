import type { SetupFan, SetupHoleFilling, SetupNote, SetupReconstruction } from './setup.js';
import { elementsOf, rectangleOf, Values } from './values.js';
import type { XmlElement } from './xml.js';

const ON = { ON: true, OFF: false, TRUE: true, FALSE: false } as const;

/**
 * The element VolumeReconstruction with PLUS's defaults; undefined where the device set has none.
 * @throws NavError `setup/corrupt`, `setup/missing`, `setup/contradictory`, `setup/unsupported`
 */
export function reconstructionOf(root: XmlElement, file: string, notes: SetupNote[]): SetupReconstruction | undefined {
  const element = elementIn(root, file);
  if (element === undefined) return undefined;
  const values = new Values(element, file);
  const spacingMm = values.triple('OutputSpacing');
  if (spacingMm === undefined) throw values.missing('OutputSpacing', ': how large a voxel is, mm');
  if (!(Math.min(...spacingMm) > 0)) throw values.fault('has an OutputSpacing that is not above zero');
  noteIgnored(values, notes);
  const [clip, fan] = [rectangleOf(values), fanOf(values)];
  const fanDetection = fanDetectionOf(values, fan);
  const rejectBelow = values.number('PixelRejectionThreshold');
  const importanceFile = values.text('ImportanceMaskFilename');
  const compounding = compoundingOf(values, notes);
  const [imageFrame, referenceFrame] = [values.text('ImageCoordinateFrame'), values.text('ReferenceCoordinateFrame')];
  return {
    spacingMm,
    interpolation: values.word('Interpolation', { NEAREST_NEIGHBOR: 'nearest', LINEAR: 'linear' }) ?? 'nearest',
    compounding,
    optimization: values.word('Optimization', { FULL: 'full', PARTIAL: 'partial', NONE: 'none' }) ?? 'full',
    skipInterval: Math.max(1, Math.floor(values.number('SkipInterval') ?? 1)),
    holeFilling: values.word('FillHoles', ON) === true ? holeFillingOf(values, file) : [],
    ...(clip !== undefined && { clip }),
    ...(fan !== undefined && { fan }),
    ...(fanDetection !== undefined && { fanDetection }),
    ...(values.word('RecomputeOutputSpacing', ON) === true && { recomputeSpacing: true }),
    ...(rejectBelow !== undefined && { rejectBelow }),
    ...(importanceFile !== undefined && { importanceFile }),
    ...(imageFrame !== undefined && { imageFrame }),
    ...(referenceFrame !== undefined && { referenceFrame }),
  };
}

/** The device set's own, else the only one of its devices. */
function elementIn(root: XmlElement, file: string): XmlElement | undefined {
  const own = root.children.filter((child) => child.name === 'VolumeReconstruction');
  const [first, second] = own.length > 0 ? own : elementsOf(root, 'VolumeReconstruction');
  if (second !== undefined) throw new Values(second, file).contradiction('is there more than once; leave the one that is meant');
  return first;
}

/** @throws NavError `setup/missing` where it is not said how far the fan may reach: PLUS finds nothing then, and leaves every image out */
function fanDetectionOf(values: Values, fan: SetupFan | undefined): SetupReconstruction['fanDetection'] {
  if (values.word('EnableFanAnglesAutoDetect', ON) !== true) return undefined;
  if (fan === undefined)
    throw values.missing('FanAnglesDeg', ', how far a fan may reach that EnableFanAnglesAutoDetect looks for');
  return {
    brightness: values.within('FanAnglesAutoDetectBrightnessThreshold', 0, 255) ?? 30,
    filterRadiusPx: Math.round(values.within('FanAnglesAutoDetectFilterRadiusPixel', 1, 1000) ?? 10),
  };
}

function noteIgnored(values: Values, notes: SetupNote[]): void {
  const { element } = values;
  for (const attribute of ['OutputOrigin', 'OutputExtent']) {
    if (!element.attributes.has(attribute)) continue;
    const message = `${attribute} was not used: the box is put around the images, as PLUS's VolumeReconstructor puts it.`;
    notes.push({ code: 'output-box', message });
  }
  const threads = values.number('NumberOfThreads') ?? 1;
  if (threads > 1) {
    const message = `The device set asks for ${threads} threads. With more than one, PLUS's own result changes from run to run; ours is that of one.`;
    notes.push({ code: 'threads', message });
  }
}

/** PLUS clips to a fan where one of the angles is not zero. */
function fanOf(values: Values): SetupFan | undefined {
  const angles = values.pair('FanAnglesDeg') ?? values.pair('FanAngles');
  if (angles === undefined || (angles[0] === 0 && angles[1] === 0)) return undefined;
  const apex = values.pair('FanOriginPixel') ?? values.pair('FanOrigin');
  if (apex === undefined) throw values.missing('FanOriginPixel', ', where the sides of the fan meet');
  const start = values.number('FanRadiusStartPixel') ?? 0;
  const stop = values.number('FanRadiusStopPixel') ?? values.number('FanDepth') ?? 500;
  const [left, right] = [Math.min(...angles), Math.max(...angles)];
  if (!(left < right && left > -90 && right < 90)) throw values.contradiction('has fan angles that enclose nothing');
  if (!(start >= 0 && stop > start))
    throw values.contradiction(`has a fan from radius ${start} to ${stop}, which encloses nothing`);
  return { apex, anglesDeg: [left, right], radii: [start, stop] };
}

function compoundingOf(values: Values, notes: SetupNote[]): SetupReconstruction['compounding'] {
  const said = values.word('CompoundingMode', {
    LATEST: 'latest',
    MAXIMUM: 'maximum',
    MEAN: 'mean',
    IMPORTANCE_MASK: 'importance',
  } as const);
  if (said !== undefined) return said;
  const maximum = values.word('Calculation', { MAXIMUM: true, WEIGHTED_AVERAGE: false }) === true;
  const taken = maximum ? 'maximum' : values.word('Compounding', ON) === false ? 'latest' : 'mean';
  const message = `The device set has no CompoundingMode; ${taken.toUpperCase()} was taken, as PLUS takes it.`;
  notes.push({ code: 'compounding', message });
  return taken;
}

function holeFillingOf(values: Values, file: string): SetupHoleFilling[] {
  const [filling] = elementsOf(values.element, 'HoleFilling');
  const elements = filling === undefined ? [] : elementsOf(filling, 'HoleFillingElement');
  if (elements.length === 0) throw values.missing('HoleFillingElement', ', which FillHoles="ON" needs');
  return elements.map((element) => {
    const own = new Values(element, file);
    const type = own.text('Type')?.toUpperCase();
    if (type === undefined) throw own.missing('Type', ': how holes are filled');
    const cube = CUBES[type];
    if (cube !== undefined) return cubeOf(own, cube);
    if (type !== 'STICK') return { kind: 'other', name: type };
    const lengthLimit = own.within('StickLengthLimit', 1, 1000);
    if (lengthLimit === undefined) throw own.missing('StickLengthLimit', ', in voxels');
    return { kind: 'stick', lengthLimit, count: own.within('NumberOfSticksToUse', 1, 13) ?? 1 };
  });
}

type Cube = Extract<SetupHoleFilling, { readonly size: number }>;

const CUBES: Readonly<Partial<Record<string, Cube['kind']>>> = {
  GAUSSIAN: 'gaussian',
  GAUSSIAN_ACCUMULATION: 'gaussian-accumulation',
  DISTANCE_WEIGHT_INVERSE: 'inverse-distance',
  NEAREST_NEIGHBOR: 'nearest',
};

function cubeOf(own: Values, kind: Cube['kind']): Cube {
  const size = own.within('Size', 2, 51);
  if (size === undefined) throw own.missing('Size', ', the edge of the cube in voxels');
  const minKnownRatio = own.within('MinimumKnownVoxelsRatio', 0, 1);
  if (minKnownRatio === undefined) throw own.missing('MinimumKnownVoxelsRatio', ': which share of the cube must be known');
  if (kind !== 'gaussian' && kind !== 'gaussian-accumulation') return { kind, size, minKnownRatio };
  const stdev = own.within('Stdev', 1e-3, 1000);
  if (stdev === undefined) throw own.missing('Stdev', ', in voxels');
  return { kind, size, minKnownRatio, stdev };
}
