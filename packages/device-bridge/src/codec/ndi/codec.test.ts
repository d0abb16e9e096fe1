import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { statusOf } from '../../drivers/ndi/index.js';
import { checkStreamCodec } from '../../testing/index.js';
import {
  Bx2Reply,
  baudRateOf,
  commArguments,
  decodeBx,
  decodeGx,
  decodeTx,
  encodeBx,
  encodeBx2,
  encodeCommand,
  encodeGx,
  encodeTx,
  frameBinary,
  HANDLE_STATE,
  makeToolFile,
  NdiFrame,
  NdiReplyFramer,
  parseCommand,
  readToolFile,
  replyWord,
  streamHeader,
  toolFileWrites,
  withCrc,
} from './index.js';

const OPTION_SETS = [0x0001, 0x0801, 0x0003, 0x0005, 0x0007, 0x1000, 0x1001, 0x0009, 0x180f];

/** A frame of random content that fits the options; `tx` keeps to what its text can hold. */
function randomFrame(seed: number, options: number, tx: boolean): NdiFrame {
  const random = new Random(seed);
  const frame = new NdiFrame();
  frame.begin(options);
  const single = (x: number): number => Math.fround(x);
  // `+ 0`: the text that we write has no negative zero.
  const decimals = (most: number, places: number): number => Math.round(random.between(-most, most)) / 10 ** places + 0;
  const coordinate = (): number => (tx ? decimals(9e5, 2) : single(random.between(-3000, 3000)));
  const handles = random.below(9);
  for (let h = 0; h < handles; h += 1) {
    const states = tx ? [1, 2, 4, 8] : [1, 2, 4];
    const withTransforms = (options & 1) !== 0;
    let state = states[random.below(states.length)] as number;
    if (tx && !withTransforms && state === HANDLE_STATE.valid) state = HANDLE_STATE.missing;
    const i = frame.addHandle(h + 1, state);
    if (state === HANDLE_STATE.disabled || state === HANDLE_STATE.unoccupied) continue;
    if (withTransforms) {
      if (state === HANDLE_STATE.valid) {
        for (let k = 0; k < 8; k += 1) {
          const small = tx ? decimals(1e4, 4) : single(random.between(-1, 1));
          frame.values[i * 8 + k] = k >= 4 && k < 7 ? coordinate() : small;
        }
      }
      frame.portStatus[i] = random.nextUint32();
      frame.frameNumber[i] = random.nextUint32();
    }
    if (options & 2) for (let k = 0; k < 11; k += 1) frame.toolInfo[i * 11 + k] = random.below(256);
    if (options & 4 && random.uniform() < 0.5) {
      frame.strayStatus[i] = 1;
      for (let k = 0; k < 3; k += 1) frame.strayPosition[i * 3 + k] = coordinate();
    }
    if (options & 8) {
      const count = random.below(12);
      const first = frame.addMarkers(i, count);
      for (let k = first; k < first + count; k += 1) {
        frame.markerOutOfVolume[k] = random.below(2);
        for (let c = 0; c < 3; c += 1) frame.markers[3 * k + c] = coordinate();
      }
    }
  }
  if (options & 0x1000) {
    frame.strayCount = random.below(20);
    for (let k = 0; k < frame.strayCount; k += 1) {
      if (random.uniform() < 0.5) frame.strayOutOfVolume[k >> 3] = (frame.strayOutOfVolume[k >> 3] as number) | (1 << (k & 7));
      for (let c = 0; c < 3; c += 1) frame.strays[3 * k + c] = coordinate();
    }
  }
  frame.systemStatus = random.below(65_536);
  return frame;
}

/** All that a frame says, to compare two. */
function contents(frame: NdiFrame): unknown {
  const n = frame.count;
  return {
    handles: [...frame.handle.subarray(0, n)],
    states: [...frame.state.subarray(0, n)],
    values: [...frame.values.subarray(0, n * 8)],
    ports: [...frame.portStatus.subarray(0, n)],
    numbers: [...frame.frameNumber.subarray(0, n)],
    info: [...frame.toolInfo.subarray(0, n * 11)],
    stray: [...frame.strayPosition.subarray(0, n * 3)],
    strays: [...frame.strays.subarray(0, frame.strayCount * 3)],
    outside: [...frame.strayOutOfVolume.subarray(0, (frame.strayCount + 7) >> 3)],
    markers: Array.from({ length: n }, (_, i) => {
      const first = frame.markerStart[i] as number;
      const end = first + (frame.markerCount[i] as number);
      return [...frame.markers.subarray(3 * first, 3 * end), ...frame.markerOutOfVolume.subarray(first, end)];
    }),
    system: frame.systemStatus,
  };
}

const seeds = fc.integer({ min: 0, max: 0x7fffffff });
const bodyOf = (reply: Uint8Array): Uint8Array => reply.subarray(6, reply.length - 2);
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe('tracking replies', () => {
  it.each(OPTION_SETS)('BX with option %i decodes to what was encoded', (options) => {
    const got = new NdiFrame();
    fc.assert(
      fc.property(seeds, (seed) => {
        const frame = randomFrame(seed, options, false);
        const body = bodyOf(encodeBx(frame));
        expect(decodeBx(got, new DataView(body.buffer, body.byteOffset, body.length), 0, body.length, options)).toBe(true);
        expect(contents(got)).toEqual(contents(frame));
      }),
    );
  });

  it.each(OPTION_SETS)('TX with option %i decodes to what was encoded', (options) => {
    const got = new NdiFrame();
    fc.assert(
      fc.property(seeds, (seed) => {
        const frame = randomFrame(seed, options, true);
        const text = latin1(encodeTx(frame));
        expect(decodeTx(got, text, 0, text.length, options)).toBe(true);
        expect(contents(got)).toEqual(contents(frame));
      }),
      // Held a coordinate that rounds to negative zero.
      { examples: [[1741665339]] },
    );
  });

  it.each(OPTION_SETS)('a body of option %i that is cut or followed by more is refused, in BX and TX', (options) => {
    const got = new NdiFrame();
    const frame = randomFrame(options + 3, options, false);
    const body = bodyOf(encodeBx(frame));
    const longer = Uint8Array.from([...body, 0]);
    for (let end = 0; end < body.length; end += 1) {
      expect(decodeBx(got, new DataView(body.buffer, body.byteOffset, end), 0, end, options)).toBe(false);
    }
    expect(decodeBx(got, new DataView(longer.buffer), 0, longer.length, options)).toBe(false);
    const text = latin1(encodeTx(randomFrame(options + 3, options, true)));
    for (let end = 0; end < text.length; end += 1) expect(decodeTx(got, text, 0, end, options)).toBe(false);
    expect(decodeTx(got, latin1(`${encodeTx(frame)}0`), 0, text.length + 1, options)).toBe(false);
  });

  it('random bodies are never an exception', () => {
    const got = new NdiFrame();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 0x1fff }), (bytes, options) => {
        decodeBx(got, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, options);
        decodeTx(got, bytes, 0, bytes.length, options);
      }),
      { numRuns: 2000 * inject('effort') },
    );
  });

  it.each([20_000, -10_000, Number.NaN, Number.POSITIVE_INFINITY])(
    'a coordinate of %d is sent as missing in TX, never as another number',
    (x) => {
      const frame = new NdiFrame();
      frame.begin(1);
      const i = frame.addHandle(1, HANDLE_STATE.valid);
      frame.values.set([1, 0, 0, 0, 9999.99, -9999.99, 1.006, 9], i * 8);
      expect(encodeTx(frame)).toContain('+10000+00000+00000+00000+999999-999999+000101+90000');
      frame.values[i * 8 + 4] = x;
      expect(encodeTx(frame)).toContain('01MISSING');
    },
  );
});

/** Bytes from the layout alone: what an encoder of ours could not show wrong. */
describe('the order of bytes, bits and numbers', () => {
  const frame = new NdiFrame();
  const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

  it('in BX: little-endian, scalar first, the first marker the lowest bit', () => {
    const body = bytes(
      // one handle, 10, valid: 0.5 −0.5 0.25 0.125, 1.25 −2.5 −1500, 0.5
      '01 0a 01 0000003f 000000bf 0000803e 0000003e 0000a03f 000020c0 0080bbc4 0000003f ' +
        // port status 0x31, frame 0x01020304; tool information: bad fit, marker A used, marker T out of volume
        '31000000 04030201 01 50000000000000000003 ' +
        // two markers, the second out of volume
        '02 02 0000803f 00000040 00004040 00008040 0000a040 0000c040 ' +
        // nine strays, the ninth out of volume; system status 0x0102
        `09 0001 ${'0000803f'.repeat(27)} 0201`,
    );
    expect(decodeBx(frame, new DataView(body.buffer), 0, body.length, 0x100b)).toBe(true);
    expect([...frame.values.subarray(0, 8)]).toEqual([0.5, -0.5, 0.25, 0.125, 1.25, -2.5, -1500, 0.5]);
    expect([frame.portStatus[0], frame.frameNumber[0], frame.systemStatus]).toEqual([0x31, 0x01020304, 0x0102]);
    expect([...frame.markers.subarray(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...frame.markerOutOfVolume.subarray(0, 2)]).toEqual([0, 1]);
    expect([...frame.strayOutOfVolume.subarray(0, 2)]).toEqual([0, 1]);
    expect([frame.toolInfo[0], frame.toolInfo[1], frame.toolInfo[10]]).toEqual([1, 0x50, 0x03]);
  });

  it('in TX: scalar first, and numbers of bits with their highest digit first', () => {
    const text = latin1(
      '010A+05000-05000+02500+01250+000125-000250-150000+500000000003101020304' +
        `011+000100+000200+000300\n0510${'+000100+000100+000100'.repeat(5)}0102`,
    );
    expect(decodeTx(frame, text, 0, text.length, 0x1009)).toBe(true);
    expect([...frame.values.subarray(0, 8)]).toEqual([0.5, -0.5, 0.25, 0.125, 1.25, -2.5, -1500, 5]);
    expect([frame.portStatus[0], frame.frameNumber[0], frame.systemStatus]).toEqual([0x31, 0x01020304, 0x0102]);
    expect([...frame.markers.subarray(0, 3), frame.markerOutOfVolume[0]]).toEqual([1, 2, 3, 1]);
    expect([frame.strayCount, frame.strayOutOfVolume[0]]).toEqual([5, 0x10]);
  });
});

describe('GX', () => {
  const wired = [0x0001, 0x0003, 0x0005, 0x0009, 0x000f];
  const one = '+05000-05000+02500+01250+000125-000250-150000+05000';

  it.each(wired)('with option %i decodes to what was encoded', (options) => {
    const got = new NdiFrame();
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new Random(seed);
        const frame = new NdiFrame();
        frame.begin(options);
        for (let port = 1; port <= 3; port += 1) {
          const i = frame.addHandle(port, [1, 2, 4, 8][random.below(4)] as number);
          if ((options & 1) === 0) frame.state[i] = HANDLE_STATE.disabled;
          if (frame.state[i] === HANDLE_STATE.valid) {
            for (let k = 0; k < 8; k += 1) frame.values[8 * i + k] = random.below(9999) / (k >= 4 && k < 7 ? 100 : 10_000);
          }
          if (options & 1) frame.portStatus[i] = random.below(256);
          if (options & 2) for (let k = 0; k < 6; k += 1) frame.toolInfo[11 * i + k] = random.below(256);
          if (options & 8) frame.frameNumber[i] = random.nextUint32();
          if (options & 4 && frame.state[i] !== HANDLE_STATE.disabled && random.uniform() < 0.5) {
            frame.strayStatus[i] = 1;
            for (let k = 0; k < 3; k += 1) frame.strayPosition[3 * i + k] = random.below(1e5) / 100;
          }
        }
        frame.systemStatus = options & 1 ? random.below(256) : 0;
        const text = latin1(encodeGx(frame));
        expect(decodeGx(got, text, 0, text.length, options)).toBe(true);
        expect(contents(got)).toEqual(contents(frame));
        for (let end = 0; end < text.length - 1; end += 1) expect(decodeGx(got, text, 0, end, options)).toBe(false);
      }),
      { numRuns: 30 * inject('effort') },
    );
  });

  it('has the third port first in its status word, and passive ports by their letters', () => {
    const frame = new NdiFrame();
    const text = latin1(
      `${one}\nMISSING\nDISABLED\n01232233\n000000010000000200000003\n` +
        `${one}\nDISABLED\nUNOCCUPIED\n02AABB31\n000000040000000500000006\n021+000100+000200+000300+000400+000500+000600\n`,
    );
    expect(decodeGx(frame, text, 0, text.length, 0x9009)).toBe(true);
    expect([...frame.handle.subarray(0, frame.count)]).toEqual([1, 2, 3, 0x41, 0x42, 0x43]);
    expect([...frame.portStatus.subarray(0, 6)]).toEqual([0x33, 0x22, 0x23, 0x31, 0xbb, 0xaa]);
    expect([...frame.state.subarray(0, 6)]).toEqual([1, 2, 4, 1, 4, 8]);
    expect([...frame.frameNumber.subarray(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...frame.values.subarray(0, 8)]).toEqual([0.5, -0.5, 0.25, 0.125, 1.25, -2.5, -1500, 0.5]);
    expect(frame.systemStatus).toBe(3);
    expect([...frame.strays.subarray(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('what a reply says of a tool', () => {
  const frame = new NdiFrame();
  const status = (state: number, port: number, tx = 1): string => {
    frame.begin(0x0801);
    const i = frame.addHandle(1, state);
    frame.portStatus[i] = port;
    if (state === HANDLE_STATE.valid) frame.values.set([1, 0, 0, 0, tx, 2, 3, 0.1], 0);
    return statusOf(frame, i);
  };

  it.each([
    ['a good transform', HANDLE_STATE.valid, 0x31, 1, 'ok'],
    ['with switches pressed', HANDLE_STATE.valid, 0x3f, 1, 'ok'],
    ['out of volume', HANDLE_STATE.valid, 0x71, 1, 'outOfVolume'],
    ['partly out of volume', HANDLE_STATE.valid, 0xb1, 1, 'outOfVolume'],
    ['under interference', HANDLE_STATE.valid, 0x231, 1, 'unknown'],
    ['with a processing exception', HANDLE_STATE.valid, 0x1031, 1, 'unknown'],
    ['NDI’s bad float', HANDLE_STATE.valid, 0x31, -3.697314e28, 'missing'],
    ['NaN', HANDLE_STATE.valid, 0x31, Number.NaN, 'missing'],
    ['infinity', HANDLE_STATE.valid, 0x31, Number.POSITIVE_INFINITY, 'missing'],
    ['missing', HANDLE_STATE.missing, 0x31, 1, 'missing'],
    ['missing and out of volume', HANDLE_STATE.missing, 0x71, 1, 'missing'],
    ['unplugged', HANDLE_STATE.missing, 0x30, 1, 'disconnected'],
    ['disabled', HANDLE_STATE.disabled, 0, 1, 'disconnected'],
    ['unoccupied', HANDLE_STATE.unoccupied, 0, 1, 'disconnected'],
  ] as const)('%s', (_, state, port, tx, expected) => {
    expect(status(state, port, tx)).toBe(expected);
  });
});

describe('framing', () => {
  const frames = [0, 1, 2].map((seed) => randomFrame(seed + 40, 0x0801, false));
  const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
  const bx2 = new Bx2Reply();
  bx2.begin();
  bx2.frameCount = 1;
  bx2.frameNumber[0] = 0x0d0d0d0d;
  bx2.sixDCount = 2;
  bx2.sixDValues.set([1, 0, 0, 0, 1, 2, 3, 4]);
  bx2.sixDStatus[1] = 0x11f;

  it('conforms: any split, garbage, cuts, flipped bits and oversize', () => {
    const failures = checkStreamCodec({
      create: (onMessage, onFault) =>
        new NdiReplyFramer(
          {
            reply: (r) => onMessage(`${r.kind}:${Buffer.from(r.bytes.slice(r.start, r.end)).toString('hex')}`),
            fault: onFault,
          },
          4096,
        ),
      samples: [withCrc('OKAY'), ...frames.map(encodeBx), withCrc('A\nB\n'), withCrc(''), encodeBx2(bx2)],
      maxBytes: 4096,
      guarded: true,
    });
    expect(failures).toEqual([]);
  });

  it('conforms with streams too, whose header marks the reply behind it', () => {
    const failures = checkStreamCodec({
      // The name is left out of what is compared: where only the header came through, the next reply takes its name.
      create: (onMessage, onFault) =>
        new NdiReplyFramer(
          {
            reply: (r) => onMessage(`${r.kind}:${Buffer.from(r.bytes.slice(r.start, r.end)).toString('hex')}`),
            fault: onFault,
          },
          4096,
        ),
      samples: [joined(streamHeader('poses'), encodeBx2(bx2)), joined(streamHeader('x'), withCrc('OKAY')), withCrc('A')],
      maxBytes: 4096,
      guarded: true,
    });
    expect(failures).toEqual([]);
  });

  it('says of which stream a reply is, and of none where its header is damaged', () => {
    const got: string[] = [];
    const framer = new NdiReplyFramer({
      reply: (r) => got.push(`${r.streamed ? r.streamName() : '-'}:${r.text()}`),
      fault: (code) => got.push(code),
    });
    const broken = streamHeader('poses');
    broken[5] = 0x20;
    framer.feed(joined(streamHeader('poses'), withCrc('A'), withCrc('B'), streamHeader(''), withCrc('C'), broken, withCrc('D')));
    expect(got).toEqual(['poses:A', '-:B', ':C', 'codec/bad-crc', '-:D']);
    framer.feed(withCrc('E'));
    expect(got.at(-1)).toBe('-:E');
  });

  it('takes long replies only where they are asked for, up to its cap', () => {
    const long = new Uint8Array(6 + 100).fill(7);
    new DataView(long.buffer).setUint16(0, 0xa5c8, true);
    new DataView(long.buffer).setUint32(2, 100, true);
    const heard = (asked: boolean, maxBytes = 4096): string[] => {
      const got: string[] = [];
      const framer = new NdiReplyFramer(
        { reply: (r) => got.push(`${r.kind} ${r.end - r.start}`), fault: (code) => got.push(code) },
        maxBytes,
        asked,
      );
      for (const byte of long) framer.feed(Uint8Array.of(byte));
      framer.feed(withCrc('OKAY'));
      framer.feed(withCrc('OKAY'));
      return [got[0] as string, got.at(-1) as string];
    };
    expect(heard(true)).toEqual(['long 100', 'text 4']);
    expect(heard(true, 64)).toEqual(['codec/oversize', 'text 4']);
    expect(heard(false)).toEqual(['codec/malformed', 'text 4']);
  });

  it('refuses a length beyond its cap at once, and does not wait for it', () => {
    const faults: string[] = [];
    const replies: string[] = [];
    const framer = new NdiReplyFramer({ reply: (r) => replies.push(r.text()), fault: (code) => faults.push(code) }, 128);
    framer.feed(frameBinary(new Uint8Array(500)).subarray(0, 6));
    expect(faults).toEqual(['codec/oversize']);
    framer.feed(withCrc('OKAY'));
    expect(replies).toEqual(['OKAY']);
  });

  it('takes the largest reply there is', () => {
    const sizes: number[] = [];
    const framer = new NdiReplyFramer({ reply: (r) => sizes.push(r.end - r.start), fault: (code) => expect.unreachable(code) });
    const whole = frameBinary(new Uint8Array(65_535).fill(0x0d));
    for (let at = 0; at < whole.length; at += 1000) framer.feed(whole.subarray(at, at + 1000));
    expect(sizes).toEqual([65_535]);
  });

  it('tells an error in text from a binary reply', () => {
    const got: string[] = [];
    const framer = new NdiReplyFramer({
      reply: (r) => got.push(r.kind === 'text' ? r.text() : 'binary'),
      fault: () => got.push('fault'),
    });
    framer.feed(Buffer.concat([withCrc('ERROR0C'), encodeBx(frames[0] as NdiFrame), withCrc('ERROR01')]));
    expect(got).toEqual(['ERROR0C', 'binary', 'ERROR01']);
    expect(replyWord('ERROR0C')).toMatchObject({ word: 'error', code: '0C', meaning: 'the command is not allowed in this mode' });
    expect(replyWord('WARNING03')).toMatchObject({ word: 'warning', code: '03' });
    expect(replyWord('WARNING')).toMatchObject({ word: 'warning', code: '' });
    expect(replyWord('ERRORS')).toEqual({ word: 'data' });
  });
});

describe('commands', () => {
  it('come back from both forms', () => {
    fc.assert(
      fc.property(fc.constantFrom('TX', 'PHSR', 'BX2', 'GET'), fc.stringMatching(/^[ -~]{0,60}$/), (name, args) => {
        for (const form of ['crc', 'plain'] as const) {
          const bytes = encodeCommand(name, args, form);
          expect(parseCommand(bytes.subarray(0, bytes.length - 1))).toEqual({ name, args, form });
        }
      }),
    );
  });

  it('with a wrong CRC are refused, and so is what is no command', () => {
    const bytes = encodeCommand('PHSR', '02');
    bytes[5] = 0x33;
    expect(() => parseCommand(bytes.subarray(0, bytes.length - 1))).toThrowError(/CRC/);
    expect(() => parseCommand(latin1('tx 0001'))).toThrowError(/no NDI command/);
    expect(() => encodeCommand('TX', 'a\rb')).toThrowError(/printable/);
  });

  it('COMM knows the rates there are', () => {
    for (const rate of [9600, 14_400, 19_200, 38_400, 57_600, 115_200, 230_400, 921_600, 1_228_739]) {
      expect(baudRateOf(commArguments(rate))).toBe(rate);
    }
    expect(commArguments(115_200)).toBe('50000');
    expect(() => commArguments(12_345)).toThrowError(/9600/);
  });
});

describe('tool files', () => {
  const markers = [
    [0, 0, 0],
    [50.5, 0, 0],
    [0, -80.25, 12],
  ] as const;

  it('that are made are read back', () => {
    const info = readToolFile(makeToolFile({ markers, partNumber: 'PROBE-1', manufacturer: 'ACME', mainType: 1 }));
    expect(info).toEqual({
      mainType: 1,
      markers: markers.map((m) => [...m]),
      normals: markers.map(() => [0, 0, 1]),
      maxAngleDegrees: 90,
      minimumMarkers: 3,
      maxErrorMm: 2,
      manufacturer: 'ACME',
      partNumber: 'PROBE-1',
    });
  });

  it('are uploaded in 16 writes of 64 bytes that hold the file', () => {
    const file = makeToolFile({ markers, partNumber: 'P' });
    const writes = toolFileWrites(0x0a, file);
    expect(writes).toHaveLength(16);
    expect(writes.map((w) => w.slice(0, 6))).toEqual(
      Array.from({ length: 16 }, (_, i) => `0A${(i * 64).toString(16).toUpperCase().padStart(4, '0')}`),
    );
    const data = Buffer.from(writes.map((w) => w.slice(6)).join(''), 'hex');
    expect(data.subarray(0, 752).equals(Buffer.from(file))).toBe(true);
    expect(data.subarray(752).every((b) => b === 0)).toBe(true);
  });

  it('that are damaged, short or something else are refused, with the reason', () => {
    const file = makeToolFile({ markers, partNumber: 'P' });
    for (let i = 6; i < file.length; i += 31) {
      const broken = file.slice();
      broken[i] = (broken[i] as number) ^ 0x10;
      expect(() => readToolFile(broken)).toThrowError(expect.toSatisfy((e: unknown) => isNavError(e, 'device/bad-tool-file')));
    }
    expect(() => readToolFile(file.subarray(0, 329))).toThrowError(/329 bytes/);
    expect(() => readToolFile(Uint8Array.of(1, 0, 0x41, 1, ...new Uint8Array(325)))).toThrowError(/Aurora/);
    const notFinite = file.slice();
    new DataView(notFinite.buffer).setFloat32(0x48, Number.NaN, true);
    const sum = notFinite.subarray(6).reduce((a, b) => a + b, 0) & 0xffff;
    new DataView(notFinite.buffer).setUint16(4, sum, true);
    expect(() => readToolFile(notFinite)).toThrowError(/no number/);
    expect(() => makeToolFile({ markers: markers.slice(0, 2), partNumber: 'P' })).toThrowError(/3 to 20/);
  });
});
