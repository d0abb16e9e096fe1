import { Random } from '@trocar/core/math';
import { encodeIgtl, type IgtlContent, type IgtlMessageInit } from './index.js';

type Sample = [type: string, content: IgtlContent];

const rgba = [1, 2, 3, 255] as const;

/** Seeded values that single precision holds. */
class Values {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  floats(n: number): Float64Array {
    return Float64Array.from({ length: n }, () => Math.fround(this.#random.between(-300, 300)));
  }

  matrix(): Float64Array {
    const out = this.floats(16);
    out[3] = out[7] = out[11] = 0;
    out[15] = 1;
    return out;
  }

  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.#random.below(256));
  }
}

const time = { seconds: 1_700_000_000, fraction: 0x89ab_cdef };

const poses = (v: Values): Sample[] => [
  ['TRANSFORM', { kind: 'transform', matrix: v.matrix() }],
  ['POSITION', { kind: 'position', position: v.floats(3), orientation: v.floats(4) }],
  ['QTRANS', { kind: 'position', position: v.floats(3), orientation: v.floats(3) }],
  ['POSITION', { kind: 'position', position: v.floats(3), orientation: v.floats(0) }],
  ['TDATA', { kind: 'trackingData', tools: ['a', 'probe é'].map((name) => ({ name, toolType: 2, matrix: v.matrix() })) }],
  [
    'QTDATA',
    {
      kind: 'quaternionTrackingData',
      tools: [{ name: 'x'.repeat(20), toolType: 4, position: v.floats(3), orientation: v.floats(4) }],
    },
  ],
];

const queries = (v: Values): Sample[] => [
  ['STT_TDATA', { kind: 'startTracking', intervalMs: 20, coordinateName: 'Patient' }],
  ['STT_QTDATA', { kind: 'startTracking', intervalMs: 0, coordinateName: '' }],
  ['STP_TDATA', { kind: 'query', verb: 'STP', target: 'TDATA', payload: v.bytes(0) }],
  ['GET_TRANSFOR', { kind: 'query', verb: 'GET', target: 'TRANSFOR', payload: v.bytes(0) }],
  ['STT_IMAGE', { kind: 'query', verb: 'STT', target: 'IMAGE', payload: v.bytes(4) }],
  ['RTS_TDATA', { kind: 'reply', target: 'TDATA', status: 1 }],
];

const images = (v: Values): Sample[] => [
  [
    'TRACKEDFRAME',
    {
      kind: 'trackedFrame',
      size: [3, 2, 1],
      components: 1,
      scalarType: 3,
      imageType: 1,
      orientation: 3,
      embedded: v.matrix(),
      fields: [
        { name: 'ProbeToTrackerTransform', value: '1 0 0 4.5 0 1 0 5 0 0 1 6 0 0 0 1' },
        { name: 'ProbeToTrackerTransformStatus', value: 'OK' },
        { name: 'Note', value: 'a < b & "c" > é' },
      ],
      pixels: v.bytes(6),
    },
  ],
  [
    'IMAGE',
    {
      kind: 'image',
      version: 1,
      components: 1,
      scalarType: 4,
      pixelsLittleEndian: false,
      coordinates: 'RAS',
      size: [4, 3, 2],
      axes: v.floats(9),
      centre: v.floats(3),
      blockStart: [1, 0, 1],
      blockSize: [3, 2, 1],
      pixels: v.bytes(12),
    },
  ],
  [
    'IMGMETA',
    {
      kind: 'imageMeta',
      images: [
        {
          name: 'n',
          id: 'i',
          modality: 'CT',
          patientName: 'p',
          patientId: 'q',
          timestamp: time,
          size: [1, 2, 3],
          scalarType: 5,
        },
      ],
    },
  ],
  ['LBMETA', { kind: 'labelMeta', labels: [{ name: 'liver', id: 'l', label: 7, rgba, size: [3, 2, 1], owner: 'ct' }] }],
  [
    'VIDEOMETA',
    {
      kind: 'videoMeta',
      videos: [
        {
          name: 'v',
          device: 'd',
          patientName: 'p',
          patientId: 'q',
          zoomLevel: -2,
          focalLength: 0.1,
          size: [640, 480, 1],
          matrix: v.matrix(),
          scalarType: 3,
        },
      ],
    },
  ],
];

const plans = (v: Values): Sample[] => [
  ['POINT', { kind: 'point', points: [{ name: 'p', group: 'Fiducial', rgba, position: v.floats(3), diameter: 2, owner: 'ct' }] }],
  [
    'TRAJ',
    {
      kind: 'trajectory',
      trajectories: [
        { name: 't', group: 'g', trajectoryType: 3, rgba, entry: v.floats(3), target: v.floats(3), diameter: 1.5, owner: 'ct' },
      ],
    },
  ],
];

const texts = (v: Values): Sample[] => [
  ['STATUS', { kind: 'status', code: 18, subcode: -5n, name: 'BUMP', message: 'Stoß' }],
  ['STRING', { kind: 'string', encoding: 106, text: 'naïve' }],
  ['STRING', { kind: 'string', encoding: 4, text: 'naïve' }],
  ['COMMAND', { kind: 'command', id: 4_000_000_000, name: 'GetTransform', encoding: 3, text: '<Command/>' }],
  ['RTS_COMMAND', { kind: 'command', id: 7, name: 'GetTransform', encoding: 106, text: '' }],
  ['CAPABILITY', { kind: 'capability', types: ['TRANSFORM', 'GET_TRANSFOR'] }],
  ['SENSOR', { kind: 'sensor', status: 1, unit: 0x8000_0000_0000_0001n, values: v.floats(3) }],
  ['NDARRAY', { kind: 'ndarray', complex: false, size: [2, 3], values: Uint16Array.from([1, 2, 3, 4, 5, 0xfffe]) }],
  ['NDARRAY', { kind: 'ndarray', complex: true, size: [2], values: Float64Array.from([1, -2, 3.5, 1e300]) }],
];

const others = (v: Values): Sample[] => [
  [
    'POLYDATA',
    {
      kind: 'polydata',
      points: v.floats(12),
      vertices: Uint32Array.from([1, 3]),
      lines: Uint32Array.from([2, 0, 1, 3, 1, 2, 3]),
      polygons: Uint32Array.from([3, 0, 1, 2]),
      triangleStrips: Uint32Array.from([4, 0, 1, 2, 3]),
      attributes: [
        { name: 'heat', attributeType: 0, components: 1, values: v.floats(4) },
        { name: 'normals', attributeType: 2, components: 3, values: v.floats(12) },
        { name: '', attributeType: 0x14, components: 4, values: v.floats(4) },
      ],
    },
  ],
  ['COLORT', { kind: 'colourTable', indexType: 'u8', mapType: 'rgb', table: v.bytes(768) }],
  [
    'BIND',
    {
      kind: 'bind',
      messages: [
        { type: 'STRING', device: 'text', content: { kind: 'string', encoding: 3, text: 'odd' } },
        { type: 'TRANSFORM', device: 'probe', content: { kind: 'transform', matrix: v.matrix() } },
        { type: 'BIND', device: 'inner', content: { kind: 'raw', bytes: v.bytes(5) } },
      ],
    },
  ],
  ['GET_BIND', { kind: 'bindRequest', resolution: undefined, wanted: [{ type: 'IMAGE', device: 'us' }] }],
  ['STT_BIND', { kind: 'bindRequest', resolution: 20n, wanted: [] }],
  ['VIDEO', { kind: 'raw', bytes: v.bytes(33) }],
  ['MYTYPE', { kind: 'raw', bytes: v.bytes(0) }],
];

/** One message of every type, small, with content that a mirrored, swapped or shifted reading would change. */
export function sampleMessages(seed = 1): IgtlMessageInit[] {
  const v = new Values(seed);
  const contents = [...poses(v), ...queries(v), ...images(v), ...plans(v), ...texts(v), ...others(v)];
  return contents.map(([type, content], i) => {
    const message = { type, device: `device ${i}`, timestamp: time, content };
    if (i % 2 === 0) return { ...message, headerVersion: 1 };
    const metadata = [
      { key: 'TransformStatus', encoding: 3, value: 'OK' },
      { key: 'Operator', encoding: 106, value: 'Jürgen' },
    ];
    return { ...message, headerVersion: 2, messageId: i, metadata: i % 4 === 1 ? metadata : [] };
  });
}

/** The same as bytes, each in an array of its own. */
export function sampleBytes(seed = 1): Uint8Array[] {
  return sampleMessages(seed).map((message) => encodeIgtl(message).slice());
}
