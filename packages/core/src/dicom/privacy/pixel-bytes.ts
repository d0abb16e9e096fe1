import { numberAt } from './burned-in.js';
import type { RawElement, RawFile } from './elements.js';
import { withoutComments } from './pixel-comments.js';
import { textAt } from './survey.js';

const PIXEL_DATA = 0x7fe0_0010;

/**
 * Pixels without what is none: uncompressed ones without what stands behind the last of them in the same element, compressed ones
 * without comments. Pixels that do not say how many they are stay as they are.
 */
export function withoutExcess(file: RawFile): { readonly elements: readonly RawElement[]; readonly notes: readonly string[] } {
  const { elements } = file;
  const element = elements.find(({ tag }) => tag === PIXEL_DATA);
  if (element?.fragments !== undefined) return compressed(elements, element);
  const due = dueBytes(file);
  if (element?.bytes === undefined || due === undefined) return { elements, notes: [] };
  const excess = element.bytes.length - due - (due % 2);
  if (excess <= 0 && element.bytes.length === due) return { elements, notes: [] };
  const bytes = new Uint8Array(due + (due % 2));
  bytes.set(element.bytes.subarray(0, due));
  if (element.bytes.length < due) return { elements, notes: ['the pixels are fewer than the file says'] };
  const notes = excess > 0 ? [`${excess} bytes behind the last pixel were left out`] : [];
  return { elements: elements.map((e) => (e === element ? { ...e, bytes } : e)), notes };
}

/** Compressed frames with their comments blanked; the offset table, which is the first fragment, has none. */
function compressed(elements: readonly RawElement[], element: RawElement): ReturnType<typeof withoutExcess> {
  const made = (element.fragments ?? []).map(withoutComments);
  const blanked = made.reduce((sum, one) => sum + one.blanked, 0);
  if (blanked === 0) return { elements, notes: [] };
  const fragments = made.map(({ fragment }) => fragment);
  const notes = [`${blanked} comments inside of compressed frames were blanked`];
  return { elements: elements.map((e) => (e === element ? { ...e, fragments } : e)), notes };
}

/** How many bytes the pixels take (PS3.5, 8.1); undefined where the file does not say. */
function dueBytes(file: RawFile): number | undefined {
  const { elements } = file;
  const [rows, columns, bits] = [numberAt(file, 0x0028_0010), numberAt(file, 0x0028_0011), numberAt(file, 0x0028_0100)];
  const samples = numberAt(file, 0x0028_0002) || 1;
  const frames = Number(textAt(elements, 0x0028_0008) || 1);
  if (rows * columns * bits === 0 || !Number.isInteger(frames) || frames < 1) return undefined;
  const photometric = textAt(elements, 0x0028_0004);
  // Two of three samples: both colours are stored for every second pixel of a row (PS3.3, C.7.6.3.1.2).
  const perPixel = /_422$/.test(photometric) ? 2 : samples;
  if (/_420$/.test(photometric)) return undefined;
  return Math.ceil((rows * columns * perPixel * frames * bits) / 8);
}
