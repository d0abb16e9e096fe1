import { type Point, point } from '@trocar/core';
import { SLICE_VIEWS, type Stage } from '@trocar/core/render';
import type { SessionState, ViewState } from '@trocar/core/session';

type V3 = readonly [number, number, number];

/** The kept crosshair's name among the views: a view whose centre it is. */
const CROSSHAIR = 'crosshair';

const triple = (v: ArrayLike<number>): V3 => [v[0] as number, v[1] as number, v[2] as number];

/** How the slices lie now, and where they cut, by the views' names. */
export function viewsOf<F extends string>(stage: Stage<F>): Readonly<Record<string, ViewState>> {
  const window = stage.window;
  const views = SLICE_VIEWS.map((name) => {
    const { axes, centre, mmPerPx } = stage.slice(name).plane;
    return [name, { right: triple(axes.right), up: triple(axes.up), centre: triple(centre), mmPerPx, window }] as const;
  });
  const [, axial] = views[0] as (typeof views)[number];
  return Object.fromEntries([...views, [CROSSHAIR, { ...axial, centre: triple(stage.crosshair.xyz) }]]);
}

/** Lays the slices as they were kept. Their letters follow from their axes, so they cannot be those of another view. */
export function restoreViews<F extends string>(stage: Stage<F>, { views }: Pick<SessionState<F>, 'views'>): void {
  for (const name of SLICE_VIEWS) {
    const kept = views[name];
    if (kept === undefined) continue;
    stage.setSliceAxes(name, { right: Float64Array.from(kept.right), up: Float64Array.from(kept.up) });
    const { width, height } = stage.slice(name).plane;
    stage.slice(name).lookAt(kept.centre, kept.mmPerPx * Math.min(width, height));
    if (kept.window !== undefined) stage.setWindow(kept.window);
  }
  const at = views[CROSSHAIR];
  if (at !== undefined) stage.setCrosshair(point(stage.frame, at.centre) as Point<F>);
}
