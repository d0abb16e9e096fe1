import { type Vec3, vec3 } from '../math/index.js';
import { GlyphLine } from './glyph-line.js';
import { type Hud, LAYER } from './hud.js';
import { Label, type LabelStyle } from './label.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import { PerRatio } from './per-ratio.js';
import { lettersAlong, type PlaneView } from './planes.js';
import { SlicePosition } from './slice-position.js';
import { SEGMENT, Stroke, type StrokeStyle } from './stroke.js';
import { ViewTitle } from './view-title.js';

/** The longest of 1, 2, 5 × 10ⁿ mm that takes at most `maxMm`. */
export function scaleBarMm(maxMm: number): number {
  const decade = 10 ** Math.floor(Math.log10(maxMm));
  const step = [5, 2, 1].find((s) => s * decade <= maxMm) ?? 1;
  return step * decade;
}

/** Height of the orientation letters in a view, device pixels: 7 % of its shorter side, within what can be read. */
export function letterSize(width: number, height: number, dpr: number): number {
  return Math.round(Math.min(34 * dpr, Math.max(16 * dpr, Math.min(width, height) * 0.07)));
}

/** What frames a slice: orientation letters, its name and position, a scale bar, the crosshair. */
export class SliceFurniture {
  readonly #left = new Label();
  readonly #right = new Label();
  readonly #top = new Label();
  readonly #bottom = new Label();
  readonly #name: ViewTitle;
  readonly #position = new GlyphLine();
  readonly #where = new SlicePosition();
  readonly #scale = new Label();
  readonly #bar = new Stroke(3, { colour: PALETTE.text, roundEnds: false });
  readonly #crosshair = new Stroke(4, { colour: PALETTE.crosshair, roundEnds: false, opacity: 0.75 });
  readonly #border = new Stroke(4, { colour: PALETTE.alarm, roundEnds: false, rimPx: 0 });
  readonly #at = vec3(0, 0, 0);
  #letterStyles: LetterStyles = letterStyles(16);
  #scaled = -1;
  readonly #styles = new PerRatio(cornerStyles);
  #crossStyle: CornerStyles | undefined;

  constructor(hud: Hud) {
    this.#name = new ViewTitle(hud);
    hud.scene.add(this.#crosshair.object, this.#bar.object, this.#border.object, this.#position.object);
    for (const label of this.#labels()) hud.scene.add(label.object);
  }

  /**
   * @param held the view should follow a tool that is not live
   * @param scaled raised whenever the view's size or scale has changed
   */
  update(name: string, plane: PlaneView, model: StageModel, held: boolean, scaled: number): void {
    const full = Math.min(plane.width, plane.height) > 200 * model.dpr;
    const anew = scaled !== this.#scaled;
    this.#scaled = scaled;
    if (anew) this.#drawScale(plane, model.dpr, full);
    if (anew) this.#placeLetters(plane, model.dpr);
    else this.#turnLetters(plane);
    this.#drawCorner(name, plane, model, full);
    this.#drawCrosshair(plane, model);
    drawBorder(this.#border, plane, model.dpr, held);
  }

  dispose(): void {
    for (const label of this.#labels()) label.dispose();
    this.#name.dispose();
    this.#position.dispose();
    this.#bar.dispose();
    this.#crosshair.dispose();
    this.#border.dispose();
  }

  #labels(): Label[] {
    return [this.#left, this.#right, this.#top, this.#bottom, this.#scale];
  }

  #turnLetters({ axes: { right, up } }: PlaneView): void {
    const styles = this.#letterStyles;
    this.#left.set(lettersAlong(right, -1), styles.left);
    this.#right.set(lettersAlong(right, 1), styles.right);
    this.#top.set(lettersAlong(up, 1), styles.middle);
    this.#bottom.set(lettersAlong(up, -1), styles.middle);
  }

  #placeLetters(plane: PlaneView, dpr: number): void {
    const { width, height } = plane;
    const sizePx = letterSize(width, height, dpr);
    this.#letterStyles = letterStyles(sizePx);
    this.#turnLetters(plane);
    const inset = sizePx * 0.55;
    this.#left.at(inset * 0.6, height / 2);
    this.#right.at(width - inset * 0.6, height / 2);
    this.#top.at(width / 2, inset + 4 * dpr);
    this.#bottom.at(width / 2, height - inset - 4 * dpr);
  }

  #drawCorner(name: string, plane: PlaneView, model: StageModel, full: boolean): void {
    const { dpr } = model;
    const styles = this.#styles.at(dpr);
    this.#name.update(full ? name : '', plane.width, dpr, letterSize(plane.width, plane.height, dpr));
    const line = this.#position;
    line.object.visible = full && model.volume !== undefined;
    if (!line.object.visible) return;
    const restyled = line.style(styles.position);
    if (this.#where.read(plane) || restyled) this.#where.write(line);
    line.at(8 * dpr, plane.height - 16 * dpr);
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
    this.#scale.set(full ? `${mm} mm` : '', this.#styles.at(dpr).scale);
    this.#scale.at(right + 2 * dpr, y - 15 * dpr);
  }

  #drawCrosshair(plane: PlaneView, model: StageModel): void {
    const line = this.#crosshair;
    const shown = model.focusShown && model.volume !== undefined;
    if (!shown) {
      line.show(0);
      return;
    }
    const at = plane.project(this.#at, model.focus);
    const styles = this.#styles.at(model.dpr);
    crossLines(line.segments, at, plane, styles.crosshair.gapPx);
    line.show(4);
    if (styles !== this.#crossStyle) line.style(styles.crosshair);
    this.#crossStyle = styles;
    line.viewport(plane.width, plane.height);
  }
}

/** The four arms of a crosshair, from the edges of a view to the gap about its middle, px. */
function crossLines(segments: Float32Array, at: Vec3, { width, height }: PlaneView, gap: number): void {
  const x = at[0] as number;
  const y = at[1] as number;
  for (let arm = 0; arm < 4; arm += 1) {
    const n = SEGMENT * arm;
    segments[n] = arm === 0 ? 0 : arm === 1 ? x + gap : x;
    segments[n + 1] = arm < 2 ? y : arm === 2 ? 0 : y + gap;
    segments[n + 3] = arm === 0 ? x - gap : arm === 1 ? width : x;
    segments[n + 4] = arm < 2 ? y : arm === 2 ? y - gap : height;
  }
}

/** What stands in the corners of a slice at a device pixel ratio. */
interface CornerStyles {
  readonly position: LabelStyle;
  readonly scale: LabelStyle;
  readonly crosshair: StrokeStyle & { readonly gapPx: number };
}

function cornerStyles(dpr: number): CornerStyles {
  const quiet = { sizePx: Math.round(14 * dpr), colour: PALETTE.quietText, anchor: 'left' } as const;
  return {
    position: { ...quiet, weight: 600 },
    scale: { sizePx: Math.round(13 * dpr), colour: PALETTE.text, anchor: 'right', weight: 600 },
    crosshair: { widthPx: 1.25 * dpr, rimPx: 0.75 * dpr, gapPx: 16 * dpr },
  };
}

type LetterStyles = Readonly<Record<'left' | 'middle' | 'right', LabelStyle>>;

function letterStyles(sizePx: number): LetterStyles {
  const style = { sizePx, colour: PALETTE.text, weight: 700 } as const;
  return { left: { ...style, anchor: 'left' }, middle: style, right: { ...style, anchor: 'right' } };
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
