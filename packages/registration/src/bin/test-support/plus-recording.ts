import { deflateSync } from 'node:zlib';
import { multiply4, type Random } from '@trocar/core/math';
import { fCalPhantom, type NWirePhantom, type PhantomWire } from '../../calibration/probe/phantom.js';
import { type WireScene, type WireSceneOptions, wireScene } from '../../calibration/probe/test-support/wire-scenes.js';

/** Size of the made-up images, pixels, and about how large a pixel is. */
export const PLUS_SIZE = [410, 308] as const;

const nWire = (
  names: string,
  x: readonly [number, number, number, number],
  z: number,
  depth = 40,
): NWirePhantom['patterns'][0] => {
  const [a = '', b = '', c = ''] = names.split(' ');
  const wire = (name: string, front: number, back: number): PhantomWire => ({
    name,
    front: [front, 0, z],
    back: [back, depth, z],
  });
  return [wire(a, x[0], x[0]), wire(b, x[1], x[2]), wire(c, x[3], x[3])];
};

/**
 * Wire phantoms that PLUS and its users calibrate with: those of its configurations (fCal 1.0, 1.2, 2.0 and Lego 1.4), of its catalogue of models (fCal Echo), and a
 * wiring of the large fCal 3.1 that a group in Munich published. How much larger than 0.16 mm a pixel is that shows all wires.
 */
export const PLUS_PHANTOMS: readonly { readonly phantom: NWirePhantom; readonly pixelScale: number }[] = [
  { phantom: fCalPhantom('1.0'), pixelScale: 1 },
  { phantom: fCalPhantom('1.2'), pixelScale: 1 },
  { phantom: fCalPhantom('2.0'), pixelScale: 1 },
  {
    phantom: {
      name: 'fCAL Echo 1.0',
      patterns: [
        nWire('F3_f3 G3_h3 I3_i3', [25, 30, 35, 40], 15),
        nWire('F4_f4 H4_g4 I4_i4', [25, 35, 30, 40], 10),
        nWire('F5_f5 H5_g5 I5_i5', [25, 35, 30, 40], 5),
        nWire('F6_f6 G6_h6 I6_i6', [25, 30, 35, 40], 0),
      ],
    },
    pixelScale: 0.8,
  },
  {
    phantom: {
      name: 'Lego 1.4',
      patterns: [
        nWire('E1_e1 K1_f1 L1_l1', [17.3, 39.7, 24.8, 46.54], 19.54, 40.1),
        nWire('E2_e2 F2_m2 L2_l2', [17.3, 24.8, 39.9, 46.54], 9.81, 40.1),
        nWire('G3_g3 K3_h3 L3_l3', [26, 40.6, 32, 46.54], 0.08, 40.1),
      ],
    },
    pixelScale: 1,
  },
  {
    phantom: {
      name: 'fCAL 3.1, five N-wires',
      patterns: [
        nWire('D9_d9 E9_h9 I9_i9', [-10, 0, 30, 40], -50),
        nWire('D10_d10 F10_g10 I10_i10', [-10, 10, 20, 40], -60),
        nWire('D11_d11 E11_h11 I11_i11', [-10, 0, 30, 40], -70),
        nWire('D12_d12 F12_g12 I12_i12', [-10, 10, 20, 40], -80),
        nWire('D13_d13 E13_h13 I13_i13', [-10, 0, 30, 40], -90),
      ],
    },
    pixelScale: 1.6,
  },
];

/** How a recording is made, and what is wrong with it. */
export interface PlusRecordingOptions extends WireSceneOptions {
  /** UltrasoundImageOrientation, by which the pixels are turned too. Default `MFA`. */
  readonly orientation?: string;
  /** Grey, the same in three or four channels. */
  readonly colour?: 'grey' | 'rgb' | 'rgba';
  readonly compressed?: boolean;
  /** The status of the probe's pose. */
  readonly status?: (image: number) => string;
  /** Wires that cannot be seen, by their numbers, in an image. */
  readonly hidden?: (image: number) => readonly number[];
  /** Bright spots that are no wires, in each image. */
  readonly artefacts?: number;
  /** Bright bands across the image, such as a phantom's wall and its echoes. */
  readonly bands?: number;
  /** The pose goes from the probe to the reference, and not through the tracker. */
  readonly direct?: boolean;
}

/** A recording of a wire phantom, and the truth in images of MF. */
export interface PlusRecording {
  readonly bytes: Uint8Array;
  readonly scene: WireScene;
  /** Of pixels of {@link PLUS_SIZE}. */
  readonly probeFromImage: Float64Array;
}

/** A made-up recording in PLUS's own layout, through a tracked reference that moves; its numbers have six digits. */
export function plusRecording(random: Random, options: PlusRecordingOptions = {}): PlusRecording {
  const { status = () => 'OK', direct = false } = options;
  const scene = wireScene(random, options);
  const last = scene.observations.length - 1;
  const lines: string[] = [];
  const images: Uint8Array[] = [];
  scene.observations.forEach(({ dots, phantomFromProbe, timeMs }, n) => {
    const key = (name: string): string => `Seq_Frame${String(n).padStart(4, '0')}_${name}`;
    const trackerFromReference = wandering(timeMs as number);
    const referenceFromProbe = multiply4(new Float64Array(16), REFERENCE_FROM_PHANTOM, phantomFromProbe);
    const tracked = multiply4(new Float64Array(16), trackerFromReference, referenceFromProbe);
    const poses: readonly (readonly [string, Float64Array, string])[] = direct
      ? [['ProbeToReference', referenceFromProbe, status(n)]]
      : [
          ['ProbeToTracker', tracked, status(n)],
          ['ReferenceToTracker', trackerFromReference, 'OK'],
          ['StylusToTracker', new Float64Array(16).fill(0).map((_, k) => (k % 5 === 0 ? 1 : 0)), 'INVALID'],
        ];
    for (const [name, m, said] of poses)
      lines.push(`${key(`${name}Transform`)} = ${rowsOf(m)} `, `${key(`${name}TransformStatus`)} = ${said}`);
    lines.push(`${key('Timestamp')} = ${((timeMs as number) / 1000).toFixed(6)}`, `${key('ImageStatus')} = OK`);
    images.push(picture(random, dots, n, options));
  });
  const channels = { grey: 1, rgb: 3, rgba: 4 }[options.colour ?? 'grey'];
  const whole = Buffer.concat(images);
  const data = options.compressed === false ? whole : deflateSync(whole, { level: 1 });
  const head = [
    'ObjectType = Image',
    'NDims = 3',
    'AnatomicalOrientation = RAI',
    'BinaryData = True',
    'BinaryDataByteOrderMSB = False',
    'CenterOfRotation = 0 0 0',
    `CompressedData = ${options.compressed === false ? 'False' : 'True'}`,
    ...(options.compressed === false ? [] : [`CompressedDataSize = ${data.length}          `]),
    `DimSize = ${PLUS_SIZE.join(' ')} ${last + 1}              `,
    'Kinds = domain domain list',
    `ElementNumberOfChannels = ${channels}`,
    'ElementSpacing = 1 1 1',
    'ElementType = MET_UCHAR',
    'Offset = 0 0 0',
    'TransformMatrix = 1 0 0 0 1 0 0 0 1',
    `UltrasoundImageOrientation = ${options.orientation ?? 'MFA'}`,
    `UltrasoundImageType = ${channels === 1 ? 'BRIGHTNESS' : 'RGB_COLOR'}`,
    ...lines,
    'ElementDataFile = LOCAL',
    '',
  ].join('\n');
  const probeFromImage = scene.probeFromImage.map((x, n) => (n < 8 ? 2 * x : x));
  return { bytes: Buffer.concat([Buffer.from(head, 'latin1'), data]), scene, probeFromImage };
}

/** The phantom in the reference, as its landmarks told; and the reference in the tracker, which somebody pushes about a little. */
const REFERENCE_FROM_PHANTOM = Float64Array.of(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, 0, 9.5, 36, 87.8, 1);

function wandering(timeMs: number): Float64Array {
  const a = 0.3 + 0.01 * Math.sin(timeMs / 2100);
  const [c, s] = [Math.cos(a), Math.sin(a)];
  return Float64Array.of(c, s, 0, 0, -s, c, 0, 0, 0, 0, 1, 0, 240 + 2 * Math.sin(timeMs / 1700), 80, -40, 1);
}

const rowsOf = (m: ArrayLike<number>): string =>
  Array.from({ length: 16 }, (_, n) => String(Number((m[4 * (n % 4) + (n >> 2)] as number).toPrecision(7)))).join(' ');

function picture(random: Random, dots: ArrayLike<number>, image: number, options: PlusRecordingOptions): Uint8Array {
  const { hidden = () => [], artefacts = 0, bands = 0 } = options;
  const [columns, rows] = PLUS_SIZE;
  const grey = new Uint8Array(columns * rows);
  const missing = new Set(hidden(image));
  for (let n = 0; n < grey.length; n += 1) grey[n] = 9 * random.uniform();
  for (let k = 0; k < bands; k += 1) band(grey, 30 + 90 * k, 190);
  for (let k = 0; k < dots.length; k += 2) {
    if (!missing.has(k / 2)) spot(grey, (dots[k] as number) / 2, (dots[k + 1] as number) / 2, 200 + 40 * random.uniform());
  }
  for (let k = 0; k < artefacts; k += 1)
    spot(grey, random.between(20, columns - 20), random.between(20, rows - 20), 150 + 100 * random.uniform());
  return stored(grey, options);
}

/** Wider across the beam than along it, as wires look. */
function spot(pixels: Uint8Array, u: number, v: number, bright: number): void {
  const [columns, rows] = PLUS_SIZE;
  for (let row = Math.max(0, Math.ceil(v - 7)); row <= Math.min(rows - 1, v + 7); row += 1) {
    for (let column = Math.max(0, Math.ceil(u - 9)); column <= Math.min(columns - 1, u + 9); column += 1) {
      const n = row * columns + column;
      const value = bright * Math.exp(-((column - u) ** 2) / (2 * 2.6 ** 2) - (row - v) ** 2 / (2 * 1.8 ** 2));
      pixels[n] = Math.min(255, (pixels[n] as number) + value);
    }
  }
}

function band(pixels: Uint8Array, middle: number, bright: number): void {
  const [columns, rows] = PLUS_SIZE;
  for (let column = 60; column < columns - 60; column += 1) {
    const v = middle + 0.05 * (column - columns / 2);
    for (let row = Math.max(0, Math.ceil(v - 5)); row <= Math.min(rows - 1, v + 5); row += 1) {
      const n = row * columns + column;
      pixels[n] = Math.min(255, (pixels[n] as number) + bright * Math.exp(-((row - v) ** 2) / 4));
    }
  }
}

/** Turned from MF to how it is stored, and in its channels. */
function stored(grey: Uint8Array, { orientation = 'MFA', colour = 'grey' }: PlusRecordingOptions): Uint8Array {
  const [columns, rows] = PLUS_SIZE;
  const turned = new Uint8Array(grey.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const from =
        (orientation[1] === 'N' ? rows - 1 - row : row) * columns + (orientation[0] === 'U' ? columns - 1 - column : column);
      turned[row * columns + column] = grey[from] as number;
    }
  }
  if (colour === 'grey') return turned;
  const channels = colour === 'rgb' ? 3 : 4;
  const out = new Uint8Array(channels * turned.length).fill(255);
  for (const [n, value] of turned.entries()) out.fill(value, channels * n, channels * n + 3);
  return out;
}

/** A device set as PLUS's fCal comes with. */
export function plusDeviceSet(phantom: NWirePhantom, pixelMm: number): string {
  const patterns = phantom.patterns.map((pattern, p) => {
    const wires = pattern.map(
      ({ name, front, back }, w) =>
        `        <Wire Name="${3 * p + w + 1}:${name}" EndPointFront="${front.join(' ')}" EndPointBack="${back.join(' ')}" />`,
    );
    return `      <Pattern Type="NWire">\n${wires.join('\n')}\n      </Pattern>`;
  });
  return `<PlusConfiguration version="2.3">
  <DataCollection StartupDelaySec="1.0">
    <DeviceSet Name="fCal: ${phantom.name}" Description="made up" />
    <Device Id="VideoDevice" Type="SavedDataSource" LocalTimeOffsetSec="0.0">
      <DataSources><DataSource Type="Video" Id="Video" PortUsImageOrientation="UF" /></DataSources>
    </Device>
  </DataCollection>
  <CoordinateDefinitions>
    <Transform From="Image" To="TransducerOriginPixel" Matrix="1 0 0 -410 0 1 0 5 0 0 1 0 0 0 0 1" Date="2011.12.06 17:57:00" Error="0.0" />
    <Transform From="Phantom" To="Reference"
      Matrix="${rowsOf(REFERENCE_FROM_PHANTOM)}"
      Error="0.66" Date="091112_152716" />
    <Transform From="StylusTip" To="Stylus" Matrix="1 0 0 210 0 1 0 0 0 0 1 0 0 0 0 1" />
  </CoordinateDefinitions>
  <Segmentation ApproximateSpacingMmPerPixel="${pixelMm}" MorphologicalOpeningCircleRadiusMm="0.27" MorphologicalOpeningBarSizeMm="2.0"
    ClipRectangleOrigin="2 2" ClipRectangleSize="406 304" MaxLinePairDistanceErrorPercent="15" AngleToleranceDegrees="10"
    MaxAngleDifferenceDegrees="10" MinThetaDegrees="-70" MaxThetaDegrees="70" MaxLineShiftMm="10.0" ThresholdImagePercent="10"
    CollinearPointsMaxDistanceFromLineMm="0.6" UseOriginalImageIntensityForDotIntensityScore="FALSE" NumberOfMaximumFiducialPointCandidates="20" />
  <PhantomDefinition>
    <Description Name="${phantom.name}" Type="Multi-N" WiringVersion="1.0" Institution="-" />
    <Geometry>
${patterns.join('\n')}
      <Landmarks><Landmark Name="#1" Position="104.3 5.0 20.0" /></Landmarks>
    </Geometry>
  </PhantomDefinition>
  <vtkPlusProbeCalibrationAlgo ImageCoordinateFrame="Image" ProbeCoordinateFrame="Probe" PhantomCoordinateFrame="Phantom" ReferenceCoordinateFrame="Reference" />
</PlusConfiguration>
`;
}
