import { Mesh, MeshLambertMaterial, type PerspectiveCamera, type Scene, SphereGeometry, Vector3 } from 'three';
import { Ellipse } from './ellipse.js';
import { type EllipsoidMark, emptyEllipse, outlineOf } from './error-ellipsoid.js';
import { type Hud, LAYER } from './hud.js';
import { Label, type LabelStyle } from './label.js';
import type { PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import { PerRatio } from './per-ratio.js';
import type { PlaneView } from './planes.js';
import type { FiducialsInScene } from './scene-fiducials.js';
import { fade } from './slice-marks.js';

/** Smaller than this on the screen it is not drawn: it could not be told from the target's cross, CSS pixels. */
const SMALLEST_PX = 5.5;

/** Beyond so many times the ellipsoid's own extent across the slice, its ellipse is gone. */
const GONE = 6;

const NOWHERE_ELSE = new Float64Array(2);

/** How the number beside an ellipse is set. */
function labelStyle(dpr: number): LabelStyle {
  return { sizePx: Math.round(15 * dpr), colour: PALETTE.text, anchor: 'left', weight: 700 };
}

/** The error at the target on a slice: its ellipse in its true size, fading as the slice leaves the target. */
export class ErrorOnSlice {
  readonly #ellipse = new Ellipse();
  readonly #label = new Label();
  readonly #styles = new PerRatio(labelStyle);
  readonly #seen = emptyEllipse();
  readonly #labelAt = new Float64Array(2);
  #drawn: EllipsoidMark | undefined;
  #dpr = 0;

  constructor(hud: Hud) {
    this.#ellipse.object.renderOrder = LAYER.error;
    hud.scene.add(this.#ellipse.object, this.#label.object);
  }

  update(plane: PlaneView, model: StageModel): void {
    const { targetError, dpr } = model;
    this.#ellipse.object.visible = false;
    this.#label.object.visible = false;
    if (targetError === undefined) return;
    const seen = outlineOf(targetError, plane, this.#seen);
    const opacity = fade(seen.away, 1, GONE, 0);
    if (!(opacity > 0 && Math.max(seen.halfWidth, seen.halfHeight) > SMALLEST_PX * dpr)) return;
    this.#ellipse.object.visible = true;
    if (targetError !== this.#drawn || dpr !== this.#dpr) {
      this.#drawn = targetError;
      this.#dpr = dpr;
      this.#ellipse.show(seen, { colour: PALETTE.text, widthPx: 2.25 * dpr, fill: 0, opacity });
    }
    this.#ellipse.place(seen);
    this.#ellipse.fade(opacity, seen.away <= 1 ? 0.22 : 0);
    this.#label.set(targetError.label, this.#styles.at(dpr));
    const at = this.#labelAt;
    at[0] = seen.x + seen.halfWidth + 6 * dpr;
    at[1] = seen.y - seen.halfHeight - 8 * dpr;
    this.#label.beside(at, NOWHERE_ELSE);
    this.#label.fade(opacity);
  }

  dispose(): void {
    this.#ellipse.dispose();
    this.#label.dispose();
  }
}

/** The error at the target in the 3D view: its ellipsoid, seen through everything, as much larger as the model says. */
export class ErrorInScene {
  readonly #mesh = new Mesh(
    new SphereGeometry(1, 40, 28),
    new MeshLambertMaterial({ color: PALETTE.text, transparent: true, opacity: 0.5, depthTest: false, depthWrite: false }),
  );
  readonly #label = new Label();
  readonly #middle = new Vector3();
  readonly #styles = new PerRatio(labelStyle);
  #drawn: EllipsoidMark | undefined;
  #scale = 1;
  #longestMm = 0;

  constructor(scene: Scene, hud: Hud) {
    this.#mesh.material.emissive.set(PALETTE.text).multiplyScalar(0.15);
    this.#mesh.matrixAutoUpdate = false;
    this.#mesh.renderOrder = 28;
    scene.add(this.#mesh);
    hud.scene.add(this.#label.object);
  }

  /** @param fiducials in their places of this frame: their numbers are kept clear */
  update(camera: PerspectiveCamera, { width, height }: PixelRect, model: StageModel, fiducials: FiducialsInScene): void {
    const { targetError, dpr } = model;
    this.#mesh.visible = false;
    this.#label.object.visible = false;
    if (targetError === undefined) return;
    if (targetError !== this.#drawn || model.errorScale !== this.#scale) this.#layOut(targetError, model.errorScale);
    const { centre: c } = targetError;
    this.#middle.set(c[0] as number, c[1] as number, c[2] as number);
    const away = this.#middle.distanceTo(camera.position);
    const pxPerMm = height / (2 * away * Math.tan((camera.fov * Math.PI) / 360));
    if (!(this.#longestMm * pxPerMm > SMALLEST_PX * dpr)) return;
    this.#mesh.visible = true;
    this.#middle.project(camera);
    this.#label.set(targetError.label, this.#styles.at(dpr));
    this.#label.object.visible = this.#middle.z < 1 && targetError.label !== '';
    this.#place(((this.#middle.x + 1) / 2) * width, ((1 - this.#middle.y) / 2) * height, width, dpr, fiducials);
  }

  #layOut(mark: EllipsoidMark, factor: number): void {
    this.#drawn = mark;
    this.#scale = factor;
    this.#longestMm = 0;
    const m = this.#mesh.matrix.elements;
    for (let a = 0; a < 3; a += 1) {
      this.#longestMm = Math.max(this.#longestMm, factor * Math.hypot(...mark.axes.subarray(3 * a, 3 * a + 3)));
      for (let k = 0; k < 3; k += 1) m[4 * a + k] = factor * (mark.axes[3 * a + k] as number);
      m[12 + a] = mark.centre[a] as number;
    }
    this.#mesh.matrixWorldNeedsUpdate = true;
  }

  /** Beside the target, right or left, below or above: where the text is whole and covers the fewest numbers. */
  #place(x: number, y: number, width: number, dpr: number, fiducials: FiducialsInScene): void {
    const label = this.#label;
    let bestLeft = 0;
    let bestMiddle = 0;
    let least = Number.POSITIVE_INFINITY;
    const box = Float64Array.of(0, 0, label.width, label.height);
    for (let n = 0; n < 8; n += 1) {
      const left = n % 2 === 0 ? x + 14 * dpr : x - 14 * dpr - label.width;
      const middle = y + ((n & 2) === 0 ? 1 : -1) * (n < 4 ? 16 : 40) * dpr;
      box[0] = left;
      box[1] = middle - label.height / 2;
      // A number that is cut off is another number.
      const cut = left < 0 || left + label.width > width ? 100 : 0;
      const cost = cut + fiducials.covered(box);
      if (cost >= least) continue;
      bestLeft = left;
      bestMiddle = middle;
      least = cost;
    }
    label.at(bestLeft, bestMiddle);
  }

  dispose(): void {
    this.#mesh.removeFromParent();
    this.#mesh.geometry.dispose();
    this.#mesh.material.dispose();
    this.#label.dispose();
  }
}
