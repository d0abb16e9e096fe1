import { platform } from '#io/platform';
import { NavError } from '../../base/index.js';
import { swapWords } from '../../io/bytes.js';
import { inflateRaw } from '../../io/compression.js';
import { isPairSwapped } from '../../io/dicom/big-endian.js';
import { bitsOf } from '../../io/dicom/layout.js';
import { codeStream, NATIVE, storedValues } from '../../io/dicom/pixels.js';
import type { FramePixels } from '../../io/dicom/slice.js';
import { unpackBits } from './bits.js';
import { corrupt, type ReadObject } from './read.js';

/** The values of one frame, row by row: 0 or 1, stored fractions, or numbers of segments. */
export type SegmentValues = (frame: number) => Uint8Array | Uint16Array;

/** Deflated Image Frame Compression (PS3.5, A.4.13): each frame by itself, of whatever bits. */
const DEFLATED_FRAMES = '1.2.840.10008.1.2.8.1';

/**
 * The pixels of a Segmentation: single bits native or deflated, 8 and 16 bits in every syntax that images are read in.
 * @throws NavError `dicom/unsupported-syntax` for bits in another syntax; `dicom/truncated`, `io/corrupt`, `assets/…`
 */
export async function segmentPixels(from: ReadObject, frames: number): Promise<SegmentValues> {
  const { dataset, syntax } = from;
  const [rows, columns] = [dataset.uint16('x00280010') ?? 0, dataset.uint16('x00280011') ?? 0];
  const bits = dataset.uint16('x00280100');
  if (dataset.elements['x7fe00010'] === undefined || rows * columns === 0 || (bits !== 1 && bits !== 8 && bits !== 16)) {
    throw corrupt(from, `it has ${columns}×${rows} pixels of ${bits ?? 'unknown'} bits, where 1, 8 or 16 bits are known`);
  }
  if (bits === 1 && NATIVE.has(syntax)) return nativeBits(from, rows * columns, frames);
  if (bits === 1 && syntax !== DEFLATED_FRAMES) {
    throw new NavError(
      'dicom/unsupported-syntax',
      `"${from.name}" holds single bits in transfer syntax ${syntax || '(none)'}, which cannot be decoded here. Ask the archive for an ` +
        'uncompressed copy.',
      { detail: { file: from.name, syntax } },
    );
  }
  const layout = bits === 1 ? BITS : bitsOf(from, (what) => corrupt(from, what));
  if (layout.signed || layout.bitsAllocated === 32) throw corrupt(from, 'its pixels are signed, which no segment is');
  const header = { file: from, rows, columns, frames, layout };
  const list = Array.from({ length: frames }, (_, frame): FramePixels => ({ header, frame }));
  if (syntax === DEFLATED_FRAMES) return deflated(from, list, bits);
  const all = (await storedValues(list, { platform, signal: undefined, progress: () => {} })) as Uint8Array | Uint16Array;
  return (n) => all.slice(n * rows * columns, (n + 1) * rows * columns);
}

/** What {@link codeStream} is told of single bits; it looks at fragments only. */
const BITS = { bitsAllocated: 8, bitsStored: 1, highBit: 0, signed: false } as const;

/** Bits of one frame after the other, without a gap (PS3.5, 8.1.1). */
function nativeBits(from: ReadObject, area: number, frames: number): SegmentValues {
  const { dataOffset, length } = from.dataset.elements['x7fe00010'] as { dataOffset: number; length: number };
  const needed = Math.ceil((area * frames) / 8);
  if (length < needed) throw corrupt(from, `its pixels take ${needed} bytes but it holds ${length}`);
  let bytes = from.dataset.byteArray.subarray(dataOffset, dataOffset + length);
  if (isPairSwapped(from, 'x7fe00010')) {
    bytes = bytes.slice();
    swapWords(bytes, 2);
  }
  return (n) => unpackBits(bytes, n * area, area);
}

async function deflated(from: ReadObject, list: readonly FramePixels[], bits: 1 | 8 | 16): Promise<SegmentValues> {
  const { rows, columns } = (list[0] as FramePixels).header;
  const needed = Math.ceil((rows * columns * bits) / 8);
  const frames: Uint8Array[] = [];
  for (const slice of list) frames.push(await inflated(from, slice, needed));
  return (n) => {
    const bytes = frames[n] as Uint8Array;
    if (bits === 1) return unpackBits(bytes, 0, rows * columns);
    return bits === 8 ? bytes.slice(0, needed) : new Uint16Array(bytes.slice(0, needed).buffer);
  };
}

async function inflated(from: ReadObject, slice: FramePixels, needed: number): Promise<Uint8Array> {
  const code = codeStream(slice);
  // A stream of odd length has one byte of padding behind it (PS3.5, A.4), which some inflaters take for damage.
  const most = needed + 2;
  const bytes = await inflateRaw(code, most)
    .catch((cause: unknown) => {
      if (code.at(-1) === 0) return inflateRaw(code.subarray(0, -1), most);
      throw cause;
    })
    .catch((cause: unknown) => {
      throw new NavError(
        'io/corrupt',
        `The deflated pixels of "${from.name}" frame ${slice.frame + 1} are damaged. Transfer it again.`,
        {
          detail: { file: from.name, frame: slice.frame },
          cause,
        },
      );
    });
  if (bytes.length >= needed) return bytes;
  throw corrupt(from, `frame ${slice.frame + 1} holds ${bytes.length} bytes where its size needs ${needed}`);
}
