import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Part, parameterOf, readParts } from './multipart.js';

const BOUNDARY = 'b-o.u/nd';
const TYPE = `multipart/related; type="application/dicom"; boundary="${BOUNDARY}"`;

interface Body {
  readonly parts: readonly Uint8Array[];
  readonly lengths: boolean;
  readonly preamble: boolean;
}

function bodyOf({ parts, lengths, preamble }: Body): Uint8Array {
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n${lengths ? `content-length:${part.length}\r\n` : ''}\r\n`),
    Buffer.from(part),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([Buffer.from(preamble ? 'hello\r\n' : ''), ...pieces, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array, void, undefined> {
  const at = [0, ...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let n = 1; n < at.length; n += 1) yield bytes.subarray(at[n - 1], at[n]);
}

async function read(bytes: Uint8Array, cuts: readonly number[] = [], type = TYPE): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const part of readParts(cutAt(bytes, cuts), type, 'GET x')) parts.push(part);
  return parts;
}

/** Parts that look like boundaries in every way but one. */
const partBytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .array(fc.constantFrom('\r\n', '--', `--${BOUNDARY.slice(0, -1)}`, `\r\n--${BOUNDARY.slice(0, -1)}x`, '\r', 'x'), {
      maxLength: 12,
    })
    .map((words) => new Uint8Array(Buffer.from(words.join('')))),
);
const body = fc.record({ parts: fc.array(partBytes, { maxLength: 4 }), lengths: fc.boolean(), preamble: fc.boolean() });

describe('a multipart answer', () => {
  it('is the same parts however the network cuts it', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.array(fc.nat(), { maxLength: 20 }), async (one, cuts) => {
        const parts = await read(bodyOf(one), cuts);
        expect(parts.map((p) => Buffer.from(p.bytes))).toEqual(one.parts.map((p) => Buffer.from(p)));
        expect(parts.every((p) => p.contentType === 'application/dicom')).toBe(true);
      }),
    );
  });

  it('that ends early, at any byte, is an error, and hands out whole parts only', async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.nat(), async (one, n) => {
        const whole = bodyOf(one);
        // Its last line end may be missing.
        const end = n % (whole.length - 2);
        const came: Part[] = [];
        const run = async (): Promise<void> => {
          for await (const part of readParts(cutAt(whole.subarray(0, end), []), TYPE, 'GET x')) came.push(part);
        };
        await expect(run()).rejects.toMatchObject({ code: 'archive/bad-answer' });
        expect(came.map((p) => Buffer.from(p.bytes))).toEqual(one.parts.slice(0, came.length).map((p) => Buffer.from(p)));
      }),
    );
  });

  it('survives any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await expect(read(Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n`), bytes]))).rejects.toMatchObject({
          code: 'archive/bad-answer',
        });
      }),
    );
  });

  it('hands out a part before the next has come', async () => {
    const whole = bodyOf({ parts: [Uint8Array.of(1), Uint8Array.of(2)], lengths: true, preamble: false });
    const never = new Promise<never>(() => undefined);
    async function* slow(): AsyncGenerator<Uint8Array, void, undefined> {
      yield whole.subarray(0, whole.indexOf(2) - 20);
      await never;
    }
    const first = await readParts(slow(), TYPE, 'GET x').next();
    expect((first.value as Part).bytes).toEqual(Uint8Array.of(1));
  });

  it('reads parameters, quoted or not', () => {
    expect(parameterOf('multipart/related; type="application/octet-stream; transfer-syntax=1.2"; boundary=a-b', 'boundary')).toBe(
      'a-b',
    );
    expect(parameterOf(TYPE, 'boundary')).toBe(BOUNDARY);
    expect(parameterOf('application/dicom', 'boundary')).toBeUndefined();
  });
});
