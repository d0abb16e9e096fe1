import { point } from '@trocar/core';
import type { Stage } from '@trocar/core/render';

/** How far a key moves the crosshair, mm: alone, and with shift. */
const STEP_MM = 1;
const LEAP_MM = 10;

/** Patient directions, LPS, of the keys: as the axial slice shows them, and along the body. */
const WAYS: Readonly<Record<string, readonly [number, number, number]>> = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

/** Moves the crosshair with the keys while the images have the focus. @param may whether it is the person's to move */
export function crosshairKeys<F extends string>(stage: Stage<F>, may: () => boolean): void {
  stage.canvas.addEventListener('keydown', (event) => {
    const way = WAYS[event.key];
    if (way === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (!may()) return;
    const mm = event.shiftKey ? LEAP_MM : STEP_MM;
    const from = stage.crosshair.xyz;
    stage.setCrosshair(
      point(
        stage.frame,
        way.map((w, k) => (from[k] as number) + mm * w),
      ),
    );
  });
}
