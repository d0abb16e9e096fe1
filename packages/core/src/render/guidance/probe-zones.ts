import { Group, type WebGLRenderer } from 'three';
import { NavError } from '../../base/index.js';
import { type Frame, hasPose, isLive, type PoseView, requireSameFrame, type Status, worstStatus } from '../../frames/index.js';
import type { PlacedProbe, ZoneShape } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { Hud } from '../hud.js';
import { type Dash, PALETTE, statusStyle } from '../palette.js';
import { crossInto, type PlaneView } from '../planes.js';
import type { AblationOptions } from './ablation.js';
import { EllipsoidCut } from './ellipsoid-cut.js';
import type { GuidanceGraphic } from './graphic.js';
import { dashed, Outline } from './outline.js';
import { MOST_PROBES, UnionOfEllipsoids } from './union-of-ellipsoids.js';
import { UnionFill, UnionShell, type ZoneLook } from './union-shell.js';

/** Chords of each outline on a slice. */
const CHORDS = 128;
const COSINES = Float64Array.from({ length: CHORDS + 1 }, (_, n) => Math.cos((2 * Math.PI * n) / CHORDS));
const SINES = Float64Array.from({ length: CHORDS + 1 }, (_, n) => Math.sin((2 * Math.PI * n) / CHORDS));
/** As AblationZoneGraphic breaks what is only planned, CSS pixels. */
const PLANNED: Dash = [9, 6];
/** A chord's end that lies in another ellipsoid is moved out by halving so often: to a hundredth of a chord. */
const HALVINGS = 7;

/** What {@link ProbeZones} is made from. */
export interface ProbeZonesOptions<F extends string> {
  /** The stage's. */
  readonly frame: Frame<F>;
  /** As of an AblationZoneGraphic. */
  readonly kind: AblationOptions['kind'];
  /** For `projected`: what each tool would destroy, one a tool. */
  readonly shapes?: readonly ZoneShape[];
}

/**
 * The zone of several probes as what it is, their union: in the 3D view only the outer boundary, without the surfaces inside and without any
 * flicker where they meet; on a slice one outline around all of them, with one filling. `planned`, `achieved` and `projected` look as those of an
 * AblationZoneGraphic. No heat is added up where zones overlap.
 *
 * A projected zone goes with its tools: its status is the worst of theirs, and a tool without a pose has no part in it, which the status says.
 */
export class ProbeZones<in out F extends string> implements GuidanceGraphic {
  readonly kind: AblationOptions['kind'];
  readonly object: Group = new Group();
  readonly #frame: Frame<F>;
  readonly #shapes: readonly ZoneShape[];
  readonly #drawn: readonly DrawnStatus[];
  readonly #poses: readonly Float64Array[];
  readonly #union = new UnionOfEllipsoids();
  readonly #shell = new UnionShell();
  readonly #fill = new UnionFill();
  readonly #overlay = new Hud();
  readonly #outline = new Outline(MOST_PROBES * CHORDS, 1);
  readonly #cut = new EllipsoidCut();
  readonly #normal = vec3(0, 0, 0);
  readonly #point = vec3(0, 0, 0);
  readonly #px = vec3(0, 0, 0);
  /** Of the chord being laid: x, y and length before it of each end, px. */
  readonly #piece = new Float64Array(6);
  /** Where on its ellipse a chord begins and ends, in chords. */
  readonly #span = new Float64Array(2);
  #status: Status = 'missing';
  #looked: { status: Status | undefined; dpr: number } = { status: undefined, dpr: 0 };

  /** @throws NavError `pose/bad-option` for a projected zone without shapes, or more probes than are drawn */
  constructor({ frame, kind, shapes = [] }: ProbeZonesOptions<F>) {
    if ((kind === 'projected') !== shapes.length > 0 || shapes.length > MOST_PROBES) {
      throw new NavError(
        'pose/bad-option',
        `A projected zone needs a shape for each of its 1 to ${MOST_PROBES} tools, another one none; got ${shapes.length} for "${kind}".`,
      );
    }
    this.kind = kind;
    this.#frame = frame;
    this.#shapes = shapes;
    this.#drawn = shapes.map(() => new DrawnStatus());
    this.#poses = shapes.map(() => new Float64Array(16).fill(Number.NaN));
    this.object.add(...this.#shell.objects);
    this.object.visible = false;
    this.#overlay.scene.add(this.#fill.object, this.#outline.object);
  }

  /**
   * Puts the probes of a planned or achieved zone into their places; none: there is no zone.
   * @throws NavError `pose/bad-option` for a projected one, or more than eight; `frame/mismatch`
   */
  setProbes(probes: readonly PlacedProbe<F>[]): void {
    if (this.kind === 'projected')
      throw new NavError('pose/bad-option', 'A projected zone goes with tools: give their poses to update().');
    if (probes.length > MOST_PROBES) {
      throw new NavError(
        'pose/bad-option',
        `${probes.length} probes are more than the ${MOST_PROBES} that one zone draws. Show two zones.`,
      );
    }
    for (const probe of probes) requireSameFrame(this.#frame, probe.frame, 'Showing the zones of probes');
    this.#union.count = probes.length;
    for (const [n, { matrix, shape }] of probes.entries()) this.#union.place(n, matrix, shape);
    this.#shell.place(this.#union);
    this.#status = probes.length > 0 ? 'ok' : 'missing';
    this.object.visible = probes.length > 0;
  }

  /** Lets one tool's part of a projected zone go with it: stage-from-tip. Allocates nothing. @param tool number of its shape */
  update(tool: number, view: PoseView): void {
    const drawn = this.#drawn[tool];
    if (drawn === undefined)
      throw new NavError('pose/bad-option', `This zone has no tool ${tool}: it has ${this.#shapes.length} shapes.`);
    drawn.give(view);
    (this.#poses[tool] as Float64Array).set(view.matrix);
  }

  get status(): Status {
    return this.#status;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    if (this.kind !== 'projected') return;
    let status: Status = 'ok';
    this.#union.count = 0;
    for (let n = 0; n < this.#drawn.length; n += 1) {
      const drawn = this.#drawn[n] as DrawnStatus;
      drawn.settle(now, staleAfterMs);
      status = worstStatus(status, drawn.status);
      if (!drawn.shown) continue;
      this.#union.place(this.#union.count, this.#poses[n] as Float64Array, this.#shapes[n] as ZoneShape);
      this.#union.count += 1;
    }
    this.#status = status;
    this.#shell.place(this.#union);
    this.object.visible = this.#union.count > 0;
  }

  inScene(_width: number, _height: number, dpr: number): void {
    this.#look(dpr);
  }

  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    if (!this.object.visible) return;
    const pieces = this.#lay(plane);
    if (pieces === 0) return;
    this.#look(dpr);
    this.#outline.show(pieces);
    this.#outline.viewport(plane.width, plane.height);
    this.#fill.place(this.#union, plane);
    this.#overlay.resize(plane.width, plane.height);
    this.#overlay.render(renderer);
  }

  dispose(): void {
    this.object.removeFromParent();
    for (const part of [this.#shell, this.#fill, this.#outline]) part.dispose();
  }

  /** What only changes with the status and the screen. */
  #look(dpr: number): void {
    if (this.#looked.status === this.#status && this.#looked.dpr === dpr) return;
    this.#looked = { status: this.#status, dpr };
    const look = lookOf(this.kind, this.#status);
    this.#shell.look(look, dpr);
    this.#fill.look(look);
    this.#outline.style(look.colour, (this.kind === 'achieved' ? 3 : 2.5) * dpr, dashed(look.dash as Dash | undefined, dpr));
  }

  /** Lays the outline of the union's cut. @returns how many pieces */
  #lay(plane: PlaneView): number {
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    let pieces = 0;
    for (let n = 0; n < this.#union.count; n += 1) {
      const axes = this.#union.axes[n] as Float64Array;
      if (!this.#cut.cut(axes, this.#union.centres[n] as Float64Array, normal, plane.centre)) continue;
      this.#piece[5] = 0;
      for (let c = 0; c < CHORDS; c += 1) if (this.#layChord(n, c, plane, pieces)) pieces += 1;
    }
    return pieces;
  }

  /** Lays what of a chord lies in no other ellipsoid; whether anything does. */
  #layChord(n: number, c: number, plane: PlaneView, piece: number): boolean {
    const span = this.#span;
    span[0] = c;
    span[1] = c + 1;
    const first = this.#hidden(n, 0);
    const last = this.#hidden(n, 1);
    if (first && last) return false;
    if (first !== last) this.#clip(n, first ? 0 : 1);
    const ends = this.#piece;
    ends[2] = ends[5] as number;
    this.#project(0, plane);
    this.#project(1, plane);
    const x = (ends[3] as number) - (ends[0] as number);
    const y = (ends[4] as number) - (ends[1] as number);
    ends[5] = (ends[2] as number) + Math.sqrt(x * x + y * y);
    this.#outline.piece(piece, ends);
    return true;
  }

  /** Moves the end that is hidden to where it comes out. */
  #clip(n: number, end: 0 | 1): void {
    const span = this.#span;
    let hidden = span[end] as number;
    let seen = span[1 - end] as number;
    for (let h = 0; h < HALVINGS; h += 1) {
      span[end] = (hidden + seen) / 2;
      if (this.#hidden(n, end)) hidden = span[end] as number;
      else seen = span[end] as number;
    }
    span[end] = seen;
  }

  #hidden(n: number, end: 0 | 1): boolean {
    this.#onEllipse(end);
    return this.#union.hides(n, this.#point);
  }

  /** The point of the cut at an end of the chord, mm, on the chord between two corners of the polygon. */
  #onEllipse(end: 0 | 1): void {
    const at = this.#span[end] as number;
    const c = Math.min(CHORDS - 1, Math.floor(at));
    const f = at - c;
    const cos = (1 - f) * (COSINES[c] as number) + f * (COSINES[c + 1] as number);
    const sin = (1 - f) * (SINES[c] as number) + f * (SINES[c + 1] as number);
    const { middle, p, q } = this.#cut;
    for (let k = 0; k < 3; k += 1) this.#point[k] = (middle[k] as number) + cos * (p[k] as number) + sin * (q[k] as number);
  }

  #project(end: 0 | 1, plane: PlaneView): void {
    this.#onEllipse(end);
    plane.project(this.#px, this.#point);
    this.#piece[3 * end] = this.#px[0] as number;
    this.#piece[3 * end + 1] = this.#px[1] as number;
  }
}

function lookOf(kind: AblationOptions['kind'], status: Status): ZoneLook {
  if (kind === 'planned') return { colour: PALETTE.plan, opacity: 0.6, dash: PLANNED, fill: 0 };
  if (kind === 'achieved') return { colour: PALETTE.fiducial, opacity: 0.9, dash: undefined, fill: 0.28 };
  // One tool without a pose leaves the others' zone, which is not the whole one: as stale as can be said.
  const { colour, dash } = statusStyle(hasPose(status) ? status : 'stale');
  return { colour, dash, opacity: isLive(status) ? 0.6 : 0, fill: status === 'ok' ? 0.12 : 0 };
}
