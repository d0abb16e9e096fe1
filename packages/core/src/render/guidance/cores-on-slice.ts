import type { WebGLRenderer } from 'three';
import { vec3 } from '../../math/index.js';
import { letterSize } from '../furniture.js';
import { Hud } from '../hud.js';
import { Label } from '../label.js';
import { type Dash, PALETTE } from '../palette.js';
import { crossInto, type PlaneView } from '../planes.js';
import { Shelf } from './label-shelf.js';
import type { CutSink } from './mesh-cut.js';
import { dashed, Outline } from './outline.js';
import { type CoreMark, coreColour, SAMPLED_LOOKS, type SampledLevel, type TargetMark } from './sampled-looks.js';

/** More pieces than this of one kind are not drawn. */
const MOST = 4096;
/** A part of a core that lies nearer to the plane than this is drawn as in it, mm; further than that to FAR_MM as beyond. */
const NEAR_MM = 1.5;
const FAR_MM = 10;

/** How the outline of a target is broken and how broad it is, CSS pixels. */
const OUTLINES: Readonly<Record<SampledLevel, { readonly width: number; readonly dash: Dash | undefined }>> = {
  enough: { width: 3.5, dash: undefined },
  little: { width: 2.5, dash: [10, 6] },
  unknown: { width: 2, dash: [2, 6] },
};
const LEVELS: readonly SampledLevel[] = ['enough', 'little', 'unknown'];
/** Numbers of lines, after one a level. */
const REGIONS = LEVELS.length;
const BEYOND = REGIONS + 1;

const NOWHERE = new Float64Array(2);

/** Targets and cores on one slice: outlines of targets and of the cores' regions, and the cores themselves, broken where they lie out of the plane. */
export class CoresOnSlice implements CutSink {
  readonly #hud = new Hud();
  readonly #outlines = LEVELS.map((_, n) => new Outline(MOST, n));
  readonly #regions = new Outline(MOST, 4);
  /** All lines: of the three levels, the regions, what of cores is out of the plane, and each core. */
  #lines: readonly Outline[] = [];
  #counts = new Int32Array(0);
  #labels: readonly Label[] = [];
  #cores: readonly CoreMark[] = [];
  #targets: readonly TargetMark[] = [];
  #into = REGIONS;
  readonly #piece = new Float64Array(6);
  readonly #normal = vec3(0, 0, 0);
  readonly #from = vec3(0, 0, 0);
  readonly #to = vec3(0, 0, 0);
  /** Of the core being laid, in parts of its length: near, far, and what is between before and behind. */
  readonly #ranges = new Float64Array(6);
  readonly #textAt = new Float64Array(2);
  readonly #shelf = new Shelf();
  #shown = -1;
  #dpr = 0;

  /** Takes over what is shown, where that or the screen changed. */
  show(cores: readonly CoreMark[], targets: readonly TargetMark[], changed: number, dpr: number): void {
    if (changed === this.#shown && dpr === this.#dpr) return;
    this.#shown = changed;
    this.#dpr = dpr;
    this.#cores = cores;
    this.#targets = targets;
    this.#drop();
    const beyond = new Outline(Math.max(1, 2 * cores.length), 5);
    beyond.style(PALETTE.quietText, 2 * dpr, dashed([4, 4], dpr));
    const within = cores.map(({ core }) => {
      const line = new Outline(1, 6);
      line.style(coreColour(core), 5 * dpr, core.status === 'ok' ? undefined : dashed([8, 5], dpr));
      return line;
    });
    this.#lines = [...this.#outlines, this.#regions, beyond, ...within];
    this.#counts = new Int32Array(this.#lines.length);
    this.#labels = targets.map(() => new Label());
    for (const { object } of this.#labels) object.renderOrder = 20;
    for (const [n, level] of LEVELS.entries()) {
      const { width, dash } = OUTLINES[level];
      this.#outlines[n]?.style(SAMPLED_LOOKS[level].colour, width * dpr, dashed(dash, dpr));
    }
    this.#regions.style(PALETTE.text, 1.25 * dpr, undefined);
    for (const [n, { text, level }] of targets.entries()) {
      this.#labels[n]?.set(text, {
        sizePx: Math.round(14 * dpr),
        colour: SAMPLED_LOOKS[level].colour,
        anchor: 'left',
        weight: 700,
      });
    }
    for (const part of [...this.#lines, ...this.#labels]) this.#hud.scene.add(part.object);
  }

  /** Draws over the slice. */
  draw(renderer: WebGLRenderer, plane: PlaneView): void {
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    this.#counts.fill(0);
    this.#keepLetters(plane);
    for (let n = 0; n < this.#targets.length; n += 1) this.#cutTarget(n, plane, normal);
    this.#into = REGIONS;
    for (let n = 0; n < this.#cores.length; n += 1) {
      this.#cores[n]?.cut.cut(plane, normal, this);
      this.#layCore(n, plane);
    }
    for (let n = 0; n < this.#lines.length; n += 1) {
      this.#lines[n]?.show(this.#counts[n] as number);
      this.#lines[n]?.viewport(plane.width, plane.height);
    }
    this.#hud.resize(plane.width, plane.height);
    this.#hud.render(renderer);
  }

  /** A piece of whatever is being cut. */
  piece(ends: Float64Array): void {
    for (let k = 0; k < 3; k += 1) {
      this.#piece[k] = ends[k] as number;
      this.#piece[3 + k] = ends[4 + k] as number;
    }
    this.#put(this.#into);
  }

  dispose(): void {
    this.#drop();
    for (const part of [...this.#outlines, this.#regions]) part.dispose();
  }

  #drop(): void {
    for (const part of [...this.#lines.slice(BEYOND), ...this.#labels]) part.dispose();
  }

  #put(line: number): void {
    const n = this.#counts[line] as number;
    if (n >= MOST) return;
    this.#lines[line]?.piece(n, this.#piece);
    this.#counts[line] = n + 1;
  }

  #cutTarget(n: number, plane: PlaneView, normal: ArrayLike<number>): void {
    const target = this.#targets[n] as TargetMark;
    const label = this.#labels[n] as Label;
    this.#into = LEVELS.indexOf(target.level);
    const cut = target.cut.cut(plane, normal, this) > 0;
    label.object.visible = cut;
    if (!cut) return;
    const half = label.height / 2;
    // Beside the target, away from the middle of the view, and whole: a number that is cut off is another one.
    const { box } = target.cut;
    const gap = 8 * this.#dpr;
    const onLeft = (box[0] as number) + (box[2] as number) < plane.width;
    const left = onLeft ? (box[0] as number) - gap - label.width : (box[2] as number) + gap;
    this.#textAt[0] = Math.max(2, Math.min(left, plane.width - label.width - 2));
    this.#textAt[1] = Math.max(half, Math.min(plane.height - half, ((box[1] as number) + (box[3] as number)) / 2));
    this.#textAt[1] += this.#room(label, plane);
    label.beside(this.#textAt, NOWHERE);
  }

  /** How far a label must go up or down, px, to lie on no letter of the view and on no label before it. */
  #room({ width, height }: Label, plane: PlaneView): number {
    const { box } = this.#shelf;
    box[0] = this.#textAt[0] as number;
    box[1] = (this.#textAt[1] as number) - height / 2;
    box[2] = (box[0] as number) + width;
    box[3] = (box[1] as number) + height;
    return this.#shelf.place(plane.height);
  }

  /** The letters at the sides stay: which side is which matters more than any number. */
  #keepLetters({ width, height }: PlaneView): void {
    const shelf = this.#shelf;
    const size = letterSize(width, height, this.#dpr);
    shelf.clear();
    for (let side = 0; side < 2; side += 1) {
      shelf.box[0] = side === 0 ? 0 : width - 1.5 * size;
      shelf.box[1] = height / 2 - 0.6 * size;
      shelf.box[2] = side === 0 ? 1.5 * size : width;
      shelf.box[3] = height / 2 + 0.6 * size;
      shelf.stay();
    }
  }

  /** The part of a core in the plane, and what of it lies a little before or behind. */
  #layCore(n: number, plane: PlaneView): void {
    const { core } = this.#cores[n] as CoreMark;
    plane.project(this.#from, core.near);
    plane.project(this.#to, core.far);
    this.#reach(0, NEAR_MM);
    this.#reach(2, FAR_MM);
    const r = this.#ranges;
    this.#part(BEYOND + 1 + n, 0, 1);
    // What is far but not near: before that, and behind.
    r[4] = Math.min(r[0] as number, r[3] as number);
    r[5] = Math.max(r[1] as number, r[2] as number);
    this.#part(BEYOND, 2, 4);
    this.#part(BEYOND, 5, 3);
  }

  /** From where on and up to where a core is within so many mm of the plane, in parts of its length, into {@link ranges} from `at` on. */
  #reach(at: number, mm: number): void {
    const a = this.#from[2] as number;
    const d = (this.#to[2] as number) - a;
    const r = this.#ranges;
    if (Math.abs(d) < 1e-9) {
      // Along the plane: all of it or nothing.
      const near = Math.abs(a) <= mm;
      r[at] = near ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      r[at + 1] = Number.POSITIVE_INFINITY;
      return;
    }
    const p = (-mm - a) / d;
    const q = (mm - a) / d;
    r[at] = Math.min(p, q);
    r[at + 1] = Math.max(p, q);
  }

  /** Lays a part of a core. @param from and `to`: numbers in the ranges */
  #part(line: number, from: number, to: number): void {
    const f = Math.max(0, Math.min(1, this.#ranges[from] as number));
    const g = Math.max(0, Math.min(1, this.#ranges[to] as number));
    if (!(g > f)) return;
    const x = (this.#to[0] as number) - (this.#from[0] as number);
    const y = (this.#to[1] as number) - (this.#from[1] as number);
    const length = Math.sqrt(x * x + y * y);
    const p = this.#piece;
    p[0] = (this.#from[0] as number) + f * x;
    p[1] = (this.#from[1] as number) + f * y;
    p[2] = f * length;
    p[3] = (this.#from[0] as number) + g * x;
    p[4] = (this.#from[1] as number) + g * y;
    p[5] = g * length;
    this.#put(line);
  }
}
