import { type BufferAttribute, Group, type WebGLRenderer } from 'three';
import { NavError } from '../../base/index.js';
import type { Status } from '../../frames/index.js';
import type { StraightPlan } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { Hud } from '../hud.js';
import { type Dash, PALETTE } from '../palette.js';
import { cross, crossInto, type PlaneView, unit } from '../planes.js';
import { Surface } from '../surface.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import type { GuidanceGraphic } from './graphic.js';
import { dashed, Outline } from './outline.js';
import { inPlane, planarReach } from './quantities.js';
import { SceneLabel } from './scene-label.js';
import { CUT_PIECES, TubeCut } from './tube-cut.js';

const STATIONS = 24;
const AROUND = 48;
/** How the outline of a way whose error is not known is broken, CSS pixels. */
const UNKNOWN_DASH: Dash = [7, 6];
const ONE = Float64Array.of(1);

/** What {@link TrajectoryCorridor} is made from. */
export interface CorridorOptions<F extends string> {
  readonly plan: StraightPlan<F>;
  /** Radius of the planned corridor without any error, mm. Default 3. */
  readonly radiusMm?: number;
  /** The probability with which the error lies within the widening. Default 0.95. */
  readonly probability?: number;
}

/**
 * The planned way as a tube, and around it the tube that it may really be: at each of 24 stations the planned disc widened by the
 * ellipse that holds the error ACROSS the way with the given probability, to scale. Widened exactly: the boundary of the Minkowski
 * sum of a disc of radius r and the ellipse uᵀ C⁻¹ u ≤ k² is p(n) = r n + k C n / √(nᵀ C n) over all unit n.
 *
 * Where the error is not known, there is no widened tube, the planned one's rims are broken, and it says ERROR UNKNOWN: a tube
 * that is only narrow must not look like one whose error is small.
 *
 * On a slice: where the slice cuts both tubes, to scale; the planned one broken while the error is not known.
 */
export class TrajectoryCorridor<in out F extends string> implements GuidanceGraphic {
  readonly object: Group = new Group();
  /** A plan is of the image, so it never goes stale: `ok`, or `unknown` while its error is not known. */
  status: Status = 'unknown';
  readonly #plan: StraightPlan<F>;
  readonly #radiusMm: number;
  readonly #probability: number;
  readonly #right: Float64Array;
  readonly #up: Float64Array;
  readonly #planned: Surface;
  readonly #widened: Surface;
  readonly #rims = new Outline(2 * AROUND, 25);
  readonly #word = new SceneLabel();
  readonly labels: readonly SceneLabel[] = [this.#word];
  readonly #across = new Float64Array(3);
  readonly #at = vec3(0, 0, 0);
  readonly #overlay = new Hud();
  readonly #cutPlanned = new Outline(CUT_PIECES, 1);
  readonly #cutWidened = new Outline(CUT_PIECES, 0);
  readonly #cut: TubeCut;
  readonly #normal = vec3(0, 0, 0);
  #cutLook: { status: Status | undefined; dpr: number } = { status: undefined, dpr: 0 };
  readonly #widest = Float64Array.of(Number.NaN);
  #words = ENGLISH_WORDS;
  #dpr = 0;

  /** @throws NavError `pose/bad-option` */
  constructor({ plan, radiusMm = 3, probability = 0.95 }: CorridorOptions<F>) {
    if (!(radiusMm > 0 && radiusMm < 1000 && probability > 0 && probability < 1)) {
      throw new NavError(
        'pose/bad-option',
        `A corridor needs a radius above 0 mm and a probability between 0 and 1, got ${radiusMm} and ${probability}.`,
      );
    }
    this.#plan = plan;
    this.#radiusMm = radiusMm;
    this.#probability = probability;
    const { axis } = plan;
    this.#right = unit(cross(axis, Math.abs(axis[2]) < 0.9 ? [0, 0, 1] : [0, 1, 0]));
    this.#up = cross(this.#right, axis);
    this.#planned = new Surface(tube(), PALETTE.plan, 0.9);
    this.#widened = new Surface(tube(), PALETTE.text, 0.55);
    this.object.add(this.#planned.object, this.#widened.object, this.#rims.object, this.#word.object);
    for (let s = 0; s < STATIONS; s += 1) this.#ring(this.#planned, s, false, 0);
    this.#changed(this.#planned);
    this.#layRims(false);
    this.#cut = new TubeCut(tube().indices, dashesOf(plan, radiusMm));
    this.#overlay.scene.add(this.#cutWidened.object, this.#cutPlanned.object);
  }

  /** How far the widened tube reaches beyond the planned one at its widest, mm; NaN while the error is not known. */
  get widestMm(): number {
    return this.#widest[0] as number;
  }

  /**
   * Takes over the covariance of the plan's frame from the patient as tracked, as {@link PoseView.covariance} has it, or
   * `undefined` where it is not known. Allocates nothing.
   * @param covariance 6×6 row-major, mm and rad, about the origin of the plan's frame
   * @param degreesOfFreedom behind the covariance; Infinity where the noise was known
   */
  update(covariance: ArrayLike<number> | undefined, degreesOfFreedom: number = Number.POSITIVE_INFINITY): void {
    const reach = planarReach(this.#probability, degreesOfFreedom);
    let known = covariance !== undefined && Number.isFinite(reach);
    this.#widest[0] = 0;
    for (let k = 0; known && k < 36; k += 1) known = Number.isFinite(covariance?.[k]);
    for (let s = 0; known && covariance !== undefined && s < STATIONS; s += 1) {
      inPlane(this.#across, covariance, this.#station(s), this.#right, this.#up, ONE);
      this.#ring(this.#widened, s, true, reach);
    }
    if (!known) this.#widest[0] = Number.NaN;
    this.#changed(this.#widened);
    this.#widened.object.visible = known;
    this.#layRims(known);
    const status = known ? 'ok' : 'unknown';
    if (status === this.status) return;
    this.status = status;
    this.#look();
  }

  settle(): void {}

  inScene(width: number, height: number, dpr: number): void {
    this.#rims.viewport(width, height);
    this.#word.viewport(width, height);
    if (dpr === this.#dpr) return;
    this.#dpr = dpr;
    this.#look();
  }

  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    const known = this.status === 'ok';
    let pieces = this.#cut.lay(this.#cutPlanned, attribute(this.#planned, 'position').array, normal, plane);
    if (known) pieces += this.#cut.lay(this.#cutWidened, attribute(this.#widened, 'position').array, normal, plane);
    if (pieces === 0) return;
    this.#cutWidened.object.visible = known;
    this.#styleCut(dpr);
    this.#cutPlanned.viewport(plane.width, plane.height);
    this.#cutWidened.viewport(plane.width, plane.height);
    this.#overlay.resize(plane.width, plane.height);
    this.#overlay.render(renderer);
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#look();
  }

  dispose(): void {
    this.object.removeFromParent();
    for (const part of [this.#planned, this.#widened, this.#rims, this.#word, this.#cutPlanned, this.#cutWidened]) part.dispose();
  }

  #look(): void {
    const dpr = this.#dpr;
    const known = this.status === 'ok';
    this.#widened.object.visible = known;
    this.#rims.style(PALETTE.plan, 2.5 * dpr, known ? undefined : dashed(UNKNOWN_DASH, dpr));
    this.#word.set(known ? '' : this.#words.errorUnknown, { sizePx: Math.round(15 * dpr), colour: PALETTE.plan, weight: 700 });
    const { xyz: e } = this.#plan.entry;
    this.#word.at(e[0] as number, e[1] as number, e[2] as number, 14 * dpr, -14 * dpr, 1);
  }

  /** What only changes with the status and the screen. */
  #styleCut(dpr: number): void {
    if (this.#cutLook.status === this.status && this.#cutLook.dpr === dpr) return;
    this.#cutLook = { status: this.status, dpr };
    const known = this.status === 'ok';
    this.#cutPlanned.style(PALETTE.plan, 1.75 * dpr, known ? undefined : dashed(UNKNOWN_DASH, dpr));
    this.#cutWidened.style(PALETTE.text, 1.75 * dpr, undefined);
  }

  #station(s: number): Float64Array {
    const { entry, target } = this.#plan;
    const f = s / (STATIONS - 1);
    for (let k = 0; k < 3; k += 1) this.#at[k] = (1 - f) * (entry.xyz[k] as number) + f * (target.xyz[k] as number);
    return this.#at;
  }

  /** Lays one ring of a tube's vertices, widened by the covariance of the station or not. */
  #ring(surface: Surface, s: number, widened: boolean, reach: number): void {
    const a = this.#right;
    const b = this.#up;
    const [xx, xy, yy] = this.#across as unknown as [number, number, number];
    const at = this.#station(s);
    const positions = attribute(surface, 'position').array;
    const normals = attribute(surface, 'normal').array;
    for (let n = 0; n < AROUND; n += 1) {
      const u = Math.cos((2 * Math.PI * n) / AROUND);
      const v = Math.sin((2 * Math.PI * n) / AROUND);
      const length = widened ? Math.sqrt(Math.max(0, xx * u * u + 2 * xy * u * v + yy * v * v)) : 0;
      const f = length > 1e-9 ? reach / length : 0;
      const x = this.#radiusMm * u + (f > 0 ? f * (xx * u + xy * v) : 0);
      const y = this.#radiusMm * v + (f > 0 ? f * (xy * u + yy * v) : 0);
      if (widened && reach * length > (this.#widest[0] as number)) this.#widest[0] = reach * length;
      const k = 3 * (s * AROUND + n);
      for (let i = 0; i < 3; i += 1) {
        positions[k + i] = (at[i] as number) + x * (a[i] as number) + y * (b[i] as number);
        normals[k + i] = u * (a[i] as number) + v * (b[i] as number);
      }
    }
  }

  /** Lays the rims at entry and target: of the widened tube where there is one. */
  #layRims(widened: boolean): void {
    const p = attribute(widened ? this.#widened : this.#planned, 'position').array;
    for (let end = 0; end < 2; end += 1) {
      const first = end * (STATIONS - 1) * AROUND;
      let arc = 0;
      for (let n = 0; n < AROUND; n += 1) {
        const i = 3 * (first + n);
        const j = 3 * (first + ((n + 1) % AROUND));
        const ax = p[i] as number;
        const ay = p[i + 1] as number;
        const az = p[i + 2] as number;
        const bx = p[j] as number;
        const by = p[j + 1] as number;
        const bz = p[j + 2] as number;
        this.#rims.segment(end * AROUND + n, ax, ay, az, bx, by, bz, arc);
        arc += Math.hypot(bx - ax, by - ay, bz - az);
      }
    }
    this.#rims.show(2 * AROUND);
  }

  #changed(surface: Surface): void {
    attribute(surface, 'position').needsUpdate = true;
    attribute(surface, 'normal').needsUpdate = true;
  }
}

function attribute(surface: Surface, name: 'position' | 'normal'): BufferAttribute {
  return surface.object.geometry.getAttribute(name) as BufferAttribute;
}

/** How far along broken lines each vertex of a tube lies, mm: down the way, and around it. */
function dashesOf<F extends string>({ lengthMm }: StraightPlan<F>, radiusMm: number): Float64Array {
  const around = (2 * Math.PI * radiusMm) / AROUND;
  return Float64Array.from(
    { length: STATIONS * AROUND },
    (_, n) => (Math.floor(n / AROUND) * lengthMm) / (STATIONS - 1) + around * (n % AROUND),
  );
}

/** An open tube whose vertices are laid later: rings of {@link AROUND}, one a station. */
function tube(): { positions: Float32Array; normals: Float32Array; indices: Uint32Array } {
  const indices: number[] = [];
  for (let s = 0; s + 1 < STATIONS; s += 1) {
    for (let n = 0; n < AROUND; n += 1) {
      const a = s * AROUND + n;
      const b = s * AROUND + ((n + 1) % AROUND);
      indices.push(a, a + AROUND, b, b, a + AROUND, b + AROUND);
    }
  }
  const count = 3 * STATIONS * AROUND;
  return { positions: new Float32Array(count), normals: new Float32Array(count), indices: Uint32Array.from(indices) };
}
