import { Matrix4, type Scene, Vector3 } from 'three';
import { type Vec3, vec3 } from '../math/index.js';
import { type Hud, LAYER } from './hud.js';
import { Label } from './label.js';
import type { FiducialMark, FiducialState, PlanMarks, StageModel } from './model.js';
import { type Dash, PALETTE, type StatusStyle } from './palette.js';
import { dot, type PlaneView } from './planes.js';
import { Ring } from './ring.js';
import { Stroke } from './stroke.js';
import type { Tool } from './tool.js';

/** What is nearer to a plane than this counts as lying in it, mm. */
export const IN_PLANE_MM = 1;

const scratch = vec3(0, 0, 0);

/** The projection of one tool on a slice: solid where it lies in the plane, dashed beyond; its tip; its error. */
export class ToolOnSlice {
  readonly tool: Tool;
  readonly #shaft: Stroke;
  readonly #tip = new Ring();
  readonly #error = new Ring({ widthPx: 1.5 });
  readonly #matrix = new Matrix4();
  readonly #tipAt: Float64Array;
  #look: { style: StatusStyle | undefined; dpr: number; width: number; beyond: Dash } = {
    style: undefined,
    dpr: 0,
    width: 0,
    beyond: [7, 6],
  };

  constructor(tool: Tool, overlay: Scene, hud: Hud) {
    this.tool = tool;
    this.#tipAt = tool.matrix.subarray(12, 15);
    const { shaft: s, lengthMm } = tool.geometry;
    this.#shaft = new Stroke(1);
    this.#shaft.segment(0, 0, 0, 0, ...([0, 1, 2].map((k) => (s[k] as number) * lengthMm) as [number, number, number]));
    this.#shaft.show(1);
    this.#shaft.object.matrixAutoUpdate = false;
    this.#shaft.object.renderOrder = LAYER.tool;
    this.#error.object.renderOrder = LAYER.error;
    this.#tip.object.renderOrder = LAYER.tool;
    overlay.add(this.#shaft.object);
    hud.scene.add(this.#error.object, this.#tip.object);
  }

  update(plane: PlaneView, normal: Vec3, dpr: number): void {
    const { tool } = this;
    const shown = tool.shown;
    this.#shaft.object.visible = shown;
    this.#tip.object.visible = shown;
    this.#error.object.visible = false;
    if (!shown) return;
    const { colour, form, dash, opacity } = tool.style;
    const solid = form === 'solid';
    const width = Math.max(4 * dpr, (2 * tool.geometry.radiusMm) / plane.mmPerPx);
    this.#matrix.fromArray(tool.matrix);
    this.#shaft.object.matrix.copy(this.#matrix);
    this.#shaft.object.matrixWorldNeedsUpdate = true;
    this.#shaft.viewport(plane.width, plane.height);
    const look = this.#look;
    // Seldom: only what moves with the tool is set with every frame.
    if (tool.style !== look.style || dpr !== look.dpr || width !== look.width) {
      this.#look = { style: tool.style, dpr, width, beyond: scaledDash(dash ?? [7, 6], dpr) as Dash };
      this.#shaft.style({
        colour,
        opacity,
        dash: scaledDash(dash, dpr),
        widthPx: solid ? width : width + 4 * dpr,
        hollowPx: solid ? 0 : 2.25 * dpr,
        tickMm: solid ? tool.geometry.depthMarkMm : 0,
        tickHalfPx: 5 * dpr,
      });
    }
    this.#shaft.slab(normal, -dot(normal, plane.centre), IN_PLANE_MM, this.#look.beyond, 0.7);
    const at = plane.project(scratch, this.#tipAt);
    const near = Math.abs(at[2] as number) <= IN_PLANE_MM;
    const x = at[0] as number;
    const y = at[1] as number;
    // A dot where the tip is in the slice; a circle where it is before or behind it, or may not be there now.
    const filled = solid && near;
    this.#tip.style({ colour, opacity, radiusPx: (filled ? 3.5 : 6) * dpr, widthPx: 2 * dpr, fill: filled ? 1 : 0 });
    this.#tip.style({ dash: filled || near ? undefined : [4 * dpr, 3 * dpr] });
    this.#tip.at(x, y);
    const radius = tool.tipError95Mm / plane.mmPerPx;
    this.#error.object.visible = radius > 5.5 * dpr;
    if (radius > 0) this.#error.style({ colour, opacity: 0.9 * opacity, radiusPx: radius, widthPx: 1.5 * dpr, fill: 0.12 });
    this.#error.at(x, y);
  }

  dispose(): void {
    this.#shaft.dispose();
    this.#tip.dispose();
    this.#error.dispose();
  }
}

/** The plan on a slice: the path from entry to target, and the target's cross-section, fading as the plane leaves it. */
export class PlanOnSlice {
  readonly #path = new Stroke(1);
  readonly #approach = new Stroke(1);
  readonly #entry = new Ring();
  readonly #target = new Ring();
  #drawn: { plan: PlanMarks | undefined; dpr: number; beyond: Dash } = { plan: undefined, dpr: 0, beyond: [6, 6] };

  constructor(overlay: Scene, hud: Hud) {
    this.#path.object.renderOrder = LAYER.plan;
    for (const ring of [this.#entry, this.#target]) ring.object.renderOrder = LAYER.plan;
    overlay.add(this.#approach.object, this.#path.object);
    hud.scene.add(this.#entry.object, this.#target.object);
  }

  update(plane: PlaneView, normal: Vec3, model: StageModel): void {
    const { plan, dpr } = model;
    const there = plan !== undefined;
    this.#path.object.visible = there;
    this.#approach.object.visible = there;
    this.#entry.object.visible = there;
    this.#target.object.visible = there;
    if (plan === undefined) return;
    const e = plan.entry;
    const t = plan.target;
    if (plan !== this.#drawn.plan || dpr !== this.#drawn.dpr) this.#layOut(plan, dpr);
    this.#path.viewport(plane.width, plane.height);
    this.#path.slab(normal, -dot(normal, plane.centre), IN_PLANE_MM, this.#drawn.beyond, 0.8);
    this.#approach.viewport(plane.width, plane.height);

    const entry = plane.project(scratch, e);
    this.#entry.style({
      colour: PALETTE.plan,
      radiusPx: 5 * dpr,
      widthPx: 2 * dpr,
      fill: 0.3,
      opacity: fade(entry[2] as number, IN_PLANE_MM, 25, 0),
    });
    this.#entry.at(entry[0] as number, entry[1] as number);

    const target = plane.project(scratch, t);
    const away = Math.abs(target[2] as number);
    const cuts = away < plan.targetRadiusMm;
    const section = cuts ? Math.sqrt(plan.targetRadiusMm ** 2 - away ** 2) : plan.targetRadiusMm;
    this.#target.style({
      colour: PALETTE.target,
      radiusPx: Math.max(section / plane.mmPerPx, 8 * dpr),
      widthPx: 2.75 * dpr,
      dash: cuts ? undefined : [5 * dpr, 4 * dpr],
      crossPx: cuts ? 4 * dpr : 0,
      fill: cuts ? 0.15 : 0,
      opacity: fade(away, plan.targetRadiusMm, 40, 0.3),
    });
    this.#target.at(target[0] as number, target[1] as number);
  }

  /** What stays as it is while the slice moves. */
  #layOut(plan: PlanMarks, dpr: number): void {
    const { entry: e, target: t } = plan;
    this.#drawn = { plan, dpr, beyond: [6 * dpr, 6 * dpr] };
    this.#path.segment(
      0,
      ...([e[0], e[1], e[2]] as [number, number, number]),
      ...([t[0], t[1], t[2]] as [number, number, number]),
    );
    this.#path.show(1);
    this.#path.style({ colour: PALETTE.plan, widthPx: 2.5 * dpr });
    approach(this.#approach, plan, dpr);
  }

  dispose(): void {
    this.#path.dispose();
    this.#approach.dispose();
    this.#entry.dispose();
    this.#target.dispose();
  }
}

/** How far the line of approach is drawn out of the entry, mm: to lay the tool along before it goes in. */
const APPROACH_MM = 80;

/** The planned axis outside the body, from the entry outwards. */
export function approach(stroke: Stroke, { entry: e, target: t }: PlanMarks, dpr: number): void {
  const way = [0, 1, 2].map((k) => (e[k] as number) - (t[k] as number)) as [number, number, number];
  const f = APPROACH_MM / Math.hypot(...way);
  const [x, y, z] = [e[0] as number, e[1] as number, e[2] as number];
  stroke.segment(0, x, y, z, x + f * way[0], y + f * way[1], z + f * way[2]);
  stroke.show(1);
  stroke.style({ colour: PALETTE.plan, widthPx: 1.25 * dpr, rimPx: 0.75 * dpr, opacity: 0.6, dash: [2 * dpr, 5 * dpr] });
}

const FIDUCIAL_STYLE: Readonly<Record<FiducialState, { colour: string; fill: number; dash: Dash | undefined }>> = {
  pending: { colour: PALETTE.quietText, fill: 0, dash: [3, 3] },
  active: { colour: PALETTE.plan, fill: 0, dash: undefined },
  done: { colour: PALETTE.fiducial, fill: 0.6, dash: undefined },
  watch: { colour: PALETTE.target, fill: 0.6, dash: undefined },
  suspect: { colour: PALETTE.alarm, fill: 0.6, dash: undefined },
  rejected: { colour: PALETTE.stale, fill: 0, dash: [6, 2] },
};

/** Colour of a fiducial by how far it has come. */
export function fiducialColour(state: FiducialState): string {
  return FIDUCIAL_STYLE[state].colour;
}

/** Numbered fiducials, shown where the slice passes near them. */
export class FiducialsOnSlice {
  readonly #hud: Hud;
  #marks: { mark: FiducialMark; ring: Ring; label: Label }[] = [];
  #revision = -1;

  constructor(hud: Hud) {
    this.#hud = hud;
  }

  update(plane: PlaneView, model: StageModel): void {
    const { dpr } = model;
    if (model.fiducialsRevision !== this.#revision) this.#rebuild(model.fiducials);
    this.#revision = model.fiducialsRevision;
    for (const { mark, ring, label } of this.#marks) {
      const at = plane.project(scratch, mark.xyz);
      const opacity = fade(at[2] as number, 3, 9, 0);
      ring.object.visible = opacity > 0;
      label.object.visible = opacity > 0;
      if (opacity <= 0) continue;
      const { colour, fill, dash } = FIDUCIAL_STYLE[mark.state];
      const big = mark.state === 'active' || mark.state === 'suspect';
      const radius = (big ? 10 : 6) * dpr;
      ring.style({ colour, fill, opacity, dash: scaledDash(dash, dpr), radiusPx: radius, widthPx: (big ? 3 : 2) * dpr });
      ring.at(at[0] as number, at[1] as number);
      label.set(mark.label, { sizePx: Math.round(16 * dpr), colour, anchor: 'left', weight: 700 });
      label.at((at[0] as number) + radius + 2 * dpr, (at[1] as number) - radius, opacity);
    }
  }

  dispose(): void {
    this.#rebuild([]);
  }

  #rebuild(marks: readonly FiducialMark[]): void {
    for (const { ring, label } of this.#marks) {
      ring.dispose();
      label.dispose();
    }
    this.#marks = marks.map((mark) => ({ mark, ring: new Ring(), label: new Label() }));
    for (const { ring, label } of this.#marks) {
      ring.object.renderOrder = LAYER.marks;
      this.#hud.scene.add(ring.object, label.object);
    }
  }
}

/** 1 up to `near` mm, `least` from `far` mm on, linear between. */
export function fade(mm: number, near: number, far: number, least: number): number {
  const t = Math.min(1, Math.max(0, (Math.abs(mm) - near) / (far - near)));
  return 1 - t * (1 - least);
}

/** A dash in device pixels. */
export function scaledDash(dash: Dash | undefined, dpr: number): Dash | undefined {
  return dash === undefined ? undefined : [dash[0] * dpr, dash[1] * dpr];
}

/** Three numbers as three has them. */
export function vector(v: ArrayLike<number>): Vector3 {
  return new Vector3(v[0] as number, v[1] as number, v[2] as number);
}
