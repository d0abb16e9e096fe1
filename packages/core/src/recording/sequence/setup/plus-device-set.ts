import { NavError } from '../../../base/index.js';
import { reconstructionOf } from './plus-reconstruction.js';
import {
  type SetupFrames,
  type SetupNote,
  type SetupPhantom,
  type SetupRectangle,
  type SetupSegmentation,
  type SetupTransform,
  type SetupWire,
  type UltrasoundSetup,
  USUAL_FRAMES,
} from './setup.js';
import { elementsOf, rectangleOf, Values, withoutUndefined } from './values.js';
import { readXml, type XmlElement } from './xml.js';

/**
 * Reads a PLUS device set (`PlusConfiguration`): coordinate definitions, names of frames, phantom, segmentation and volume
 * reconstruction, with the defaults of PLUS's own readers (IGSIO's VolumeReconstruction, fCal's pattern recognition).
 * @throws NavError `setup/corrupt`, `setup/missing`, `setup/contradictory`, `setup/unsupported`, with the element and its line
 */
export function readPlusDeviceSet(text: string, name: string): UltrasoundSetup {
  const root = readXml(text, name);
  if (root.name !== 'PlusConfiguration') {
    const message = `${name} is no PLUS device set: its outermost element is "${root.name}" and not PlusConfiguration.`;
    throw new NavError('setup/unsupported', message, { detail: { element: root.name } });
  }
  const notes: SetupNote[] = [];
  const phantom = phantomOf(root, name);
  const segmentation = segmentationOf(root, name);
  const reconstruction = reconstructionOf(root, name, notes);
  const temporalClip = temporalClipOf(root, name);
  return {
    name,
    transforms: transformsOf(root, name),
    frames: framesOf(root, name),
    ...(phantom !== undefined && { phantom }),
    ...(segmentation !== undefined && { segmentation }),
    ...(reconstruction !== undefined && { reconstruction }),
    ...(temporalClip !== undefined && { temporalClip }),
    notes,
  };
}

function transformsOf(root: XmlElement, file: string): SetupTransform[] {
  const transforms: SetupTransform[] = [];
  const elements = elementsOf(root, 'CoordinateDefinitions').flatMap((e) => e.children.filter((c) => c.name === 'Transform'));
  for (const element of elements) {
    const values = new Values(element, file);
    const [from, to] = [values.text('From'), values.text('To')];
    if (from === undefined || to === undefined) throw values.missing(from === undefined ? 'From' : 'To', '');
    const rows = values.numbers('Matrix', 16);
    if (rows === undefined) throw values.missing('Matrix', ` (${from} to ${to})`);
    const matrix = Float64Array.from({ length: 16 }, (_, n) => rows[4 * (n % 4) + (n >> 2)] as number);
    if (matrix[3] !== 0 || matrix[7] !== 0 || matrix[11] !== 0 || matrix[15] !== 1) {
      throw values.fault(`(${from} to ${to}) has a Matrix whose last row is not 0 0 0 1`);
    }
    const other = transforms.find((t) => (t.from === from && t.to === to) || (t.from === to && t.to === from));
    if (other !== undefined) {
      if (other.from === from && other.matrix.every((x, n) => x === matrix[n])) continue;
      throw values.contradiction(`says ${from} to ${to}, of which another element says something else`);
    }
    transforms.push({ from, to, matrix });
  }
  return transforms;
}

/** Those of the probe's calibration first, then fCal's own. */
function framesOf(root: XmlElement, file: string): SetupFrames {
  const said = ['vtkPlusProbeCalibrationAlgo', 'vtkProbeCalibrationAlgo', 'fCal']
    .flatMap((name) => elementsOf(root, name))
    .map((element) => new Values(element, file));
  const first = (attribute: string, usual: string): string =>
    said.map((values) => values.text(attribute)).find((value) => value !== undefined) ?? usual;
  return {
    image: first('ImageCoordinateFrame', USUAL_FRAMES.image),
    probe: first('ProbeCoordinateFrame', USUAL_FRAMES.probe),
    reference: first('ReferenceCoordinateFrame', USUAL_FRAMES.reference),
    phantom: first('PhantomCoordinateFrame', USUAL_FRAMES.phantom),
  };
}

/** Patterns as `Pattern Type="NWire"`, or as the older `NWire`. */
function phantomOf(root: XmlElement, file: string): SetupPhantom | undefined {
  const [definition, second] = elementsOf(root, 'PhantomDefinition');
  if (definition === undefined) return undefined;
  if (second !== undefined) throw new Values(second, file).contradiction('is there twice: only one phantom can be in the images');
  const [geometry] = elementsOf(definition, 'Geometry');
  if (geometry === undefined) throw new Values(definition, file).missing('Geometry', ': the places of the wires are not said');
  const patterns = geometry.children.filter((e) => e.name === 'Pattern' || e.name === 'NWire').map((e) => patternOf(e, file));
  if (patterns.length === 0) throw new Values(geometry, file).missing('Pattern', ' of wires');
  const [description] = elementsOf(definition, 'Description');
  const about = description === undefined ? undefined : new Values(description, file);
  const words = [about?.text('Name'), about?.text('Version')].filter((word) => word !== undefined);
  return { name: words.join(' ') || 'phantom', patterns };
}

function patternOf(element: XmlElement, file: string): readonly [SetupWire, SetupWire, SetupWire] {
  const values = new Values(element, file);
  const type = element.name === 'NWire' ? 'NWire' : values.text('Type');
  if (type?.toLowerCase() !== 'nwire') {
    throw values.unsupported(`is of Type "${type ?? ''}"; calibration knows N-wires (NWire) only`);
  }
  const wires = element.children.filter((child) => child.name === 'Wire').map((child) => wireOf(child, file));
  if (wires.length !== 3) throw values.fault(`has ${wires.length} wires; an N-wire has three`);
  return wires as unknown as readonly [SetupWire, SetupWire, SetupWire];
}

function wireOf(element: XmlElement, file: string): SetupWire {
  const values = new Values(element, file);
  const [front, back] = [values.triple('EndPointFront'), values.triple('EndPointBack')];
  if (front === undefined || back === undefined) throw values.missing(front === undefined ? 'EndPointFront' : 'EndPointBack', '');
  if (Math.hypot(...front.map((x, r) => x - (back[r] as number))) < 1) throw values.fault('has ends less than 1 mm apart');
  return { name: values.text('Name') ?? values.text('Id') ?? 'wire', front, back };
}

function segmentationOf(root: XmlElement, file: string): SetupSegmentation | undefined {
  const [element] = elementsOf(root, 'Segmentation');
  if (element === undefined) return undefined;
  const values = new Values(element, file);
  const pixelMm = values.within('ApproximateSpacingMmPerPixel', 0.005, 5);
  if (pixelMm === undefined) throw values.missing('ApproximateSpacingMmPerPixel', ': about how large a pixel is');
  const percent = (attribute: string): number | undefined => {
    const value = values.within(attribute, 0, 100);
    return value === undefined ? undefined : value / 100;
  };
  return withoutUndefined({
    pixelMm,
    clip: rectangleOf(values),
    discMm: values.within('MorphologicalOpeningCircleRadiusMm', 0, 10),
    threshold: percent('ThresholdImagePercent'),
    lengthError: percent('MaxLinePairDistanceErrorPercent'),
    offLineMm: values.within('CollinearPointsMaxDistanceFromLineMm', 0, 20),
    tiltDeg: values.within('MaxThetaDegrees', 0, 90),
    parallelDeg: values.within('AngleToleranceDegrees', 0, 90) ?? values.within('MaxAngleDifferenceDegrees', 0, 90),
    mostDots: values.within('NumberOfMaximumFiducialPointCandidates', 1, 1000),
  });
}

function temporalClipOf(root: XmlElement, file: string): SetupRectangle | undefined {
  const [element] = ['vtkPlusTemporalCalibrationAlgo', 'vtkTemporalCalibrationAlgo'].flatMap((name) => elementsOf(root, name));
  return element === undefined ? undefined : rectangleOf(new Values(element, file));
}
