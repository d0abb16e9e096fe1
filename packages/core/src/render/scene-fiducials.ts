import {
  ConeGeometry,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  type PerspectiveCamera,
  type Scene,
  SphereGeometry,
  Vector3,
} from 'three';
import type { Hud } from './hud.js';
import { Label } from './label.js';
import type { PixelRect } from './layout.js';
import type { FiducialMark, StageModel } from './model.js';
import { PerRatio } from './per-ratio.js';
import { Ring } from './ring.js';
import { type FiducialLook, fiducialColour, fiducialLooks, vector } from './slice-marks.js';
import { Stroke } from './stroke.js';

/** An arrow's head is as long as this, mm, or 45 % of the arrow where that is less. */
const HEAD_MM = 9;
/** Radius of a fiducial's sphere, mm. */
const SPHERE_MM = 2.5;

/** From a fiducial to where it was found. */
interface Arrow {
  readonly shaft: Stroke;
  readonly head: Mesh<ConeGeometry, MeshBasicMaterial>;
  readonly offset: Vector3;
}

interface Drawn {
  readonly mark: FiducialMark;
  readonly mesh: Mesh<SphereGeometry, MeshLambertMaterial>;
  readonly ring: Ring;
  readonly label: Label;
  readonly arrow: Arrow | undefined;
}

/** Fiducials as small spheres with their numbers beside them, and arrows to where they were found. */
export class FiducialsInScene {
  readonly #scene: Scene;
  readonly #hud: Hud;
  readonly #sphere = new SphereGeometry(1, 16, 12);
  readonly #cone = new ConeGeometry(0.36, 1, 20);
  readonly #projected = new Vector3();
  readonly #looks = new PerRatio(fiducialLooks);
  #marks: Drawn[] = [];
  #revision = -1;
  #scale = 1;
  #dpr = 0;

  constructor(scene: Scene, hud: Hud) {
    this.#scene = scene;
    this.#hud = hud;
  }

  /** @param turned whether the camera or the view's size is not as it was */
  update(camera: PerspectiveCamera, { width, height }: PixelRect, model: StageModel, turned: boolean): void {
    if (model.fiducialsRevision !== this.#revision) this.#rebuild(model.fiducials);
    const anew = model.fiducialsRevision !== this.#revision || model.errorScale !== this.#scale || model.dpr !== this.#dpr;
    this.#revision = model.fiducialsRevision;
    this.#scale = model.errorScale;
    this.#dpr = model.dpr;
    for (let n = 0; n < this.#marks.length; n += 1) {
      const drawn = this.#marks[n] as Drawn;
      if (anew) this.#layOut(drawn);
      if (!anew && !turned) continue;
      drawn.arrow?.shaft.viewport(width, height);
      this.#follow(drawn, camera, width, height);
    }
  }

  /** What stays as it is while the view is turned. */
  #layOut({ mark, mesh, ring, arrow }: Drawn): void {
    const dpr = this.#dpr;
    const colour = fiducialColour(mark.state);
    ring.object.visible = mark.state === 'active' || mark.state === 'suspect';
    ring.style({ colour, radiusPx: 12 * dpr, widthPx: 2.5 * dpr });
    if (arrow === undefined) return;
    place(arrow, mesh.position, this.#scale);
    arrow.shaft.style({ colour, widthPx: 3 * dpr, rimPx: 1.25 * dpr });
  }

  #follow({ mark, mesh, ring, label }: Drawn, camera: PerspectiveCamera, width: number, height: number): void {
    const dpr = this.#dpr;
    const at = this.#projected.copy(mesh.position).project(camera);
    const x = ((at.x + 1) / 2) * width;
    const y = ((1 - at.y) / 2) * height;
    ring.at(x, y);
    label.set(mark.label, (this.#looks.at(dpr).get(mark.state) as FiducialLook).label);
    label.at(x + (ring.object.visible ? 13 : 7) * dpr, y - 9 * dpr);
    label.object.visible = at.z < 1 && mark.label !== '';
  }

  /** How many numbers, as last placed, a box of the screen would cover: left, top, width and height, device pixels. */
  covered(box: ArrayLike<number>): number {
    let count = 0;
    for (let n = 0; n < this.#marks.length; n += 1) {
      if ((this.#marks[n] as Drawn).label.touches(box)) count += 1;
    }
    return count;
  }

  dispose(): void {
    this.#rebuild([]);
    this.#sphere.dispose();
    this.#cone.dispose();
  }

  #rebuild(marks: readonly FiducialMark[]): void {
    for (const { mesh, ring, label, arrow } of this.#marks) {
      mesh.removeFromParent();
      mesh.material.dispose();
      ring.dispose();
      label.dispose();
      arrow?.shaft.dispose();
      arrow?.head.removeFromParent();
      arrow?.head.material.dispose();
    }
    this.#marks = marks.map((mark) => this.#draw(mark));
  }

  #draw(mark: FiducialMark): Drawn {
    const material = new MeshLambertMaterial({ color: fiducialColour(mark.state) });
    material.emissive.copy(material.color).multiplyScalar(0.3);
    const mesh = new Mesh(this.#sphere, material);
    mesh.position.copy(vector(mark.xyz));
    mesh.scale.setScalar(SPHERE_MM);
    const drawn = { mark, mesh, ring: new Ring(), label: new Label(), arrow: this.#arrow(mark) };
    this.#scene.add(mesh);
    if (drawn.arrow !== undefined) this.#scene.add(drawn.arrow.shaft.object, drawn.arrow.head);
    this.#hud.scene.add(drawn.ring.object, drawn.label.object);
    return drawn;
  }

  #arrow(mark: FiducialMark): Arrow | undefined {
    if (mark.offset === undefined) return undefined;
    const head = new Mesh(
      this.#cone,
      new MeshBasicMaterial({ color: fiducialColour(mark.state), depthTest: false, transparent: true }),
    );
    const shaft = new Stroke(1);
    shaft.object.renderOrder = 26;
    head.renderOrder = 27;
    return { shaft, head, offset: vector(mark.offset) };
  }
}

const UP = new Vector3(0, 1, 0);

/** The arrow begins in the fiducial's middle, and its tip lies `factor` times the offset away. */
function place({ shaft, head, offset }: Arrow, from: Vector3, factor: number): void {
  const way = offset.clone().multiplyScalar(factor);
  const length = way.length();
  const headMm = Math.min(HEAD_MM, 0.45 * length);
  const direction = length > 0 ? way.clone().divideScalar(length) : UP;
  const neck = from.clone().addScaledVector(direction, length - headMm);
  shaft.segment(0, from.x, from.y, from.z, neck.x, neck.y, neck.z);
  shaft.show(length > 0 ? 1 : 0);
  head.visible = length > 0;
  head.position.copy(from).addScaledVector(direction, length - headMm / 2);
  head.quaternion.setFromUnitVectors(UP, direction);
  head.scale.setScalar(Math.max(headMm, 1e-6));
}
