import { Group } from 'three';
import type { PoseView, Status } from '../../frames/index.js';
import { formatMm, UNKNOWN } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import type { LabelStyle } from '../label.js';
import { PALETTE } from '../palette.js';
import { Stroke } from '../stroke.js';
import type { GuidanceGraphic } from './graphic.js';
import { CachedText } from './quantities.js';
import { SceneLabel } from './scene-label.js';

/** Where a line to draw ends, filled for a tip: a target that stands, or the nearest point of a structure. */
export type FarEnd = (out: Float64Array, tip: Float64Array) => void;

/**
 * A line from a tool's tip to a point, and how long it is in mm.
 *
 * `ok`: a whole line, its number white. `predicted`: a line in long pieces, its number in the same colour. Any other pose: a thinner
 * one in short pieces whose number is a dash, for the tip may be somewhere else by now. No pose: nothing. Words are left to the tool.
 */
export class DistanceLine implements GuidanceGraphic {
  readonly object: Group = new Group();
  readonly #end: FarEnd;
  readonly #colour: string;
  readonly #drawn = new DrawnStatus();
  readonly #line = new Stroke(1);
  readonly #label = new SceneLabel();
  readonly labels: readonly SceneLabel[] = [this.#label];
  readonly #tip = vec3(Number.NaN, Number.NaN, Number.NaN);
  readonly #far = vec3(Number.NaN, Number.NaN, Number.NaN);
  readonly #text = new CachedText((mm) => formatMm(mm), 0.05);
  readonly #name: string;
  #dpr = 0;
  #written = '';
  #style: LabelStyle = { sizePx: 1, colour: PALETTE.text };

  /**
   * @param end {@link towards} a point, or the nearest point of an {@link AvoidStructure}
   * @param options `name`: what stands before the number; `colour`: of the live line, `#rrggbb`
   */
  constructor(end: FarEnd, { name = '', colour = PALETTE.target }: { readonly name?: string; readonly colour?: string } = {}) {
    this.#end = end;
    this.#colour = colour;
    this.#name = name === '' ? '' : `${name} `;
    this.#line.object.renderOrder = 27;
    this.object.add(this.#line.object, this.#label.object);
    this.object.visible = false;
  }

  /** Takes over a pose: stage-from-tip. Allocates nothing. */
  update(view: PoseView): void {
    this.#drawn.give(view);
    for (let k = 0; k < 3; k += 1) this.#tip[k] = view.matrix[12 + k] as number;
    if (view.hasPose) this.#end(this.#far, this.#tip);
  }

  get status(): Status {
    return this.#drawn.status;
  }

  /** From the tip to the point, mm; NaN while the pose is not live. */
  get distanceMm(): number {
    if (!this.#drawn.live) return Number.NaN;
    let square = 0;
    for (let k = 0; k < 3; k += 1) square += ((this.#tip[k] as number) - (this.#far[k] as number)) ** 2;
    return Math.sqrt(square);
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    if (this.#drawn.settle(now, staleAfterMs)) this.#look();
    // A structure without a nearest point gives none: then there is no line.
    this.object.visible = this.#drawn.shown && Number.isFinite(this.#far[0] as number);
  }

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      this.#look();
    }
    this.#line.viewport(width, height);
    this.#label.viewport(width, height);
    if (!this.object.visible) return;
    const [a, b] = [this.#tip, this.#far];
    this.#line.segments.set(a);
    this.#line.segments.set(b, 3);
    this.#line.show(1);
    this.#write();
    const middle = (k: 0 | 1 | 2): number => ((a[k] as number) + (b[k] as number)) / 2;
    this.#label.at(middle(0), middle(1), middle(2), 10 * dpr, -12 * dpr, 1);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#line.dispose();
    this.#label.dispose();
  }

  #write(): void {
    const text = this.#drawn.live ? this.#text.of(this.distanceMm) : UNKNOWN;
    if (text === this.#written) return;
    this.#written = text;
    this.#label.set(this.#name + text, this.#style);
  }

  #look(): void {
    const dpr = this.#dpr;
    const { style, live } = this.#drawn;
    const { dash } = style;
    const colour = this.#drawn.status === 'ok' ? this.#colour : style.colour;
    this.#line.style({
      colour,
      opacity: style.opacity,
      // Dots have less ink: with a whole line's width they would hardly be there.
      widthPx: (live ? 4 : 5) * dpr,
      dash: dash && [dash[0] * dpr, dash[1] * dpr],
    });
    this.#style = {
      sizePx: Math.round(20 * dpr),
      colour: this.#drawn.status === 'ok' ? PALETTE.text : colour,
      anchor: 'left',
      weight: 700,
    };
    this.#written = '';
  }
}

/** The far end of a line to a point that stands, mm of the stage's frame. */
export function towards(xyz: ArrayLike<number>): FarEnd {
  const fixed = Float64Array.from(xyz);
  return (out) => out.set(fixed);
}
