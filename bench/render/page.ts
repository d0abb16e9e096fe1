import { Sampler } from '@trocar/core/volume';
import { boxOf, type Contender, type Data, decode, type Shown } from './shared.js';
import { countTextureBytes } from './texture-bytes.js';

/** The contenders, by what the runner calls them. */
const CONTENDERS = {
  trocar: async () => (await import('./trocar.js')).trocar,
  niivue: async () => (await import('./niivue.js')).niivue,
  vtkReslice: async () => (await import('./vtk.js')).vtkReslice,
  vtkSlices: async () => (await import('./vtk.js')).vtkSlices,
} satisfies Record<string, () => Promise<Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

/** What the benchmark tells a page. */
export interface PageOrder {
  readonly who: ContenderName;
  readonly url: string;
  readonly window: Data['window'];
  /** How long to draw, ms; at least 10 frames are drawn. */
  readonly drawMs: number;
  /** Counts texture bytes, which costs time: such a run's times are not to be used. */
  readonly count: boolean;
}

/** What a run found. */
export interface PageResult {
  /** From the data to the first picture finished, ms. */
  readonly firstMs: number;
  /** Processor time of the browser until then, ms; NaN where it is not known. A busy machine changes it little. */
  readonly firstProcessorMs: number;
  readonly framesPerSecond: number;
  /** Processor time of the browser a frame, ms; NaN where it is not known. */
  readonly processorMsAFrame: number;
  readonly frames: number;
  /** Compared with the volume sampled on the CPU, grey levels of 255: median, percentiles, and how many pixels. */
  readonly grey: { readonly median: number; readonly p90: number; readonly p99: number; readonly pixels: number };
  readonly textureBytes: { readonly live: number; readonly peak: number };
}

declare global {
  /** Fetches data and code first; then the clock runs, once in a page. */
  var renderBench: (order: PageOrder) => Promise<PageResult>;
}

/** Waits until the picture is finished: a pixel of it is read back. */
function finish(gl: WebGL2RenderingContext): void {
  gl.finish();
  gl.readPixels(64, 320, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
}

/** Where the tip is in frame n: on a loop through the middle half of the volume, no voxel's centre met twice in a row. */
function tipOf(data: Data): (n: number) => number[] {
  const { low, high } = boxOf(decode(data));
  return (n) =>
    low.map((l, k) => (l + (high[k] as number)) / 2 + (((high[k] as number) - l) / 4) * Math.sin((0.031 + 0.007 * k) * n + k));
}

/** Pixels all over the three slices against the volume sampled on the CPU, at five places of the path. */
function greys(shown: Shown, windowFirst: boolean, data: Data, tip: (n: number) => number[]): number[] {
  const { gl } = shown;
  const { width, height } = gl.canvas;
  const scan = decode(data);
  const { low, high } = data.window;
  const sampler = new Sampler(windowFirst ? { ...scan, voxels: scan.voxels.map((v) => Math.min(high, Math.max(low, v))) } : scan);
  const drawn = new Uint8Array(4 * width * height);
  const errors: number[] = [];
  for (const n of [3, 21, 40, 77, 120]) {
    shown.draw(tip(n));
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, drawn);
    for (let y = 3; y < height; y += 5) {
      for (let x = 3; x < width; x += 5) {
        const p = shown.under(x + 0.5, y + 0.5);
        const value = p === undefined ? Number.NaN : sampler.at(p[0] as number, p[1] as number, p[2] as number);
        if (Number.isNaN(value)) continue;
        const grey = (value - low) / (high - low);
        // Black air and white bone are right in any slice: only what lies between tells.
        if (grey < 0.02 || grey > 0.98) continue;
        errors.push(Math.abs(255 * grey - (drawn[4 * ((height - 1 - y) * width + x)] as number)));
      }
    }
  }
  return errors.sort((a, b) => a - b);
}

globalThis.renderBench = async (order) => {
  const bytes = order.count ? countTextureBytes() : undefined;
  const contender = await CONTENDERS[order.who]();
  const response = await fetch(order.url);
  if (!response.ok) throw new Error(`${order.url}: ${response.status}`);
  const data: Data = { bytes: await response.arrayBuffer(), window: order.window };
  const view = document.querySelector('#view');
  if (!(view instanceof HTMLElement)) throw new Error('The page has no view.');
  const tip = tipOf(data);
  // What fetching left to do is over, and the page is at rest.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const idle = await processorMs();
  const from = performance.now();
  const shown = await contender.open(view, data);
  finish(shown.gl);
  const firstMs = performance.now() - from;
  const firstProcessorMs = (await processorMs()) - idle;
  for (let n = 1; n <= 3; n += 1) shown.draw(tip(n));
  finish(shown.gl);
  const processor = await processorMs();
  const start = performance.now();
  let frames = 0;
  for (; frames < 10 || performance.now() - start < order.drawMs; frames += 1) {
    shown.draw(tip(4 + frames));
    finish(shown.gl);
  }
  const framesPerSecond = (1000 * frames) / (performance.now() - start);
  const processorMsAFrame = ((await processorMs()) - processor) / frames;
  // What is counted is what is held from then on.
  for (let n = 0; order.count && shown.arrived?.() === false; n += 1) shown.draw(tip(4 + n));
  const textureBytes = { live: bytes?.live() ?? Number.NaN, peak: bytes?.peak() ?? Number.NaN };
  const errors = greys(shown, contender.windowFirst, data, tip);
  const at = (q: number): number => errors[Math.floor(q * (errors.length - 1))] ?? Number.NaN;
  return {
    firstMs,
    firstProcessorMs,
    framesPerSecond,
    processorMsAFrame,
    frames,
    grey: { median: at(0.5), p90: at(0.9), p99: at(0.99), pixels: errors.length },
    textureBytes,
  };
};
