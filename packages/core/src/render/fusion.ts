import { NavError } from '../base/index.js';
import { type AffineTransform, type Frame, requireSameFrame } from '../frames/index.js';
import { type Mat4, multiply4 } from '../math/index.js';
import { type Volume, type WindowLevel, windowPreset } from '../volume/index.js';
import { PALETTE } from './palette.js';

/**
 * How a second volume is laid over the first: mixed with it, in turn with it in squares, as its outlines alone, or alone
 * within a circle.
 */
export type FusionMode = 'blend' | 'checkerboard' | 'edges' | 'spyglass';

/** How a second volume looks over the first. What is left out stays as it was. */
export interface FusionLook {
  /** Default `blend`. */
  readonly mode?: FusionMode;
  /** Which of ITS values are drawn from black to white, rescaled units. Default: {@link windowPreset} of the volume. */
  readonly window?: WindowLevel;
  /** What its white is drawn as, `#rrggbb`; default white, so that it is grey as the first. Not for outlines. */
  readonly colour?: string;
  /** `blend`: how much of the second is in the picture, 0 (the first alone) … 1 (the second alone). Default 0.5. */
  readonly fraction?: number;
  /** `checkerboard`: the edge of a square, mm. They stand still in the patient while the view is moved. Default 20. */
  readonly squareMm?: number;
  /** `spyglass`: the circle's radius, CSS pixels. Default 90. */
  readonly radiusPx?: number;
  /**
   * `edges`: an outline is drawn where grey changes by this share of the window's width per mm, faintly, and fully at
   * twice that. Default 0.06.
   */
  readonly edgePerMm?: number;
  /** `edges`: the colour of outlines, `#rrggbb`. */
  readonly edgeColour?: string;
}

/** A look with nothing left out. */
export type WholeLook = Required<FusionLook>;

const MODES: readonly FusionMode[] = ['blend', 'checkerboard', 'edges', 'spyglass'];
const COLOUR = /^#[0-9a-f]{6}$/i;

/** What a second volume looks like to begin with. */
export function initialLook(window: WindowLevel): WholeLook {
  return {
    mode: 'blend',
    window,
    colour: '#ffffff',
    fraction: 0.5,
    squareMm: 20,
    radiusPx: 90,
    edgePerMm: 0.06,
    edgeColour: PALETTE.second,
  };
}

/**
 * A look, changed in what is given.
 * @throws NavError `math/out-of-range` for a number, a colour or a mode that cannot be drawn, with its name
 */
export function changedLook(before: WholeLook, change: FusionLook): WholeLook {
  const look: WholeLook = { ...before, ...withoutUndefined(change) };
  const wanted: readonly (readonly [keyof FusionLook, boolean, string])[] = [
    ['mode', MODES.includes(look.mode), `one of ${MODES.join(', ')}`],
    ['window', isWindow(look.window), 'a finite level and a width above 0'],
    ['colour', COLOUR.test(look.colour), 'a colour as #rrggbb'],
    ['edgeColour', COLOUR.test(look.edgeColour), 'a colour as #rrggbb'],
    ['fraction', look.fraction >= 0 && look.fraction <= 1, 'a number from 0 to 1'],
    ['squareMm', isLength(look.squareMm), 'a number of mm above 0'],
    ['radiusPx', isLength(look.radiusPx), 'a number of pixels above 0'],
    ['edgePerMm', isLength(look.edgePerMm), 'a number above 0'],
  ];
  for (const [name, right, needs] of wanted) {
    if (right) continue;
    const got = JSON.stringify(look[name]);
    throw new NavError('math/out-of-range', `A second volume's "${name}" needs ${needs}, got ${got}.`, {
      detail: { name, got },
    });
  }
  return look;
}

function withoutUndefined(change: FusionLook): Partial<WholeLook> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function isLength(x: number): boolean {
  return Number.isFinite(x) && x > 0;
}

function isWindow(w: WindowLevel): boolean {
  return Number.isFinite(w.level) && isLength(w.width);
}

/** What a {@link Fusion} tells the stage that made it. */
export interface FusionOwner {
  looked(): void;
  removed(): void;
}

/**
 * A second volume over the first in the slices, where a registration says it lies; made by {@link Stage.fuse}.
 *
 * Where it has no image the background is drawn in its place and not the first volume: what is seen of the second is the
 * second. Its frame may be moved with every drawn frame; its voxels stay on the GPU.
 */
export class Fusion<in out F extends string = string, in out M extends string = string> {
  readonly volume: Volume<M>;
  /** mm in the stage's frame from an index of the volume, column-major; written by {@link move}. */
  readonly frameFromIndex: Mat4 = new Float64Array(16);
  /** Raised whenever it was moved. */
  revision = 0;
  readonly #owner: FusionOwner;
  readonly #frame: Frame<F>;
  #look: WholeLook;

  /** Made by {@link Stage.fuse}. */
  constructor(volume: Volume<M>, stageFromVolume: AffineTransform<F, M>, look: FusionLook, frame: Frame<F>, owner: FusionOwner) {
    this.volume = volume;
    this.#frame = frame;
    this.#owner = owner;
    this.#look = changedLook(initialLook(windowPreset(volume)), look);
    this.move(stageFromVolume);
  }

  /** How it looks now. */
  get look(): Required<FusionLook> {
    return this.#look;
  }

  /**
   * Changes how it looks.
   * @throws NavError `math/out-of-range` for a number, a colour or a mode that cannot be drawn, with its name
   */
  setLook(change: FusionLook): void {
    this.#look = changedLook(this.#look, change);
    this.#owner.looked();
  }

  /**
   * Puts it where a registration, or its preview, says: rigid or affine. Cheap: one matrix.
   * @throws NavError `frame/mismatch`
   */
  move(stageFromVolume: AffineTransform<F, M>): void {
    requireSameFrame(this.#frame, stageFromVolume.to, 'Placing a second volume');
    requireSameFrame(this.volume.frame, stageFromVolume.from, 'Placing a second volume');
    multiply4(this.frameFromIndex, stageFromVolume.matrix, this.volume.frameFromIndex);
    this.revision += 1;
  }

  /** Takes it off the stage. Twice is once. */
  remove(): void {
    this.#owner.removed();
  }
}
