import { point } from '@trocar/core';
import { createStage } from '@trocar/core/render';
import { boxOf, CELLS, type Contender, decode, SCAN } from './shared.js';

/** A stage with three slices and nothing over them. */
export const trocar: Contender = {
  windowFirst: false,
  open: async (view, data) => {
    const layout = CELLS.map((cell) => ({ ...cell, width: 0.5, height: 0.5 }));
    const stage = createStage(view, { frame: SCAN, layout, annotations: false, interactive: false, antialias: false });
    const scan = decode(data);
    // The window goes with the data, as with the others.
    stage.setVolume(scan, { width: data.window.high - data.window.low, level: (data.window.low + data.window.high) / 2 });
    // A fitted view leaves a margin; the others have none, and equal pictures are compared.
    const { low, high } = boxOf(scan);
    const middle = low.map((l, k) => (l + (high[k] as number)) / 2);
    const [dx, dy, dz] = low.map((l, k) => (high[k] as number) - l) as [number, number, number];
    stage.slice('axial').lookAt(middle, Math.max(dx, dy));
    stage.slice('coronal').lookAt(middle, Math.max(dx, dz));
    stage.slice('sagittal').lookAt(middle, Math.max(dy, dz));
    stage.render();
    return {
      gl: stage.canvas.getContext('webgl2') as WebGL2RenderingContext,
      arrived: () => stage.uploaded === 1,
      draw: ([x, y, z]) => {
        stage.setCrosshair(point(SCAN, [x as number, y as number, z as number]));
        stage.render();
      },
      under: (x, y) => {
        for (const { view: name } of CELLS) {
          const r = stage.viewRect(name);
          if (r === undefined || x < r.x || y < r.y || x >= r.x + r.width || y >= r.y + r.height) continue;
          const out = new Float64Array(3);
          stage.slice(name).plane.unproject(out, x - r.x, y - r.y);
          return [...out];
        }
        return undefined;
      },
    };
  },
};
