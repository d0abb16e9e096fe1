import type { ByteImage } from '../byte-image.js';
import type { Entropies, JointShares, ParzenWindow } from '../mutual-information.js';
import type { SampleSet } from '../samples.js';

/** An image that a kernel holds. */
export interface KernelImage {
  readonly size: readonly [number, number, number];
  readonly holes: boolean;
}

/** A sample set that a kernel holds. */
export interface KernelSamples {
  readonly count: number;
  readonly fixedBins: number;
  readonly fine: number;
}

/** A Parzen window that a kernel holds. */
export interface KernelWindow {
  readonly movingBins: number;
}

/**
 * The arithmetic of mutual information over samples: in WebAssembly, or the same in typed arrays. Both give the same
 * numbers to the last bit: single precision for what is done for every sample, double precision for the histogram, in one order.
 * What follows a scatter is about that scatter, until the next.
 */
export interface Kernel<
  I extends KernelImage = KernelImage,
  S extends KernelSamples = KernelSamples,
  W extends KernelWindow = KernelWindow,
> {
  readonly kind: 'wasm' | 'typed-arrays';
  /** @param exchange what each of the 256 bytes stands for; absent: itself */
  addImage(image: ByteImage, exchange?: Uint8Array): I;
  addSamples(set: SampleSet): S;
  addWindow(window: ParzenWindow): W;
  /**
   * Counts the samples into the joint histogram of fixed bins and fine moving intensities.
   * @param indexFromSample row-major 3×4: continuous index in the image from sample position
   * @param gradient whether {@link gather} and {@link information} follow
   * @returns how many samples lay inside the image
   */
  scatter(samples: S, image: I, indexFromSample: Float32Array, gradient: boolean): number;
  /** Lays the window over the counts. @param inside how many samples they hold, above 0 */
  entropies(samples: S, window: W, inside: number): Entropies;
  /** What {@link entropies} went by: views that the next call overwrites. */
  shares(samples: S, window: W): JointShares;
  /**
   * Sets for each cell how the measure grows with a sample's moving byte, times the number inside; after {@link entropies}.
   * @param joint the measure's slope by a joint share is this times its logarithm,
   * @param margin less this times the logarithm of its moving share, up to terms that sum to nothing
   */
  weigh(samples: S, window: W, joint: number, margin: number): void;
  /** Σ w · ∇(moving by index) ⊗ (x, y, z, 1) over the samples, w as {@link weigh} set it: 12 doubles, row-major 3×4. */
  gather(samples: S): Float64Array;
  /** Σ a ⊗ a over every `stride`-th sample, a being a sample's term in {@link gather}: 12×12, row-major. */
  information(samples: S, stride: number): Float64Array;
}

/** 12×12 from the 60 sums of the kernel. */
export function unpackInformation(sums: ArrayLike<number>): Float64Array {
  const out = new Float64Array(144);
  // Places of xx, xy, xz, x, yy, yz, y, zz, z, 1 in the 4×4 block.
  const at = [0, 1, 2, 3, 1, 4, 5, 6, 2, 5, 7, 8, 3, 6, 8, 9];
  let block = 0;
  for (let a = 0; a < 3; a += 1) {
    for (let b = a; b < 3; b += 1, block += 10) {
      for (let r = 0; r < 4; r += 1) {
        for (let c = 0; c < 4; c += 1) {
          const q = sums[block + (at[4 * r + c] as number)] as number;
          out[12 * (4 * a + r) + 4 * b + c] = q;
          out[12 * (4 * b + c) + 4 * a + r] = q;
        }
      }
    }
  }
  return out;
}
