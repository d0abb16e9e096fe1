import { Random } from '../../math/index.js';
import type { Anatomy } from './anatomy.js';
import type { Sound } from './fan-image.js';
import { smoothNoise } from './noise.js';

/** How a tissue sounds, and its CT number in the portal venous phase, HU. */
interface Matter extends Sound {
  readonly hu: number;
}

const matter = (hu: number, echoDb: number, impedance: number, loss = 0): Matter => ({ hu, echoDb, impedance, loss });

/** Tissues of the simulated flank. */
const MATTER = {
  outside: matter(-1000, -60, 1.5),
  skin: matter(30, -6, 1.65),
  fat: matter(-100, -15, 1.38),
  muscle: matter(55, -17, 1.68),
  bone: matter(550, 4, 4.5, 7),
  liver: matter(108, -14, 1.65),
  vein: matter(170, -40, 1.61),
  wall: matter(115, -3, 1.72),
  bile: matter(10, -42, 1.52),
  tumour: matter(68, -22, 1.62),
  cortex: matter(178, -19, 1.64),
  medulla: matter(135, -27, 1.62),
  sinus: matter(-55, -5, 1.45),
  diaphragm: matter(58, -1, 1.75),
  lung: matter(-850, 2, 0.3, 6),
} as const;

type Name = keyof typeof MATTER;
const NAMES = Object.keys(MATTER) as Name[];
const index = (name: Name): number => NAMES.indexOf(name);

/** By the numbers that {@link flankAnatomy} gives. */
export const FLANK_MATTER: readonly Matter[] = NAMES.map((name) => MATTER[name]);
/** What a sonographer would name as landmarks. */
export const FLANK_LANDMARKS: readonly number[] = [index('wall'), index('sinus'), index('vein')];

/** The block of body that is simulated, mm: the skin is at about z = 0, the probe above it. */
export const FLANK = { low: [-80, -80, -135], high: [80, 80, 8] } as const;
/** Edge of the anatomy's cubes, mm. */
const CUBE = 1.25;

type Place = readonly [number, number, number];

/** The right flank seen between two ribs: liver with portal and hepatic veins, gallbladder, tumour, kidney, diaphragm and lung. */
export function flankAnatomy(seed: number): Pick<Anatomy, 'tissueAt'> {
  const random = new Random(seed);
  const size = FLANK.low.map((low, r) => Math.ceil(((FLANK.high[r] as number) - low) / CUBE) + 1) as [number, number, number];
  const labels = new Uint8Array(size[0] * size[1] * size[2]);
  const label = solidsOf(random, seed);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        labels[n] = label(FLANK.low[0] + CUBE * i, FLANK.low[1] + CUBE * j, FLANK.low[2] + CUBE * k);
      }
    }
  }
  for (const tree of treesOf(random)) {
    for (const vessel of tree.vessels) paintVessel(labels, size, vessel, tree.walled);
  }
  return {
    tissueAt(x, y, z) {
      const i = Math.round((x - FLANK.low[0]) / CUBE);
      const j = Math.round((y - FLANK.low[1]) / CUBE);
      const k = Math.round((z - FLANK.low[2]) / CUBE);
      const inside = i >= 0 && j >= 0 && k >= 0 && i < size[0] && j < size[1] && k < size[2];
      return inside ? (labels[i + size[0] * (j + size[1] * k)] as number) : 0;
    },
  };
}

/** Everything but the vessels, as a function of place. */
function solidsOf(random: Random, seed: number): (x: number, y: number, z: number) => number {
  const bumps = smoothNoise(seed * 7 + 1, 18);
  const fine = smoothNoise(seed * 7 + 2, 9);
  const fat = random.between(6, 14);
  const muscle = random.between(9, 14);
  const gap = random.between(24, 30);
  const ribX = random.between(-0.5, 0.5) * gap * 0.5 + gap / 2;
  const lean = random.between(-0.25, 0.25);
  const kidney: Place = [random.between(-25, 25), random.between(-15, 20), random.between(-98, -84)];
  const kidneyTurn = random.between(-0.6, 0.6);
  const bile: Place = [random.between(-30, 30), random.between(-35, 10), random.between(-70, -50)];
  const tumour: Place = [random.between(-28, 28), random.between(-28, 28), random.between(-80, -50)];
  const tumourMm = random.between(8, 14);
  const domeSide = random.uniform() < 0.5 ? 1 : -1;
  const dome: Place = [random.between(-15, 15), domeSide * random.between(-10, 5), -75];
  const domeMm = random.between(58, 66);
  return (x, y, z) => {
    const depth = -z - 0.0025 * (x * x + y * y) - 1.2 * bumps(x, y, 0);
    if (depth < 0) return index('outside');
    if (depth < 2) return index('skin');
    if (depth < fat + 1.5 * bumps(x, y, z)) return index('fat');
    const inner = fat + muscle + 1.2 * fine(x, y, 40);
    if (depth < inner) return ribAt(x + lean * y, depth - fat - muscle * 0.55, gap, ribX) ? index('bone') : index('muscle');
    const beyond = Math.hypot(x - dome[0], 0.8 * (y - dome[1]), z - dome[2]) - domeMm - 1.5 * bumps(x, y, z);
    if (beyond > 3) return index('lung');
    if (beyond > 0) return index('diaphragm');
    const inKidney = kidneyAt(x - kidney[0], y - kidney[1], z - kidney[2], kidneyTurn, fine(x, y, z));
    if (inKidney !== undefined) return inKidney;
    const g = Math.hypot((x - bile[0]) / 9, (y - bile[1]) / 17, (z - bile[2]) / 9) + 0.06 * fine(x, y, z);
    if (g < 1) return index('bile');
    if (g < 1.18) return index('wall');
    const t = Math.hypot(x - tumour[0], y - tumour[1], z - tumour[2]) + 1.5 * fine(x, y, z);
    return t < tumourMm ? index('tumour') : index('liver');
  };
}

function ribAt(across: number, depth: number, gap: number, first: number): boolean {
  const away = ((((across - first) % gap) + 1.5 * gap) % gap) - gap / 2;
  return Math.hypot(away / 1.35, depth) < 4.2;
}

/** Capsule fat, cortex, pyramids and the fat of the sinus; undefined outside. */
function kidneyAt(x: number, y: number, z: number, turn: number, rough: number): number | undefined {
  const u = Math.cos(turn) * x + Math.sin(turn) * y;
  const v = Math.cos(turn) * y - Math.sin(turn) * x;
  const r = Math.hypot(u / 24, v / 48, z / 20) + 0.02 * rough;
  if (r > 1.14) return undefined;
  if (r > 1) return index('fat');
  if (r < 0.42 + 0.08 * rough) return index('sinus');
  // Pyramids: a dozen blunt cones around the sinus.
  const around = Math.cos(5 * Math.atan2(z / 20, u / 24)) * Math.cos(v / 5.5);
  return index(r < 0.74 && around > 0.2 ? 'medulla' : 'cortex');
}

interface Vessel {
  readonly from: Place;
  readonly to: Place;
  readonly radiusMm: number;
}

/** Three trees of veins; the portal ones have walls that echo. */
function treesOf(random: Random): Array<{ readonly vessels: Vessel[]; readonly walled: boolean }> {
  return [true, false, false].map((walled) => {
    const vessels: Vessel[] = [];
    const root: Place = [random.between(-20, 20), random.between(-20, 20), random.between(-110, -95)];
    const toward: Place = [random.between(-0.5, 0.5), random.between(-0.5, 0.5), 1];
    branch(random, vessels, root, toward, random.between(4, 5.5), 5);
    return { vessels, walled };
  });
}

function branch(random: Random, out: Vessel[], from: Place, along: Place, radiusMm: number, more: number): void {
  const bent = along.map((x) => x + random.between(-0.55, 0.55));
  const length = Math.hypot(...bent);
  const mm = random.between(14, 22);
  const to = from.map((x, r) => x + (mm * (bent[r] as number)) / length) as unknown as Place;
  out.push({ from, to, radiusMm });
  if (more === 0 || radiusMm < 1.1) return;
  const on = bent.map((x) => x / length) as unknown as Place;
  branch(random, out, to, on, radiusMm * random.between(0.78, 0.92), more - 1);
  const side = on.map((x) => x + random.between(-1.1, 1.1)) as unknown as Place;
  branch(random, out, to, side, radiusMm * random.between(0.55, 0.75), more - 1);
}

/** In liver only. */
function paintVessel(labels: Uint8Array, size: Place, { from, to, radiusMm }: Vessel, walled: boolean): void {
  const thick = radiusMm + (walled ? 1.3 : 0);
  const low = [0, 1, 2].map((r) =>
    Math.max(0, Math.floor((Math.min(from[r] as number, to[r] as number) - thick - (FLANK.low[r] as number)) / CUBE)),
  ) as [number, number, number];
  const high = [0, 1, 2].map((r) =>
    Math.min(
      (size[r] as number) - 1,
      Math.ceil((Math.max(from[r] as number, to[r] as number) + thick - (FLANK.low[r] as number)) / CUBE),
    ),
  ) as [number, number, number];
  const [vein, wall] = [index('vein'), index('wall')];
  const own = [index('liver'), wall, vein];
  for (let k = low[2]; k <= high[2]; k += 1) {
    for (let j = low[1]; j <= high[1]; j += 1) {
      for (let i = low[0]; i <= high[0]; i += 1) {
        const n = i + size[0] * (j + size[1] * k);
        if (!own.includes(labels[n] as number)) continue;
        const away = distance([FLANK.low[0] + CUBE * i, FLANK.low[1] + CUBE * j, FLANK.low[2] + CUBE * k], from, to);
        if (away < radiusMm) labels[n] = vein;
        else if (away < thick && labels[n] !== vein) labels[n] = wall;
      }
    }
  }
}

function distance(p: Place, a: Place, b: Place): number {
  const along = [0, 1, 2].map((r) => (b[r] as number) - (a[r] as number));
  const length = along.reduce((s, x) => s + x * x, 0);
  const t = [0, 1, 2].reduce((s, r) => s + ((p[r] as number) - (a[r] as number)) * (along[r] as number), 0) / length;
  const on = Math.min(1, Math.max(0, t));
  return Math.hypot(...[0, 1, 2].map((r) => (p[r] as number) - (a[r] as number) - on * (along[r] as number)));
}
