import { vec3 } from '../math/index.js';
import type { ViewName } from './planes.js';
import { type PointerTargets, scrollSlices } from './stage-pointer.js';

/** What a key does while the stage has the focus, in words: for a page's help. */
export interface StageKey {
  /** As `KeyboardEvent.key` names them. */
  readonly keys: readonly string[];
  readonly shift?: true;
  readonly does: string;
}

/** A turn of the 3D view, in fractions of its height; a move of a picture, px; a zoom; a window's change, in fractions. */
const TURN = 1 / 24;
const PAN_PX = 20;
const ZOOM = 1.2;
const WINDOW = 1 / 24;

/** What is done in a view. */
type Action = (t: PointerTargets, view: ViewName) => void;

interface Binding extends StageKey {
  readonly act: Action;
}

/** Which way an arrow points, right and down. */
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function arrow(key: string, [dx, dy]: readonly [number, number]): Binding[] {
  const words = key.slice(5).toLowerCase();
  return [
    {
      keys: [key],
      does: `moves the crosshair 1 mm ${words}, or turns the 3D view that way`,
      act: (t, view) => {
        if (view === '3d') t.scene.orbit.turn(dx * TURN, dy * TURN);
        else if (t.mayMove()) moveCrosshair(t, view, dx, -dy);
      },
    },
    {
      keys: [key],
      shift: true,
      does: `moves the picture ${words}`,
      act: (t, view) => {
        const px = PAN_PX * t.model.dpr;
        if (view === '3d') t.scene.orbit.pan(dx * TURN, dy * TURN);
        else t.slice(view).pan(dx * px, dy * px);
      },
    },
  ];
}

function moveCrosshair(t: PointerTargets, view: Exclude<ViewName, '3d'>, right: number, up: number): void {
  const { axes } = t.slice(view).plane;
  const p = vec3(0, 0, 0);
  for (let k = 0; k < 3; k += 1) {
    p[k] = (t.model.focus[k] as number) + right * (axes.right[k] as number) + up * (axes.up[k] as number);
  }
  t.moved(p);
}

function zoom(factor: number): Action {
  return (t, view) => {
    if (view === '3d') t.scene.orbit.dolly(factor);
    else {
      const { plane } = t.slice(view);
      t.slice(view).zoomAbout(factor, plane.width / 2, plane.height / 2);
    }
  };
}

function page(notches: number): Action {
  return (t, view) => {
    if (view !== '3d' && t.mayMove()) scrollSlices(t, t.slice(view), notches);
  };
}

function windowed(wider: number, brighter: number): Action {
  return ({ model, windowed: tell }) => {
    const { width, level } = model.window;
    tell({ width: width * 2 ** (6 * WINDOW * wider), level: level - 2 * WINDOW * brighter * width });
  };
}

const BINDINGS: readonly Binding[] = [
  ...Object.entries(ARROWS).flatMap(([key, way]) => arrow(key, way)),
  { keys: ['PageUp'], does: 'goes to the slice before', act: page(-1) },
  { keys: ['PageDown'], does: 'goes to the next slice', act: page(1) },
  { keys: ['+', '='], does: 'zooms in', act: zoom(ZOOM) },
  { keys: ['-'], does: 'zooms out', act: zoom(1 / ZOOM) },
  { keys: ['['], does: 'makes the window narrower', act: windowed(-1, 0) },
  { keys: [']'], does: 'makes the window wider', act: windowed(1, 0) },
  { keys: [','], does: 'makes the picture darker', act: windowed(0, -1) },
  { keys: ['.'], does: 'makes the picture brighter', act: windowed(0, 1) },
  {
    keys: ['Home'],
    does: 'fits the view to the volume',
    act: (t, view) => {
      if (view === '3d') t.scene.fit(t.model);
      else t.slice(view).fit(t.model);
    },
  },
];

/** Goes from view to view; handled before those of a view. */
const NEXT: StageKey = { keys: ['v'], does: 'goes to the next view' };
const BEFORE: StageKey = { keys: ['V'], does: 'goes to the view before' };

/** All keys of a stage that has the focus, and what they do. An application's own listener on the canvas that prevents the default comes first. */
export const STAGE_KEYS: readonly StageKey[] = [
  NEXT,
  BEFORE,
  ...BINDINGS.map(({ keys, shift, does }) => (shift ? { keys, shift, does } : { keys, does })),
];

/** What keys may touch of a stage. */
export interface KeyTargets extends PointerTargets {
  /** The views, in the order of the layout. */
  views(): readonly ViewName[];
}

/**
 * Does what a key is for. The view that the keys go to is the model's `keyed`, and is framed from then on.
 * @returns whether it is one of the stage's
 */
export function handleKey(t: KeyTargets, { key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
  if (ctrlKey || altKey || metaKey) return false;
  const views = t.views();
  const { keyed } = t.model;
  const at = Math.max(0, views.indexOf(keyed.view ?? (views[0] as ViewName)));
  const step = NEXT.keys.includes(key) ? 1 : BEFORE.keys.includes(key) ? views.length - 1 : 0;
  const arrowed = key in ARROWS;
  const binding = BINDINGS.find((b) => b.keys.includes(key) && (!arrowed || (b.shift ?? false) === shiftKey));
  if (views.length === 0 || (step === 0 && binding === undefined)) return false;
  const view = views[(at + step) % views.length] as ViewName;
  keyed.view = view;
  keyed.shown = true;
  binding?.act(t, view);
  return true;
}
