import { Mesh, PlaneGeometry, type Scene } from 'three';
import { vec3 } from '../math/index.js';
import { FusionMaterial } from './fusion-material.js';
import type { StageModel } from './model.js';
import type { PlaneView, SliceViewName } from './planes.js';

/** The second volume on one slice: over the first's pixels and under everything else. */
export class FusionOnSlice {
  readonly #cut = new FusionMaterial();
  readonly #quad = new Mesh(new PlaneGeometry(2, 2), this.#cut.material);
  readonly #crosshair = vec3(0, 0, 0);
  #revision = -1;

  constructor(image: Scene) {
    this.#quad.frustumCulled = false;
    this.#quad.visible = false;
    image.add(this.#quad);
  }

  /** Takes over the model's second volume and its look. */
  changed({ second }: StageModel): void {
    this.#quad.visible = second !== undefined;
    if (second === undefined) return;
    const { fusion, uploaded } = second;
    this.#cut.setVolume(fusion.volume, uploaded);
    this.#cut.setWindow(fusion.volume, uploaded, fusion.look.window);
    this.#cut.setLook(fusion.look);
    this.#revision = -1;
  }

  /** Follows the view, the pointer and where the second volume has been moved. */
  update(
    name: SliceViewName,
    plane: PlaneView,
    alongX: ArrayLike<number>,
    alongY: ArrayLike<number>,
    { second, hover, focus, dpr }: StageModel,
  ): void {
    if (second === undefined) return;
    const { fusion } = second;
    if (this.#revision !== fusion.revision) this.#cut.setGrid(fusion.frameFromIndex);
    this.#revision = fusion.revision;
    this.#cut.setPlane(plane.centre, alongX, alongY);
    this.#cut.setView(plane);
    if (fusion.look.mode !== 'spyglass') return;
    const pointed = hover.view === name;
    const at = plane.project(this.#crosshair, focus);
    const x = pointed ? hover.x : (at[0] as number);
    const y = pointed ? hover.y : (at[1] as number);
    this.#cut.setSpyglass(plane, x, y, fusion.look.radiusPx * dpr);
  }

  dispose(): void {
    this.#quad.geometry.dispose();
    this.#cut.material.dispose();
  }
}
