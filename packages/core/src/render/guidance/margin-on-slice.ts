import type { WebGLRenderer } from 'three';
import { formatMm } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { Hud } from '../hud.js';
import { Label, type LabelStyle } from '../label.js';
import { type Dash, PALETTE } from '../palette.js';
import { PerRatio } from '../per-ratio.js';
import { crossInto, type PlaneView } from '../planes.js';
import { ALARM_TEXT } from './graphic.js';
import { MARGIN_LIMITS_MM, MARGIN_STEPS, marginStep } from './margin-steps.js';
import type { CutSink, MeshCut } from './mesh-cut.js';
import { dashed, Outline } from './outline.js';
import { CachedText } from './quantities.js';

/** More pieces of one step than this are not drawn: a tumour of 20 000 triangles is cut in some 600. */
const MOST = 2048;
/** Between two barbs, CSS pixels. */
const BARB_PX = 7;

/** How the outline of a tumour is drawn on slices. */
export interface MarginOutlineStyle {
  readonly colour: string;
  readonly dash: Dash | undefined;
  /** Raised whenever margins or status are others. */
  readonly changed: number;
}

/** A tumour's outline on one slice, in the steps of its margins, with the least margin that is on it. */
export class MarginOnSlice implements CutSink {
  readonly #cut: MeshCut;
  readonly #hud = new Hud();
  readonly #steps: readonly Outline[] = MARGIN_STEPS.map((_, n) => new Outline(MOST, 4 - n));
  readonly #bare = new Outline(MOST, 1);
  readonly #mark = new Outline(4, 8);
  readonly #label = new Label();
  readonly #text = new CachedText((mm) => formatMm(mm), 0.05);
  readonly #styles = new PerRatio((dpr) => LABELS.map((colour) => labelStyle(colour, dpr)));
  readonly #counts = new Int32Array(MARGIN_STEPS.length + 1);
  readonly #piece = new Float64Array(6);
  /** Which part of a piece is being laid, 0 … 1. */
  readonly #span = new Float64Array(2);
  readonly #textAt = new Float64Array(2);
  readonly #normal = vec3(0, 0, 0);
  readonly #corners = new Float64Array(12);
  #known = false;
  #dpr = 0;
  #looked = -1;
  #colour = '';

  constructor(cut: MeshCut) {
    this.#cut = cut;
    for (const part of [...this.#steps, this.#bare, this.#mark]) this.#hud.scene.add(part.object);
    this.#hud.scene.add(this.#label.object);
    this.#label.object.renderOrder = 20;
  }

  /** What changes with the margins, the status and the screen. */
  look({ colour, dash, changed }: MarginOutlineStyle, dpr: number): void {
    if (changed === this.#looked && dpr === this.#dpr && colour === this.#colour) return;
    this.#looked = changed;
    this.#dpr = dpr;
    this.#colour = colour;
    for (const [n, { colour: own, widthPx, barbed }] of MARGIN_STEPS.entries()) {
      this.#steps[n]?.style(own, widthPx * dpr, dashed(dash, dpr));
      if (barbed) this.#steps[n]?.barbs(BARB_PX * dpr, 6 * dpr);
    }
    this.#bare.style(colour, 1.75 * dpr, dashed(dash, dpr));
    this.#mark.style(PALETTE.text, 2 * dpr, undefined);
  }

  /** Draws over the slice. @param margins one a vertex, mm; absent: not known, the outline alone */
  draw(renderer: WebGLRenderer, plane: PlaneView, margins: Float64Array | undefined): void {
    this.#counts.fill(0);
    this.#known = margins !== undefined;
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    if (this.#cut.cut(plane, normal, this, margins) === 0) return;
    for (let n = 0; n < this.#steps.length; n += 1) this.#steps[n]?.show(this.#counts[n] as number);
    this.#bare.show(this.#counts[this.#steps.length] as number);
    this.#layMark(plane);
    for (let n = 0; n < this.#steps.length; n += 1) this.#steps[n]?.viewport(plane.width, plane.height);
    this.#bare.viewport(plane.width, plane.height);
    this.#mark.viewport(plane.width, plane.height);
    this.#hud.resize(plane.width, plane.height);
    this.#hud.render(renderer);
  }

  /** A piece of the cut, divided where the margin passes from one step to another. */
  piece(ends: Float64Array): void {
    const span = this.#span;
    span[0] = 0;
    span[1] = 1;
    if (!this.#known) {
      this.#put(this.#bare, this.#steps.length, ends);
      return;
    }
    const a = ends[3] as number;
    const b = ends[7] as number;
    // The limits lie along the piece in rising order, or falling.
    for (let k = 0; k < MARGIN_LIMITS_MM.length; k += 1) {
      const limit = MARGIN_LIMITS_MM[a < b ? k : MARGIN_LIMITS_MM.length - 1 - k] as number;
      const f = (limit - a) / (b - a);
      if (!(f > (span[0] as number) && f < 1)) continue; // Also where the two ends are alike.
      span[1] = f;
      this.#putStep(ends);
      span[0] = f;
    }
    span[1] = 1;
    this.#putStep(ends);
  }

  dispose(): void {
    for (const part of [...this.#steps, this.#bare, this.#mark, this.#label]) part.dispose();
  }

  #putStep(ends: Float64Array): void {
    const a = ends[3] as number;
    const middle = a + (((this.#span[0] as number) + (this.#span[1] as number)) / 2) * ((ends[7] as number) - a);
    const step = marginStep(middle);
    this.#put(this.#steps[step] as Outline, step, ends);
  }

  #put(outline: Outline, count: number, ends: Float64Array): void {
    const from = this.#span[0] as number;
    const to = this.#span[1] as number;
    const n = this.#counts[count] as number;
    if (n >= MOST) return;
    for (let k = 0; k < 3; k += 1) {
      const a = ends[k] as number;
      const d = (ends[4 + k] as number) - a;
      this.#piece[k] = a + from * d;
      this.#piece[3 + k] = a + to * d;
    }
    outline.piece(n, this.#piece);
    this.#counts[count] = n + 1;
  }

  /** A diamond about the least margin of the slice, and its number. */
  #layMark(plane: PlaneView): void {
    const known = this.#known;
    this.#mark.object.visible = known;
    this.#label.object.visible = known;
    if (!known) return;
    const mm = this.#cut.least[0] as number;
    const x = this.#cut.least[1] as number;
    const y = this.#cut.least[2] as number;
    const r = 8 * this.#dpr;
    for (let n = 0; n < 4; n += 1) {
      this.#corners[3 * n] = x + (n === 0 ? r : n === 2 ? -r : 0);
      this.#corners[3 * n + 1] = y + (n === 1 ? r : n === 3 ? -r : 0);
    }
    this.#mark.loop(this.#corners, 4);
    this.#label.set(this.#text.of(mm), (this.#styles.at(this.#dpr) as LabelStyle[])[mm < 0 ? 1 : 0] as LabelStyle);
    const half = this.#label.height / 2;
    // Outside the tumour, and whole: a number that is cut off is another one.
    const { box } = this.#cut;
    const out = 12 * this.#dpr;
    const left = 2 * x < (box[0] as number) + (box[2] as number) ? x - out - this.#label.width : x + out;
    this.#textAt[0] = Math.max(2, Math.min(left, plane.width - this.#label.width - 2));
    this.#textAt[1] = Math.max(half, Math.min(plane.height - half, y - 14 * this.#dpr));
    this.#label.beside(this.#textAt, NOWHERE);
  }
}

const NOWHERE = new Float64Array(2);

/** Of the number beside the diamond: covered, and not. */
const LABELS: readonly string[] = [PALETTE.text, ALARM_TEXT];

function labelStyle(colour: string, dpr: number): LabelStyle {
  return { sizePx: Math.round(15 * dpr), colour, anchor: 'left', weight: 700 };
}
