import {
  BoxGeometry,
  type BufferGeometry,
  ConeGeometry,
  CylinderGeometry,
  Group,
  Mesh,
  MeshLambertMaterial,
  Quaternion,
  SphereGeometry,
  Vector3,
  type WebGLRenderer,
} from 'three';
import type { PoseView, Status } from '../../frames/index.js';
import { DrawnStatus } from '../drawn-status.js';
import type { PlaneView } from '../planes.js';
import { Stroke } from '../stroke.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { type FanShape, fanFrame, fanOutline } from './fan.js';
import { FanOnSlice } from './fan-on-slice.js';
import type { GuidanceGraphic } from './graphic.js';
import type { InstrumentDescription } from './instrument-description.js';
import { dashed, Outline } from './outline.js';
import { SceneLabel } from './scene-label.js';

/** A mark is so broad along the shaft, mm. */
const MARK_MM = 0.8;

/**
 * A needle, stylus or ultrasound probe in the 3D view, with its depth marks and fan, from an {@link InstrumentDescription}.
 *
 * `ok`: a solid body, a whole line, all marks. `predicted`: the same, its line broken, and it says so. Everything else that has a
 * pose: an outline without a body and without marks, broken in its own way. Without a pose: nothing.
 */
export class InstrumentGraphic implements GuidanceGraphic {
  readonly description: InstrumentDescription;
  readonly object: Group = new Group();
  readonly #drawn = new DrawnStatus();
  readonly #body = new MeshLambertMaterial();
  readonly #parts: Mesh[];
  readonly #line = new Stroke(1);
  readonly #marks: Stroke;
  readonly #bold: Stroke;
  readonly #labels: SceneLabel[];
  readonly #fan: Outline | undefined;
  readonly #sliceFan: FanOnSlice | undefined;
  readonly #word = new SceneLabel();
  readonly labels: readonly SceneLabel[];
  readonly #end: readonly [number, number, number];
  #words = ENGLISH_WORDS;
  #dpr = 0;

  constructor(description: InstrumentDescription) {
    this.description = description;
    const { shaft: s, lengthMm, marks, fan } = description;
    this.#parts = bodyOf(description).map((geometry) => new Mesh(geometry, this.#body));
    this.#end = [s[0] * lengthMm, s[1] * lengthMm, s[2] * lengthMm];
    this.#line.segment(0, 0, 0, 0, ...this.#end);
    this.#line.show(1);
    this.#marks = marksOf(description, false);
    this.#bold = marksOf(description, true);
    this.#labels = marks.filter((m) => m.label !== '').map(() => new SceneLabel());
    this.labels = [this.#word, ...this.#labels];
    this.#fan = fan && fanOf(fan, s);
    this.#sliceFan = fan && new FanOnSlice(fan, s);
    for (const stroke of this.#strokes()) stroke.object.renderOrder = 30;
    if (this.#fan !== undefined) this.object.add(this.#fan.object);
    this.object.add(...this.#parts, ...this.#strokes().map((x) => x.object), ...this.labels.map((x) => x.object));
    this.object.matrixAutoUpdate = false;
    this.object.visible = false;
  }

  /** Takes over a pose: stage-from-tip. Copies it, and allocates nothing. */
  update(view: PoseView): void {
    this.#drawn.give(view);
    this.object.matrix.fromArray(view.matrix);
    this.object.matrixWorldNeedsUpdate = true;
  }

  get status(): Status {
    return this.#drawn.status;
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    if (this.#drawn.settle(now, staleAfterMs)) this.#look();
    this.object.visible = this.#drawn.shown;
  }

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      this.#look();
    }
    this.#line.viewport(width, height);
    this.#marks.viewport(width, height);
    this.#bold.viewport(width, height);
    this.#fan?.viewport(width, height);
    for (let n = 0; n < this.labels.length; n += 1) this.labels[n]?.viewport(width, height);
  }

  /** Where a probe's image plane lies, seen from the slice's front: its fan's outline, whole in the slice and dotted beyond it. */
  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    if (this.#drawn.shown) this.#sliceFan?.draw(renderer, plane, dpr, this.object.matrix, this.#drawn.style);
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#look();
  }

  dispose(): void {
    this.object.removeFromParent();
    for (const part of this.#parts) part.geometry.dispose();
    this.#body.dispose();
    this.#fan?.dispose();
    this.#sliceFan?.dispose();
    for (const part of [...this.#strokes(), ...this.labels]) part.dispose();
  }

  #strokes(): Stroke[] {
    return [this.#line, this.#marks, this.#bold];
  }

  /** Sets what only changes with the status and the screen. */
  #look(): void {
    const dpr = this.#dpr;
    const { colour, form, dash, opacity } = this.#drawn.style;
    const solid = form === 'solid';
    const broken = dashed(dash, dpr);
    this.#body.color.set(colour);
    this.#body.emissive.set(colour).multiplyScalar(0.25);
    for (const part of this.#parts) part.visible = solid;
    const whole = this.#drawn.status === 'ok';
    this.#line.style({
      colour,
      opacity,
      dash: broken,
      widthPx: (solid ? (whole ? 3 : 5) : 12) * dpr,
      hollowPx: solid ? 0 : 2.5 * dpr,
    });
    // A mark says how deep the needle IS: only a live one has any.
    this.#marks.object.visible = solid && this.description.marks.some((m) => !m.bold);
    this.#bold.object.visible = solid && this.description.marks.some((m) => m.bold);
    this.#marks.style({ colour: whole ? '#ffffff' : colour, widthPx: 10 * dpr, roundEnds: false });
    this.#bold.style({ colour: whole ? '#ffffff' : colour, widthPx: 18 * dpr, roundEnds: false });
    this.#fan?.style(colour, 2.5 * dpr, broken);
    const labelled = this.description.marks.filter((m) => m.label !== '');
    const { shaft: s } = this.description;
    for (const [n, label] of this.#labels.entries()) {
      const mark = labelled[n] as (typeof labelled)[number];
      label.set(solid ? mark.label : '', { sizePx: Math.round(15 * dpr), colour: '#ffffff', anchor: 'left', weight: 700 });
      label.at(s[0] * mark.mm, s[1] * mark.mm, s[2] * mark.mm, 12 * dpr, 0, 1);
    }
    this.#word.set(this.#words.status[this.#drawn.status], { sizePx: Math.round(16 * dpr), colour, anchor: 'left', weight: 700 });
    this.#word.at(0, 0, 0, 14 * dpr, 14 * dpr, 1);
  }
}

/** Tip, shaft and handle along the instrument's axis, from the tip at the origin. */
function bodyOf({ kind, lengthMm, radiusMm, shaft }: InstrumentDescription): BufferGeometry[] {
  // Cylinders and cones of three lie along y, around their middle; a cone points to +y and a tip points away from it.
  const turn = new Quaternion().setFromUnitVectors(new Vector3(0, 1, 0), new Vector3(...shaft));
  const along = (g: BufferGeometry, middleMm: number): BufferGeometry => g.translate(0, middleMm, 0).applyQuaternion(turn);
  if (kind === 'probe') {
    const footMm = Math.min(lengthMm * 0.25, 25);
    return [
      along(new BoxGeometry(2 * radiusMm, footMm, radiusMm), footMm / 2),
      along(new CylinderGeometry(radiusMm * 0.45, radiusMm * 0.6, lengthMm - footMm, 20), (lengthMm + footMm) / 2),
    ];
  }
  const needle = kind === 'needle';
  const handleMm = Math.min(lengthMm * 0.35, needle ? 24 : 60);
  const handleRadius = Math.max(radiusMm * 3, needle ? 3.5 : 6);
  const tipMm = needle ? Math.min(4 * radiusMm, lengthMm / 4) : 0;
  const shaftMm = lengthMm - handleMm - tipMm;
  return [
    needle
      ? along(new ConeGeometry(radiusMm, tipMm, 16).rotateX(Math.PI), tipMm / 2)
      : along(new SphereGeometry(radiusMm, 16, 12), radiusMm),
    along(new CylinderGeometry(radiusMm, radiusMm, shaftMm, 16), tipMm + shaftMm / 2),
    along(new CylinderGeometry(handleRadius, handleRadius * 0.75, handleMm, 20), lengthMm - handleMm / 2),
  ];
}

/** A short piece of the shaft for each mark: drawn broader than long, it is a bar across the shaft at any angle of view. */
function marksOf({ marks, shaft: s }: InstrumentDescription, bold: boolean): Stroke {
  const own = marks.filter((m) => m.bold === bold);
  const stroke = new Stroke(Math.max(1, own.length), { roundEnds: false });
  for (const [n, { mm }] of own.entries()) {
    const a = mm - MARK_MM / 2;
    const b = mm + MARK_MM / 2;
    stroke.segment(n, s[0] * a, s[1] * a, s[2] * a, s[0] * b, s[1] * b, s[2] * b);
  }
  stroke.show(own.length);
  return stroke;
}

/** The outline of what a probe sees, in the instrument's own frame: x of the image along its x, y away from the handle. */
function fanOf(fan: FanShape, shaft: readonly [number, number, number]): Outline {
  const corners = fanOutline(fan);
  const outline = new Outline(corners.length / 2, 26);
  outline.show(outline.closed(corners, fanFrame(shaft)));
  return outline;
}
