import { vec3 } from '../math/index.js';
import { spacingOf, type WindowLevel } from '../volume/index.js';
import type { LayoutCell, PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { centreOf, outOf, type SliceViewName } from './planes.js';
import type { PointerHandler } from './pointer.js';
import type { SceneView } from './scene-view.js';
import type { SliceView } from './slice-view.js';

/** What the pointer may touch of a stage. */
export interface PointerTargets {
  cellAt(x: number, y: number): LayoutCell | undefined;
  rect(cell: LayoutCell): PixelRect;
  slice(name: SliceViewName): SliceView;
  readonly scene: SceneView;
  readonly model: StageModel;
  /** Whether the crosshair is the person's to move: not while it follows a tool. */
  mayMove(): boolean;
  moved(p: Float64Array): void;
  windowed(window: WindowLevel): void;
}

/** The part of a slice's width, at its right, in which a finger goes through the slices. */
const STRIP = 0.12;
/** Slices to a view's height, dragged there. */
const STRIP_SLICES = 60;

/**
 * Slices: left drag moves the crosshair, the wheel scrolls a voxel at a time, control and wheel zooms, middle or shift
 * drag pans, right drag changes the window (right: wider, down: brighter), double click fits. 3D: left drag orbits,
 * the wheel zooms, the other buttons pan. One finger does what the left button does, and scrolls in a slice's right margin; two
 * zoom and pan, three change the window.
 */
export function pointerActions(t: PointerTargets): PointerHandler {
  return {
    primary(x, y, dx, dy, beganX, beganY) {
      const cell = t.cellAt(beganX, beganY);
      if (cell === undefined) return;
      t.model.keyed.view = cell.view;
      const rect = t.rect(cell);
      if (cell.view === '3d') t.scene.orbit.turn(dx / rect.height, dy / rect.height);
      else if (t.mayMove()) t.moved(t.slice(cell.view).plane.unproject(vec3(0, 0, 0), x - rect.x, y - rect.y));
    },
    secondary(_x, _y, dx, dy, beganX, beganY) {
      const cell = t.cellAt(beganX, beganY);
      if (cell === undefined) return;
      const rect = t.rect(cell);
      if (cell.view === '3d') t.scene.orbit.pan(dx / rect.height, dy / rect.height);
      else if (dx !== 0 || dy !== 0) t.windowed(draggedWindow(t.model.window, dx / rect.width, dy / rect.height));
    },
    middle(_x, _y, dx, dy, beganX, beganY) {
      const cell = t.cellAt(beganX, beganY);
      if (cell === undefined) return;
      const rect = t.rect(cell);
      if (cell.view === '3d') t.scene.orbit.pan(dx / rect.height, dy / rect.height);
      else t.slice(cell.view).pan(dx, dy);
    },
    inStrip(x, y) {
      const cell = t.cellAt(x, y);
      if (cell === undefined || cell.view === '3d') return false;
      const rect = t.rect(cell);
      return x - rect.x > (1 - STRIP) * rect.width;
    },
    strip(dy, beganX, beganY) {
      const cell = t.cellAt(beganX, beganY);
      if (cell === undefined || cell.view === '3d' || !t.mayMove()) return;
      scrollSlices(t, t.slice(cell.view), (STRIP_SLICES * dy) / t.rect(cell).height);
    },
    pinch(x, y, dx, dy, factor) {
      const cell = t.cellAt(x - dx, y - dy);
      if (cell === undefined) return;
      const rect = t.rect(cell);
      if (cell.view === '3d') {
        t.scene.orbit.pan(dx / rect.height, dy / rect.height);
        t.scene.orbit.dolly(factor);
      } else {
        t.slice(cell.view).pan(dx, dy);
        t.slice(cell.view).zoomAbout(factor, x - rect.x, y - rect.y);
      }
    },
    wheel(x, y, notches, zoom) {
      const cell = t.cellAt(x, y);
      if (cell === undefined) return;
      const rect = t.rect(cell);
      if (cell.view === '3d') t.scene.orbit.dolly(1.1 ** -notches);
      else if (zoom) t.slice(cell.view).zoomAbout(1.1 ** -notches, x - rect.x, y - rect.y);
      else if (t.mayMove()) scrollSlices(t, t.slice(cell.view), notches);
    },
    hover(x, y) {
      const cell = t.cellAt(x, y);
      const { hover } = t.model;
      hover.view = cell === undefined || cell.view === '3d' ? undefined : cell.view;
      if (cell === undefined) return;
      const rect = t.rect(cell);
      hover.x = x - rect.x;
      hover.y = y - rect.y;
    },
    leave() {
      t.model.hover.view = undefined;
    },
    reset(x, y) {
      const cell = t.cellAt(x, y);
      if (cell?.view === '3d') t.scene.fit(t.model);
      else if (cell !== undefined) t.slice(cell.view).fit(t.model);
    },
  };
}

/** A window after a drag, in fractions of the view: a whole view's width makes it 8 times as wide. */
export function draggedWindow(window: WindowLevel, dx: number, dy: number): WindowLevel {
  return { width: window.width * 8 ** dx, level: window.level - dy * window.width };
}

/** Moves the crosshair along a slice's normal, a voxel a notch, and keeps it within the volume's reach. */
export function scrollSlices(t: PointerTargets, slice: SliceView, notches: number): void {
  const { volume } = t.model;
  if (volume === undefined) return;
  const n = outOf(slice.plane.axes);
  const m = volume.frameFromIndex;
  const spacing = spacingOf(volume);
  // The voxel's own depth along the normal: of the grid axis that lies closest to it.
  let best = 0;
  for (let a = 0; a < 3; a += 1) {
    const lean = Math.abs(
      (m[4 * a] as number) * (n[0] as number) +
        (m[4 * a + 1] as number) * (n[1] as number) +
        (m[4 * a + 2] as number) * (n[2] as number),
    );
    best = Math.max(best, lean);
  }
  const step = notches * Math.max(best, Math.min(...spacing));
  const centre = centreOf(volume);
  const reach = Math.hypot(...volume.size.map((s, a) => s * (spacing[a] as number))) / 2;
  const moved = Float64Array.from(t.model.focus, (x, k) => x - step * (n[k] as number));
  const away = moved.reduce((sum, x, k) => sum + (x - (centre[k] as number)) * (n[k] as number), 0);
  if (Math.abs(away) <= reach) t.moved(moved);
}
