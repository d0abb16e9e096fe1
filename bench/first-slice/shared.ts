import type { VolumeFile } from '@trocar/core/io';

/** How a page of this benchmark gets from files in memory to pixels. */
export interface Contender {
  /** Before the clock runs: where its decoders lie. */
  prepare(): void;
  /** Reads the files and draws; resolves when a pixel of the picture has been read back. */
  run(view: HTMLElement, files: readonly VolumeFile[], options: RunOptions): Promise<Drawn>;
}

/** What a run is told. */
export interface RunOptions {
  readonly gaps: 'refuse' | 'interpolate';
  /** The files come in the order of their slices, and the reader may rely on it. */
  readonly sorted: boolean;
}

/** What a run took and what came of it. */
export interface Drawn {
  /** From the call to the files read: voxels and geometry in memory, ms. */
  readonly readMs: number;
  /** From the call to the pixel read back, ms. */
  readonly totalMs: number;
  readonly size: readonly number[];
  /** Centres of the first and of the last voxel, LPS mm. */
  readonly corners: readonly (readonly number[])[];
  /** The pixel in the middle of the picture: red, green, blue, alpha. */
  readonly pixel: readonly number[];
  /** Differences between drawn pixels and the slice cut on the CPU, grey levels of 255; none where there is no oracle. */
  readonly greyErrors: readonly number[];
  /** The names of the files in the order the reader found, where it says. */
  readonly order: readonly string[];
}

/** Waits for the GPU to have drawn, and reads one pixel of the picture: rows count from below. */
export function pixelOf(gl: WebGL2RenderingContext, x: number, y: number): readonly number[] {
  const pixel = new Uint8Array(4);
  gl.finish();
  gl.readPixels(x, y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return Array.from(pixel);
}
