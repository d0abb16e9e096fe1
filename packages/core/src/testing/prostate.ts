import { type Frame, frame } from '../frames/index.js';
import { identity4, Random, transformPoint } from '../math/index.js';
import { type Volume, volume } from '../volume/index.js';
import { hash, normalOf, smoothNoise } from './ultrasound/noise.js';
import { PELVIS, PROSTATE_MATTER, type ProstateAnatomy, prostateAnatomy } from './ultrasound/prostate-anatomy.js';

/** How a prostate is drawn and imaged. The same options give the same bytes on every machine. */
export interface ProstateOptions<F extends string = 'mr'> {
  /** The frame of its images. Default `mr`. */
  readonly frame?: Frame<F>;
  /** Seed of the anatomy and of the images' noise. Default 1. */
  readonly seed?: number;
  /** Voxel edge of the MR and of the label map, mm. Default 0.8, as a three-dimensional T2 sequence has. */
  readonly spacingMm?: number;
  /** Where the body lies in the images' frame: rigid, 16 doubles, column-major, mm. Default: at the origin. */
  readonly frameFromBody?: ArrayLike<number>;
  /** Frame of Reference UID of the images. Default: one of the phantom's own. */
  readonly frameOfReferenceUid?: string;
}

/** A prostate imaged, with the truth that it was imaged from. Places of the truth are in the body: LPS mm about the gland's middle. */
export interface ProstatePhantom<F extends string = 'mr'> extends ProstateAnatomy {
  /** A T2-weighted MR: zones, capsule, nodules, urethra, lesions, with a texture, a receive field and Rician noise of its own. */
  readonly t2: Volume<F>;
  /** On the same grid: 1 the gland, 2 … the lesions in their order. */
  readonly labels: Volume<F>;
  /** Images from body, 16 doubles, column-major, mm. */
  readonly frameFromBody: Float64Array;
}

/**
 * A prostate for targeted biopsy: three lesions in a gland with its zones, as MR and label map, with the function that ultrasound of it
 * is simulated from ({@link simulatedProbe}). MR and ultrasound share nothing but that function.
 * @throws NavError `volume/bad-geometry` for a spacing that makes no grid
 */
export function prostatePhantom<F extends string = 'mr'>(options: ProstateOptions<F> = {}): ProstatePhantom<F> {
  const { seed = 1, spacingMm = 0.8 } = options;
  const inFrame = options.frame ?? (frame('mr') as unknown as Frame<F>);
  const frameFromBody = Float64Array.from(options.frameFromBody ?? identity4());
  const anatomy = prostateAnatomy(seed);
  const size = PELVIS.low.map((low, r) => Math.floor(((PELVIS.high[r] as number) - low) / spacingMm)) as [number, number, number];
  const origin = transformPoint(new Float64Array(3), frameFromBody, PELVIS.low);
  const frameFromIndex = Float64Array.from(frameFromBody, (x, n) =>
    n < 12 ? spacingMm * x : n < 15 ? (origin[n - 12] as number) : 1,
  );
  const grid = {
    frame: inFrame,
    size,
    frameFromIndex,
    frameOfReferenceUid:
      options.frameOfReferenceUid ?? `2.25.31095821476721394605187320198441130${String(seed).padStart(4, '0')}`,
  };
  const voxels = t2Voxels(anatomy, size, spacingMm, seed);
  const labels = new Uint8Array(voxels.length);
  eachPlace(size, spacingMm, (n, x, y, z) => {
    labels[n] = anatomy.regionAt(x, y, z);
  });
  return {
    ...anatomy,
    t2: volume({ ...grid, voxels, modality: 'MR', series: { description: 'simulated prostate, T2' } }),
    labels: volume({ ...grid, voxels: labels, modality: 'SEG', series: { description: 'simulated prostate, lesions' } }),
    frameFromBody,
  };
}

function t2Voxels({ tissueAt }: ProstateAnatomy, size: readonly [number, number, number], h: number, seed: number): Int16Array {
  const random = new Random(seed * 11 + 5);
  const table = PROSTATE_MATTER.map(({ t2 }) => t2 * random.between(0.93, 1.07));
  const texture = smoothNoise(seed * 13 + 1, 2.2);
  // An endorectal or a surface coil: brighter near it.
  const field = smoothNoise(seed * 13 + 2, 50);
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  const d = h / 4;
  eachPlace(size, h, (n, x, y, z) => {
    let clean = 0;
    // Partial volume: eight places a voxel.
    for (let c = 0; c < 8; c += 1) {
      clean += (table[tissueAt(x + (c & 1 ? d : -d), y + (c & 2 ? d : -d), z + (c & 4 ? d : -d))] as number) / 8;
    }
    const lit = clean * (1 + 0.1 * field(x, y, z)) + 16 * texture(x, y, z);
    voxels[n] = Math.round(Math.hypot(lit + 16 * normalOf(hash(n, 3, 5, seed * 17)), 16 * normalOf(hash(n, 7, 11, seed * 17))));
  });
  return voxels;
}

/** Every voxel's centre, LPS mm in the body. */
function eachPlace(
  size: readonly [number, number, number],
  h: number,
  visit: (n: number, x: number, y: number, z: number) => void,
): void {
  const [lowX, lowY, lowZ] = PELVIS.low;
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) visit(n, lowX + h * i, lowY + h * j, lowZ + h * k);
    }
  }
}
