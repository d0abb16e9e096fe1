import { Random } from '../../math/index.js';
import { smoothNoise } from './noise.js';

/** Tissues of the simulated brain. */
export const TISSUES = ['outside', 'white', 'grey', 'sulcus', 'ventricle', 'tumour', 'vessel', 'falx', 'cavity'] as const;

/** One of {@link TISSUES}. */
export type Tissue = (typeof TISSUES)[number];

/** The block of brain that is simulated, mm: the brain's surface is its top, at about z = 22. */
export const BLOCK = { low: [-42, -42, -46], high: [42, 42, 30] } as const;

const [LOW_X, LOW_Y, LOW_Z] = BLOCK.low;

/** Edge of the anatomy's cubes, mm. */
const CUBE = 0.8;

/** A brain as labels: which tissue is where, before anything moves. */
export interface Anatomy {
  /** Index into {@link TISSUES} at a place in body coordinates, mm; `outside` beyond the block. */
  tissueAt(x: number, y: number, z: number): number;
  /** Signed distance to the brain's surface, mm, negative inside. */
  surface(x: number, y: number, z: number): number;
  readonly tumour: readonly [number, number, number];
}

const index = (tissue: Tissue): number => TISSUES.indexOf(tissue);

/** A brain of its own for each seed: folded grey matter with sulci and vessels in them, white matter, a ventricle, a tumour, the falx. */
export function brainAnatomy(seed: number): Anatomy {
  const random = new Random(seed);
  const solids = solidsOf(random, seed);
  const size = BLOCK.low.map((low, r) => Math.ceil(((BLOCK.high[r] as number) - low) / CUBE) + 1) as [number, number, number];
  const [ni, nj, nk] = size;
  const labels = new Uint8Array(ni * nj * nk);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        labels[n] = solids.label(BLOCK.low[0] + CUBE * i, BLOCK.low[1] + CUBE * j, BLOCK.low[2] + CUBE * k);
      }
    }
  }
  return {
    surface: solids.surface,
    tumour: solids.tumour,
    tissueAt(x, y, z) {
      const i = Math.round((x - LOW_X) / CUBE);
      const j = Math.round((y - LOW_Y) / CUBE);
      const k = Math.round((z - LOW_Z) / CUBE);
      const inside = i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk;
      return inside ? (labels[i + ni * (j + nj * k)] as number) : 0;
    },
  };
}

interface Solids {
  readonly tumour: readonly [number, number, number];
  surface(x: number, y: number, z: number): number;
  label(x: number, y: number, z: number): number;
}

function solidsOf(random: Random, seed: number): Solids {
  const folds = smoothNoise(seed * 7 + 1, random.between(10, 13));
  const finer = smoothNoise(seed * 7 + 2, random.between(6, 8));
  const branches = smoothNoise(seed * 7 + 3, 9);
  const dents = smoothNoise(seed * 7 + 4, 8);
  const centre: [number, number, number] = [random.between(-6, 6), random.between(-6, 6), -53];
  const tumour: [number, number, number] = [random.between(-14, 14), random.between(-14, 14), random.between(-18, 0)];
  const tumourMm = random.between(7, 13);
  const ventricle: [number, number, number] = [random.between(-20, 20), random.between(-15, 15), random.between(-40, -28)];
  const falxX = random.between(24, 34) * (random.uniform() < 0.5 ? -1 : 1);
  const width = random.between(0.7, 1.1);
  const surface = (x: number, y: number, z: number): number => Math.hypot(x - centre[0], y - centre[1], z - centre[2]) - 75;
  const fold = (x: number, y: number, z: number): number => folds(x, y, z) + 0.45 * finer(x, y, z);
  /** About the distance to where a function is 0, mm. */
  const distance = (f: (x: number, y: number, z: number) => number, x: number, y: number, z: number): number => {
    const here = f(x, y, z);
    const slope = Math.hypot(f(x + 0.5, y, z) - here, f(x, y + 0.5, z) - here, f(x, y, z + 0.5) - here) / 0.5;
    return Math.abs(here) / Math.max(0.03, slope);
  };
  const label = (x: number, y: number, z: number): number => {
    const depth = -surface(x, y, z);
    if (depth < 0) return index('outside');
    const wall = Math.abs(x - falxX - 1.5 * dents(0, y, z));
    if (wall < 0.8) return index('falx');
    const v = Math.hypot((x - ventricle[0]) / 6, (y - ventricle[1]) / 16, (z - ventricle[2]) / 5);
    if (v < 1 + 0.1 * dents(x, y, z)) return index('ventricle');
    const t = Math.hypot(x - tumour[0], y - tumour[1], z - tumour[2]);
    if (t < tumourMm + 1.2 * dents(x, y, z)) return index('tumour');
    // Folds end 22 mm deep: what seems far from a sulcus there is white matter.
    const away = Math.min(distance(fold, x, y, z) + Math.max(0, depth - 17) * 0.6, depth + 0.4, wall - 0.8);
    if (away < width + 0.9 && depth > 1.5 && distance(branches, x, y, z) < 0.8) return index('vessel');
    if (away < width) return index('sulcus');
    return index(away < width + 2.6 ? 'grey' : 'white');
  };
  return { tumour, surface, label };
}
