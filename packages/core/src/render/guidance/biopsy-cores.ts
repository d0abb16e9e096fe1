import { Group, SphereGeometry, type WebGLRenderer } from 'three';
import { NavError } from '../../base/index.js';
import { type Frame, isLive, type Point, requireSameFrame, type Status } from '../../frames/index.js';
import type { AnyBiopsyCore, BiopsyMap } from '../../guidance/index.js';
import type { Mesh } from '../../volume/index.js';
import { PALETTE } from '../palette.js';
import type { PlaneView } from '../planes.js';
import { Surface, type SurfaceMesh } from '../surface.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { coreCylinder, coreRegion } from './core-shape.js';
import { CoresOnSlice } from './cores-on-slice.js';
import type { GuidanceGraphic } from './graphic.js';
import { HatchShell } from './hatch-shell.js';
import { MeshCut } from './mesh-cut.js';
import { formatProbability } from './probability.js';
import { type CoreMark, coreColour, SAMPLED_LOOKS, type SampledLevel, type TargetMark } from './sampled-looks.js';
import { SceneLabel } from './scene-label.js';
import { drawable } from './step-surface.js';

/** A target as it is drawn: by the name that the biopsy map calls it. */
export interface BiopsyTargetMark<F extends string> {
  readonly name: string;
  /** Its closed surface, or a ball. */
  readonly shape: Mesh<F> | { readonly centre: Point<F>; readonly radiusMm: number };
}

/** What {@link BiopsyCores} is made from. */
export interface BiopsyCoresOptions<F extends string> {
  /** The stage's. */
  readonly frame: Frame<F>;
  readonly targets?: readonly BiopsyTargetMark<F>[];
  /** From this probability on a target counts as sampled, 0 … 1. Default 0.9: a place to begin, nothing clinical. */
  readonly enough?: number;
  /** Radius of the cylinder that a core is drawn as, mm. Default 0.6. */
  readonly coreRadiusMm?: number;
}

interface DrawnCore extends CoreMark {
  readonly parts: readonly Surface[];
  readonly label: SceneLabel;
}

interface DrawnTarget extends TargetMark {
  readonly shell: HatchShell;
  readonly label: SceneLabel;
  readonly centre: readonly number[];
}

/**
 * What was taken and what it says of the targets: each recorded core's sampled segment as a cylinder within the region that holds each of its
 * places with 95 %, and each target with the probability that any core sampled it.
 *
 * A core at an `ok` pose is whole, one at a predicted pose in pieces. A target below the limit is hatched, and says so: `43 % < 90 %`; one that nothing
 * is known of is dotted, with a dash. A map that was not made of exactly the cores which are shown is out of date: every target is unknown then.
 */
export class BiopsyCores<in out F extends string> implements GuidanceGraphic {
  readonly object: Group = new Group();
  readonly #frame: Frame<F>;
  readonly #enough: number;
  readonly #radiusMm: number;
  readonly #targets: readonly DrawnTarget[];
  #cores: readonly DrawnCore[] = [];
  #map: BiopsyMap | undefined;
  #labels: readonly SceneLabel[] = [];
  readonly #slices = new Map<PlaneView, CoresOnSlice>();
  #changed = 0;
  #words = ENGLISH_WORDS;
  #dpr = 1;

  /** @throws NavError `pose/bad-option`, `frame/mismatch` */
  constructor({ frame, targets = [], enough = 0.9, coreRadiusMm = 0.6 }: BiopsyCoresOptions<F>) {
    if (!(enough > 0 && enough < 1 && coreRadiusMm > 0 && coreRadiusMm < 10)) {
      throw new NavError(
        'pose/bad-option',
        `Cores need a limit between 0 and 1 and a radius above 0 mm, got ${enough} and ${coreRadiusMm} mm.`,
      );
    }
    this.#frame = frame;
    this.#enough = enough;
    this.#radiusMm = coreRadiusMm;
    this.#targets = targets.map((target) => this.#made(target));
    this.#weigh();
  }

  /**
   * Shows cores, in place of those before. The map that was shown is then out of date.
   * @throws NavError `frame/mismatch`; `biopsy/not-live` for a core that was never recorded at a live pose
   */
  setCores(cores: readonly AnyBiopsyCore[]): void {
    for (const core of cores) {
      requireSameFrame(this.#frame, core.frame, `Showing core "${core.id}"`);
      if (isLive(core.status)) continue;
      throw new NavError(
        'biopsy/not-live',
        `Core "${core.id}" says that its pose was "${core.status}": nobody knows where it came from. Record cores by recordCore().`,
      );
    }
    this.#dropCores();
    this.#cores = cores.map((core) => {
      const region = coreRegion(core);
      const colour = coreColour(core);
      const parts = [new Surface(coreCylinder(core, this.#radiusMm), colour, SOLID), new Surface(region, PALETTE.text, 0.8)];
      const label = new SceneLabel();
      for (const part of [...parts, label]) this.object.add(part.object);
      return { core, cut: new MeshCut(region.positions, region.indices), parts, label };
    });
    this.#weigh();
  }

  /** Shows what was sampled with what probability, as `biopsyMap` found it of the cores that are shown; `undefined`: not known. */
  setMap(map: BiopsyMap | undefined): void {
    this.#map = map;
    this.#weigh();
  }

  /** `ok` where the map is of exactly the cores which are shown, otherwise `unknown`. */
  get status(): Status {
    return this.#map !== undefined && this.#isCurrent(this.#map) ? 'ok' : 'unknown';
  }

  get labels(): readonly SceneLabel[] {
    return this.#labels;
  }

  /** How well a target was sampled, as drawn. */
  levelOf(name: string): SampledLevel {
    return this.#targets.find((t) => t.name === name)?.level ?? 'unknown';
  }

  settle(): void {}

  inScene(width: number, height: number, dpr: number): void {
    if (dpr !== this.#dpr) {
      this.#dpr = dpr;
      this.#write();
    }
    for (let n = 0; n < this.#labels.length; n += 1) this.#labels[n]?.viewport(width, height);
  }

  onSlice(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void {
    let part = this.#slices.get(plane);
    if (part === undefined) {
      part = new CoresOnSlice();
      this.#slices.set(plane, part);
    }
    part.show(this.#cores, this.#targets, this.#changed, dpr);
    part.draw(renderer, plane);
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    this.#weigh();
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#dropCores();
    for (const { shell, label } of this.#targets) {
      shell.dispose();
      label.dispose();
    }
    for (const part of this.#slices.values()) part.dispose();
    this.#slices.clear();
  }

  #made({ name, shape }: BiopsyTargetMark<F>): DrawnTarget {
    const of = 'triangles' in shape ? shape : shape.centre;
    requireSameFrame(this.#frame, of.frame, `Showing target "${name}"`);
    const made = 'triangles' in shape ? drawable(shape.positions, shape.triangles) : ball(shape.centre.xyz, shape.radiusMm);
    const shell = new HatchShell(made, SAMPLED_LOOKS.unknown);
    const label = new SceneLabel();
    this.object.add(shell.object, label.object);
    return {
      name,
      cut: new MeshCut(made.positions, made.indices),
      level: 'unknown',
      text: '',
      shell,
      label,
      centre: boxMiddle(made.positions),
    };
  }

  #dropCores(): void {
    for (const { parts, label } of this.#cores) for (const part of [...parts, label]) part.dispose();
    this.#cores = [];
  }

  /** Whether a map was made of exactly the cores that are shown. */
  #isCurrent({ targets }: BiopsyMap): boolean {
    const shown = new Set(this.#cores.map(({ core }) => core.id));
    return targets.every(({ cores }) => cores.length === shown.size && cores.every(({ core }) => shown.has(core)));
  }

  /** Takes the map over into levels and texts. */
  #weigh(): void {
    const map = this.status === 'ok' ? this.#map : undefined;
    for (const target of this.#targets) {
      const p = map?.targets.find((t) => t.target === target.name)?.probability ?? Number.NaN;
      target.level = Number.isNaN(p) ? 'unknown' : p >= this.#enough ? 'enough' : 'little';
      const less = target.level === 'little' ? `, ${this.#words.below(formatProbability(this.#enough))}` : '';
      target.text = `${this.#words.named(target.name)} ${formatProbability(p)}${less}`;
      target.shell.look(SAMPLED_LOOKS[target.level]);
    }
    // A target's number is the more important one.
    this.#labels = [...this.#targets.map(({ label }) => label), ...this.#cores.map(({ label }) => label)];
    this.#write();
  }

  #write(): void {
    const dpr = this.#dpr;
    this.#changed += 1;
    for (const { text, level, label, shell, centre } of this.#targets) {
      shell.ratio(dpr);
      label.set(text, { sizePx: Math.round(16 * dpr), colour: SAMPLED_LOOKS[level].colour, weight: 700 });
      label.at(centre[0] as number, centre[1] as number, centre[2] as number, 0, 0);
    }
    for (const { core, label } of this.#cores) {
      label.set(`${core.id} ${this.#words.status[core.status]}`.trim(), {
        sizePx: Math.round(12 * dpr),
        colour: coreColour(core),
        weight: 700,
      });
      const [x, y, z] = core.near as unknown as [number, number, number];
      label.at(x, y, z, 0, -12 * dpr);
    }
  }
}

/** An opacity at which a shell is a solid body. */
const SOLID = 6;

function ball(centre: ArrayLike<number>, radiusMm: number): SurfaceMesh {
  const g = new SphereGeometry(radiusMm, 40, 28).translate(centre[0] as number, centre[1] as number, centre[2] as number);
  const numbers = (name: string): Float32Array => Float32Array.from(g.getAttribute(name).array);
  const made = { positions: numbers('position'), normals: numbers('normal'), indices: Uint32Array.from(g.index?.array ?? []) };
  g.dispose();
  return made;
}

function boxMiddle(positions: ArrayLike<number>): readonly number[] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let n = 0; n < positions.length; n += 1) {
    low[n % 3] = Math.min(low[n % 3] as number, positions[n] as number);
    high[n % 3] = Math.max(high[n % 3] as number, positions[n] as number);
  }
  return low.map((v, k) => (v + (high[k] as number)) / 2);
}
