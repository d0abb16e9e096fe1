import { NavError } from '../../base/index.js';
import type { Status } from '../../frames/index.js';
import { formatNumber, type GatePhase, type MotionGate, type MotionGateOptions } from '../../guidance/index.js';
import { PALETTE } from '../palette.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { GateTrace } from './gate-trace.js';
import type { GuidanceGraphic } from './graphic.js';
import { Panel } from './panel.js';
import { CachedText } from './quantities.js';

/** What {@link GateIndicator} is made from. */
export interface GateIndicatorOptions {
  /** What the gate was made with: where it opens and closes is drawn as a band. */
  readonly gate?: Pick<MotionGateOptions, 'openBelow' | 'hysteresis'>;
  /** How much of the past is shown, s, up to 20. Default 12. */
  readonly seconds?: number;
  /** Device pixels per CSS pixel. Default: the window's. */
  readonly pixelRatio?: number;
}

/** What an indicator says: the gate's phase, or that it was not asked in time. */
type Said = GatePhase | 'stale';

/** The colour of each; its sign is another one, too. */
const COLOURS: Readonly<Record<Said, string>> = {
  open: PALETTE.fiducial,
  closed: PALETTE.target,
  unknown: PALETTE.unknown,
  stale: PALETTE.stale,
};

/** The levels at the lower and the upper edge of the trace. */
const LOWEST = -0.25;
const HIGHEST = 1.25;

/**
 * The breathing gate: a sign, a word and a colour for open, closed and unknown, and the motion of the last seconds with the band that the gate is
 * open in. Level 0 is the usual end of expiration, 1 that of inspiration.
 *
 * Open: a ring with a filled disc. Closed: a filled square with a bar through it. Unknown, where there is no rhythm to go by: a broken
 * ring with a question mark, and stripes over the trace; so is a gate that was not asked in time. It decides nothing of what is drawn elsewhere:
 * give graphics a pose whose status went through `gatedStatus`.
 */
export class GateIndicator implements GuidanceGraphic {
  readonly canvas: HTMLCanvasElement;
  readonly #panel: Panel;
  readonly #openBelow: number;
  readonly #closeAbove: number;
  readonly #ms: number;
  readonly #trace = new GateTrace();
  /** When it was asked, ms, and the level then. */
  readonly #sample = Float64Array.of(Number.NaN, Number.NaN);
  readonly #point = new Float64Array(2);
  /** The usual period, ms, and the one that the words say. */
  readonly #period = Float64Array.of(Number.NaN, Number.NaN);
  readonly #text = new CachedText((ms) => this.#words.every(`${formatNumber(ms / 1000, 1)}\u202fs`), 50);
  #words = ENGLISH_WORDS;
  #phase: GatePhase = 'unknown';
  #said: Said = 'stale';
  /** Samples taken, and those that the trace was drawn with; what the head was drawn for. */
  #taken = 0;
  #traced = -1;
  #headed: Said | undefined;
  #worded = '';
  #every = '';

  /** Appends its canvas to an element, whose size it takes. @throws NavError `pose/bad-option` */
  constructor(host: HTMLElement, { gate = {}, seconds = 12, pixelRatio }: GateIndicatorOptions = {}) {
    const { openBelow = 0.25, hysteresis = 0.1 } = gate;
    if (!(openBelow > 0 && hysteresis >= 0 && openBelow + hysteresis < 1 && seconds > 0 && seconds <= 20)) {
      throw new NavError(
        'pose/bad-option',
        `A gate's indicator needs the gate's own limits, and 0 to 20 s of the past; got ${openBelow}, ${hysteresis} and ${seconds} s.`,
      );
    }
    this.#openBelow = openBelow;
    this.#closeAbove = openBelow + hysteresis;
    this.#ms = 1000 * seconds;
    this.#panel = new Panel(host, this.#words.panels.gate, pixelRatio);
    this.canvas = this.#panel.canvas;
  }

  /** Takes over what a gate says now. @param now one number, ms of the gate's clock. Allocates nothing. */
  update(gate: MotionGate, now: Float64Array): void {
    this.#phase = gate.phase(now[0] as number);
    this.#sample[0] = now[0] as number;
    // Without a rhythm a level is that of one that was.
    this.#sample[1] = this.#phase === 'unknown' ? Number.NaN : gate.level;
    this.#period[0] = gate.periodMs;
    if (this.#trace.push(this.#sample)) this.#taken += 1;
  }

  /** What is said: `open`, `closed` or `unknown`; `unknown` too where the gate was not asked in time. */
  get phase(): GatePhase {
    return this.#said === 'stale' ? 'unknown' : this.#said;
  }

  /** `ok` where the gate says open or closed, `unknown` where it cannot, `stale` where it was not asked in time. */
  get status(): Status {
    return this.#said === 'stale' ? 'stale' : this.#said === 'unknown' ? 'unknown' : 'ok';
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    const renewed = (now[0] as number) - (this.#sample[0] as number) <= staleAfterMs;
    this.#said = renewed ? this.#phase : 'stale';
    if (this.#period[0] !== this.#period[1]) this.#every = this.#text.of(this.#period[0] as number);
    this.#period[1] = this.#period[0] as number;
    const words = this.#said === 'open' || this.#said === 'closed' ? this.#every : '';
    const { outdated } = this.#panel;
    const headed = outdated || this.#said !== this.#headed || words !== this.#worded;
    if (headed) this.#drawHead(words);
    if (headed || this.#taken !== this.#traced) this.#drawMotion();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#text.forget();
    this.#period[1] = Number.NaN;
    this.#panel.speak(words.panels.gate);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  /** Clears everything and draws the sign and the words: only where they change. */
  #drawHead(words: string): void {
    this.#headed = this.#said;
    this.#worded = words;
    const panel = this.#panel;
    panel.begin();
    const head = this.#head();
    this.#sign(head * 0.5 + 4, head * 0.52, head * 0.34);
    const colour = COLOURS[this.#said];
    const word = this.#words.gate[this.#said];
    const room = panel.width - head - 14;
    const known = words !== '';
    const ink = known ? colour : PALETTE.text;
    // Where there is no room for two lines that are read, the second stands at the end of the first.
    if (head < LEAST_FOR_TWO) {
      panel.text(word, head + 8, head * 0.52, 15, ink, 'left', known ? room * 0.6 : room);
      panel.text(words, panel.width - 8, head * 0.52, 13, PALETTE.quietText, 'right', room * 0.36);
      return;
    }
    panel.text(word, head + 8, head * (known ? 0.4 : 0.52), head * 0.36, ink, 'left', room);
    panel.text(words, head + 8, head * 0.78, head * 0.22, PALETTE.quietText, 'left', room);
  }

  #head(): number {
    return Math.min(64, Math.max(30, 0.36 * this.#panel.height));
  }

  #drawMotion(): void {
    this.#traced = this.#taken;
    const head = this.#head();
    this.#motion(8, head + 2, this.#panel.width - 16, this.#panel.height - head - 10);
  }

  #sign(x: number, y: number, r: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const colour = COLOURS[this.#said];
    c.beginPath();
    if (this.#said === 'closed') {
      c.fillStyle = colour;
      c.fillRect(x - r, y - r, 2 * r, 2 * r);
      c.fillStyle = PALETTE.background;
      c.fillRect(x - 0.7 * r, y - 0.22 * r, 1.4 * r, 0.44 * r);
      return;
    }
    panel.line(colour, r * 0.22, this.#said === 'open' ? undefined : BROKEN);
    c.arc(x, y, r, 0, 2 * Math.PI);
    c.stroke();
    if (this.#said === 'open') {
      c.fillStyle = colour;
      c.beginPath();
      c.arc(x, y, 0.62 * r, 0, 2 * Math.PI);
      c.fill();
    } else panel.text('?', x, y, 1.3 * r, PALETTE.text, 'center');
  }

  /** The trace, the newest at the right edge; broken where there was no rhythm. */
  #motion(x: number, y: number, width: number, height: number): void {
    if (height < 16) return;
    const panel = this.#panel;
    const c = panel.context;
    const perLevel = height / (HIGHEST - LOWEST);
    const zero = y + height + LOWEST * perLevel;
    c.fillStyle = '#171d25';
    c.fillRect(x, y, width, height);
    // The band from the floor to where it opens; up to where it closes, once it is open, fainter.
    c.fillStyle = PALETTE.fiducial;
    c.globalAlpha = 0.3;
    c.fillRect(x, zero - this.#openBelow * perLevel, width, y + height - zero + this.#openBelow * perLevel);
    c.globalAlpha = 0.14;
    c.fillRect(x, zero - this.#closeAbove * perLevel, width, (this.#closeAbove - this.#openBelow) * perLevel);
    c.globalAlpha = 1;
    panel.line(PALETTE.fiducial, 1.5, BAND);
    c.beginPath();
    c.moveTo(x, zero - this.#openBelow * perLevel);
    c.lineTo(x + width, zero - this.#openBelow * perLevel);
    c.stroke();
    this.#line(x, zero, width, perLevel, y, y + height);
    if (this.phase === 'unknown') panel.hatch(x, y, width, height, COLOURS[this.#said]);
  }

  #line(x: number, zero: number, width: number, perLevel: number, top: number, bottom: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const known = this.phase !== 'unknown';
    panel.line(known ? PALETTE.text : PALETTE.stale, 2.25);
    c.beginPath();
    let drawing = false;
    let px = 0;
    let py = 0;
    for (let n = 0; n < this.#trace.size; n += 1) {
      this.#trace.read(this.#point, n);
      const f = 1 - ((this.#sample[0] as number) - (this.#point[0] as number)) / this.#ms;
      const level = this.#point[1] as number;
      if (f < 0 || Number.isNaN(level)) {
        drawing = false;
        continue;
      }
      px = x + f * width;
      py = Math.max(top + 1, Math.min(bottom - 1, zero - level * perLevel));
      if (drawing) c.lineTo(px, py);
      else c.moveTo(px, py);
      drawing = true;
    }
    c.stroke();
    if (!drawing || !known) return;
    // Where it is now.
    c.fillStyle = COLOURS[this.#said];
    c.beginPath();
    c.arc(Math.min(px, x + width - 5), py, 5, 0, 2 * Math.PI);
    c.fill();
    panel.line(PALETTE.background, 1.5);
    c.stroke();
  }
}

/** The least height of the sign and the words, CSS pixels, at which two lines of them are read. */
const LEAST_FOR_TWO = 46;
const BROKEN: readonly [number, number] = [6, 5];
const BAND: readonly [number, number] = [6, 4];
