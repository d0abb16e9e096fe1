import { frame } from '@trocar/core';
import { readVolume, setAssetsBase, type VolumeFile } from '@trocar/core/io';
import { createStage, type Stage } from '@trocar/core/render';
import { greyOf, resliceInto, type Volume } from '@trocar/core/volume';
import { type Contender, type Drawn, pixelOf, type RunOptions } from './shared.js';

const CT = frame('ct');

async function run(view: HTMLElement, files: readonly VolumeFile[], options: RunOptions): Promise<Drawn> {
  const from = performance.now();
  const volume = await readVolume(files, { frame: CT, gaps: options.gaps });
  const readMs = performance.now() - from;
  const stage = createStage(view, { frame: CT });
  stage.setVolume(volume);
  stage.render();
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const middle = stage.viewRect('axial');
  if (middle === undefined) throw new Error('The stage shows no axial slice.');
  const pixel = pixelOf(gl, middle.x + middle.width / 2 - 20, stage.canvas.height - (middle.y + middle.height / 2 - 20));
  const totalMs = performance.now() - from;
  const last = volume.size.map((n) => n - 1);
  const m = volume.frameFromIndex;
  const corner = (index: readonly number[]): number[] =>
    [0, 1, 2].map((r) => index.reduce((sum, i, c) => sum + (m[4 * c + r] as number) * i, m[12 + r] as number));
  const corners = [corner([0, 0, 0]), corner(last)];
  return { readMs, totalMs, size: volume.size, corners, pixel, greyErrors: greyErrors(stage, volume, gl), order: [] };
}

/** The axial slice as drawn against the same plane cut on the CPU, where no line or letter lies over it. */
function greyErrors(stage: Stage<'ct'>, volume: Volume<'ct'>, gl: WebGL2RenderingContext): number[] {
  const rect = stage.viewRect('axial');
  if (rect === undefined) throw new Error('The stage shows no axial slice.');
  stage.render();
  const { plane } = stage.slice('axial');
  const wanted = new Float32Array(rect.width * rect.height);
  resliceInto(wanted, volume, plane.reslicePlane());
  const drawn = new Uint8Array(4 * rect.width * rect.height);
  gl.readPixels(rect.x, stage.canvas.height - rect.y - rect.height, rect.width, rect.height, gl.RGBA, gl.UNSIGNED_BYTE, drawn);
  const errors: number[] = [];
  // Off the crosshair and off the margins with their letters: a quarter of the view.
  for (let y = Math.round(0.2 * rect.height); y < 0.45 * rect.height; y += 1) {
    for (let x = Math.round(0.2 * rect.width); x < 0.45 * rect.width; x += 1) {
      const value = wanted[y * rect.width + x] as number;
      if (Number.isNaN(value)) continue;
      const grey = 255 * greyOf(value, stage.window);
      errors.push(Math.abs((drawn[4 * ((rect.height - 1 - y) * rect.width + x)] as number) - grey));
    }
  }
  return errors;
}

/** `readVolume` and a stage as they come: three slices and the 3D view from one 3D texture, letters and lines over them. */
export const trocar: Contender = { prepare: () => setAssetsBase('/trocar'), run };
