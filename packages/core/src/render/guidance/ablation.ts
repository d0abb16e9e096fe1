import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  Group,
  Mesh,
  MeshBasicMaterial,
  SphereGeometry,
  type WebGLRenderer,
} from 'three';
import { NavError } from '../../base/index.js';
import type { PoseView, Status } from '../../frames/index.js';
import { vec3 } from '../../math/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { Hud } from '../hud.js';
import { type Dash, PALETTE, rgb, statusStyle } from '../palette.js';
import { crossInto, type PlaneView } from '../planes.js';
import { Surface } from '../surface.js';
import { EllipsoidCut } from './ellipsoid-cut.js';
import type { GuidanceGraphic } from './graphic.js';
import { dashed, Outline } from './outline.js';

/** Chords of an outline: on a zone of 40 mm they are off by 0.01 mm at most. */
const CHORDS = 128;
/** Cosines all around; a quarter on are the sines. */
const COSINES = Float64Array.from({ length: CHORDS }, (_, n) => Math.cos((2 * Math.PI * n) / CHORDS));
/** Chords of each of the three outlines that stand in the 3D view. */
const WIRE = 48;
/** How what is only planned is broken, CSS pixels. */
const PLANNED: Dash = [9, 6];

/** What {@link AblationZoneGraphic} is made from. */
export interface AblationOptions {
  /**
   * `planned`: what is to be ablated, a broken yellow outline. `achieved`: what was, a whole green one, filled. `projected`: what
   * would be with the tool where it is now, in the colour and form of the tool's status.
   */
  readonly kind: 'planned' | 'achieved' | 'projected';
  /** Half of its lengths along x, y and z of its own frame, mm. */
  readonly semiAxesMm: readonly [number, number, number];
  /** Its middle in its own frame, mm: for a zone before or behind a tool's tip. Default the origin. */
  readonly centreMm?: readonly [number, number, number];
}

/**
 * An ablation zone, an ellipsoid: a shell in the 3D view, and on every slice exactly the ellipse in which the slice cuts it
 * ({@link EllipsoidCut}), nothing where it does not.
 */
export class AblationZoneGraphic implements GuidanceGraphic {
  readonly kind: AblationOptions['kind'];
  readonly object: Group = new Group();
  readonly #drawn = new DrawnStatus();
  readonly #semi: readonly [number, number, number];
  readonly #offset: readonly [number, number, number];
  readonly #shell: Surface;
  readonly #wires: Outline;
  readonly #overlay = new Hud();
  readonly #outline = new Outline(CHORDS, 1);
  readonly #fill: Mesh<BufferGeometry, MeshBasicMaterial>;
  readonly #axes = new Float64Array(9);
  readonly #centre = vec3(Number.NaN, Number.NaN, Number.NaN);
  readonly #cut = new EllipsoidCut();
  readonly #normal = vec3(0, 0, 0);
  readonly #px = vec3(0, 0, 0);
  readonly #point = vec3(0, 0, 0);
  readonly #corners = new Float64Array(3 * CHORDS);
  #placed = false;
  #wired: { status: Status | undefined; dpr: number } = { status: undefined, dpr: 0 };
  #outlined: { status: Status | undefined; dpr: number } = { status: undefined, dpr: 0 };

  /** @throws NavError `pose/bad-option` for semi-axes that are not above 0 mm */
  constructor({ kind, semiAxesMm, centreMm = [0, 0, 0] }: AblationOptions) {
    if (!semiAxesMm.every((a) => a > 0 && a < 1000) || !centreMm.every(Number.isFinite)) {
      throw new NavError(
        'pose/bad-option',
        `An ablation zone needs three semi-axes above 0 mm and a finite centre, got [${semiAxesMm}] and [${centreMm}].`,
      );
    }
    this.kind = kind;
    this.#semi = semiAxesMm;
    this.#offset = centreMm;
    this.#shell = new Surface(ball(), colourOf(kind, 'ok'), kind === 'achieved' ? 0.9 : 0.6);
    this.#shell.object.scale.set(...semiAxesMm);
    this.#wires = wiresOf(semiAxesMm);
    this.object.add(this.#shell.object, this.#wires.object);
    this.object.matrixAutoUpdate = false;
    this.object.visible = false;
    this.#fill = disc();
    this.#overlay.scene.add(this.#fill, this.#outline.object);
  }

  /**
   * Puts a planned or achieved zone into its place, which it keeps.
   * @param stageFromZone column-major 4×4, rigid, mm
   * @throws NavError `pose/bad-option` for a projected zone, which goes with a tool; `pose/not-finite`
   */
  place(stageFromZone: ArrayLike<number>): void {
    if (this.kind === 'projected') {
      throw new NavError('pose/bad-option', 'A projected zone goes with a tool: give its pose to update().');
    }
    for (let k = 0; k < 16; k += 1) {
      if (!Number.isFinite(stageFromZone[k])) {
        throw new NavError('pose/not-finite', 'The place of an ablation zone has a number that is not finite.');
      }
    }
    this.#move(stageFromZone);
    this.#placed = true;
  }

  /** Lets a projected zone go with a tool: stage-from-tip. Allocates nothing. */
  update(view: PoseView): void {
    this.#drawn.give(view);
    this.#move(view.matrix);
  }

  get status(): Status {
    if (this.kind === 'projected') return this.#drawn.status;
    return this.#placed ? 'ok' : 'missing';
  }

  settle(now: Float64Array, staleAfterMs: number): void {
    const projected = this.kind === 'projected';
    this.object.visible = projected ? this.#drawn.shown : this.#placed;
    if (!projected || !this.#drawn.settle(now, staleAfterMs)) return;
    this.object.visible = this.#drawn.shown;
    this.#shell.object.material.uniforms['uColour']?.value.set(...rgb(colourOf(this.kind, this.status)));
    // Where the tool was is no zone of the present: only its outline stays.
    this.#shell.object.visible = this.#drawn.live;
  }

  inScene(width: number, height: number, dpr: number): void {
    this.#wires.viewport(width, height);
    if (this.#wired.status === this.status && this.#wired.dpr === dpr) return;
    this.#wired = { status: this.status, dpr };
    this.#wires.style(colourOf(this.kind, this.status), (this.kind === 'achieved' ? 2.5 : 2) * dpr, dashed(this.#dash(), dpr));
  }

  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    if (!this.object.visible) return;
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    if (!this.#cut.cut(this.#axes, this.#centre, normal, plane.centre)) return;
    this.#look(dpr);
    this.#layOut(plane);
    this.#outline.viewport(plane.width, plane.height);
    this.#overlay.resize(plane.width, plane.height);
    this.#overlay.render(renderer);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#shell.dispose();
    this.#wires.dispose();
    this.#outline.dispose();
    this.#fill.geometry.dispose();
    this.#fill.material.dispose();
  }

  #move(m: ArrayLike<number>): void {
    const o = this.#offset;
    const e = this.object.matrix.elements;
    for (let i = 0; i < 3; i += 1) {
      const x = m[i] as number;
      const y = m[4 + i] as number;
      const z = m[8 + i] as number;
      this.#centre[i] = (m[12 + i] as number) + x * o[0] + y * o[1] + z * o[2];
      this.#axes[i] = x * this.#semi[0];
      this.#axes[3 + i] = y * this.#semi[1];
      this.#axes[6 + i] = z * this.#semi[2];
      e[i] = x;
      e[4 + i] = y;
      e[8 + i] = z;
      e[12 + i] = this.#centre[i] as number;
    }
    this.object.matrixWorldNeedsUpdate = true;
  }

  #dash(): Dash | undefined {
    return this.kind === 'planned' ? PLANNED : this.kind === 'projected' ? this.#drawn.style.dash : undefined;
  }

  /** What only changes with the status and the screen. */
  #look(dpr: number): void {
    const { status } = this;
    if (this.#outlined.status === status && this.#outlined.dpr === dpr) return;
    this.#outlined = { status, dpr };
    const colour = colourOf(this.kind, status);
    this.#outline.style(colour, (this.kind === 'achieved' ? 3 : 2.5) * dpr, dashed(this.#dash(), dpr));
    this.#fill.material.color.set(colour);
    this.#fill.visible = this.kind === 'achieved' || (this.kind === 'projected' && this.#drawn.status === 'ok');
    this.#fill.material.opacity = this.kind === 'achieved' ? 0.28 : 0.12;
  }

  /** Lays outline and filling along the cut, device pixels. */
  #layOut(plane: PlaneView): void {
    const { middle, p, q } = this.#cut;
    const corners = this.#fill.geometry.getAttribute('position') as BufferAttribute;
    for (let n = 0; n < CHORDS; n += 1) {
      const cos = COSINES[n] as number;
      const sin = COSINES[(n + (3 * CHORDS) / 4) % CHORDS] as number;
      for (let k = 0; k < 3; k += 1) {
        this.#point[k] = (middle[k] as number) + cos * (p[k] as number) + sin * (q[k] as number);
      }
      plane.project(this.#px, this.#point);
      for (let k = 0; k < 2; k += 1) {
        const px = this.#px[k] as number;
        this.#corners[3 * n + k] = px;
        corners.array[3 * n + k] = px;
      }
    }
    corners.needsUpdate = true;
    this.#outline.loop(this.#corners, CHORDS);
  }
}

function colourOf(kind: AblationOptions['kind'], status: Status): string {
  if (kind === 'planned') return PALETTE.plan;
  if (kind === 'achieved') return PALETTE.fiducial;
  return statusStyle(status).colour;
}

/** The three ellipses in which an ellipsoid's own planes cut it, mm of its frame. */
function wiresOf(semi: readonly [number, number, number]): Outline {
  const wires = new Outline(3 * WIRE, 24);
  for (let axis = 0; axis < 3; axis += 1) {
    const [i, j] = [(axis + 1) % 3, (axis + 2) % 3];
    const at = (n: number): [number, number, number] => {
      const p: [number, number, number] = [0, 0, 0];
      p[i] = (semi[i] as number) * Math.cos((2 * Math.PI * n) / WIRE);
      p[j] = (semi[j] as number) * Math.sin((2 * Math.PI * n) / WIRE);
      return p;
    };
    let arc = 0;
    for (let n = 0; n < WIRE; n += 1) {
      const [a, b] = [at(n), at(n + 1)];
      wires.segment(axis * WIRE + n, ...a, ...b, arc);
      arc += Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
    }
  }
  wires.show(3 * WIRE);
  return wires;
}

/** A sphere of radius 1, as a surface takes it. */
function ball(): { positions: Float32Array; normals: Float32Array; indices: Uint32Array } {
  const g = new SphereGeometry(1, 48, 32);
  const numbers = (name: string): Float32Array => Float32Array.from(g.getAttribute(name).array);
  const indices = Uint32Array.from(g.index?.array ?? []);
  g.dispose();
  return { positions: numbers('position'), normals: numbers('normal'), indices };
}

/** A polygon of {@link CHORDS} corners that are laid later. */
function disc(): Mesh<BufferGeometry, MeshBasicMaterial> {
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(new Float32Array(3 * CHORDS), 3));
  const fan: number[] = [];
  for (let n = 1; n + 1 < CHORDS; n += 1) fan.push(0, n, n + 1);
  geometry.setIndex(fan);
  const material = new MeshBasicMaterial({ transparent: true, depthTest: false, depthWrite: false, side: DoubleSide });
  const mesh = new Mesh(geometry, material);
  mesh.frustumCulled = false;
  mesh.renderOrder = -1;
  return mesh;
}
