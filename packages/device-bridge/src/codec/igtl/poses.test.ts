import { PoseSample, type Status } from '@trocar/core';
import { fromQuaternion, Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import {
  encodeIgtl,
  type IgtlContent,
  type IgtlFrame,
  IgtlFramer,
  type IgtlMetadata,
  plusMetadata,
  plusStatus,
  readPositionPose,
  readTransform,
  readTransformPose,
  ToolPoses,
  TrackingDataPacker,
  TransformPacker,
} from './index.js';

/** Hands the frame of one message to `use`. */
function withFrame(bytes: Uint8Array, use: (frame: IgtlFrame) => void): void {
  let called = 0;
  const framer = new IgtlFramer({
    message: (frame) => {
      called += 1;
      use(frame);
    },
    fault: (fault) => expect.unreachable(fault.message),
  });
  framer.feed(bytes);
  expect(called).toBe(1);
}

/** Turns x to y, y to z, z to x: no transpose and no mirror is the same; exact in single precision. */
const cyclic = Float64Array.of(0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10.5, -20.25, 30.125, 1);
const time = Float64Array.of(1_700_000_000_123.5);

describe('TRANSFORM', () => {
  it('has its numbers column by column, big-endian, at their places on the wire', () => {
    const bytes = new TransformPacker('ProbeToTracker').pack(cyclic, time);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const numbers = Array.from({ length: 12 }, (_, i) => view.getFloat32(58 + 4 * i));
    expect(numbers).toEqual([0, 1, 0, 0, 0, 1, 1, 0, 0, 10.5, -20.25, 30.125]);
    expect(view.getUint32(34)).toBe(1_700_000_000);
    expect(view.getUint32(38)).toBe(Math.round(0.1235 * 2 ** 32));
  });

  it('packed is the same as encoded, in both header versions, again and again', () => {
    const random = new Random(5);
    const q = new Float64Array(4);
    const matrix = new Float64Array(16);
    for (const headerVersion of [1, 2] as const) {
      const metadata = headerVersion === 2 ? plusMetadata('ok') : [];
      const packer = new TransformPacker('StylusToReference', { headerVersion, metadata });
      for (let i = 0; i < 50; i += 1) {
        fromQuaternion(matrix, random.rotation(q), [random.normal(), 7, -3]);
        const out = new Float64Array(16);
        const cell = new Float64Array(1);
        withFrame(packer.pack(matrix, time), (frame) => {
          expect([frame.type, frame.device, frame.headerVersion]).toEqual(['TRANSFORM', 'StylusToReference', headerVersion]);
          expect(readTransform(frame, out)).toBe(true);
          frame.readTime(cell);
        });
        expect(Math.abs((cell[0] as number) - (time[0] as number))).toBeLessThan(5e-4);
        expect([...out]).toEqual([...matrix].map(Math.fround));
      }
    }
  });

  it('read as a pose turns points as the matrix does, and not as its transpose', () => {
    const sample = new PoseSample();
    withFrame(new TransformPacker('a').pack(cyclic, time), (frame) => expect(readTransformPose(frame, sample)).toBe('ok'));
    const back = fromQuaternion(new Float64Array(16), sample.values.subarray(6, 10), sample.values.subarray(3, 6));
    for (let i = 0; i < 16; i += 1) expect(back[i]).toBeCloseTo(cyclic[i] as number, 12);
    expect(sample.status).toBe('unknown');
  });

  it('that scales, mirrors or is no number is no pose; another size is none', () => {
    const sample = new PoseSample();
    const spoil = (at: number, value: number): Uint8Array => {
      const m = Float64Array.from(cyclic);
      m[at] = value;
      return new TransformPacker('a').pack(m, time);
    };
    for (const bytes of [spoil(1, 1.01), spoil(1, -1), spoil(1, Number.NaN), spoil(12, Number.POSITIVE_INFINITY)]) {
      withFrame(bytes, (frame) => expect(readTransformPose(frame, sample)).toBe('not-rigid'));
    }
    expect(sample.values.every(Number.isNaN)).toBe(true);
    const short = encodeIgtl({ type: 'X', device: '', content: { kind: 'raw', bytes: new Uint8Array(47) } });
    withFrame(short, (frame) => expect(readTransformPose(frame, sample)).toBe('wrong-size'));
  });

  it('gives NaN where the sender gave no time', () => {
    const cell = new Float64Array(1);
    withFrame(new TransformPacker('a').pack(cyclic, Float64Array.of(Number.NaN)), (frame) => {
      frame.readTime(cell);
      expect(frame.utcMs).toBeNaN();
    });
    expect(cell[0]).toBeNaN();
  });
});

describe('POSITION', () => {
  const read = (orientation: number[]): { reading: string; values: number[] } => {
    const sample = new PoseSample();
    let reading = '';
    const content: IgtlContent = {
      kind: 'position',
      position: Float64Array.of(1, 2, 3),
      orientation: Float64Array.from(orientation),
    };
    withFrame(encodeIgtl({ type: 'POSITION', device: '', content }), (frame) => {
      reading = readPositionPose(frame, sample);
    });
    return { reading, values: [...sample.values.subarray(3)] };
  };

  it('has position, then x y z w', () => {
    expect(read([0.5, -0.5, 0.5, -0.5])).toEqual({ reading: 'ok', values: [1, 2, 3, 0.5, -0.5, 0.5, -0.5] });
  });

  it('of three numbers gets its scalar from the others', () => {
    expect(read([0.5, -0.5, 0.5])).toEqual({ reading: 'ok', values: [1, 2, 3, 0.5, -0.5, 0.5, 0.5] });
    expect(read([0.75, 0.75, 0]).values.at(-1)).toBe(0);
  });

  it('without orientation is said to have none', () => {
    const { reading, values } = read([]);
    expect([reading, values.slice(0, 3)]).toEqual(['no-orientation', [1, 2, 3]]);
    expect(values.slice(3).every(Number.isNaN)).toBe(true);
  });
});

describe('TDATA and QTDATA', () => {
  const poses = new ToolPoses();
  const sample = new PoseSample();

  it('are read into the same storage, whatever the number of tools', () => {
    for (const n of [3, 1, 8, 0]) {
      const matrices = new Float64Array(16 * n);
      for (let i = 0; i < n; i += 1) {
        matrices.set(cyclic, 16 * i);
        matrices[16 * i + 12] = i;
      }
      const tools = Array.from({ length: n }, (_, i) => ({ name: `tool ${i}`, toolType: i }));
      withFrame(new TrackingDataPacker('Tracker', tools).pack(matrices, time), (frame) => expect(poses.read(frame)).toBe(true));
      expect(poses.count).toBe(n);
      expect(poses.names.slice(0, n)).toEqual(tools.map((t) => t.name));
      expect([...poses.toolTypes.subarray(0, n)]).toEqual(tools.map((t) => t.toolType));
      expect([...poses.matrices.subarray(0, 16 * n)]).toEqual([...matrices]);
      for (let i = 0; i < n; i += 1) {
        expect(poses.pose(i, sample)).toBe('ok');
        expect([...sample.values.subarray(3)].map((x) => Math.round(x * 1e9) / 1e9)).toEqual([
          i,
          -20.25,
          30.125,
          0.5,
          0.5,
          0.5,
          0.5,
        ]);
      }
    }
  });

  it('with quaternions are read as they are', () => {
    const tools = [{ name: 'q', toolType: 2, position: Float64Array.of(1, 2, 3), orientation: Float64Array.of(0, 0, 0, -1) }];
    const content: IgtlContent = { kind: 'quaternionTrackingData', tools };
    withFrame(encodeIgtl({ type: 'QTDATA', device: '', content }), (frame) => expect(poses.read(frame)).toBe(true));
    expect(poses.pose(0, sample)).toBe('ok');
    expect([...sample.values.subarray(3)]).toEqual([1, 2, 3, 0, 0, 0, -1]);
  });

  it('of part of a tool are refused, and leave no tools', () => {
    const bytes = encodeIgtl({ type: 'X', device: '', content: { kind: 'raw', bytes: new Uint8Array(71) } }).slice();
    bytes.set(new TextEncoder().encode('TDATA'), 2);
    withFrame(bytes, (frame) => expect(poses.read(frame)).toBe(false));
    expect(poses.count).toBe(0);
  });
});

describe('the status that PLUS gives', () => {
  const statusOf = (entries: Readonly<Record<string, string>> | undefined): Status => {
    let status: Status = 'ok';
    const metadata = Object.entries(entries ?? {}).map(([key, value]): IgtlMetadata => ({ key, encoding: 3, value }));
    const packer = new TransformPacker('a', { headerVersion: entries === undefined ? 1 : 2, metadata });
    withFrame(packer.pack(cyclic, time), (frame) => {
      status = plusStatus(frame);
    });
    return status;
  };

  it.each([
    [undefined, 'unknown'],
    [{}, 'unknown'],
    [{ Operator: 'OK' }, 'unknown'],
    [{ TransformStatus: 'OK' }, 'ok'],
    [{ TransformStatus: 'ok', TransformValid: 'True' }, 'ok'],
    [{ TransformValid: 'true' }, 'ok'],
    [{ TransformStatus: 'OK', TransformValid: 'False' }, 'missing'],
    [{ TransformValid: 'False' }, 'missing'],
    [{ TransformValid: 'perhaps' }, 'unknown'],
    [{ TransformStatus: 'MISSING', TransformValid: 'True' }, 'missing'],
    [{ TransformStatus: 'OUT_OF_VIEW' }, 'missing'],
    [{ TransformStatus: 'TOOL_OUT_OF_VIEW' }, 'missing'],
    [{ TransformStatus: 'INVALID' }, 'missing'],
    [{ TransformStatus: 'REQ_TIMEOUT' }, 'missing'],
    [{ TransformStatus: 'OUT_OF_VOLUME', TransformValid: 'False' }, 'outOfVolume'],
    [{ TransformStatus: 'SWITCH1_IS_ON' }, 'unknown'],
    [{ TransformStatus: 'SWITCH1_IS_ON', TransformValid: 'False' }, 'missing'],
    [{ TransformStatus: 'OKAY', TransformValid: 'True' }, 'unknown'],
    [{ TransformStatus: '' }, 'unknown'],
    [{ transformstatus: 'OK' }, 'unknown'],
  ] as const)('for %o is %s', (entries, status) => expect(statusOf(entries)).toBe(status));

  it.each(['ok', 'outOfVolume', 'missing'] as const)('that we write as %s is read as that', (status) => {
    expect(statusOf(Object.fromEntries(plusMetadata(status).map((m) => [m.key, m.value])))).toBe(status);
  });

  it.each(['predicted', 'unknown', 'stale', 'disconnected'] as const)('that we write for %s is not valid', (status) => {
    expect(statusOf(Object.fromEntries(plusMetadata(status).map((m) => [m.key, m.value])))).toBe('missing');
  });
});
