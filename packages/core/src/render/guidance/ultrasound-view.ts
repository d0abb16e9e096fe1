import type { PoseView, Status } from '../../frames/index.js';
import { formatNumber } from '../../guidance/index.js';
import { invertRigid, multiply4, vec3 } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { PALETTE, statusStyle } from '../palette.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { fanOutline } from './fan.js';
import { type GuidanceGraphic, wordColour } from './graphic.js';
import { Panel } from './panel.js';
import { CachedText } from './quantities.js';
import type { UltrasoundImage } from './ultrasound-image.js';
import { imagePlane, type UltrasoundGeometry } from './ultrasound-plane.js';

/** What is nearer to the image's plane than this lies in it, mm. */
const IN_PLANE_MM = 1;

/** A target's ring: what it is drawn in, and how much wider, CSS pixels. */
const RING = [
  [PALETTE.background, 3],
  [PALETTE.target, 0],
] as const;

/** A point to show over the image. */
export interface UltrasoundTarget {
  readonly name: string;
  /** In the frame of the poses that are given, mm. */
  readonly xyz: ArrayLike<number>;
}

/** What {@link UltrasoundView} is made from. */
export interface UltrasoundViewOptions extends UltrasoundGeometry {
  readonly image: UltrasoundImage;
  /** Device pixels per CSS pixel. Default: the window's. */
  readonly pixelRatio?: number;
}

/**
 * The live ultrasound image as the machine shows it, flat, first row on top and first column on the left, cut to its fan, with
 * targets projected onto it: a whole ring for one that lies in the plane (1 mm), a broken one with its distance for one before
 * (+, towards whoever looks) or behind (−) it.
 *
 * An old frame is dimmed under stripes and says STALE. Without a live pose the image stays, for it is the probe's present, but
 * there are no targets, and the word says why.
 */
export class UltrasoundView implements GuidanceGraphic {
  readonly canvas: HTMLCanvasElement;
  readonly #panel: Panel;
  readonly #image: UltrasoundImage;
  readonly #spacing: readonly [number, number];
  readonly #outline: Float64Array;
  readonly #probeFromImage: Float64Array;
  readonly #pose = new DrawnStatus();
  readonly #frame = new DrawnStatus();
  readonly #picture = document.createElement('canvas');
  readonly #rgba: ImageData;
  readonly #imageFromStage = new Float64Array(16).fill(Number.NaN);
  readonly #at = vec3(0, 0, 0);
  #targets: readonly { readonly target: UltrasoundTarget; called: string; readonly away: CachedText }[] = [];
  #revision = -1;
  #dirty = true;
  #words = ENGLISH_WORDS;

  /** Appends its canvas to an element, whose size it takes. @throws NavError `pose/bad-option` */
  constructor(host: HTMLElement, { image, pixelRatio, ...geometry }: UltrasoundViewOptions) {
    const { spacing, fan, probeFromImage } = imagePlane(image, geometry);
    this.#image = image;
    this.#spacing = spacing;
    this.#outline = fanOutline(fan, 48);
    this.#probeFromImage = probeFromImage;
    this.#panel = new Panel(host, this.#words.panels.ultrasound, pixelRatio);
    this.canvas = this.#panel.canvas;
    this.#picture.width = image.width;
    this.#picture.height = image.height;
    this.#rgba = new ImageData(image.width, image.height);
  }

  /** The points to show. */
  setTargets(targets: readonly UltrasoundTarget[]): void {
    this.#targets = targets.map((target) => ({
      target,
      called: this.#words.named(target.name),
      away: new CachedText((mm) => `${mm < 0 ? '' : '+'}${formatNumber(mm, 1)}\u202fmm`, 0.05),
    }));
    this.#dirty = true;
  }

  /** Takes over a pose: stage-from-probe, in the frame of the targets. Allocates nothing. */
  update(view: PoseView): void {
    this.#pose.give(view);
    multiply4(this.#imageFromStage, view.matrix, this.#probeFromImage);
    invertRigid(this.#imageFromStage, this.#imageFromStage);
    this.#dirty = true;
  }

  /** Of the pose, and `stale` where the frame is old; whatever the pose, an image without a frame is `missing`. */
  get status(): Status {
    if (!(this.#image.revision > 0)) return 'missing';
    return this.#frame.live ? this.#pose.status : 'stale';
  }

  /** Where a point of the stage lies in the image: x and y, mm of its plane, and how far in front of it (+) or behind (−). */
  project(out: Float64Array, xyz: ArrayLike<number>): Float64Array {
    const m = this.#imageFromStage;
    for (let k = 0; k < 3; k += 1) {
      out[k] =
        (m[k] as number) * (xyz[0] as number) +
        (m[4 + k] as number) * (xyz[1] as number) +
        (m[8 + k] as number) * (xyz[2] as number) +
        (m[12 + k] as number);
    }
    // x right and y down: z of the image points away from whoever looks.
    out[2] = -(out[2] as number);
    return out;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    this.#frame.giveStatus('ok', this.#image.takenAt);
    const aged = this.#frame.settle(now, staleAfterMs);
    const changed = this.#pose.settle(now, staleAfterMs);
    if (!(aged || changed || this.#dirty || this.#panel.outdated || this.#revision !== this.#image.revision)) return;
    this.#dirty = false;
    this.#draw();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    for (const drawn of this.#targets) drawn.called = words.named(drawn.target.name);
    this.#panel.speak(words.panels.ultrasound);
  }

  dispose(): void {
    this.#pose.clear();
    this.#panel.dispose();
  }

  #draw(): void {
    const panel = this.#panel;
    const c = panel.begin();
    if (this.#revision !== this.#image.revision) this.#convert();
    const [left, top, right, bottom] = boxOf(this.#outline);
    const foot = Math.max(22, Math.min(34, panel.height * 0.11));
    const perMm = Math.min((panel.width - 12) / (right - left), (panel.height - foot - 12) / (bottom - top));
    const x0 = panel.width / 2 - ((left + right) / 2) * perMm;
    const y0 = 6 - top * perMm;
    const fresh = this.#frame.live;
    c.save();
    this.#trace(x0, y0, perMm);
    c.clip();
    c.globalAlpha = fresh ? 1 : 0.35;
    const [sx, sy] = this.#spacing;
    const { width, height } = this.#image;
    // From the centre of the first pixel to its outer corner.
    c.drawImage(this.#picture, x0 - (sx / 2) * perMm, y0 - (sy / 2) * perMm, width * sx * perMm, height * sy * perMm);
    c.restore();
    const { colour, dash } = statusStyle(this.status);
    if (!fresh) panel.hatch(x0 + left * perMm, y0 + top * perMm, (right - left) * perMm, (bottom - top) * perMm, PALETTE.stale);
    const live = fresh && this.#pose.live;
    panel.line(live ? colour : statusStyle('stale').colour, live ? 2.5 : 2, live ? dash : [4, 6]);
    this.#trace(x0, y0, perMm);
    c.stroke();
    if (live) for (const { target, called, away } of this.#targets) this.#mark(target.xyz, called, away, x0, y0, perMm);
    this.#foot(foot, fresh);
  }

  #trace(x0: number, y0: number, perMm: number): void {
    const c = this.#panel.context;
    const o = this.#outline;
    c.beginPath();
    for (let n = 0; n < o.length; n += 2) c.lineTo(x0 + (o[n] as number) * perMm, y0 + (o[n + 1] as number) * perMm);
    c.closePath();
  }

  #mark(xyz: UltrasoundTarget['xyz'], called: string, away: CachedText, x0: number, y0: number, perMm: number): void {
    const panel = this.#panel;
    const c = panel.context;
    const at = this.project(this.#at, xyz);
    const x = x0 + (at[0] as number) * perMm;
    const y = y0 + (at[1] as number) * perMm;
    const z = at[2] as number;
    if (!(x > 0 && y > 0 && x < panel.width && y < panel.height)) return;
    const inPlane = Math.abs(z) <= IN_PLANE_MM;
    // Dark below, then the colour: read on bright tissue as on dark.
    for (const [colour, wider] of RING) {
      panel.line(colour, 3 + wider, inPlane ? undefined : [5, 4]);
      c.beginPath();
      c.arc(x, y, 9, 0, 2 * Math.PI);
      c.stroke();
      if (!inPlane) continue;
      panel.line(colour, 2 + wider);
      c.beginPath();
      c.moveTo(x - 5, y);
      c.lineTo(x + 5, y);
      c.moveTo(x, y - 5);
      c.lineTo(x, y + 5);
      c.stroke();
    }
    const toLeft = x > panel.width * 0.6;
    const room = (toLeft ? x : panel.width - x) - 18;
    const text = inPlane ? called : `${called} ${away.of(z)}`;
    panel.text(text, toLeft ? x - 14 : x + 14, y, 16, PALETTE.target, toLeft ? 'right' : 'left', room);
  }

  #foot(foot: number, fresh: boolean): void {
    const panel = this.#panel;
    const { noImage, imageStale, probe } = this.#words;
    const word = !(this.#image.revision > 0) ? noImage : fresh ? probe[this.#pose.status] : imageStale;
    const { colour } = statusStyle(fresh ? this.#pose.status : 'stale');
    const shown = wordColour(fresh && this.#pose.live, colour);
    panel.text(word, panel.width / 2, panel.height - foot / 2, foot * 0.6, shown, 'center', panel.width - 12);
  }

  /** Grey to what a canvas takes. */
  #convert(): void {
    this.#revision = this.#image.revision;
    const { pixels, format } = this.#image;
    const { data } = this.#rgba;
    if (format === 'rgba') data.set(pixels);
    else {
      for (let n = 0; n < pixels.length; n += 1) {
        const grey = pixels[n] as number;
        data[4 * n] = grey;
        data[4 * n + 1] = grey;
        data[4 * n + 2] = grey;
        data[4 * n + 3] = 255;
      }
    }
    this.#picture.getContext('2d')?.putImageData(this.#rgba, 0, 0);
  }
}

/** Left, top, right, bottom. */
function boxOf(outline: Float64Array): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let n = 0; n < outline.length; n += 2) {
    box[0] = Math.min(box[0], outline[n] as number);
    box[1] = Math.min(box[1], outline[n + 1] as number);
    box[2] = Math.max(box[2], outline[n] as number);
    box[3] = Math.max(box[3], outline[n + 1] as number);
  }
  return box;
}
