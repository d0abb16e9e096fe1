import { Matrix4, Mesh, MeshLambertMaterial, type PerspectiveCamera, type Scene, SphereGeometry, Vector3 } from 'three';
import { Ellipse } from './ellipse.js';
import { outlineOf } from './error-ellipsoid.js';
import { type Hud, LAYER } from './hud.js';
import { Label } from './label.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import type { PlaneView } from './planes.js';
import type { FiducialsInScene } from './scene-fiducials.js';
import { fade } from './slice-marks.js';

/** Smaller than this on the screen it is not drawn: it could not be told from the target's cross, CSS pixels. */
const SMALLEST_PX = 5.5;

/** Beyond so many times the ellipsoid's own extent across the slice, its ellipse is gone. */
const GONE = 6;

/** The error at the target on a slice: its ellipse in its true size, fading as the slice leaves the target. */
export class ErrorOnSlice {
  readonly #ellipse = new Ellipse();
  readonly #label = new Label();

  constructor(hud: Hud) {
    this.#ellipse.object.renderOrder = LAYER.error;
    hud.scene.add(this.#ellipse.object, this.#label.object);
  }

  update(plane: PlaneView, model: StageModel): void {
    const { targetError, dpr } = model;
    const seen = targetError && outlineOf(targetError, plane);
    const opacity = seen === undefined ? 0 : fade(seen.away, 1, GONE, 0);
    const shown = seen !== undefined && opacity > 0 && Math.max(seen.halfWidth, seen.halfHeight) > SMALLEST_PX * dpr;
    this.#ellipse.object.visible = shown;
    this.#label.object.visible = false;
    if (!shown || targetError === undefined) return;
    this.#ellipse.show(seen, { colour: PALETTE.text, widthPx: 2.25 * dpr, fill: seen.away <= 1 ? 0.22 : 0, opacity });
    this.#label.set(targetError.label, { sizePx: Math.round(15 * dpr), colour: PALETTE.text, anchor: 'left', weight: 700 });
    this.#label.at(seen.x + seen.halfWidth + 6 * dpr, seen.y - seen.halfHeight - 8 * dpr, opacity);
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
  readonly #placed = new Matrix4();

  constructor(scene: Scene, hud: Hud) {
    this.#mesh.material.emissive.set(PALETTE.text).multiplyScalar(0.15);
    this.#mesh.matrixAutoUpdate = false;
    this.#mesh.renderOrder = 28;
    scene.add(this.#mesh);
    hud.scene.add(this.#label.object);
  }

  /** @param fiducials in their places of this frame: their numbers are kept clear */
  update(camera: PerspectiveCamera, width: number, height: number, model: StageModel, fiducials: FiducialsInScene): void {
    const { targetError, dpr, errorScale: f } = model;
    this.#mesh.visible = false;
    this.#label.object.visible = false;
    if (targetError === undefined) return;
    const { axes: a, centre: c } = targetError;
    const longest = f * Math.max(...[0, 3, 6].map((k) => Math.hypot(...a.subarray(k, k + 3))));
    this.#middle.set(c[0] as number, c[1] as number, c[2] as number);
    const away = this.#middle.distanceTo(camera.position);
    const pxPerMm = height / (2 * away * Math.tan((camera.fov * Math.PI) / 360));
    if (!(longest * pxPerMm > SMALLEST_PX * dpr)) return;
    this.#mesh.visible = true;
    const at = (k: number): number => f * (a[k] as number);
    this.#placed.set(
      ...([at(0), at(3), at(6), c[0] as number] as [number, number, number, number]),
      ...([at(1), at(4), at(7), c[1] as number] as [number, number, number, number]),
      ...([at(2), at(5), at(8), c[2] as number] as [number, number, number, number]),
      ...([0, 0, 0, 1] as [number, number, number, number]),
    );
    this.#mesh.matrix.copy(this.#placed);
    this.#mesh.matrixWorldNeedsUpdate = true;
    this.#middle.project(camera);
    const x = ((this.#middle.x + 1) / 2) * width;
    const y = ((1 - this.#middle.y) / 2) * height;
    this.#label.set(targetError.label, { sizePx: Math.round(15 * dpr), colour: PALETTE.text, anchor: 'left', weight: 700 });
    this.#label.object.visible = this.#middle.z < 1 && targetError.label !== '';
    this.#place(x, y, width, dpr, fiducials);
  }

  /** Beside the target, right or left, below or above: where the text is whole and covers the fewest numbers. */
  #place(x: number, y: number, width: number, dpr: number, fiducials: FiducialsInScene): void {
    const label = this.#label;
    let [bestLeft, bestMiddle, least] = [0, 0, Number.POSITIVE_INFINITY];
    for (let n = 0; n < 8; n += 1) {
      const left = n % 2 === 0 ? x + 14 * dpr : x - 14 * dpr - label.width;
      const middle = y + ((n & 2) === 0 ? 1 : -1) * (n < 4 ? 16 : 40) * dpr;
      // A number that is cut off is another number.
      const cut = left < 0 || left + label.width > width ? 100 : 0;
      const cost = cut + fiducials.covered(left, middle - label.height / 2, label.width, label.height);
      if (cost < least) [bestLeft, bestMiddle, least] = [left, middle, cost];
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
