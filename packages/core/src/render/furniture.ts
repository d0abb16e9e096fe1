import { vec3 } from '../math/index.js';
import { Fingerprint } from './fingerprint.js';
import { type Hud, LAYER } from './hud.js';
import { Label } from './label.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import { dot, orientationLetters, outOf, type PlaneView } from './planes.js';
import { Stroke } from './stroke.js';

/** The longest of 1, 2, 5 × 10ⁿ mm that takes at most `maxMm`. */
export function scaleBarMm(maxMm: number): number {
  const decade = 10 ** Math.floor(Math.log10(maxMm));
  const step = [5, 2, 1].find((s) => s * decade <= maxMm) ?? 1;
  return step * decade;
}

/** Where a slice lies: the distance from the frame's origin along the slice's normal, with its letters: `S 32.5 mm`. */
export function slicePosition(plane: Pick<PlaneView, 'axes' | 'centre'>): string {
  const n = outOf(plane.axes);
  const mm = dot(n, plane.centre);
  const sign = mm < 0 ? -1 : 1;
  const letters = orientationLetters(vec3(sign * (n[0] as number), sign * (n[1] as number), sign * (n[2] as number)));
  return `${letters} ${Math.abs(mm).toFixed(1)} mm`;
}

/** Height of the orientation letters in a view, device pixels: 7 % of its shorter side, within what can be read. */
export function letterSize(width: number, height: number, dpr: number): number {
  return Math.round(Math.min(34 * dpr, Math.max(16 * dpr, Math.min(width, height) * 0.07)));
}

/** What frames a slice: orientation letters, its name and position, a scale bar, the crosshair. */
export class SliceFurniture {
  readonly #letters = [new Label(), new Label(), new Label(), new Label()] as const;
  readonly #name = new Label();
  readonly #position = new Label();
  readonly #scale = new Label();
  readonly #bar = new Stroke(3, { colour: PALETTE.text, roundEnds: false });
  readonly #crosshair = new Stroke(4, { colour: PALETTE.crosshair, roundEnds: false, opacity: 0.75 });
  readonly #border = new Stroke(4, { colour: PALETTE.alarm, roundEnds: false, rimPx: 0 });
  readonly #at = vec3(0, 0, 0);
  /** What the letters were made of. */
  readonly #shown = new Fingerprint();

  constructor(hud: Hud) {
    hud.scene.add(this.#crosshair.object, this.#bar.object, this.#border.object);
    for (const label of this.#labels()) hud.scene.add(label.object);
  }

  /** @param held the view should follow a tool that is not live */
  update(name: string, plane: PlaneView, model: StageModel, held: boolean): void {
    const full = Math.min(plane.width, plane.height) > 200 * model.dpr;
    this.#drawLetters(plane, model.dpr);
    this.#drawCorner(name, plane, model, full);
    this.#drawScale(plane, model.dpr, full);
    this.#drawCrosshair(plane, model);
    drawBorder(this.#border, plane, model.dpr, held);
  }

  dispose(): void {
    for (const label of this.#labels()) label.dispose();
    this.#bar.dispose();
    this.#crosshair.dispose();
    this.#border.dispose();
  }

  #labels(): Label[] {
    return [...this.#letters, this.#name, this.#position, this.#scale];
  }

  #drawLetters(plane: PlaneView, dpr: number): void {
    const { right, up } = plane.axes;
    this.#shown.add(right);
    this.#shown.add(up);
    this.#shown.addInteger(plane.width);
    this.#shown.addInteger(plane.height);
    this.#shown.addInteger(Math.round(1000 * dpr));
    if (!this.#shown.changed()) return;
    const size = letterSize(plane.width, plane.height, dpr);
    const style = { sizePx: size, colour: PALETTE.text, weight: 700 } as const;
    const minus = (v: ArrayLike<number>): number[] => Array.from(v, (x) => -x);
    const [l, r, t, b] = this.#letters;
    const inset = size * 0.55;
    l.set(orientationLetters(minus(right)), { ...style, anchor: 'left' });
    r.set(orientationLetters(right), { ...style, anchor: 'right' });
    t.set(orientationLetters(up), style);
    b.set(orientationLetters(minus(up)), style);
    l.at(inset * 0.6, plane.height / 2);
    r.at(plane.width - inset * 0.6, plane.height / 2);
    t.at(plane.width / 2, inset + 4 * dpr);
    b.at(plane.width / 2, plane.height - inset - 4 * dpr);
  }

  #drawCorner(name: string, plane: PlaneView, model: StageModel, full: boolean): void {
    const { dpr } = model;
    const sizePx = Math.round(14 * dpr);
    this.#name.set(full ? name : '', { sizePx, colour: PALETTE.quietText, anchor: 'left', weight: 700 });
    this.#name.at(8 * dpr, 16 * dpr);
    const shown = full && model.volume !== undefined;
    this.#position.set(shown ? slicePosition(plane) : '', { sizePx, colour: PALETTE.quietText, anchor: 'left', weight: 600 });
    this.#position.at(8 * dpr, plane.height - 16 * dpr);
  }

  #drawScale(plane: PlaneView, dpr: number, full: boolean): void {
    const mm = scaleBarMm(plane.width * plane.mmPerPx * 0.18);
    const px = mm / plane.mmPerPx;
    const right = plane.width - 12 * dpr;
    const y = plane.height - 14 * dpr;
    const tick = 5 * dpr;
    this.#bar.segment(0, right - px, y, 0, right, y, 0);
    this.#bar.segment(1, right - px, y - tick, 0, right - px, y + 1 * dpr, 0);
    this.#bar.segment(2, right, y - tick, 0, right, y + 1 * dpr, 0);
    this.#bar.show(full ? 3 : 0);
    this.#bar.style({ widthPx: 2 * dpr });
    this.#bar.viewport(plane.width, plane.height);
    this.#scale.set(full ? `${mm} mm` : '', { sizePx: Math.round(13 * dpr), colour: PALETTE.text, anchor: 'right', weight: 600 });
    this.#scale.at(right + 2 * dpr, y - 15 * dpr);
  }

  #drawCrosshair(plane: PlaneView, model: StageModel): void {
    const shown = model.focusShown && model.volume !== undefined;
    const at = plane.project(this.#at, model.focus);
    const x = at[0] as number;
    const y = at[1] as number;
    const gap = 16 * model.dpr;
    const line = this.#crosshair;
    line.segment(0, 0, y, 0, x - gap, y, 0);
    line.segment(1, x + gap, y, 0, plane.width, y, 0);
    line.segment(2, x, 0, 0, x, y - gap, 0);
    line.segment(3, x, y + gap, 0, x, plane.height, 0);
    line.show(shown ? 4 : 0);
    line.style({ widthPx: 1.25 * model.dpr, rimPx: 0.75 * model.dpr });
    line.viewport(plane.width, plane.height);
  }
}

/** Frames a view that has stopped following its tool: nothing in it is live. Drawn where it is `held`. */
export function drawBorder(
  border: Stroke,
  { width, height }: { width: number; height: number },
  dpr: number,
  held: boolean,
): void {
  if (!held) {
    border.show(0);
    return;
  }
  const w = 3 * dpr;
  const h = w / 2;
  border.segment(0, 0, h, 0, width, h, 0);
  border.segment(1, 0, height - h, 0, width, height - h, 0);
  border.segment(2, h, 0, 0, h, height, 0);
  border.segment(3, width - h, 0, 0, width - h, height, 0);
  border.object.renderOrder = LAYER.alarm;
  border.show(4);
  border.style({ widthPx: w, dash: [12 * dpr, 8 * dpr] });
  border.viewport(width, height);
}
