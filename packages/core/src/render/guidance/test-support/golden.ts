import { commands } from 'vitest/browser';
import type { Picture } from './rig.js';

/** Where the pictures lie, from the repository's root. */
const FOLDER = 'packages/core/src/render/guidance/golden';
/** Where those of the plain views lie. */
export const VIEWS_FOLDER = 'packages/core/src/render/golden';
/** Kept pictures have half the pixels each way, in 32 levels: they are small, and still to be looked at. */
const LEVEL = 8;
/** Kept pictures are compared by squares of so many of their pixels: edges that a driver smooths otherwise do not count. */
const SQUARE = 2;
/** A square whose mean differs by more than this of 255 in any channel is another one. */
const TOLERANCE = 24;
/** So large a part of the squares may be another: letters differ from system to system. */
export const MOST_OTHER = 0.006;

/** The part of the squares that differ, of two pictures as drawn or of one with a kept one: 0 … 1; 1 for different sizes. */
export function differing(drawn: Picture, other: Picture): number {
  const a = halved(drawn);
  const b = other.width === drawn.width ? halved(other) : other;
  if (a.width !== b.width || a.height !== b.height) return 1;
  const [columns, rows] = [Math.floor(a.width / SQUARE), Math.floor(a.height / SQUARE)];
  let found = 0;
  for (let v = 0; v < rows; v += 1) {
    for (let u = 0; u < columns; u += 1) if (squareDiffers(a, b, u, v)) found += 1;
  }
  return found / (columns * rows);
}

function squareDiffers(a: Picture, b: Picture, u: number, v: number): boolean {
  for (let k = 0; k < 3; k += 1) {
    let sum = 0;
    for (let y = 0; y < SQUARE; y += 1) {
      for (let x = 0; x < SQUARE; x += 1) {
        const at = 4 * ((v * SQUARE + y) * a.width + u * SQUARE + x) + k;
        sum += (a.data[at] as number) - (b.data[at] as number);
      }
    }
    if (Math.abs(sum) > TOLERANCE * SQUARE * SQUARE) return true;
  }
  return false;
}

/** Whether the pictures are to be made anew: `VITE_TROCAR_GOLDEN=1 npx vitest run --project browser PATH`. Look at each of them then. */
export const REMAKE: boolean =
  (import.meta as unknown as { env: Record<string, string | undefined> }).env['VITE_TROCAR_GOLDEN'] === '1';

/** The picture that is kept under a name; made anew first where that was asked for. */
export async function golden(name: string, picture: Picture, folder: string = FOLDER): Promise<Picture> {
  const path = `${folder}/${name}.png`;
  if (REMAKE) await commands.writeFile(path, base64(halved(picture)), 'base64');
  const text = await commands.readFile(path, 'base64');
  return decoded(text);
}

/** Means of two by two pixels, in steps of {@link LEVEL}. */
function halved({ width, height, data }: Picture): Picture {
  const [w, h] = [width >> 1, height >> 1];
  const out = new Uint8ClampedArray(4 * w * h).fill(255);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      for (let k = 0; k < 3; k += 1) {
        const at = 4 * (2 * y * width + 2 * x) + k;
        const sum =
          (data[at] as number) +
          (data[at + 4] as number) +
          (data[at + 4 * width] as number) +
          (data[at + 4 * width + 4] as number);
        out[4 * (y * w + x) + k] = LEVEL * Math.round(sum / (4 * LEVEL));
      }
    }
  }
  return { width: w, height: h, data: out };
}

/** A picture as PNG, base64. */
function base64({ width, height, data }: Picture): string {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(Uint8ClampedArray.from(data), width, height);
  (canvas.getContext('2d') as CanvasRenderingContext2D).putImageData(image, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1] as string;
}

async function decoded(text: string): Promise<Picture> {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }), { colorSpaceConversion: 'none' });
  const canvas = document.createElement('canvas');
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const c = canvas.getContext('2d') as CanvasRenderingContext2D;
  c.drawImage(bitmap, 0, 0);
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height, data: c.getImageData(0, 0, width, height).data };
}
