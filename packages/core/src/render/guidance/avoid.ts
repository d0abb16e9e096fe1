import { Group } from 'three';
import { NavError } from '../../base/index.js';
import { frame, type PoseView, type Status } from '../../frames/index.js';
import { formatMm } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { mesh as checkedMesh, SignedMeshDistance } from '../../volume/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { PALETTE, rgb, statusStyle } from '../palette.js';
import { Surface, type SurfaceMesh } from '../surface.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import type { FarEnd } from './distance-line.js';
import { ALARM_TEXT, type GuidanceGraphic, wordColour } from './graphic.js';
import { CachedText } from './quantities.js';
import { SceneLabel } from './scene-label.js';

/**
 * How near a tip is to a structure that must not be touched. `unknown`: there is no live pose, so nothing is known; that is never
 * `clear`.
 */
export type AvoidLevel = 'unknown' | 'clear' | 'warn' | 'danger' | 'inside';

/** From which distances on a structure lights up. */
export interface AvoidLimits {
  /** Nearer than this: `warn`, mm. Default 10. */
  readonly warnMm?: number;
  /** Nearer than this: `danger`, mm. Default 3. */
  readonly dangerMm?: number;
  /** How much further the tip must go to leave a level than to enter it, mm. Default 0.5. */
  readonly hysteresisMm?: number;
}

/**
 * The level of a distance. To a worse one it goes at once; back it goes only where the distance clears the limit by the
 * hysteresis.
 * @param mm from the tip to the surface, negative inside; NaN: unknown
 * @param before the level of the frame before
 */
export function avoidLevel(mm: number, before: AvoidLevel, limits: AvoidLimits = {}): AvoidLevel {
  if (Number.isNaN(mm)) return 'unknown';
  const more = limits.hysteresisMm ?? 0.5;
  const was = LEVELS.indexOf(before);
  const room = (level: number): number => (was >= level ? more : 0);
  if (mm <= room(4)) return 'inside';
  if (mm <= (limits.dangerMm ?? 3) + room(3)) return 'danger';
  if (mm <= (limits.warnMm ?? 10) + room(2)) return 'warn';
  return 'clear';
}

/** A distance that is a lower bound, as `≥ 4.2 mm`: rounded down, for it may not grow on its way to the screen. */
export function formatLeast(mm: number): string {
  // 1e-9 of a unit is rounding of the product, not part of the bound.
  return `≥\u202f${formatMm(Math.floor(mm * 10 + 1e-9) / 10)}`;
}

const LEVELS: readonly AvoidLevel[] = ['unknown', 'clear', 'warn', 'danger', 'inside'];

/** Colour and density differ, and from `warn` on there is a number, from `danger` on a mark before it: no level is told by colour alone. */
const LOOKS: Readonly<Record<AvoidLevel, { readonly colour: string; readonly opacity: number; readonly word: string }>> = {
  unknown: { colour: PALETTE.stale, opacity: 0.8, word: '' },
  clear: { colour: PALETTE.clear, opacity: 1, word: '' },
  warn: { colour: PALETTE.target, opacity: 2, word: '' },
  danger: { colour: PALETTE.alarm, opacity: 3.5, word: '!' },
  inside: { colour: PALETTE.alarm, opacity: 5, word: '!!' },
};

/** What {@link AvoidStructure} is made from. */
export interface AvoidOptions extends AvoidLimits {
  readonly name: string;
  /** A closed surface in the stage's frame; `isosurface()` of `@trocar/core/vtk` makes one of a label map. */
  readonly mesh: SurfaceMesh;
}

/**
 * A structure that must not be touched, which lights up as a tip comes near: from a thin shell over a dense one to a solid body,
 * with the distance. Where the error of the tip is known, the distance is less its 95 % bound and written `≥ 4.2 mm`: it may be as
 * near as that. Without the `≥` it is that of the shown tip, whose error nobody knows.
 */
export class AvoidStructure implements GuidanceGraphic {
  readonly name: string;
  readonly object: Group = new Group();
  readonly #limits: AvoidLimits;
  readonly #distance: SignedMeshDistance;
  readonly #shell: Surface;
  readonly #label = new SceneLabel();
  readonly labels: readonly SceneLabel[] = [this.#label];
  readonly #drawn = new DrawnStatus();
  readonly #tip = vec3(0, 0, 0);
  readonly #mm = Float64Array.of(Number.NaN);
  readonly #text = new CachedText((mm) => formatMm(mm), 0.05);
  readonly #leastText = new CachedText(formatLeast, 0.05);
  #bounded = false;
  #level: AvoidLevel = 'unknown';
  #dpr = 0;
  #written = '';
  #worded: Status | undefined;
  #words = ENGLISH_WORDS;
  #called: string;

  /** @throws NavError `pose/bad-option` for limits that make no sense; `mesh/empty`, `mesh/bad-geometry` */
  constructor({ name, mesh, ...limits }: AvoidOptions) {
    const { warnMm = 10, dangerMm = 3, hysteresisMm = 0.5 } = limits;
    if (!(dangerMm >= 0 && warnMm > dangerMm && hysteresisMm >= 0 && warnMm + hysteresisMm < 1000)) {
      throw new NavError(
        'pose/bad-option',
        `${name} must warn (${warnMm} mm) further away than it alarms (${dangerMm} mm), with a hysteresis of 0 mm or more (${hysteresisMm}).`,
      );
    }
    this.name = name;
    this.#called = name;
    this.#limits = limits;
    const positions = Float64Array.from(mesh.positions);
    this.#distance = new SignedMeshDistance(checkedMesh({ frame: frame('stage'), positions, triangles: mesh.indices }));
    this.#shell = new Surface(mesh, LOOKS.unknown.colour, LOOKS.unknown.opacity);
    this.object.add(this.#shell.object, this.#label.object);
  }

  /**
   * Takes over a pose: stage-from-tip. Allocates nothing; the distance is found in O(log n) of the triangles.
   * @param tipError95Mm radius about the tip that holds the true one with 95 %, mm; NaN where not known
   */
  update(view: PoseView, tipError95Mm: number = Number.NaN): void {
    this.#drawn.give(view);
    for (let k = 0; k < 3; k += 1) this.#tip[k] = view.matrix[12 + k] as number;
    this.#bounded = !Number.isNaN(tipError95Mm);
    const bound = this.#bounded ? tipError95Mm : 0;
    this.#mm[0] = view.isLive ? this.#distance.from(this.#tip) - bound : Number.NaN;
  }

  get status(): Status {
    return this.#drawn.status;
  }

  /** How near the tip is, or may be: as drawn. */
  get level(): AvoidLevel {
    return this.#level;
  }

  /** From the tip to the surface, less the bound of its error, mm: negative inside; NaN while the pose is not live. */
  get distanceMm(): number {
    return this.#drawn.live ? (this.#mm[0] as number) : Number.NaN;
  }

  /** {@link distanceMm} in words: `≥ 4.2 mm` where it is less the bound of an error, `4.2 mm` where that is not known, a dash while not live. */
  get distanceText(): string {
    return (this.#bounded ? this.#leastText : this.#text).of(this.distanceMm);
  }

  /** The far end of a {@link DistanceLine}: the nearest point of the surface. */
  readonly nearest: FarEnd = (out, tip) => {
    this.#distance.from(tip);
    out.set(this.#distance.nearest);
  };

  settle(now: Float64Array, staleAfterMs: number): void {
    this.#drawn.settle(now, staleAfterMs);
    const level = avoidLevel(this.distanceMm, this.#level, this.#limits);
    if (level === this.#level) return;
    this.#level = level;
    this.#look();
  }

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      this.#look();
    }
    this.#label.viewport(width, height);
    this.#write();
    const { nearest } = this.#distance;
    if (this.#drawn.live) {
      this.#label.at(nearest[0] as number, nearest[1] as number, nearest[2] as number, 0, -26 * dpr);
    }
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#called = words.named(this.name);
    this.#written = '\0';
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#shell.dispose();
    this.#label.dispose();
  }

  #write(): void {
    const level = this.#level;
    const { status } = this.#drawn;
    const said = level !== 'clear' || status === 'predicted';
    const number = said ? this.distanceText : '';
    if (number === this.#written && status === this.#worded) return;
    this.#written = number;
    this.#worded = status;
    const { word, colour } = LOOKS[level];
    // A predicted distance is in the status's colour; an unknown one says why, and that it is the tip, not the structure, that is not seen.
    const why = this.#drawn.live ? '' : level === 'unknown' ? `· ${this.#words.tip[status]}` : this.#words.status[status];
    const text = said ? `${word} ${this.#called} ${number} ${why}`.trim() : '';
    const ok = level === 'danger' || level === 'inside' ? ALARM_TEXT : colour;
    const shown = status === 'ok' ? ok : wordColour(this.#drawn.live, statusStyle(status).colour);
    this.#label.set(text, { sizePx: Math.round(18 * this.#dpr), colour: shown, weight: 700 });
  }

  #look(): void {
    const { colour, opacity } = LOOKS[this.#level];
    const { uniforms } = this.#shell.object.material;
    uniforms['uColour']?.value.set(...rgb(colour));
    if (uniforms['uOpacity'] !== undefined) uniforms['uOpacity'].value = opacity;
    this.#written = '\0';
    if (this.#level === 'unknown') this.#centreLabel();
  }

  /** Without a live tip there is no nearest point: the label stands in the middle of the structure. */
  #centreLabel(): void {
    this.#shell.object.geometry.computeBoundingSphere();
    const centre = this.#shell.object.geometry.boundingSphere?.center;
    if (centre !== undefined) this.#label.at(centre.x, centre.y, centre.z, 0, 0);
  }
}
