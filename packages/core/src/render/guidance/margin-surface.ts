import { Group, type WebGLRenderer } from 'three';
import { NavError } from '../../base/index.js';
import { type PoseView, pointCovariance, requireSameFrame, type Status } from '../../frames/index.js';
import { formatMmWithin, type MarginMap, UNKNOWN } from '../../guidance/index.js';
import { radiusQuantile } from '../../math/index.js';
import type { Mesh } from '../../volume/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { type Dash, PALETTE, statusStyle } from '../palette.js';
import type { PlaneView } from '../planes.js';
import { Surface } from '../surface.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { formatLeast } from './avoid.js';
import { ALARM_TEXT, type GuidanceGraphic, wordColour } from './graphic.js';
import { MarginOnSlice, type MarginOutlineStyle } from './margin-on-slice.js';
import { MARGIN_LIMITS_MM, MARGIN_STEPS, type MarginKind, marginStep } from './margin-steps.js';
import { MeshCut } from './mesh-cut.js';
import { ScenePin } from './scene-pin.js';
import { drawable, meanOf, StepSurface } from './step-surface.js';

/** What {@link MarginSurface} is made from. */
export interface MarginSurfaceOptions<F extends string> {
  /** `planned`: of a plan. `tracked`: of a zone at a tool's pose, drawn by the status of that. `confirmed`: of what images afterwards show. */
  readonly kind: MarginKind;
  /** The target's surface, `AblationTarget.surface`: that of every map which is shown. In the stage's frame. */
  readonly surface: Mesh<F>;
}

/** How well the zone's place against the target is known, in the target's frame: a registration's covariance, or that of a planned pose. */
export interface PlaceError {
  /** 6×6 row-major, mm and rad, about the frame's origin. */
  readonly covariance: ArrayLike<number>;
  /** Absent: Infinity. */
  readonly degreesOfFreedom?: number;
}

/**
 * A tumour's surface coloured by the margin of an ablation zone about it, in the steps of {@link MARGIN_STEPS}; the place of least margin pinned, with
 * its figure and what it is not below with 95 %. On a slice the tumour's outline in the same steps, and the least margin on that slice.
 *
 * The bound: the distance to a zone changes by no more than the way its place is moved, so the margin at the pinned place is with 95 % no less than
 * the figure less the radius of the 95 % sphere of the pose's error there. It says nothing of the other places: that all are covered at once is
 * `coverageProbability`'s to say.
 *
 * `planned` has a broken yellow rim, `confirmed` a whole green one, `tracked` that of the pose's status. Where a tracked pose is not live, there
 * are no margins: in 3D the tumour stays as a grey shell, for it stands in the patient, with a dash and the reason; on slices its outline, as
 * long as there is a pose.
 */
export class MarginSurface<in out F extends string> implements GuidanceGraphic {
  readonly kind: MarginKind;
  readonly object: Group = new Group();
  readonly #surface: Mesh<F>;
  readonly #drawn = new DrawnStatus();
  readonly #steps: StepSurface;
  readonly #shell: Surface;
  readonly #pin = new ScenePin();
  readonly labels: readonly [ScenePin['figure'], ScenePin['words']] = [this.#pin.figure, this.#pin.words];
  readonly #cut: MeshCut;
  readonly #slices = new Map<PlaneView, MarginOnSlice>();
  readonly #margins: Float64Array;
  readonly #least = Float64Array.of(Number.NaN, Number.NaN);
  #map: MarginMap<F> | undefined;
  #worst = -1;
  #shown = false;
  #outline: MarginOutlineStyle = { colour: PALETTE.stale, dash: undefined, changed: 0 };
  #words = ENGLISH_WORDS;
  #dpr = 0;

  constructor({ kind, surface }: MarginSurfaceOptions<F>) {
    this.kind = kind;
    this.#surface = surface;
    const made = drawable(surface.positions, surface.triangles);
    this.#steps = new StepSurface(made.positions, made.normals, made.indices, MARGIN_STEPS, MARGIN_LIMITS_MM);
    this.#shell = new Surface(made, PALETTE.stale, 0.9);
    this.#cut = new MeshCut(surface.positions, surface.triangles);
    this.#margins = new Float64Array(surface.positions.length / 3).fill(Number.NaN);
    this.object.add(this.#steps.object, this.#shell.object, this.#pin.object);
    this.#look();
  }

  /**
   * Shows the margins of a planned or confirmed zone; `undefined` takes them off, and the tumour stays without.
   * @param error absent: not known, which is said
   * @throws NavError `pose/bad-option` for a tracked one, or a map of another surface; `frame/mismatch`
   */
  show(map: MarginMap<F> | undefined, error?: PlaceError): void {
    if (this.kind === 'tracked') {
      throw new NavError('pose/bad-option', 'Margins of a tracked zone go with a pose: give both to update().');
    }
    this.#take(map, error);
  }

  /**
   * Takes over the margins of the zone at a tool's pose, and that pose: its status and time say how long they are of the present.
   * @param view the pose that the zone was made at, as `trackedProbe` filled it
   * @param map absent where there is no zone; not looked at where the pose is not live
   * @throws NavError `pose/bad-option` unless tracked, or for a map of another surface; `frame/mismatch`
   */
  update(view: PoseView, map: MarginMap<F> | undefined): void {
    if (this.kind !== 'tracked') {
      throw new NavError('pose/bad-option', `A ${this.kind} zone has no pose: give its margins to show().`);
    }
    this.#drawn.give(view);
    this.#take(view.isLive ? map : undefined, view.covarianceKnown ? view : undefined);
  }

  /** `ok` for a planned or confirmed zone that is shown, `unknown` without one; of a tracked one that of its pose. */
  get status(): Status {
    if (this.kind === 'tracked') return this.#drawn.status;
    return this.#worst >= 0 ? 'ok' : 'unknown';
  }

  /** The margins as drawn; undefined where there are none of the present. */
  get map(): MarginMap<F> | undefined {
    return this.#live ? this.#map : undefined;
  }

  /** The least margin as drawn, mm; NaN where none is known. */
  get leastMm(): number {
    return this.#live ? (this.#least[0] as number) : Number.NaN;
  }

  /** What the margin at the place of the least is not below with 95 %, mm; NaN where the error is not known. */
  get leastBoundMm(): number {
    return this.#live ? (this.#least[1] as number) : Number.NaN;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    const changed = this.kind === 'tracked' && this.#drawn.settle(now, staleAfterMs);
    if (changed || this.#shown !== this.#live) this.#look();
  }

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      this.#steps.ratio(dpr);
      this.#look();
    }
    this.#pin.viewport(width, height);
  }

  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    if (this.kind === 'tracked' && !this.#drawn.shown) return;
    let part = this.#slices.get(plane);
    if (part === undefined) {
      part = new MarginOnSlice(this.#cut);
      this.#slices.set(plane, part);
    }
    part.look(this.#outline, dpr);
    part.draw(renderer, plane, this.#live ? this.#margins : undefined);
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#look();
  }

  dispose(): void {
    this.object.removeFromParent();
    for (const part of [this.#steps, this.#shell, this.#pin, ...this.#slices.values()]) part.dispose();
    this.#slices.clear();
  }

  /** Whether there are margins of the present. */
  get #live(): boolean {
    return this.#worst >= 0 && (this.kind !== 'tracked' || this.#drawn.live);
  }

  #take(map: MarginMap<F> | undefined, error: PlaceError | undefined): void {
    this.#map = map;
    this.#worst = -1;
    this.#least.fill(Number.NaN);
    if (map !== undefined) {
      this.#requireOurs(map);
      this.#margins.set(map.marginsMm);
      this.#worst = map.worstVertex;
      this.#least[0] = map.minimalMarginMm;
      if (error !== undefined) this.#least[1] = map.minimalMarginMm - reach95(error, this.#worstAt());
      this.#steps.setValues(map.marginsMm);
    }
    this.#look();
  }

  #requireOurs(map: MarginMap<F>): void {
    requireSameFrame(this.#surface.frame, map.frame, 'Showing margins');
    if (samePlaces(map.surface.positions, this.#surface.positions) && map.marginsMm.every(Number.isFinite)) return;
    throw new NavError(
      'pose/bad-option',
      'The margins are of another surface than the graphic’s, or one of them is not finite. Show maps of the target that it was made with.',
      { detail: { margins: map.marginsMm.length, vertices: this.#margins.length } },
    );
  }

  #worstAt(): Float64Array {
    return this.#surface.positions.subarray(3 * this.#worst, 3 * this.#worst + 3);
  }

  /** The rim and outline by what the zone is. */
  #style(): { colour: string; dash: Dash | undefined } {
    if (this.kind === 'planned') return { colour: PALETTE.plan, dash: PLANNED };
    if (this.kind === 'confirmed') return { colour: PALETTE.fiducial, dash: undefined };
    const { colour, dash, form } = statusStyle(this.#drawn.status);
    return { colour: form === 'none' ? PALETTE.stale : colour, dash };
  }

  /** What only changes with the margins, the status and the screen. */
  #look(): void {
    const live = this.#live;
    this.#shown = live;
    const { colour, dash } = this.#style();
    this.#outline = { colour, dash, changed: this.#outline.changed + 1 };
    this.#steps.object.visible = live;
    this.#steps.rim(colour, dash);
    this.#shell.object.visible = !live;
    const at = live ? this.#worstAt() : meanOf(this.#surface.positions);
    this.#pin.place(at, live ? outwards(this.#steps.object.geometry.getAttribute('normal').array, this.#worst) : undefined);
    this.#write(live, Math.max(1, this.#dpr));
  }

  #write(live: boolean, dpr: number): void {
    const [least, bound] = this.#least as unknown as [number, number];
    const uncovered = live && marginStep(least) === 0;
    // In a field of fixed width, so that the number stands still while it changes.
    const number = formatMmWithin(least, FIELD);
    const figure = !live ? UNKNOWN : uncovered ? number.replace(/^\u2007*/, (pad) => `${pad}! `) : number;
    const { margins, status, marginNotKnown, errorUnknown } = this.#words;
    const kind = margins[this.kind];
    const word = this.kind === 'tracked' ? status[this.#drawn.status] : live ? '' : marginNotKnown;
    const sure = !live ? '' : Number.isNaN(bound) ? errorUnknown : `95 % ${formatLeast(bound)}`;
    const said = [kind, word, sure].filter((text) => text !== '').join(' · ');
    const colour = wordColour(
      live && !uncovered,
      uncovered ? ALARM_TEXT : this.kind === 'tracked' ? this.#style().colour : PALETTE.text,
    );
    this.#pin.write(figure, said, live && !uncovered ? PALETTE.text : colour, colour, dpr);
  }
}

/** As AblationZoneGraphic breaks what is only planned, CSS pixels. */
const PLANNED: Dash = [9, 6];
/** Characters of a margin with its unit, of the longest that is likely: `−12.3 mm`. */
const FIELD = 8;

/** The radius of the 95 % sphere of a pose's error at a place, mm; NaN where it has none. */
function reach95({ covariance, degreesOfFreedom = Number.POSITIVE_INFINITY }: PlaceError, at: ArrayLike<number>): number {
  return radiusQuantile(pointCovariance(new Float64Array(9), covariance, at), 0.95, degreesOfFreedom);
}

function samePlaces(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((v, n) => v === b[n]));
}

function outwards(normals: ArrayLike<number>, vertex: number): ArrayLike<number> {
  return [0, 1, 2].map((k) => normals[3 * vertex + k] as number);
}
