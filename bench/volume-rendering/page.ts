import { decode } from '../render/shared.js';
import { countTextureBytes } from '../render/texture-bytes.js';
import { type Contender, cameraOf, type Look, type Shown, type View } from './shared.js';

/** The contenders, by what the runner calls them. */
const CONTENDERS = {
  trocar: async () => (await import('./trocar.js')).trocar,
  vtk: async () => (await import('./vtk.js')).vtk,
  niivue: async () => (await import('./niivue.js')).niivue,
} satisfies Record<string, () => Promise<Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

/** What the benchmark tells a page. */
export interface PageOrder {
  readonly who: ContenderName;
  readonly url: string;
  readonly look: Look;
  /** A step to draw with, in voxels; nothing where the library has its own. */
  readonly step: number | undefined;
  /** How long to draw, ms; at least 3 frames are drawn. 0: not at all. */
  readonly drawMs: number;
  /** Takes pictures with these steps, in voxels, at the first place of the path, the needle far away. */
  readonly pictures: readonly number[];
  /** Counts texture bytes, which costs time: such a run's times are not to be used. */
  readonly count: boolean;
}

/** What a run found. */
export interface PageResult {
  /** From the data to the first picture finished, ms. */
  readonly firstMs: number;
  readonly framesPerSecond: number;
  /** Processor time of the browser a frame, ms; NaN where it is not known. */
  readonly processorMsAFrame: number;
  /** Red, green and blue, row by row from below, of each picture asked for, coded in base64. */
  readonly pictures: readonly string[];
  readonly textureBytes: { readonly live: number; readonly peak: number };
}

declare global {
  /** Fetches data and code first; then the clock runs, once in a page. */
  var volumeBench: (order: PageOrder) => Promise<PageResult>;
}

/** Long enough for ours to find what is empty, in parts of its first frames; the peers have nothing to find. */
const WARM_MS = 1500;

/** Waits until the picture is finished: a pixel of it is read back. */
function finish(gl: WebGL2RenderingContext): void {
  gl.finish();
  gl.readPixels(256, 256, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
}

function pictureOf(shown: Shown, view: View): string {
  const { gl } = shown;
  const { width, height } = gl.canvas;
  shown.draw(view);
  const rgba = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  const rgb = new Uint8Array(3 * width * height);
  for (let n = 0; n < width * height; n += 1) rgb.set(rgba.subarray(4 * n, 4 * n + 3), 3 * n);
  let text = '';
  for (let n = 0; n < rgb.length; n += 8190) text += btoa(String.fromCharCode(...rgb.subarray(n, n + 8190)));
  return text;
}

globalThis.volumeBench = async (order) => {
  const bytes = order.count ? countTextureBytes() : undefined;
  const contender = await CONTENDERS[order.who]();
  const response = await fetch(order.url);
  if (!response.ok) throw new Error(`${order.url}: ${response.status}`);
  const file = await response.arrayBuffer();
  const scan = decode({ bytes: file });
  const box = document.querySelector('#view');
  if (!(box instanceof HTMLElement)) throw new Error('The page has no view.');
  const { middle } = cameraOf(scan);
  // A slow turn, the needle's tip on a small loop: everything moves, as it does for a surgeon who looks round.
  const path = (n: number): View => ({
    azimuth: 0.6 + 0.02 * n,
    elevation: 0.35,
    tip: middle.map((m, k) => m + 25 * Math.sin(0.11 * n + 2 * k)),
  });
  // What fetching left to do is over, and the page is at rest.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const from = performance.now();
  const shown = await contender.open(box, scan, file, order.look);
  if (order.step !== undefined) shown.setStep?.(order.step);
  shown.draw(path(0));
  finish(shown.gl);
  const firstMs = performance.now() - from;
  const pictures = order.pictures.map((step) => {
    shown.setStep?.(step);
    return pictureOf(shown, { ...path(0), tip: middle.map((m) => m + 1e5) });
  });
  const textureBytes = { live: bytes?.live() ?? Number.NaN, peak: bytes?.peak() ?? Number.NaN };
  if (order.drawMs === 0) return { firstMs, framesPerSecond: Number.NaN, processorMsAFrame: Number.NaN, pictures, textureBytes };
  // What a library does over its first frames (ours finds what is empty) is done before it is timed.
  const warm = performance.now();
  for (let n = 1; n <= 2 || performance.now() - warm < WARM_MS; n += 1) {
    shown.draw(path(n));
    finish(shown.gl);
  }
  const processor = await processorMs();
  const start = performance.now();
  let frames = 0;
  for (; frames < 3 || performance.now() - start < order.drawMs; frames += 1) {
    shown.draw(path(3 + frames));
    finish(shown.gl);
  }
  const framesPerSecond = (1000 * frames) / (performance.now() - start);
  const processorMsAFrame = ((await processorMs()) - processor) / frames;
  return { firstMs, framesPerSecond, processorMsAFrame, pictures, textureBytes };
};
