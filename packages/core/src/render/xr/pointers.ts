import { BufferGeometry, Float32BufferAttribute, Line, LineBasicMaterial, type Scene } from 'three';
import { PALETTE } from '../palette.js';

/** How far a ray is drawn, metres. */
const LENGTH_M = 3;

/** The rays of controllers and hands, in a scene in metres. A finger on a phone's screen has none to draw. */
export class Pointers {
  readonly #scene: Scene;
  readonly #geometry = new BufferGeometry();
  readonly #material = new LineBasicMaterial({ color: PALETTE.crosshair });
  readonly #lines: Line[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#geometry.setAttribute('position', new Float32BufferAttribute([0, 0, 0, 0, 0, -LENGTH_M], 3));
  }

  /** Puts the rays where hands and controllers point in this frame; those that are not seen are not drawn. */
  update(frame: XRFrame, session: XRSession, space: XRReferenceSpace): void {
    let count = 0;
    for (const source of session.inputSources) {
      const pose = source.targetRayMode === 'tracked-pointer' ? frame.getPose(source.targetRaySpace, space) : undefined;
      if (pose === undefined || pose === null) continue;
      const line = this.#line(count);
      count += 1;
      line.matrix.fromArray(pose.transform.matrix);
      line.matrixWorldNeedsUpdate = true;
    }
    for (const [n, line] of this.#lines.entries()) line.visible = n < count;
  }

  dispose(): void {
    for (const line of this.#lines) line.removeFromParent();
    this.#geometry.dispose();
    this.#material.dispose();
  }

  #line(n: number): Line {
    const there = this.#lines[n];
    if (there !== undefined) return there;
    const line = new Line(this.#geometry, this.#material);
    line.matrixAutoUpdate = false;
    line.frustumCulled = false;
    this.#lines.push(line);
    this.#scene.add(line);
    return line;
  }
}
