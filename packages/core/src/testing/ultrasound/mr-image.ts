import type { Frame } from '../../frames/index.js';
import { Random, transformPoint } from '../../math/index.js';
import { type Volume, volume } from '../../volume/index.js';
import { type Anatomy, BLOCK, TISSUES, type Tissue } from './anatomy.js';
import { hash, normalOf, smoothNoise } from './noise.js';

/** Stored values of tissues, before texture, bias and noise. */
const CONTRASTS: Readonly<Record<'t1' | 'flair', Readonly<Record<Tissue, number>>>> = {
  t1: {
    outside: 120,
    white: 700,
    grey: 540,
    sulcus: 230,
    ventricle: 200,
    tumour: 470,
    vessel: 980,
    falx: 780,
    cavity: 200,
  },
  flair: { outside: 25, white: 130, grey: 175, sulcus: 55, ventricle: 30, tumour: 225, vessel: 70, falx: 110, cavity: 30 },
};

/** How an MR is made of labels. */
export interface MrOptions {
  readonly contrast: 't1' | 'flair';
  /** Seed of texture, bias and noise: its own, so that the image knows nothing of the ultrasound's. */
  readonly seed: number;
  readonly spacingMm: number;
  /** A rigid 4×4, column-major, mm. */
  readonly mrFromBody: ArrayLike<number>;
}

/** An MR of the undeformed brain: tissue contrast with its own random texture, receive field and Rician noise. */
export function mrImage<F extends string>(anatomy: Anatomy, frame: Frame<F>, options: MrOptions): Volume<F> {
  const { contrast, seed, spacingMm: h } = options;
  const random = new Random(seed);
  const table = TISSUES.map((t) => CONTRASTS[contrast][t] * random.between(0.92, 1.08));
  const white = table[1] as number;
  const texture = smoothNoise(seed * 5 + 1, 2.5);
  const field = smoothNoise(seed * 5 + 2, 45);
  const size = BLOCK.low.map((low, r) => Math.floor(((BLOCK.high[r] as number) - low) / h)) as [number, number, number];
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  const origin = transformPoint(new Float64Array(3), options.mrFromBody, BLOCK.low);
  const frameFromIndex = Float64Array.from(options.mrFromBody, (x, n) =>
    n < 12 ? h * x : n < 15 ? (origin[n - 12] as number) : 1,
  );
  const p = [0, 0, 0];
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        p[0] = BLOCK.low[0] + h * i;
        p[1] = BLOCK.low[1] + h * j;
        p[2] = BLOCK.low[2] + h * k;
        const [x, y, z] = p as [number, number, number];
        let clean = 0;
        // Partial volume: eight places a voxel.
        for (let c = 0; c < 8; c += 1) {
          const d = h / 4;
          clean += (table[anatomy.tissueAt(x + (c & 1 ? d : -d), y + (c & 2 ? d : -d), z + (c & 4 ? d : -d))] as number) / 8;
        }
        const lit = clean * (1 + 0.1 * field(x, y, z)) + 0.025 * white * texture(x, y, z);
        const noise = 0.02 * white;
        const bits = hash(i, j, k, seed * 5 + 3);
        voxels[n] = Math.round(Math.hypot(lit + noise * normalOf(bits), noise * normalOf(hash(k, i, j, seed * 5 + 4))));
      }
    }
  }
  return volume({ frame, voxels, size, frameFromIndex, modality: 'MR', series: { description: `simulated brain, ${contrast}` } });
}
