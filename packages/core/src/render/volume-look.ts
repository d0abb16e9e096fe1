import { NavError } from '../base/index.js';
import type { Frame } from '../frames/index.js';
import { type Point, requireSameFrame } from '../frames/index.js';
import type { AnyVolume } from '../volume/index.js';
import type { Tool } from './tool.js';
import {
  defaultTransfer,
  requireTransfer,
  type TransferFunction,
  type TransferPresetName,
  transferPreset,
} from './transfer-function.js';

/**
 * A plane that cuts a volume open in the 3D view: what lies behind it, where its normal does not point, is drawn. Meshes are not
 * cut.
 */
export type VolumeClip<F extends string> =
  | {
      /** A point of the plane. */
      readonly point: Point<F>;
      /** Points to what is cut away, in the stage's frame; any length above 0. */
      readonly normal: ArrayLike<number>;
    }
  | {
      /** The plane goes through this tool's tip, while the tool is live; nothing is cut while it is not. */
      readonly tool: Tool;
      /** Points to what is cut away, in the TOOL's frame; any length above 0. Default: along its shaft, to its handle. */
      readonly normal?: ArrayLike<number>;
    };

/** How a volume looks in the 3D view. What is left out stays as it was. */
export interface VolumeLook<F extends string> {
  /** Colour and extinction of its values: points of one's own, or a preset. Default: `ctBone` for a CT, else `mr`. */
  readonly transfer?: TransferFunction | TransferPresetName;
  /** Shades by the gradient, with a light at the eye. Default true. */
  readonly shading?: boolean;
  /** Cuts it open; `'none'` does not. Default `'none'`. */
  readonly clip?: VolumeClip<F> | 'none';
  /** Whether the three slices stand in the 3D view, too, and hide what is behind them. Default false. */
  readonly slices?: boolean;
  /**
   * The length of a step along a ray, in the shortest edge of a voxel, 0.01 … 10, with a ray for each pixel, however long that takes: for
   * a picture of a report. `'auto'` draws coarser while anything moves, so that it keeps up, and 0.5 when it stands. Default `'auto'`.
   */
  readonly stepVoxels?: number | 'auto';
}

/** A look with nothing left out, its transfer function in points. */
export interface WholeVolumeLook<F extends string> {
  readonly transfer: TransferFunction;
  readonly shading: boolean;
  readonly clip: VolumeClip<F> | 'none';
  readonly slices: boolean;
  readonly stepVoxels: number | 'auto';
}

/** What a {@link VolumeRendering} asks of its stage. */
export interface VolumeRenderingOwner {
  looked(): void;
  refined(): boolean;
  removed(): void;
}

/**
 * The stage's volume, drawn as a whole in the 3D view by rays through its one texture; made by {@link Stage.renderVolume}.
 *
 * Tools and other meshes hide it, and are seen through it, where they lie in it. What is drawn half-transparent without
 * depth (a surface's shell, the corridor) lies over it.
 */
export class VolumeRendering<in out F extends string = string> {
  readonly #frame: Frame<F>;
  readonly #volume: AnyVolume;
  readonly #owner: VolumeRenderingOwner;
  #look: WholeVolumeLook<F>;

  /** Made by {@link Stage.renderVolume}. */
  constructor(volume: AnyVolume, look: VolumeLook<F>, frame: Frame<F>, owner: VolumeRenderingOwner) {
    this.#volume = volume;
    this.#frame = frame;
    this.#owner = owner;
    const initial: WholeVolumeLook<F> = { transfer: [], shading: true, clip: 'none', slices: false, stepVoxels: 'auto' };
    this.#look = this.#changed(look.transfer === undefined ? { ...initial, transfer: defaultTransfer(volume) } : initial, look);
  }

  /** How it looks now. */
  get look(): WholeVolumeLook<F> {
    return this.#look;
  }

  /**
   * Whether the picture last drawn shows it as it is now, in the finest quality. While nothing changes that takes some frames: it is drawn
   * in bands, so that none of them is late. Never where the layout has no 3D view.
   */
  get refined(): boolean {
    return this.#owner.refined();
  }

  /**
   * Changes how it looks.
   * @throws NavError `math/out-of-range` for points that cannot be drawn, a preset there is none of, a normal without direction, a step
   * out of range; `frame/mismatch`
   */
  setLook(change: VolumeLook<F>): void {
    this.#look = this.#changed(this.#look, change);
    this.#owner.looked();
  }

  /** Takes it off the stage. Twice is once. */
  remove(): void {
    this.#owner.removed();
  }

  #changed(before: WholeVolumeLook<F>, change: VolumeLook<F>): WholeVolumeLook<F> {
    const { transfer, clip } = change;
    const points = typeof transfer === 'string' ? transferPreset(transfer, this.#volume) : (transfer ?? before.transfer);
    requireTransfer(points);
    const stepVoxels = change.stepVoxels ?? before.stepVoxels;
    if (stepVoxels !== 'auto' && !(stepVoxels >= 0.01 && stepVoxels <= 10)) {
      throw new NavError('math/out-of-range', `A ray's step is "auto" or 0.01 to 10 voxels long, not ${stepVoxels}.`);
    }
    if (clip !== undefined && clip !== 'none') {
      if ('point' in clip) requireSameFrame(this.#frame, clip.point.frame, 'Cutting the volume open');
      if (clip.normal !== undefined) requireDirection(clip.normal);
    }
    return {
      transfer: points.map((p) => ({ ...p })),
      shading: change.shading ?? before.shading,
      clip: clip ?? before.clip,
      slices: change.slices ?? before.slices,
      stepVoxels,
    };
  }
}

function requireDirection(n: ArrayLike<number>): void {
  const length = Math.hypot(n[0] as number, n[1] as number, n[2] as number);
  if (n.length === 3 && Number.isFinite(length) && length > 0) return;
  throw new NavError(
    'math/out-of-range',
    `The normal of a clipping plane needs three finite numbers that are not all 0, got ${Array.from(n).join(', ')}.`,
  );
}
