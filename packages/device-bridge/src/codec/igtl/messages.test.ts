import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIgtl, encodeIgtl, IgtlFramer, type IgtlMessage, type IgtlMessageInit, IgtlStorage } from './index.js';
import { sampleMessages } from './test-messages.js';
import { timestampOf, utcMsOf } from './time.js';

function decodeOne(bytes: Uint8Array, borrow = false): IgtlMessage {
  const heard: IgtlMessage[] = [];
  const framer = new IgtlFramer({
    message: (frame) => heard.push(decodeIgtl(frame, borrow)),
    fault: (fault) => expect.unreachable(fault.message),
  });
  framer.feed(bytes);
  expect(heard.length).toBe(1);
  return heard[0] as IgtlMessage;
}

const refusal = (code: string): unknown => expect.objectContaining({ name: 'NavError', code });

describe('messages', () => {
  it.each(sampleMessages().map((message) => [message.type, message] as const))('%s comes back as it was', (_, message) => {
    const defaults = { messageId: 0, metadata: [] };
    const decoded = decodeOne(encodeIgtl(message).slice());
    expect(decoded).toEqual({ ...defaults, ...message });
    expect(encodeIgtl(decoded)).toEqual(encodeIgtl(message));
  });

  it('writes into storage again and again, and the same bytes as into new storage', () => {
    const storage = new IgtlStorage(1);
    for (let round = 0; round < 3; round += 1) {
      for (const message of sampleMessages(round)) expect(encodeIgtl(message, storage)).toEqual(encodeIgtl(message));
    }
  });

  it('copies bytes unless asked to lend them', () => {
    const message: IgtlMessageInit = { type: 'VIDEO', device: '', content: { kind: 'raw', bytes: Uint8Array.of(1, 2, 3) } };
    const bytes = encodeIgtl(message).slice();
    const copy = decodeOne(bytes).content;
    const lent = decodeOne(bytes, true).content;
    bytes[58] = 9;
    expect([copy, lent].map((c) => c.kind === 'raw' && [...c.bytes])).toEqual([
      [1, 2, 3],
      [9, 2, 3],
    ]);
  });

  it('refuses to write what its fields cannot hold', () => {
    const string = { kind: 'string', encoding: 3, text: '' } as const;
    const base = { type: 'STRING', device: 'd', content: string } as const;
    const cases: [IgtlMessageInit, string][] = [
      [{ ...base, device: 'x'.repeat(21) }, 'igtl/does-not-fit'],
      [{ ...base, device: 'é'.repeat(11) }, 'igtl/does-not-fit'],
      [{ ...base, device: 'a\0b' }, 'igtl/does-not-fit'],
      [{ ...base, type: 'x'.repeat(13), content: { kind: 'raw', bytes: new Uint8Array(0) } }, 'igtl/does-not-fit'],
      [{ ...base, type: '', content: { kind: 'raw', bytes: new Uint8Array(0) } }, 'igtl/does-not-fit'],
      [{ ...base, metadata: [{ key: 'k', encoding: 3, value: 'v' }] }, 'igtl/does-not-fit'],
      [{ ...base, messageId: 1 }, 'igtl/does-not-fit'],
      [{ ...base, timestamp: { seconds: 2 ** 32, fraction: 0 } }, 'igtl/does-not-fit'],
      [{ ...base, content: { ...string, text: 'x'.repeat(65_536) } }, 'igtl/does-not-fit'],
      [{ ...base, content: { ...string, encoding: 4, text: '√' } }, 'igtl/does-not-fit'],
      [{ ...base, type: 'TRANSFORM' }, 'igtl/bad-value'],
      [{ ...base, type: 'TRANSFORM', content: { kind: 'transform', matrix: new Float64Array(16) } }, 'igtl/does-not-fit'],
      [{ ...base, type: 'TRANSFORM', content: { kind: 'transform', matrix: new Float64Array(12) } }, 'igtl/does-not-fit'],
      [
        { ...base, type: 'SENSOR', content: { kind: 'sensor', status: 0, unit: -1n, values: new Float64Array(0) } },
        'igtl/does-not-fit',
      ],
      [
        { ...base, type: 'NDARRAY', content: { kind: 'ndarray', complex: false, size: [2], values: new Uint8Array(3) } },
        'igtl/does-not-fit',
      ],
      [
        {
          ...base,
          type: 'COLORT',
          content: { kind: 'colourTable', indexType: 'u8', mapType: 'u8', table: new Uint8Array(255) },
        },
        'igtl/does-not-fit',
      ],
    ];
    for (const [message, code] of cases) expect(() => encodeIgtl(message)).toThrow(refusal(code));
  });

  it('keeps names that are no UTF-8, one character a byte', () => {
    const bytes = encodeIgtl({ type: 'VIDEO', device: 'Z', content: { kind: 'raw', bytes: new Uint8Array(0) } }).slice();
    bytes.set([0x4a, 0xfc, 0x72], 14);
    expect(decodeOne(bytes).device).toBe('Jür');
  });

  it('tells two names apart that differ in their last letter', () => {
    for (const device of ['ProbeToTrackerSystem', 'ProbeToTrackerSysteM', 'ProbeToTrackerSystem']) {
      const content = { kind: 'raw', bytes: new Uint8Array(0) } as const;
      expect(decodeOne(encodeIgtl({ type: 'X', device, content })).device).toBe(device);
    }
  });

  it('tells two names apart that share a place in the cache', () => {
    for (let i = 0; i < 2000; i += 1) {
      const message = { type: `T${i}`, device: `tool ${i * 7919}`, content: { kind: 'raw', bytes: new Uint8Array(0) } } as const;
      const { type, device } = decodeOne(encodeIgtl(message));
      expect([type, device]).toEqual([message.type, message.device]);
    }
  });
});

/** A message of a type with content that its encoder would not write. */
function raw(type: string, numbers: readonly number[]): Uint8Array {
  const content = { kind: 'raw', bytes: Uint8Array.from(numbers) } as const;
  return encodeIgtl({ type, device: '', content }).slice();
}

const u32 = (...values: number[]): number[] => values.flatMap((v) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
const zeros = (n: number): number[] => new Array<number>(n).fill(0);
/** One point and one list of polygons, `count` of them and the numbers of the list. */
const surface = (count: number, list: number[], ...rest: number[]): number[] => [
  ...u32(1, 0, 0, 0, 0, count, 4 * list.length, 0, 0, 0),
  ...zeros(12),
  ...u32(...list),
  ...rest,
];
const attribute = (type: number, components: number): number[] => {
  const out = [...u32(1, 0, 0, 0, 0, 0, 0, 0, 0, 1), ...zeros(12), type, components, ...u32(1), 0x61, 0];
  return [...out, ...zeros(4 * components)];
};

describe('content that contradicts itself', () => {
  it.each([
    ['POLYDATA', 'whole', surface(1, [1, 0]), undefined],
    ['POLYDATA', 'an index of no point', surface(1, [1, 1]), 'igtl/bad-value'],
    ['POLYDATA', 'a cell longer than its list', surface(1, [2, 0]), 'igtl/bad-value'],
    ['POLYDATA', 'another number of cells', surface(2, [1, 0]), 'igtl/size-mismatch'],
    ['POLYDATA', 'bytes left over', surface(1, [1, 0], 7), 'igtl/wrong-size'],
    ['POLYDATA', 'four thousand million points', [...u32(0xffff_ffff), ...zeros(36)], 'igtl/wrong-size'],
    ['POLYDATA', 'as many attributes', [...zeros(36), ...u32(0xffff_ffff)], 'igtl/size-mismatch'],
    ['POLYDATA', 'an attribute, whole', attribute(2, 3), undefined],
    ['POLYDATA', 'normals of two numbers', attribute(2, 2), 'igtl/size-mismatch'],
    ['POLYDATA', 'an attribute of no kind', attribute(5, 1), 'igtl/bad-value'],
    ['POLYDATA', 'scalars of no numbers', attribute(0, 0), 'igtl/bad-value'],
    ['SENSOR', 'fewer readings', [2, 0, ...zeros(16)], 'igtl/size-mismatch'],
    ['NDARRAY', 'a type of no number', [9, 1, 0, 1, 0], 'igtl/bad-value'],
    ['NDARRAY', 'fewer numbers', [3, 1, 0, 2, 0], 'igtl/size-mismatch'],
    ['STRING', 'a longer text', [0, 3, 0, 9, 0x61], 'igtl/wrong-size'],
    ['STRING', 'a shorter text', [0, 3, 0, 0, 0x61], 'igtl/wrong-size'],
    ['STATUS', 'no name', zeros(29), 'igtl/wrong-size'],
    ['RTS_TDATA', 'no status', [], 'igtl/wrong-size'],
    ['CAPABILITY', 'half a type', zeros(13), 'igtl/wrong-size'],
    ['BIND', 'a child longer than it', [0, 1, ...zeros(12), ...zeros(6), 1, 0, 0, 0], 'igtl/wrong-size'],
    [
      'BIND',
      'a child that is wrong',
      [0, 1, 0x50, 0x4f, 0x49, 0x4e, 0x54, ...zeros(7), ...zeros(7), 1, 0, 0, 9],
      'igtl/wrong-size',
    ],
    ['BIND', 'names without an end', [0, 1, ...zeros(20), 0, 2, 0x61, 0x61], 'igtl/wrong-size'],
  ] as const)('%s: %s', (type, _, numbers, code) => {
    if (code === undefined) expect(decodeOne(raw(type, numbers)).content.kind).toBe('polydata');
    else expect(() => decodeOne(raw(type, numbers))).toThrow(refusal(code));
  });
});

describe('times', () => {
  it('go to the wire and back within half a microsecond', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 4_294_967_295_999, noNaN: true }), (ms) => {
        expect(Math.abs(utcMsOf(timestampOf(ms)) - ms)).toBeLessThan(5e-4);
      }),
    );
  });

  it('have a binary fraction, and 0 for none', () => {
    expect(timestampOf(1500)).toEqual({ seconds: 1, fraction: 2 ** 31 });
    expect(timestampOf(1999.999_999_99)).toEqual({ seconds: 2, fraction: 0 });
    expect(utcMsOf({ seconds: 0, fraction: 2 ** 30 })).toBe(250);
    expect(utcMsOf({ seconds: 0, fraction: 0 })).toBeNaN();
    expect(timestampOf(Number.NaN)).toEqual({ seconds: 0, fraction: 0 });
    for (const ms of [-1, 2 ** 32 * 1000, Number.POSITIVE_INFINITY]) {
      expect(() => timestampOf(ms)).toThrow(refusal('igtl/does-not-fit'));
    }
  });
});
