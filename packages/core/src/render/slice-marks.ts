import { type Object3D, type Scene, Vector3 } from 'three';
import { type Vec3, vec3 } from '../math/index.js';
import { type Hud, LAYER } from './hud.js';
import { Label, type LabelStyle } from './label.js';
import type { FiducialMark, FiducialState, PlanMarks, StageModel } from './model.js';
import { type Dash, PALETTE, type StatusStyle } from './palette.js';
import { PerRatio } from './per-ratio.js';
import type { PlaneView } from './planes.js';
import { Ring, type RingStyle } from './ring.js';
import { Stroke } from './stroke.js';
import type { Tool } from './tool.js';

/** What is nearer to a plane than this counts as lying in it, mm. */
export const IN_PLANE_MM = 1;

const scratch = vec3(0, 0, 0);

/** What a tool on a slice was last given the look of. */
interface ToolLook {
  readonly style: StatusStyle | undefined;
  readonly dpr: number;
  readonly mmPerPx: number;
  /** The tip: in the slice, before or behind it, and where it may not be there now but would be in the slice. */
  readonly tips: Readonly<Record<'dot' | 'away' | 'circle', RingStyle>>;
}

const NO_LOOK: ToolLook = { style: undefined, dpr: 0, mmPerPx: 0, tips: { dot: {}, away: {}, circle: {} } };

/** The projection of one tool on a slice: solid where it lies in the plane, dashed beyond; its tip; its error. */
export class ToolOnSlice {
  readonly tool: Tool;
  readonly #shaft: Stroke;
  readonly #tip = new Ring();
  readonly #error = new Ring({ widthPx: 1.5 });
  readonly #tipAt: Float64Array;
  #look = NO_LOOK;
  #tipStyle: RingStyle | undefined;

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
    copyMatrix(this.#shaft.object, tool.matrix);
    this.#shaft.viewport(plane.width, plane.height);
    this.#shaft.setPlane(normal, plane.centre);
    const look = this.#look;
    if (tool.style !== look.style || dpr !== look.dpr || plane.mmPerPx !== look.mmPerPx) this.#restyle(plane, dpr);
    const at = plane.project(scratch, this.#tipAt);
    const near = Math.abs(at[2] as number) <= IN_PLANE_MM;
    // A dot where the tip is in the slice; a circle where it is before or behind it, or may not be there now.
    const { tips } = this.#look;
    const tip = !near ? tips.away : tool.style.form === 'solid' ? tips.dot : tips.circle;
    if (tip !== this.#tipStyle) this.#tip.style(tip);
    this.#tipStyle = tip;
    const x = at[0] as number;
    const y = at[1] as number;
    this.#tip.at(x, y);
    const radius = tool.tipError95Mm / plane.mmPerPx;
    this.#error.object.visible = radius > 5.5 * dpr;
    if (radius > 0) this.#error.resize(radius);
    this.#error.at(x, y);
  }

  /** What stays as it is while the tool moves. */
  #restyle(plane: PlaneView, dpr: number): void {
    const { style, geometry } = this.tool;
    const { colour, dash, opacity } = style;
    const solid = style.form === 'solid';
    const width = Math.max(4 * dpr, (2 * geometry.radiusMm) / plane.mmPerPx);
    this.#shaft.style({
      colour,
      opacity,
      dash: scaledDash(dash, dpr),
      widthPx: solid ? width : width + 4 * dpr,
      hollowPx: solid ? 0 : 2.25 * dpr,
      tickMm: solid ? geometry.depthMarkMm : 0,
      tickHalfPx: 5 * dpr,
    });
    this.#shaft.setBeyond(IN_PLANE_MM, scaledDash(dash ?? [7, 6], dpr) as Dash, 0.7);
    this.#error.style({ colour, opacity: 0.9 * opacity, widthPx: 1.5 * dpr, fill: 0.12 });
    const circle = { colour, opacity, radiusPx: 6 * dpr, widthPx: 2 * dpr, fill: 0, dash: undefined };
    const away: RingStyle = { ...circle, dash: [4 * dpr, 3 * dpr] };
    this.#look = {
      style,
      dpr,
      mmPerPx: plane.mmPerPx,
      tips: { dot: { ...circle, radiusPx: 3.5 * dpr, fill: 1 }, away, circle },
    };
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
  #drawn: { readonly plan: PlanMarks | undefined; readonly dpr: number } = { plan: undefined, dpr: 0 };
  #cuts: boolean | undefined;

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
    if (plan !== this.#drawn.plan || dpr !== this.#drawn.dpr) this.#layOut(plan, dpr);
    this.#path.viewport(plane.width, plane.height);
    this.#path.setPlane(normal, plane.centre);
    this.#approach.viewport(plane.width, plane.height);
    const entry = plane.project(scratch, plan.entry);
    this.#entry.fade(fade(entry[2] as number, IN_PLANE_MM, 25, 0));
    this.#entry.at(entry[0] as number, entry[1] as number);
    this.#drawTarget(plane, plan, dpr);
  }

  #drawTarget(plane: PlaneView, plan: PlanMarks, dpr: number): void {
    const target = plane.project(scratch, plan.target);
    const r = plan.targetRadiusMm;
    const away = Math.abs(target[2] as number);
    const cuts = away < r;
    if (cuts !== this.#cuts) {
      this.#cuts = cuts;
      this.#target.style({ dash: cuts ? undefined : [5 * dpr, 4 * dpr], crossPx: cuts ? 4 * dpr : 0, fill: cuts ? 0.15 : 0 });
    }
    this.#target.resize(Math.max((cuts ? Math.sqrt(r * r - away * away) : r) / plane.mmPerPx, 8 * dpr));
    this.#target.fade(fade(away, r, 40, 0.3));
    this.#target.at(target[0] as number, target[1] as number);
  }

  /** What stays as it is while the slice moves. */
  #layOut(plan: PlanMarks, dpr: number): void {
    const { entry: e, target: t } = plan;
    this.#drawn = { plan, dpr };
    this.#cuts = undefined;
    this.#path.segment(
      0,
      ...([e[0], e[1], e[2]] as [number, number, number]),
      ...([t[0], t[1], t[2]] as [number, number, number]),
    );
    this.#path.show(1);
    this.#path.style({ colour: PALETTE.plan, widthPx: 2.5 * dpr });
    this.#path.setBeyond(IN_PLANE_MM, [6 * dpr, 6 * dpr], 0.8);
    this.#entry.style({ colour: PALETTE.plan, radiusPx: 5 * dpr, widthPx: 2 * dpr, fill: 0.3 });
    this.#target.style({ colour: PALETTE.target, widthPx: 2.75 * dpr });
    approach(this.#approach, plan, dpr);
  }

  dispose(): void {
    this.#path.dispose();
    this.#approach.dispose();
    this.#entry.dispose();
    this.#target.dispose();
  }
}

/** Writes sixteen numbers into an object's own matrix, which three does not make from its position then. */
export function copyMatrix(object: Object3D, m: Float64Array): void {
  const to = object.matrix.elements;
  for (let k = 0; k < 16; k += 1) to[k] = m[k] as number;
  object.matrixWorldNeedsUpdate = true;
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

/** How a fiducial is drawn at a device pixel ratio. */
export interface FiducialLook {
  readonly ring: RingStyle;
  readonly label: LabelStyle;
  /** From its middle to where its number begins, px. */
  readonly offset: Float64Array;
}

/** The looks of all states at a device pixel ratio. */
export function fiducialLooks(dpr: number): ReadonlyMap<FiducialState, FiducialLook> {
  return new Map(
    (Object.keys(FIDUCIAL_STYLE) as FiducialState[]).map((state): [FiducialState, FiducialLook] => {
      const { colour, fill, dash } = FIDUCIAL_STYLE[state];
      const big = state === 'active' || state === 'suspect';
      const radiusPx = (big ? 10 : 6) * dpr;
      const ring = { colour, fill, dash: scaledDash(dash, dpr), radiusPx, widthPx: (big ? 3 : 2) * dpr };
      const label: LabelStyle = { sizePx: Math.round(16 * dpr), colour, anchor: 'left', weight: 700 };
      return [state, { ring, label, offset: Float64Array.of(radiusPx + 2 * dpr, -radiusPx) }];
    }),
  );
}

interface FiducialOnSlice {
  readonly mark: FiducialMark;
  readonly ring: Ring;
  readonly label: Label;
  look: FiducialLook | undefined;
}

/** Numbered fiducials, shown where the slice passes near them. */
export class FiducialsOnSlice {
  readonly #hud: Hud;
  readonly #looks = new PerRatio(fiducialLooks);
  #marks: readonly FiducialOnSlice[] = [];
  #revision = -1;

  constructor(hud: Hud) {
    this.#hud = hud;
  }

  update(plane: PlaneView, model: StageModel): void {
    if (model.fiducialsRevision !== this.#revision) this.#rebuild(model.fiducials);
    this.#revision = model.fiducialsRevision;
    const looks = this.#looks.at(model.dpr);
    for (let n = 0; n < this.#marks.length; n += 1) {
      const drawn = this.#marks[n] as FiducialOnSlice;
      place(drawn, looks.get(drawn.mark.state) as FiducialLook, plane);
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
    this.#marks = marks.map((mark) => ({ mark, ring: new Ring(), label: new Label(), look: undefined }));
    for (const { ring, label } of this.#marks) {
      ring.object.renderOrder = LAYER.marks;
      this.#hud.scene.add(ring.object, label.object);
    }
  }
}

function place(drawn: FiducialOnSlice, look: FiducialLook, plane: PlaneView): void {
  const { mark, ring, label } = drawn;
  const at = plane.project(scratch, mark.xyz);
  const opacity = fade(at[2] as number, 3, 9, 0);
  const shown = opacity > 0;
  ring.object.visible = shown;
  label.object.visible = shown;
  if (!shown) return;
  if (look !== drawn.look) ring.style(look.ring);
  drawn.look = look;
  ring.fade(opacity);
  ring.at(at[0] as number, at[1] as number);
  label.set(mark.label, look.label);
  label.beside(at, look.offset);
  label.fade(opacity);
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
