import { NavError } from '../../base/index.js';
import type { PoseView, Status } from '../../frames/index.js';
import {
  Deviation,
  formatMm,
  type GuidanceLimits,
  type GuidanceState,
  guidanceState,
  type StraightPlan,
  UNKNOWN,
} from '../../guidance/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { Fingerprint } from '../fingerprint.js';
import { PALETTE } from '../palette.js';
import { type DepthWord, type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { ALARM_TEXT, type GuidanceGraphic, wordColour } from './graphic.js';
import { Panel } from './panel.js';
import { adaptiveScale, CachedText } from './quantities.js';

/** What {@link DepthBar} is made from. */
export interface DepthBarOptions<F extends string> {
  readonly plan: StraightPlan<F>;
  /** The direction the instrument goes in along, in its tip frame. Default (0, 0, −1). */
  readonly toolAxis?: readonly [number, number, number];
  /** When the tip counts as on the target. */
  readonly limits?: GuidanceLimits;
  /** Further than this from the planned line the tip is beside the way, mm. Default 3, as the corridor's radius. */
  readonly corridorRadiusMm?: number;
  /** Device pixels per CSS pixel. Default: the window's. */
  readonly pixelRatio?: number;
}

/** The part of the bar above the target's line. */
const ABOVE = 0.68;

/**
 * How much is left to the target along the plan, as a bar that fills downwards to the target's line, with the number in mm; the
 * scale follows ({@link adaptiveScale}).
 *
 * Short of the target: a column in the tool's colour with a flat pointer. On it: the line thickens, ON TARGET. Past it: nothing
 * of the column is left; what is beyond the line is filled in the colour of alarm with stripes, the pointer is doubled, and the
 * number says PAST and has a minus. Beside the way: a depth along it says nothing of what the tip is in, so it is neither short of
 * the target nor past it: the column is an outline, the number stays, and it says BESIDE THE WAY, the pointer still doubled where the
 * tip is deeper. A pose that is not live leaves no column, no number, and only a broken mark where it was.
 */
export class DepthBar<in out F extends string> implements GuidanceGraphic {
  readonly canvas: HTMLCanvasElement;
  readonly #panel: Panel;
  readonly #deviation: Deviation<F>;
  readonly #limits: GuidanceLimits | undefined;
  readonly #drawn = new DrawnStatus();
  readonly #changes = new Fingerprint();
  readonly #seen = new Float64Array(2);
  readonly #number = new CachedText((mm) => formatMm(mm), 0.05);
  readonly #corridorMm: number;
  #state: GuidanceState = 'noPose';
  #beside = false;
  #words = ENGLISH_WORDS;
  #scale = 100;

  /** Appends its canvas to an element, whose size it takes. @throws NavError `pose/bad-option` */
  constructor(host: HTMLElement, options: DepthBarOptions<F>) {
    const { plan, toolAxis, limits, corridorRadiusMm = 3, pixelRatio } = options;
    if (!(corridorRadiusMm > 0 && corridorRadiusMm < 1000)) {
      throw new NavError('pose/bad-option', `A depth bar needs a corridor's radius above 0 mm, got ${corridorRadiusMm}.`);
    }
    this.#corridorMm = corridorRadiusMm;
    this.#panel = new Panel(host, this.#words.panels.depthBar, pixelRatio);
    this.canvas = this.#panel.canvas;
    this.#deviation = new Deviation(plan, toolAxis === undefined ? {} : { toolAxis });
    this.#limits = limits;
  }

  /** Takes over a pose of the plan's frame from the tip. Allocates nothing. */
  update(view: PoseView): void {
    this.#drawn.give(view);
    this.#deviation.measure(view);
    this.#state = guidanceState(this.#deviation, this.#state, this.#limits);
    // Noise at the corridor's wall must not flicker; and PAST TARGET is the last to go, the first to come back.
    const wallMm = this.#corridorMm + (this.#beside ? 0 : (this.#limits?.hysteresisMm ?? HYSTERESIS_MM));
    this.#beside = this.#state !== 'onTarget' && this.#deviation.lateralMm > wallMm;
  }

  get status(): Status {
    return this.#drawn.status;
  }

  /** What the bar says of the tip; `notLive` or `noPose` unless it is of the present. */
  get state(): GuidanceState {
    if (this.#drawn.live) return this.#state;
    return this.#drawn.shown ? 'notLive' : 'noPose';
  }

  /** Whether the tip is further from the planned line than the corridor reaches; false unless it is of the present. */
  get beside(): boolean {
    return this.#drawn.live && this.#beside;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    const changed = this.#drawn.settle(now, staleAfterMs);
    const remaining = this.#deviation.depthRemainingMm;
    // Past the target there is less room on the bar than before it.
    const reach = remaining < 0 ? remaining * (ABOVE / (1 - ABOVE)) : remaining;
    if (this.#drawn.live) this.#scale = adaptiveScale(this.#scale, reach, 10);
    this.#seen[0] = remaining;
    this.#seen[1] = this.#scale;
    this.#changes.add(this.#seen);
    this.#changes.addInteger(STATES.indexOf(this.state) + (this.beside ? STATES.length : 0));
    if (this.#changes.changed() || changed || this.#panel.outdated) this.#draw();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#panel.speak(words.panels.depthBar);
  }

  dispose(): void {
    this.#drawn.clear();
    this.#panel.dispose();
  }

  #draw(): void {
    const panel = this.#panel;
    panel.begin();
    const { width, height } = panel;
    const foot = Math.min(72, Math.max(44, height * 0.24));
    const top = 14;
    const bottom = height - foot - 8;
    const barWidth = Math.min(56, width * 0.3);
    const x = width * 0.52 - barWidth / 2;
    const target = top + ABOVE * (bottom - top);
    const perMm = (target - top) / this.#scale;
    panel.context.fillStyle = '#171d25';
    panel.context.fillRect(x, top, barWidth, bottom - top);
    this.#ticks(x, barWidth, top, bottom, target, perMm);
    if (this.#drawn.shown) this.#column(x, barWidth, top, bottom, target, perMm);
    const on = this.state === 'onTarget';
    panel.line(PALETTE.target, on ? 8 : 4);
    const c = panel.context;
    c.beginPath();
    c.moveTo(x - 8, target);
    c.lineTo(x + barWidth + 8, target);
    c.stroke();
    if (!this.#drawn.live) panel.hatch(x, top, barWidth, bottom - top, this.#drawn.style.colour);
    panel.line(this.#drawn.live ? '#4d5b6b' : this.#drawn.style.colour, 2, this.#drawn.live ? undefined : [5, 5]);
    c.strokeRect(x, top, barWidth, bottom - top);
    this.#foot(foot);
  }

  #ticks(x: number, barWidth: number, top: number, bottom: number, target: number, perMm: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const step = this.#scale / 4;
    const size = Math.max(12, Math.min(17, panel.width * 0.075));
    for (let n = 4; n >= -1; n -= 1) {
      const y = target - n * step * perMm;
      if (y < top - 1 || y > bottom + 1) continue;
      panel.line('#4d5b6b', 2);
      c.beginPath();
      c.moveTo(x - 6, y);
      c.lineTo(x, y);
      c.stroke();
      if (n === 4 || n === 2 || n === 0) panel.text(`${n * step}`, x - 10, y, size, PALETTE.quietText, 'right', x - 12);
    }
    panel.text('mm', x + barWidth + 10, top + size / 2, size, PALETTE.quietText, 'left');
  }

  #column(x: number, barWidth: number, top: number, bottom: number, target: number, perMm: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const remaining = this.#deviation.depthRemainingMm;
    const y = Math.max(top, Math.min(bottom, target - remaining * perMm));
    const { colour, dash, form } = this.#drawn.style;
    if (!this.#drawn.live) {
      panel.line(colour, 3, dash);
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(x + barWidth, y);
      c.stroke();
      return;
    }
    const deeper = this.state === 'pastTarget';
    const past = deeper && !this.beside;
    if (this.beside) {
      panel.line(colour, 3, [6, 4]);
      c.strokeRect(x + 2, top + 2, barWidth - 4, Math.max(2, y - top - 4));
    } else if (past) {
      c.fillStyle = PALETTE.alarm;
      c.fillRect(x, target, barWidth, y - target);
      panel.hatch(x, target, barWidth, y - target, '#ffffff');
    } else if (form === 'solid') {
      c.fillStyle = colour;
      c.globalAlpha = 0.85;
      c.fillRect(x, top, barWidth, y - top);
      c.globalAlpha = 1;
    }
    if (this.#drawn.status !== 'ok') {
      panel.line(colour, 4, dash);
      c.strokeRect(x - 3, top - 3, barWidth + 6, Math.max(4, y - top + 6));
    }
    c.fillStyle = past ? PALETTE.alarm : colour;
    for (let n = 0; n < (deeper ? 2 : 1); n += 1) {
      const right = x + barWidth + 6 + 14 * n;
      c.beginPath();
      c.moveTo(right, y);
      c.lineTo(right + 13, y - 10);
      c.lineTo(right + 13, y + 10);
      c.closePath();
      c.fill();
    }
  }

  /** What is said of the tip. That a pose is predicted takes nothing from what it says of the target. */
  #word(past: boolean): string {
    const { status, live } = this.#drawn;
    const { depth, status: byStatus } = this.#words;
    if (!live) return byStatus[status];
    const at: DepthWord = this.beside ? 'beside' : past ? 'pastTarget' : this.state === 'onTarget' ? 'onTarget' : 'toTarget';
    if (status === 'ok') return depth[at];
    return at === 'toTarget' ? byStatus[status] : `${depth[at]} · ${byStatus[status]}`;
  }

  #foot(foot: number): void {
    const panel = this.#panel;
    const { width, height } = panel;
    const { live, style, status } = this.#drawn;
    const { state } = this;
    const { beside } = this;
    const past = state === 'pastTarget' && !beside;
    const word = this.#word(past);
    const colour = past ? ALARM_TEXT : state === 'onTarget' ? PALETTE.target : PALETTE.text;
    const text = live ? this.#number.of(this.#deviation.depthRemainingMm) : UNKNOWN;
    panel.text(text, width / 2, height - foot * 0.66, foot * 0.56, colour, 'center', width - 12);
    const quiet = live && status === 'ok' ? colour : wordColour(live, style.colour);
    panel.text(word, width / 2, height - foot * 0.2, Math.max(12, foot * 0.24), quiet, 'center', width - 12);
  }
}

/** As {@link GuidanceLimits} has it by default, mm. */
const HYSTERESIS_MM = 0.3;

const STATES: readonly GuidanceState[] = ['noPose', 'notLive', 'approach', 'onTarget', 'pastTarget'];
