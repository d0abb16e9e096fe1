import { NavError } from '../../base/index.js';
import { type ImageFrame, imageFault } from '../../recording/index.js';

/**
 * The bytes that a textured plane or a flat view takes of a live image: one a pixel where it is grey, and four (red, green, blue, alpha) where it
 * is coloured. Grey of 8 bits is given as it is, without a copy.
 * @param out to write to, where something must be written: `width · height` times 1 or 4
 * @param window the numbers of 16 bits that become black and white. Default 0 and 65535
 * @throws NavError `ultrasound/bad-image` for an image that is none, or an `out` of another size; `ultrasound/bad-option` for a window that is empty
 */
export function displayPixels(frame: ImageFrame, out: Uint8Array, window: readonly [number, number] = [0, 65_535]): Uint8Array {
  const fault = imageFault(frame);
  const { components, number, pixels } = frame;
  const channels = components === 1 ? 1 : 4;
  const count = frame.width * frame.height;
  if (fault === undefined && components === 1 && number === 'u8') return pixels;
  if (fault !== undefined || out.length !== count * channels) {
    const what = fault ?? `needs ${count * channels} bytes to be shown, and there are ${out.length}`;
    throw new NavError('ultrasound/bad-image', `The live image ${what}.`);
  }
  const [low, high] = window;
  if (!(high > low)) throw new NavError('ultrasound/bad-option', `A window from ${low} to ${high} is empty.`);
  const scale = 255 / (high - low);
  // Clamped and rounded by the array itself.
  const to = new Uint8ClampedArray(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < count; i += 1) {
    for (let c = 0; c < channels; c += 1) {
      const from = i * components + c;
      if (c >= components) to[i * channels + c] = 255;
      else if (number === 'u8') to[i * channels + c] = pixels[from] as number;
      else to[i * channels + c] = scale * ((pixels[2 * from] as number) + 256 * (pixels[2 * from + 1] as number) - low);
    }
  }
  return out;
}
