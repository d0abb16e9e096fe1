import { Random } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { sixDStatusOf } from '../../drivers/ndi/index.js';
import { Bx2Reply, decodeBx2, encodeBx2, encodeBx2Body, frameBinary, GBF, STRAY_HANDLE } from './index.js';

const seeds = fc.integer({ min: 0, max: 0x7fffffff });
const single = (x: number): number => Math.fround(x);

/** A reply of random content: up to four frames, and data outside frames too. */
function randomReply(seed: number): Bx2Reply {
  const random = new Random(seed);
  const reply = new Bx2Reply();
  reply.begin();
  const frames = random.below(5);
  for (let f = -1; f < frames; f += 1) {
    if (f >= 0) {
      reply.frameCount = f + 1;
      reply.frameType[f] = random.below(8);
      reply.frameSequence[f] = random.below(256);
      reply.frameStatus[f] = random.below(65_536);
      reply.frameNumber[f] = random.nextUint32();
      reply.frameSeconds[f] = random.nextUint32();
      reply.frameNanoseconds[f] = random.below(1e9);
    }
    addSixD(reply, f, random);
    addMarkers(reply, f, random);
    addSmall(reply, f, random);
  }
  for (let n = random.below(4); n > 0; n -= 1) {
    reply.alertType[reply.alertCount] = random.below(3);
    reply.alertCode[reply.alertCount] = random.below(20);
    reply.alertCount += 1;
  }
  return reply;
}

function addSixD(reply: Bx2Reply, f: number, random: Random): void {
  for (let n = random.below(4); n > 0; n -= 1) {
    const i = reply.sixDCount;
    reply.sixDFrame[i] = f;
    reply.sixDHandle[i] = random.below(65_536);
    reply.sixDStatus[i] = random.below(65_536);
    const missing = ((reply.sixDStatus[i] as number) & 0x100) !== 0;
    for (let k = 0; k < 8; k += 1) reply.sixDValues[8 * i + k] = missing ? Number.NaN : single(random.between(-3000, 3000));
    reply.sixDCount = i + 1;
  }
}

function addMarkers(reply: Bx2Reply, f: number, random: Random): void {
  for (let n = random.below(6); n > 0; n -= 1) {
    const i = reply.threeDCount;
    reply.threeDFrame[i] = f;
    reply.threeDHandle[i] = random.uniform() < 0.5 ? STRAY_HANDLE : 1 + random.below(2);
    reply.threeDStatus[i] = random.below(9);
    reply.threeDIndex[i] = random.below(65_536);
    for (let k = 0; k < 3; k += 1) {
      reply.threeDValues[3 * i + k] = reply.threeDStatus[i] === 1 ? Number.NaN : single(random.between(-3000, 3000));
    }
    reply.threeDCount = i + 1;
  }
}

function addSmall(reply: Bx2Reply, f: number, random: Random): void {
  const buttons = random.below(4);
  for (let n = 0; n < buttons; n += 1) {
    const i = reply.buttonCount;
    reply.buttonFrame[i] = f;
    reply.buttonHandle[i] = 3;
    reply.buttonIndex[i] = n;
    reply.buttonState[i] = random.below(2);
    reply.buttonCount = i + 1;
  }
  for (let n = random.below(4); n > 0; n -= 1) {
    const i = reply.errorCount;
    reply.errorFrame[i] = f;
    reply.errorHandle[i] = 4;
    reply.errorIndex[i] = random.below(20);
    reply.errorMm[i] = single(random.uniform());
    reply.errorCount = i + 1;
  }
}

/** All that a reply says, to compare two; entries that are of a frame before those that are of none. */
function contents(reply: Bx2Reply): unknown {
  const rows = (count: number, frames: Int16Array, row: (i: number) => unknown[]): unknown[] =>
    Array.from({ length: count }, (_, i) => [frames[i], ...row(i)]).sort((a, b) => Number(a[0]) - Number(b[0]));
  const n = reply.frameCount;
  return {
    frames: Array.from({ length: n }, (_, i) => [
      reply.frameType[i],
      reply.frameSequence[i],
      reply.frameStatus[i],
      reply.frameNumber[i],
      reply.frameSeconds[i],
      reply.frameNanoseconds[i],
    ]),
    sixD: rows(reply.sixDCount, reply.sixDFrame, (i) => [
      reply.sixDHandle[i],
      reply.sixDStatus[i],
      ...reply.sixDValues.subarray(8 * i, 8 * i + 8),
    ]),
    threeD: rows(reply.threeDCount, reply.threeDFrame, (i) => [
      reply.threeDHandle[i],
      reply.threeDStatus[i],
      reply.threeDIndex[i],
      ...reply.threeDValues.subarray(3 * i, 3 * i + 3),
    ]),
    buttons: rows(reply.buttonCount, reply.buttonFrame, (i) => [
      reply.buttonHandle[i],
      reply.buttonIndex[i],
      reply.buttonState[i],
    ]),
    errors: rows(reply.errorCount, reply.errorFrame, (i) => [reply.errorHandle[i], reply.errorIndex[i], reply.errorMm[i]]),
    alerts: Array.from({ length: reply.alertCount }, (_, i) => [reply.alertType[i], reply.alertCode[i]]),
  };
}

const got = new Bx2Reply();
const decode = (body: Uint8Array, start = 0, end = body.length): boolean =>
  decodeBx2(got, new DataView(body.buffer, body.byteOffset, body.length), start, end);

describe('BX2', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const reply = randomReply(seed);
        expect(decode(encodeBx2Body(reply))).toBe(true);
        expect(contents(got)).toEqual(contents(reply));
      }),
      { numRuns: 300 * inject('effort') },
    );
  });

  /** Every byte by hand, from the layout alone: what an encoder of ours could not show wrong. */
  it('is read byte by byte as laid out: little-endian, scalar first, mm', () => {
    const hex =
      // version 1, two components
      '0100 0200 ' +
      // frame component: type 1, size 12+16+4+12+36+12+4+16 … , option 0, one item
      '0100 70000000 0000 01000000 ' +
      // passive, sequence 5, status 0, number 0x01020304, 1,700,000,000 s, 500,000,000 ns
      '02 05 0000 04030201 00f15365 0065cd1d ' +
      // nested: version 1, two components
      '0100 0200 ' +
      // 6D: type 2, size 12+36, one item: handle 10, ok with face 2 (0x4000)
      '0200 30000000 0000 01000000 0a00 0040 ' +
      // 0.5 −0.5 0.5 0.5, 1.25, −2.5, −1500, 0.125
      '0000003f 000000bf 0000003f 0000003f 0000a03f 000020c0 0080bbc4 0000003e ' +
      // 3D: type 3, size 12+4+4, one item: strays, one marker, missing, reserved, index 7
      '0300 14000000 0000 01000000 ffff 0100 01 00 0700 ' +
      // alert component: type 0x12, size 16, one item: alert, reserved, bump
      '1200 10000000 0000 01000000 01 00 0200';
    const body = new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    new DataView(body.buffer).setUint32(6, 12 + 16 + 4 + 48 + 20, true);
    expect(decode(body)).toBe(true);
    expect([got.frameType[0], got.frameSequence[0], got.frameNumber[0]]).toEqual([2, 5, 0x01020304]);
    expect([got.frameSeconds[0], got.frameNanoseconds[0]]).toEqual([1_700_000_000, 500_000_000]);
    expect([got.sixDHandle[0], (got.sixDStatus[0] as number) >> 13]).toEqual([10, 2]);
    expect([...got.sixDValues.subarray(0, 8)]).toEqual([0.5, -0.5, 0.5, 0.5, 1.25, -2.5, -1500, 0.125]);
    expect([got.threeDHandle[0], got.threeDStatus[0], got.threeDIndex[0]]).toEqual([STRAY_HANDLE, 1, 7]);
    expect(got.threeDValues[0]).toBeNaN();
    expect([got.alertType[0], got.alertCode[0]]).toEqual([1, 2]);
    expect(Buffer.from(encodeBx2Body(got)).toString('hex')).toBe(Buffer.from(body).toString('hex'));
  });

  it('skips images and other types by their size, and counts them', () => {
    const reply = randomReply(5);
    const body = encodeBx2Body(reply);
    const image = new Uint8Array(12 + 500).fill(0xee);
    const view = new DataView(image.buffer);
    view.setUint16(0, GBF.image, true);
    view.setUint32(2, image.length, true);
    const out = new Uint8Array(body.length + image.length);
    out.set(body.subarray(0, 4));
    out.set(image, 4);
    out.set(body.subarray(4), 4 + image.length);
    new DataView(out.buffer).setUint16(2, new DataView(body.buffer).getUint16(2, true) + 1, true);
    expect(decode(out)).toBe(true);
    expect(contents(got)).toEqual(contents(reply));
    expect([got.skippedComponents, got.skippedBytes]).toEqual([1, 500]);
  });

  it('that is cut, or followed by more, is refused at every length', () => {
    for (const seed of [1, 2, 3]) {
      const body = encodeBx2Body(randomReply(seed));
      for (let end = 0; end < body.length; end += 1) expect(decode(body, 0, end)).toBe(false);
      expect(decode(Uint8Array.from([...body, 0]))).toBe(false);
    }
  });

  it.each([
    ['a version it does not know', [2, 0, 0, 0]],
    ['a component smaller than its own header', [1, 0, 1, 0, 2, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a component larger than the reply', [1, 0, 1, 0, 0x99, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0]],
    ['more items than can stand in it', [1, 0, 1, 0, 2, 0, 12, 0, 0, 0, 0, 0, 255, 255, 255, 255]],
    ['items that leave a rest', [1, 0, 1, 0, 2, 0, 20, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]],
    [
      'a frame inside a frame',
      [1, 0, 1, 0, 1, 0, 64, 0, 0, 0, 0, 0, 1, 0, 0, 0].concat(
        new Array(16).fill(0),
        [1, 0, 1, 0, 1, 0, 32, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        new Array(16).fill(0),
        [1, 0, 0, 0],
      ),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(decode(Uint8Array.from(bytes))).toBe(false);
  });

  it('takes as many tools as a short reply holds, and refuses more than it has room for', () => {
    const reply = new Bx2Reply();
    reply.begin();
    for (let i = 0; i < 1024; i += 1) reply.sixDStatus[i] = 0x11f;
    reply.sixDFrame.fill(-1);
    reply.sixDCount = 1024;
    const body = encodeBx2Body(reply);
    expect(decode(body)).toBe(true);
    expect(got.sixDCount).toBe(1024);
    const more = new Uint8Array(body.length + 4);
    more.set(body);
    more.set(body.subarray(16, 20), body.length);
    const view = new DataView(more.buffer);
    view.setUint32(6, view.getUint32(6, true) + 4, true);
    view.setUint32(12, 1025, true);
    expect(decode(more)).toBe(false);
  });

  it('goes through the framer, and a flipped byte does not', () => {
    const reply = encodeBx2(randomReply(9));
    expect(reply.subarray(6, reply.length - 2)).toEqual(encodeBx2Body(randomReply(9)));
    expect(frameBinary(encodeBx2Body(randomReply(9)))).toEqual(reply);
  });
});

describe('what BX2 says of a tool', () => {
  const reply = new Bx2Reply();
  const status = (bits: number, tx = 1): string => {
    reply.begin();
    reply.sixDStatus[0] = bits;
    reply.sixDValues.set([1, 0, 0, 0, tx, 2, 3, 0.1]);
    reply.sixDCount = 1;
    return sixDStatusOf(reply, 0);
  };

  it.each([
    ['ok', 0, 1, 'ok'],
    ['ok, averaged, seen by face 3', 0x6200, 1, 'ok'],
    ['partly out of volume', 3, 1, 'outOfVolume'],
    ['out of volume', 9, 1, 'outOfVolume'],
    ['partly averaged', 5, 1, 'unknown'],
    ['too few markers', 13, 1, 'unknown'],
    ['interference', 14, 1, 'unknown'],
    ['bad fit', 17, 1, 'unknown'],
    ['fell behind', 20, 1, 'unknown'],
    ['a code that is not known', 99, 1, 'unknown'],
    ['missing', 0x100 | 31, 1, 'missing'],
    ['too few markers and no transform', 0x100 | 13, 1, 'missing'],
    ['not enabled', 0x100 | 32, 1, 'disconnected'],
    ['unplugged', 0x100 | 33, 1, 'disconnected'],
    ['NDI’s bad float', 0, -3.697314e28, 'missing'],
    ['NaN', 0, Number.NaN, 'missing'],
  ] as const)('%s', (_, bits, tx, expected) => {
    expect(status(bits, tx)).toBe(expected);
  });
});
