import { isNavError } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import { decodeIgtl, frameTransforms, IgtlFramer, type TrackedFrameContent } from './index.js';

/**
 * A TRACKEDFRAME written here byte by byte from the layout of PLUS's header: 16-bit numbers for scalars, components, type and size, two
 * 32-bit lengths, the orientation, and sixteen floats in the sender's own byte order, row by row; then the text, then the pixels.
 */
function written(change: (content: DataView, bytes: Uint8Array) => void = () => undefined): Uint8Array {
  const text = new TextEncoder().encode(
    '<TrackedFrame Timestamp="12.5" ImageDataValid="true" NumberOfBits="8" FrameSize="4 2 1">\n' +
      '  <FrameField Name="ProbeToTrackerTransform" Value="0 -1 0 10 1 0 0 20 0 0 1 30 0 0 0 1" />\n' +
      '  <FrameField Name="ProbeToTrackerTransformStatus" Value="OK" />\n' +
      '  <FrameField Name="StylusToTrackerTransform" Value="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1" />\n' +
      '  <FrameField Name="StylusToTrackerTransformStatus" Value="INVALID" />\n' +
      '  <FrameField Name="Comment" Value="a &lt; b &amp; c" />\n' +
      '</TrackedFrame>\n',
  );
  const content = new Uint8Array(86 + text.length + 8);
  const view = new DataView(content.buffer);
  for (const [i, n] of [3, 1, 1, 4, 2, 1].entries()) view.setUint16(2 * i, n);
  view.setUint32(12, 8);
  view.setUint32(16, text.length);
  view.setUint16(20, 5);
  const rows = [0.5, 0, 0, 1, 0, 0.25, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1];
  for (const [i, x] of rows.entries()) view.setFloat32(22 + 4 * i, x, true);
  content.set(text, 86);
  content.set([1, 2, 3, 4, 5, 6, 7, 8], 86 + text.length);
  change(view, content);
  const bytes = new Uint8Array(58 + content.length);
  const head = new DataView(bytes.buffer);
  head.setUint16(0, 1);
  bytes.set(new TextEncoder().encode('TRACKEDFRAME'), 2);
  bytes.set(new TextEncoder().encode('ImageToTracker'), 14);
  head.setBigUint64(42, BigInt(content.length));
  bytes.set(content, 58);
  head.setBigUint64(50, BigInt.asUintN(64, BigInt(crcOf(content))));
  return bytes;
}

/** CRC-64 of ECMA-182 as a number of 64 bits, whatever form the codec's own has. */
function crcOf(content: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of content) {
    crc ^= BigInt(byte) << 56n;
    for (let k = 0; k < 8; k += 1) crc = BigInt.asUintN(64, crc & (1n << 63n) ? (crc << 1n) ^ 0x42f0e1eba9ea3693n : crc << 1n);
  }
  return crc;
}

function decoded(bytes: Uint8Array): TrackedFrameContent {
  let found: TrackedFrameContent | undefined;
  const framer = new IgtlFramer({
    message: (frame) => {
      const { content } = decodeIgtl(frame);
      if (content.kind === 'trackedFrame') found = content;
    },
    fault: ({ message }) => expect.unreachable(message),
  });
  framer.feed(bytes);
  return found as TrackedFrameContent;
}

describe('TRACKEDFRAME', () => {
  it('is read as PLUS lays it out: rows, byte orders, text and pixels', () => {
    const frame = decoded(written());
    expect(frame).toMatchObject({ size: [4, 2, 1], components: 1, scalarType: 3, imageType: 1, orientation: 5 });
    expect([...frame.embedded]).toEqual([0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0, 1, 0, 1, 2, 3, 1]);
    expect([...frame.pixels]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(frame.fields.at(-1)).toEqual({ name: 'Comment', value: 'a < b & c' });
  });

  it('has transforms with their words, rows turned into columns', () => {
    const [probe, stylus, ...rest] = frameTransforms(decoded(written()));
    expect(rest).toEqual([]);
    expect(probe).toMatchObject({ name: 'ProbeToTracker', status: 'OK' });
    expect([...(probe?.matrix ?? [])]).toEqual([0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 10, 20, 30, 1]);
    expect(stylus).toMatchObject({ name: 'StylusToTracker', status: 'INVALID' });
  });

  it('has no numbers where the text is no matrix', () => {
    for (const value of ['', '1 2 3', '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 x', '0x1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1']) {
      const [one] = frameTransforms({ fields: [{ name: 'AToBTransform', value }] });
      expect([...(one?.matrix ?? [])].some(Number.isNaN), value).toBe(true);
    }
    expect(frameTransforms({ fields: [{ name: 'Transform', value: '' }] })).toEqual([]);
  });

  it.each<[string, string, (view: DataView, bytes: Uint8Array) => void]>([
    ['another number of pixels', 'igtl/size-mismatch', (v) => v.setUint16(6, 5)],
    ['a length of text that is not there', 'igtl/size-mismatch', (v) => v.setUint32(16, 4_000_000_000)],
    ['a type of numbers that does not exist', 'igtl/bad-value', (v) => v.setUint16(0, 9)],
    ['no components', 'igtl/bad-value', (v) => v.setUint16(2, 0)],
  ])('is refused with %s', (_, code, change) => {
    expect(() => decoded(written(change))).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('is refused where a field does not end', () => {
    const bytes = written((_, content) => {
      for (let i = 86; i < content.length; i += 1) if (content[i] === 0x3e) content[i] = 0x20;
    });
    try {
      decoded(bytes);
      expect.unreachable();
    } catch (error) {
      expect(isNavError(error, 'igtl/bad-value')).toBe(true);
    }
  });

  it('is checked here by a CRC that shares nothing with the codec', () => {
    const content = new TextEncoder().encode('123456789');
    expect(crcOf(content)).toBe(0x6c40df5f0b497347n);
  });
});
