import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { decodeIgtl, encodeIgtl, type IgtlFault, IgtlFramer, type IgtlFramerOptions } from './index.js';
import { sampleBytes } from './test-messages.js';

interface Heard {
  readonly messages: string[];
  readonly faults: IgtlFault[];
}

function listen(options?: IgtlFramerOptions): { heard: Heard; framer: IgtlFramer } {
  const heard: Heard = { messages: [], faults: [] };
  const framer = new IgtlFramer(
    {
      message: (frame) => heard.messages.push(`${frame.offset} ${frame.type} ${frame.device}`),
      fault: (fault) => heard.faults.push(fault),
    },
    options,
  );
  return { heard, framer };
}

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const text = (device: string, value: string): Uint8Array =>
  encodeIgtl({ type: 'STRING', device, content: { kind: 'string', encoding: 3, text: value } }).slice();

const good = text('a', 'first');
const next = text('b', 'second');

describe('IgtlFramer', () => {
  it('gives the same messages cut at every byte, in threes and byte by byte', () => {
    const samples = sampleBytes();
    const stream = join(...samples);
    const whole = listen();
    whole.framer.feed(stream);
    expect(whole.heard.messages.length).toBe(samples.length);
    const check = (chunks: Uint8Array[]): void => {
      const { heard, framer } = listen();
      for (const chunk of chunks) framer.feed(chunk);
      framer.end();
      expect(heard).toEqual(whole.heard);
    };
    for (let at = 0; at <= stream.length; at += 1) check([stream.subarray(0, at), stream.subarray(at)]);
    const random = new Random(7);
    for (let round = 0; round < 200; round += 1) {
      const a = random.below(stream.length);
      const b = a + random.below(stream.length - a);
      check([stream.subarray(0, a), stream.subarray(a, b), stream.subarray(b)]);
    }
    check(Array.from(stream, (byte) => Uint8Array.of(byte)));
  });

  it('reads a message where it lies, also in a chunk that begins within its buffer', () => {
    const buffer = new Uint8Array(500);
    buffer.set(good, 13);
    const chunk = buffer.subarray(13, 13 + good.length);
    let same = false;
    const framer = new IgtlFramer({
      message: (frame) => {
        same = frame.bytes.buffer === buffer.buffer && frame.start === 13;
        expect(decodeIgtl(frame).content).toEqual({ kind: 'string', encoding: 3, text: 'first' });
      },
      fault: (fault) => expect.unreachable(fault.message),
    });
    framer.feed(chunk);
    expect(same).toBe(true);
  });

  it('tells a bad CRC once, with its place, and goes on behind it', () => {
    const bad = good.slice();
    bad[60] = (bad[60] as number) ^ 1;
    for (const step of [1, 7, 1000]) {
      const { heard, framer } = listen();
      const stream = join(next, bad, next);
      for (let at = 0; at < stream.length; at += step) framer.feed(stream.subarray(at, at + step));
      expect(heard.faults).toMatchObject([{ code: 'codec/bad-crc', offset: next.length, skipped: bad.length, fatal: false }]);
      expect(heard.messages).toEqual(['0 STRING b', `${next.length + bad.length} STRING b`]);
    }
  });

  it('notices every single flipped bit of a body and of its CRC', () => {
    for (let bit = 50 * 8; bit < good.length * 8; bit += 1) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      const { heard, framer } = listen();
      framer.feed(bad);
      expect(heard.messages).toEqual([]);
      expect(heard.faults.map((f) => f.code)).toEqual(['codec/bad-crc']);
    }
  });

  it('tells an extended header and metadata whose sizes do not add up, and goes on behind them', () => {
    const content = { kind: 'string', encoding: 3, text: 'x' } as const;
    const metadata = [{ key: 'k', encoding: 3, value: 'v' }];
    const v2 = encodeIgtl({ type: 'STRING', device: 'a', content, headerVersion: 2, metadata }).slice();
    const breakAt = (at: number, value: number): Uint8Array => resealed(v2, (view) => view.setUint16(at, value));
    const countAt = 58 + 12 + 5;
    const cases: [Uint8Array, string][] = [
      [breakAt(58, 11), 'igtl/bad-extended-header'],
      [breakAt(58, 0xffff), 'igtl/bad-extended-header'],
      [breakAt(60, 0xffff), 'igtl/bad-extended-header'],
      [breakAt(62, 0xffff), 'igtl/bad-extended-header'],
      [breakAt(60, 1), 'igtl/bad-metadata'],
      [breakAt(60, 0), 'igtl/bad-metadata'],
      [breakAt(countAt, 2), 'igtl/bad-metadata'],
      [breakAt(countAt, 0xffff), 'igtl/bad-metadata'],
      [breakAt(countAt + 2, 2), 'igtl/bad-metadata'],
      [breakAt(countAt + 6, 0xffff), 'igtl/bad-metadata'],
      [breakAt(countAt + 8, 0), 'igtl/bad-metadata'],
      [resealed(v2.slice(0, 58 + 11), () => undefined), 'igtl/bad-extended-header'],
    ];
    for (const [bytes, code] of cases) {
      const { heard, framer } = listen();
      framer.feed(join(bytes, next));
      expect(heard.faults.map((f) => [f.code, f.fatal])).toEqual([[code, false]]);
      expect(heard.messages).toEqual([`${bytes.length} STRING b`]);
    }
  });

  it('skips what a longer extended header adds', () => {
    const v2 = encodeIgtl({
      type: 'STRING',
      device: 'a',
      content: { kind: 'string', encoding: 3, text: 'x' },
      headerVersion: 2,
    });
    const longer = join(v2.subarray(0, 70), Uint8Array.of(9, 9, 9, 9), v2.subarray(70));
    const bytes = resealed(longer, (view) => view.setUint16(58, 16));
    const heard: unknown[] = [];
    const framer = new IgtlFramer({ message: (f) => heard.push(decodeIgtl(f).content), fault: (f) => heard.push(f) });
    framer.feed(bytes);
    expect(heard).toEqual([{ kind: 'string', encoding: 3, text: 'x' }]);
  });

  it.each([
    ['another version', 'igtl/bad-version', (b: Uint8Array) => b.set([0, 3], 0)],
    ['a type that is no text', 'igtl/bad-header', (b: Uint8Array) => b.set([0x07], 4)],
    ['no type', 'igtl/bad-header', (b: Uint8Array) => b.fill(0, 2, 14)],
    ['more than 2⁵³ bytes', 'igtl/impossible-size', (b: Uint8Array) => b.set([0, 0x20], 42)],
    ['more than the cap', 'codec/oversize', (b: Uint8Array) => b.set([0, 0, 0x10], 45)],
  ])('ends the stream at a header with %s: %s', (_, code, spoil) => {
    const bad = good.slice();
    spoil(bad);
    for (const step of [1, 1000]) {
      const { heard, framer } = listen({ maxBodyBytes: 2 ** 20 });
      const stream = join(next, bad, next, next);
      for (let at = 0; at < stream.length; at += step) framer.feed(stream.subarray(at, at + step));
      framer.end();
      expect(heard.messages).toEqual(['0 STRING b']);
      expect(heard.faults).toMatchObject([{ code, offset: next.length, fatal: true }]);
      expect([framer.failed, framer.buffered]).toEqual([true, 0]);
      framer.reset();
      framer.feed(next);
      expect(heard.messages).toEqual(['0 STRING b', '0 STRING b']);
    }
  });

  it('keeps no more than has come, whatever a header claims', () => {
    const header = good.slice(0, 58);
    new DataView(header.buffer).setBigUint64(42, 100n * 2n ** 20n);
    const { heard, framer } = listen();
    framer.feed(header);
    framer.feed(new Uint8Array(1000));
    expect(framer.buffered).toBe(1058);
    framer.end();
    expect(heard.faults).toMatchObject([{ code: 'igtl/truncated-body', skipped: 1058, fatal: true }]);
  });

  it('takes a body as large as the cap, and refuses a cap that is none', () => {
    const { heard, framer } = listen({ maxBodyBytes: good.length - 58 });
    framer.feed(good);
    expect(heard.messages.length).toBe(1);
    for (const maxBodyBytes of [-1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => listen({ maxBodyBytes })).toThrow(expect.objectContaining({ code: 'codec/oversize' }));
    }
  });

  it('throws on what a handler throws, once, with the stream in order', () => {
    const seen: string[] = [];
    const framer = new IgtlFramer({
      message: (frame) => {
        seen.push(frame.device);
        if (frame.device === 'a') throw new Error('mine');
      },
      fault: () => undefined,
    });
    expect(() => framer.feed(join(good, next, good, next.subarray(0, 60)))).toThrow('mine');
    framer.feed(next.subarray(60));
    expect(seen).toEqual(['a', 'b', 'a', 'b']);
  });

  it('never makes up a message from random bytes', () => {
    const random = new Random(3);
    for (let round = 0; round < 2000; round += 1) {
      const { heard, framer } = listen();
      framer.feed(Uint8Array.from({ length: 58 + random.below(300) }, () => random.below(256)));
      framer.end();
      expect(heard.messages).toEqual([]);
      expect(heard.faults.length).toBe(1);
    }
  });
});

/** The message with its body changed and its size and CRC made right for that. */
function resealed(message: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const body = message.slice();
  change(new DataView(body.buffer));
  const sealed = encodeIgtl({ type: 'X', device: '', content: { kind: 'raw', bytes: body.subarray(58) } });
  const out = sealed.slice();
  out.set(message.subarray(0, 42));
  return out;
}

it('refuses content with a NavError and goes on', () => {
  const wrong = encodeIgtl({ type: 'X', device: 'a', content: { kind: 'raw', bytes: new Uint8Array(47) } }).slice();
  wrong.set(new TextEncoder().encode('TRANSFORM'), 2);
  const codes: unknown[] = [];
  const framer = new IgtlFramer({
    message: (frame) => {
      try {
        codes.push(decodeIgtl(frame).type);
      } catch (error) {
        codes.push(isNavError(error) && error.code);
      }
    },
    fault: (fault) => codes.push(fault.code),
  });
  framer.feed(join(wrong, next));
  expect(codes).toEqual(['igtl/wrong-size', 'STRING']);
});
