import type { PoseView, Status } from '../../frames/index.js';
import { formatBound, formatMm, type StraightPlan, UNKNOWN } from '../../guidance/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { Fingerprint } from '../fingerprint.js';
import { PALETTE } from '../palette.js';
import { orientationLetters } from '../planes.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { AcrossPath } from './across-path.js';
import { type GuidanceGraphic, wordColour } from './graphic.js';
import { Panel } from './panel.js';
import { adaptiveScale, CachedText } from './quantities.js';

/** What {@link Bullseye} is made from. */
export interface BullseyeOptions<F extends string> {
  readonly plan: StraightPlan<F>;
  /** The direction the instrument goes in along, in its tip frame. Default (0, 0, −1). */
  readonly toolAxis?: readonly [number, number, number];
  /** What is up on the screen. Default: the patient's head, or front where the way runs from head to foot. */
  readonly up?: ArrayLike<number>;
  /** Radius of the target's disc, mm. Default 1. */
  readonly targetRadiusMm?: number;
  /** Device pixels per CSS pixel. Default: the window's. */
  readonly pixelRatio?: number;
}

/**
 * The lateral deviation, looking down the planned way: rings in mm with their numbers, the tip as a disc, its 95 % ellipse to
 * scale, a cross where the tool's axis would arrive at the target's depth, the patient's directions around the rim. The scale
 * follows the deviation ({@link adaptiveScale}).
 *
 * `ok`: a filled disc. `predicted`: a filled disc within a broken ring. Any other pose: only a broken ring, stripes over the dial
 * and a dash in place of the number. No pose: nothing but stripes and the word.
 */
export class Bullseye<in out F extends string> implements GuidanceGraphic {
  readonly canvas: HTMLCanvasElement;
  readonly #panel: Panel;
  readonly #path: AcrossPath<F>;
  readonly #targetRadiusMm: number;
  readonly #drawn = new DrawnStatus();
  readonly #changes = new Fingerprint();
  readonly #letters: readonly [string, string, string, string];
  readonly #number = new CachedText((mm) => formatMm(mm), 0.05);
  readonly #bound = new CachedText((mm) => `95 % ${formatBound(mm)}`, 0.05);
  readonly #half = new CachedText((mm) => String(mm), 0.5);
  readonly #full = new CachedText((mm) => formatMm(mm, 0), 0.5);
  #words = ENGLISH_WORDS;
  #scale = 10;

  /** Appends its canvas to an element, whose size it takes. */
  constructor(host: HTMLElement, { plan, toolAxis, up, targetRadiusMm = 1, pixelRatio }: BullseyeOptions<F>) {
    this.#panel = new Panel(host, this.#words.panels.bullseye, pixelRatio);
    this.canvas = this.#panel.canvas;
    this.#path = new AcrossPath(plan, toolAxis, up);
    this.#targetRadiusMm = targetRadiusMm;
    const minus = (v: Float64Array): Float64Array => v.map((x) => -x);
    const { right: r, up: u } = this.#path;
    this.#letters = [orientationLetters(minus(r)), orientationLetters(r), orientationLetters(u), orientationLetters(minus(u))];
  }

  /** Takes over a pose of the plan's frame from the tip. Allocates nothing. */
  update(view: PoseView): void {
    this.#drawn.give(view);
    this.#path.measure(view);
  }

  get status(): Status {
    return this.#drawn.status;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    const changed = this.#drawn.settle(now, staleAfterMs);
    const { tip, aim, ellipse, lateralMm } = this.#path;
    // The error counts: what is drawn of it must not be cut off by the dial.
    const error = Number.isNaN(ellipse[0] as number) ? 0 : (ellipse[0] as number);
    if (this.#drawn.live) this.#scale = adaptiveScale(this.#scale, lateralMm + error);
    this.#changes.add(tip);
    this.#changes.add(aim);
    this.#changes.add(ellipse);
    if (this.#changes.changed() || changed || this.#panel.outdated) this.#draw();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#panel.speak(words.panels.bullseye);
  }

  dispose(): void {
    this.#drawn.clear();
    this.#panel.dispose();
  }

  #draw(): void {
    const panel = this.#panel;
    panel.begin();
    const { width, height } = panel;
    const foot = Math.min(64, Math.max(34, height * 0.2));
    const rim = 16;
    // Two letters beside the dial are broader than high: none may be cut off by the panel's edge.
    const [l, r] = this.#letters;
    const side = Math.max(rim + 4, 7 + LETTER * rim * Math.max(l.length, r.length));
    const radius = Math.max(10, Math.min(width / 2 - side, (height - foot) / 2 - rim - 4));
    const x = width / 2;
    const y = (height - foot) / 2;
    this.#dial(x, y, radius, rim);
    if (this.#drawn.shown) this.#pointer(x, y, radius);
    if (!this.#drawn.live) panel.hatch(x - radius, y - radius, 2 * radius, 2 * radius, this.#drawn.style.colour, true);
    this.#foot(foot);
  }

  #dial(x: number, y: number, radius: number, rim: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const perMm = radius / this.#scale;
    panel.line('#33404e', 1.5);
    c.beginPath();
    c.moveTo(x - radius, y);
    c.lineTo(x + radius, y);
    c.moveTo(x, y - radius);
    c.lineTo(x, y + radius);
    c.stroke();
    for (let n = 1; n <= 4; n += 1) {
      panel.line(n === 4 ? PALETTE.quietText : '#4d5b6b', n === 4 ? 2.5 : 1.5);
      circle(c, x, y, (radius * n) / 4);
      c.stroke();
    }
    c.fillStyle = PALETTE.target;
    c.globalAlpha = 0.35;
    circle(c, x, y, Math.max(3, this.#targetRadiusMm * perMm));
    c.fill();
    c.globalAlpha = 1;
    panel.line(PALETTE.target, 2.5);
    circle(c, x, y, Math.max(3, this.#targetRadiusMm * perMm));
    c.stroke();
    const size = Math.max(12, radius * 0.13);
    for (let n = 2; n <= 4; n += 2) {
      const off = (radius * n * Math.SQRT1_2) / 4;
      const mm = (this.#scale * n) / 4;
      const text = n === 4 ? this.#full.of(mm) : this.#half.of(mm);
      panel.text(text, x + off + 3, y - off - size * 0.1, size, PALETTE.quietText, 'left', panel.width - x - off - 6);
    }
    const [l, r, t, b] = this.#letters;
    panel.text(l, x - radius - 3, y, rim, PALETTE.text, 'right', x - radius - 6);
    panel.text(r, x + radius + 3, y, rim, PALETTE.text, 'left', x - radius - 6);
    panel.text(t, x, y - radius - rim / 2 - 1, rim, PALETTE.text, 'center');
    panel.text(b, x, y + radius + rim / 2 + 3, rim, PALETTE.text, 'center');
  }

  /** The tip, its error and where it aims. */
  #pointer(x: number, y: number, radius: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const { tip, ellipse, aim, lateralMm } = this.#path;
    const { colour, form, dash } = this.#drawn.style;
    const { live } = this.#drawn;
    const perMm = radius / this.#scale;
    // What does not fit stands at the rim, with an arrow that points out of the dial.
    const inside = Math.min(1, this.#scale / lateralMm);
    const tx = x + (lateralMm > 0 ? inside : 1) * (tip[0] as number) * perMm;
    const ty = y - (lateralMm > 0 ? inside : 1) * (tip[1] as number) * perMm;
    c.save();
    circle(c, x, y, radius);
    c.clip();
    if (live && (ellipse[0] as number) > 0) {
      c.beginPath();
      const [a, b] = [(ellipse[0] as number) * perMm, (ellipse[1] as number) * perMm];
      c.ellipse(tx, ty, Math.max(1, a), Math.max(1, b), -(ellipse[2] as number), 0, 2 * Math.PI);
      c.fillStyle = PALETTE.text;
      c.globalAlpha = 0.16;
      c.fill();
      c.globalAlpha = 1;
      panel.line(PALETTE.text, 2);
      c.stroke();
    }
    if (live && !Number.isNaN(aim[0] as number)) {
      const ax = x + (aim[0] as number) * perMm;
      const ay = y - (aim[1] as number) * perMm;
      panel.line(PALETTE.text, 2, [4, 4]);
      c.beginPath();
      c.moveTo(tx, ty);
      c.lineTo(ax, ay);
      c.stroke();
      panel.line(PALETTE.text, 3);
      c.beginPath();
      for (const s of [-1, 1]) {
        c.moveTo(ax - 7, ay - 7 * s);
        c.lineTo(ax + 7, ay + 7 * s);
      }
      c.stroke();
    }
    c.restore();
    if (inside < 1) arrow(panel, x, y, tx, ty, colour, live);
    const solid = form === 'solid';
    circle(c, tx, ty, 8);
    if (solid) {
      c.fillStyle = colour;
      c.fill();
      panel.line(PALETTE.background, 1.5);
      c.stroke();
    }
    if (this.#drawn.status === 'ok') return;
    circle(c, tx, ty, 14);
    panel.line(colour, 3.5, dash && [dash[0] * 0.7, dash[1] * 0.7]);
    c.stroke();
  }

  #foot(foot: number): void {
    const panel = this.#panel;
    const { width, height } = panel;
    const { live, style, status } = this.#drawn;
    const { lateralMm, ellipse } = this.#path;
    const word = this.#words.status[status];
    const half = width / 2 - 10;
    panel.text(live ? this.#number.of(lateralMm) : UNKNOWN, 8, height - foot * 0.45, foot * 0.62, PALETTE.text, 'left', half);
    const small = Math.max(12, foot * 0.27);
    if (word !== '') panel.text(word, width - 8, height - foot * 0.66, small, wordColour(live, style.colour), 'right', half);
    const bound = live ? this.#bound.of(ellipse[0] as number) : UNKNOWN;
    panel.text(bound, width - 8, height - foot * 0.26, small, PALETTE.quietText, 'right', half);
  }
}

/** The broadest letter of a direction, bold, of its size. */
const LETTER = 0.85;

function circle(c: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
}

/** From the middle outwards, at the rim: filled for a live pose, its outline for another. */
function arrow(panel: Panel, x: number, y: number, tx: number, ty: number, colour: string, live: boolean): void {
  const c = panel.context;
  const length = Math.hypot(tx - x, ty - y);
  const [ux, uy] = [(tx - x) / length, (ty - y) / length];
  c.beginPath();
  c.moveTo(tx + 20 * ux, ty + 20 * uy);
  c.lineTo(tx + 6 * ux - 12 * uy, ty + 6 * uy + 12 * ux);
  c.lineTo(tx + 6 * ux + 12 * uy, ty + 6 * uy - 12 * ux);
  c.closePath();
  if (live) {
    c.fillStyle = colour;
    c.fill();
    return;
  }
  panel.line(colour, 2.5, [4, 3]);
  c.stroke();
}
