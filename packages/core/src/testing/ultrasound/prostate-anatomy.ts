import { Random } from '../../math/index.js';
import type { Sound } from './fan-image.js';
import { smoothNoise } from './noise.js';

/** How a tissue sounds, and how bright it is on a T2-weighted MR, of about 1000. */
interface Matter extends Sound {
  readonly t2: number;
}

const matter = (t2: number, echoDb: number, impedance: number, loss = 0): Matter => ({ t2, echoDb, impedance, loss });

/**
 * Tissues of the simulated pelvis. On T2 the peripheral zone is bright, the transition zone in between, capsule, rims of nodules,
 * muscle and cancer dark (PI-RADS v2.1: Turkbey 2019, Eur. Urol. 76:340); on ultrasound most cancers of the peripheral zone echo
 * less than it does (Lee 1989, Radiology 170:29). The last four are not tissue: a water bath, a bead, a needle, a finger on the probe.
 */
const MATTER: Readonly<Record<ProstateTissue, Matter>> = {
  fat: matter(640, -12, 1.575),
  muscle: matter(190, -19, 1.62),
  bone: matter(110, 3, 2.4, 7),
  rectum: matter(270, -20, 1.61),
  gel: matter(40, -52, 1.585),
  bladder: matter(980, -48, 1.588),
  vessel: matter(860, -38, 1.6),
  capsule: matter(180, -3, 1.64),
  peripheral: matter(770, -13, 1.615),
  septum: matter(470, -6, 1.625),
  transition: matter(420, -17, 1.612),
  nodule: matter(560, -21, 1.606),
  rim: matter(220, -8, 1.628),
  urethra: matter(720, -38, 1.595),
  urethralWall: matter(310, -9, 1.622),
  cyst: matter(990, -46, 1.59),
  calcification: matter(30, 10, 2, 4),
  lesion: matter(255, -25, 1.62),
  vesicle: matter(880, -28, 1.602),
  vesicleWall: matter(260, -9, 1.624),
  water: matter(0, -60, 1.6),
  bead: matter(0, 14, 1.9),
  needle: matter(0, 12, 1.6),
  finger: matter(0, 6, 1.62),
};

/** What the simulated pelvis, and what a probe is tried on, is made of. */
export type ProstateTissue =
  | 'fat'
  | 'muscle'
  | 'bone'
  | 'rectum'
  | 'gel'
  | 'bladder'
  | 'vessel'
  | 'capsule'
  | 'peripheral'
  | 'septum'
  | 'transition'
  | 'nodule'
  | 'rim'
  | 'urethra'
  | 'urethralWall'
  | 'cyst'
  | 'calcification'
  | 'lesion'
  | 'vesicle'
  | 'vesicleWall'
  | 'water'
  | 'bead'
  | 'needle'
  | 'finger';

const NAMES = Object.keys(MATTER) as ProstateTissue[];

/** The number that stands for a tissue in `tissueAt`. */
export const prostateTissue = (name: ProstateTissue): number => NAMES.indexOf(name);

/** By those numbers. */
export const PROSTATE_MATTER: readonly Matter[] = NAMES.map((name) => MATTER[name]);

type Place = readonly [number, number, number];

/** The block of body that is simulated, LPS mm about the gland's middle. */
export const PELVIS = { low: [-44, -40, -44], high: [44, 46, 50] } as const;
/** Edge of the anatomy's cubes, mm. */
const CUBE = 0.8;

/** A lesion: a ball with bumps. */
export interface ProstateLesion {
  readonly name: string;
  /** In the gland, before anything moves, LPS mm. */
  readonly centre: Place;
  readonly radiusMm: number;
  /** The patient's own side. */
  readonly side: 'left' | 'right';
  /** How suspicious a reader would call it: PI-RADS 3 … 5. */
  readonly suspicion: 3 | 4 | 5;
}

/** The gland and what lies around it, before anything moves. */
export interface ProstateAnatomy {
  /** A tissue's number at a place, LPS mm about the gland's middle. */
  tissueAt(x: number, y: number, z: number): number;
  /** 0 outside the gland, 1 in it, and 2 … for the lesions in their order. */
  regionAt(x: number, y: number, z: number): number;
  readonly lesions: readonly ProstateLesion[];
  /** Places that a reader finds in both images. */
  readonly landmarks: Readonly<Record<string, Place>>;
  /** Half the gland's widths along x, y, z, mm. */
  readonly halfMm: Place;
}

/** A gland with all that is drawn of it. */
interface Gland {
  readonly half: Place;
  readonly lesions: readonly ProstateLesion[];
  readonly nodules: readonly { readonly at: Place; readonly radiusMm: number }[];
  readonly stones: readonly Place[];
  readonly cyst: Place;
  readonly urethra: readonly [Place, Place, Place];
  readonly surface: (x: number, y: number, z: number) => number;
  readonly fine: (x: number, y: number, z: number) => number;
  readonly ducts: (x: number, y: number, z: number) => number;
}

/**
 * A gland of about 48 × 34 × 42 mm (35 ml) for each seed, with its zones (McNeal 1981, Prostate 2:35), nodules, urethra, calcifications
 * along the surgical capsule, three lesions, seminal vesicles, bladder, rectal wall and symphysis.
 */
export function prostateAnatomy(seed: number): ProstateAnatomy {
  const gland = drawGland(new Random(seed), seed);
  const size = PELVIS.low.map((low, r) => Math.ceil(((PELVIS.high[r] as number) - low) / CUBE) + 1) as [number, number, number];
  const labels = new Uint8Array(size[0] * size[1] * size[2]);
  const [lowX, lowY, lowZ] = PELVIS.low;
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) labels[n] = solidAt(gland, lowX + CUBE * i, lowY + CUBE * j, lowZ + CUBE * k);
    }
  }
  const outside = prostateTissue('fat');
  const [neck, veru, apex] = gland.urethra;
  return {
    tissueAt(x, y, z) {
      const i = Math.round((x - lowX) / CUBE);
      const j = Math.round((y - lowY) / CUBE);
      const k = Math.round((z - lowZ) / CUBE);
      const inside = i >= 0 && j >= 0 && k >= 0 && i < size[0] && j < size[1] && k < size[2];
      return inside ? (labels[i + size[0] * (j + size[1] * k)] as number) : outside;
    },
    regionAt(x, y, z) {
      const lesion = lesionAt(gland, x, y, z);
      if (lesion >= 0) return 2 + lesion;
      return surfaceMm(gland, x, y, z) < 0 ? 1 : 0;
    },
    lesions: gland.lesions,
    landmarks: {
      'bladder neck': neck,
      verumontanum: veru,
      apex,
      'left edge': edge(gland, 1),
      'right edge': edge(gland, -1),
      'calcification 1': gland.stones[0] as Place,
      'calcification 2': gland.stones[1] as Place,
      'calcification 3': gland.stones[2] as Place,
      cyst: gland.cyst,
      'nodule 1': (gland.nodules[0] as { at: Place }).at,
      'nodule 2': (gland.nodules[1] as { at: Place }).at,
    },
    halfMm: gland.half,
  };
}

function drawGland(random: Random, seed: number): Gland {
  const vary = (x: number, by: number): number => x + random.between(-by, by);
  const half: Place = [vary(24, 2.5), vary(17, 1.5), vary(21, 2)];
  const [a, b, c] = half;
  const lesion = (name: string, at: Place, radiusMm: number, suspicion: 3 | 4 | 5): ProstateLesion => ({
    name,
    centre: [vary(at[0], 1.5), vary(at[1], 1), vary(at[2], 2)],
    radiusMm: vary(radiusMm, 0.6),
    side: at[0] > 0 ? 'left' : 'right',
    suspicion,
  });
  return {
    half,
    lesions: [
      lesion('left mid PZ', [0.58 * a, 0.5 * b, -1], 5.2, 5),
      lesion('right apex PZ', [-0.42 * a, 0.45 * b, -0.5 * c], 4.2, 4),
      lesion('right anterior TZ', [-0.26 * a, -0.5 * b, 0.2 * c], 5.4, 4),
    ],
    nodules: [
      { at: [vary(8, 1), vary(-4, 1.5), vary(7, 2)], radiusMm: vary(4.2, 0.7) },
      { at: [vary(-8, 1), vary(-1, 1), vary(10, 1.5)], radiusMm: vary(3.6, 0.6) },
      { at: [vary(9, 1), vary(-3, 1.5), vary(-3, 1.5)], radiusMm: vary(3, 0.5) },
      { at: [vary(-10, 1), vary(0, 1), vary(-1, 1.5)], radiusMm: vary(2.8, 0.4) },
    ],
    stones: [
      [vary(7, 1), vary(6, 0.8), vary(3, 2)],
      [vary(-6, 1), vary(7, 0.8), vary(7, 2)],
      [vary(-9, 1), vary(6, 0.8), vary(-5, 2)],
    ],
    cyst: [vary(4, 1), vary(8, 0.8), vary(13, 1.5)],
    // The urethra bends by about 35° at the verumontanum (McNeal 1981).
    urethra: [
      [0, vary(-7, 1), 0.95 * c],
      [0, vary(1, 1), vary(-2, 1)],
      [0, vary(-3, 1), -0.95 * c],
    ],
    surface: smoothNoise(seed * 7 + 1, 11),
    fine: smoothNoise(seed * 7 + 2, 5),
    ducts: smoothNoise(seed * 7 + 3, 3.6),
  };
}

/** Signed distance to the gland's surface, nearly, mm: narrower at the apex, flat and a little hollow behind. */
function surfaceMm({ half: [a, b, c], surface }: Gland, x: number, y: number, z: number): number {
  const taper = 1 + 0.16 * Math.max(-1.2, Math.min(1.2, z / c));
  const hollow = 0.12 * b * Math.exp(-((x / (0.35 * a)) ** 2)) * (y > 0 ? y / b : 0);
  const r = Math.hypot(x / (a * taper), (y + hollow) / (b * taper), z / c);
  const away = (r - 1) * Math.min(b, c);
  return Math.abs(away) > 4 ? away : away + 0.6 * surface(x, y, z);
}

/** Where the gland's surface crosses the x axis in its middle height. */
function edge(gland: Gland, side: 1 | -1): Place {
  let [low, high] = [0, 2 * gland.half[0]];
  for (let n = 0; n < 40; n += 1) {
    const middle = (low + high) / 2;
    if (surfaceMm(gland, side * middle, 0, 0) < 0) low = middle;
    else high = middle;
  }
  return [side * low, 0, 0];
}

/** Noise of half a millimetre never reaches further than this, mm. */
const BUMP_MM = 2;

function lesionAt({ lesions, fine }: Gland, x: number, y: number, z: number): number {
  // Noise is asked for only where it can matter.
  return lesions.findIndex(({ centre, radiusMm }) => {
    const away = near(centre, x, y, z) - radiusMm;
    return away < BUMP_MM && away + 0.5 * fine(x, y, z) < 0;
  });
}

function solidAt(gland: Gland, x: number, y: number, z: number): number {
  const depth = surfaceMm(gland, x, y, z);
  if (depth < 0) return prostateTissue(depth > -1.1 ? 'capsule' : insideAt(gland, x, y, z));
  return prostateTissue(aroundAt(gland, x, y, z, depth));
}

function insideAt(gland: Gland, x: number, y: number, z: number): ProstateTissue {
  const { stones, cyst, nodules, fine, ducts, half } = gland;
  if (stones.some((s) => near(s, x, y, z) < 1.3)) return 'calcification';
  const fromUrethra = Math.min(
    segment(gland.urethra[0], gland.urethra[1], x, y, z),
    segment(gland.urethra[1], gland.urethra[2], x, y, z),
  );
  if (fromUrethra < 1.7) return 'urethra';
  if (fromUrethra < 2.9) return 'urethralWall';
  if (near(cyst, x, y, z) < 2.2) return 'cyst';
  if (lesionAt(gland, x, y, z) >= 0) return 'lesion';
  const rough = fine(x, y, z);
  for (const { at, radiusMm } of nodules) {
    const from = near(at, x, y, z) + 0.35 * rough;
    if (from < radiusMm) return from > radiusMm - 0.9 ? 'rim' : 'nodule';
  }
  // Two lobes in front of and beside the urethra; a dark surgical capsule parts them from the peripheral zone.
  const lobe = Math.hypot((Math.abs(x) - 7) / 9.5, (y + 3.5) / (0.62 * half[1]), (z - 3) / (0.68 * half[2])) + 0.05 * rough;
  if (lobe < 0.93) return Math.abs(ducts(x, y, z)) < 0.16 ? 'rim' : 'transition';
  if (lobe < 1.03) return 'rim';
  return Math.abs(ducts(x, y, z)) < 0.2 ? 'septum' : 'peripheral';
}

function aroundAt({ half: [a, b, c], fine, ducts }: Gland, x: number, y: number, z: number, depth: number): ProstateTissue {
  const rough = fine(x, y, z);
  const lumen = Math.hypot(x, y - (b + 4.5 + 17)) - 17 + 0.25 * rough;
  if (lumen < 0) return 'gel';
  if (lumen < 3.2) return 'rectum';
  const bladder = Math.hypot(x / 26, (y + 10) / 17, (z - (c + 17.5)) / 16);
  if (bladder < 1) return 'bladder';
  if (bladder < 1.14) return 'muscle';
  const vesicle = Math.hypot((Math.abs(x) - 13) / 11, (y - 0.55 * b) / 4.5, (z - (c + 4)) / 6) + 0.07 * rough;
  if (vesicle < 1) return Math.abs(ducts(x, y, z)) < 0.3 ? 'vesicleWall' : 'vesicle';
  if (vesicle < 1.2) return 'vesicleWall';
  if (Math.hypot(x, (y + b + 22) / 1.1, (z + 8) / 1.5) < 15) return 'bone';
  // Neurovascular bundles behind and beside, plexus in front.
  const bundle = Math.hypot(Math.abs(x) - 0.75 * a, y - 0.85 * b);
  if (bundle < 5 && fine(x, y, 0.3 * z) > 0.7) return 'vessel';
  if (y < -0.8 * b && depth < 7 && fine(x, 0.5 * y, z) > 0.8) return 'vessel';
  if (Math.abs(x) > a + 6 + fine(0, y, z)) return 'muscle';
  return Math.abs(rough) < 0.12 ? 'septum' : 'fat';
}

const near = (p: Place, x: number, y: number, z: number): number => Math.hypot(x - p[0], y - p[1], z - p[2]);

function segment(p: Place, q: Place, x: number, y: number, z: number): number {
  const along = [q[0] - p[0], q[1] - p[1], q[2] - p[2]] as const;
  const length = along[0] ** 2 + along[1] ** 2 + along[2] ** 2;
  const t = Math.min(1, Math.max(0, ((x - p[0]) * along[0] + (y - p[1]) * along[1] + (z - p[2]) * along[2]) / length));
  return Math.hypot(x - p[0] - t * along[0], y - p[1] - t * along[1], z - p[2] - t * along[2]);
}
