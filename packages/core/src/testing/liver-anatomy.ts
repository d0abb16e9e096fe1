import { Random } from '../math/index.js';
import type { Part } from './phantom.js';
import { ball, ellipsoid, halfSpace, intersection, type Solid, tube, union } from './solid.js';

type V3 = readonly [number, number, number];

/** A tumour: an ellipsoid along the body's axes, and where it is not round a ball that bulges out of it. Body coordinates, LPS mm. */
export interface TumourShape {
  readonly centre: V3;
  readonly radii: V3;
  readonly bulge?: { readonly centre: V3; readonly radius: number };
  /** CT number. */
  readonly hu: number;
}

/** What of an abdomen differs between people, and between those a network was trained with and those it is measured on. */
export interface LiverAnatomy {
  /** Size of the trunk and of where the organs lie; 1 is that of `abdomenPhantom`. */
  readonly bodyScale: number;
  /** Size of the liver beside that. */
  readonly liverScale: number;
  readonly tumours: readonly TumourShape[];
  /** CT numbers. */
  readonly hu: Readonly<
    Record<'fat' | 'muscle' | 'peritoneum' | 'bone' | 'liver' | 'spleen' | 'kidneys' | 'stomach' | 'bile' | 'vessels', number>
  >;
  /** A hepatic vein that passes the dome. */
  readonly extraVein: boolean;
}

/** Ranges of one parameter; a value is drawn from any of them. */
type Ranges = readonly (readonly [number, number])[];

/**
 * Anatomy that the demonstration network was trained with (test/models/liver-tumour draws from the same numbers), and anatomy held out: every
 * parameter lies beside what was seen, the size of the tumours between.
 */
const ANATOMY: Readonly<Record<'training' | 'held-out', Readonly<Record<'body' | 'liver' | 'radius' | 'stretch', Ranges>>>> = {
  training: {
    body: [[0.9, 1.04]],
    liver: [[0.86, 1.02]],
    radius: [
      [5, 9],
      [12, 17],
    ],
    stretch: [[1, 1.35]],
  },
  'held-out': { body: [[1.04, 1.12]], liver: [[1.02, 1.12]], radius: [[9, 12]], stretch: [[1.35, 1.6]] },
};

/**
 * A person drawn by a seed, with one to three tumours in the liver.
 * @param from whether of the ranges that the demonstration network was trained with, or of those held out
 */
export function drawLiverAnatomy(seed: number, from: 'training' | 'held-out'): LiverAnatomy {
  const random = new Random(seed);
  const ranges = ANATOMY[from];
  const bodyScale = drawn(random, ranges.body);
  const liverScale = drawn(random, ranges.liver);
  const liver = random.between(88, 125);
  const about = (mean: number, sd: number): number => mean + sd * random.normal();
  const hu = {
    fat: about(-95, 10),
    muscle: about(54, 6),
    peritoneum: about(-70, 12),
    bone: about(420, 80),
    liver,
    spleen: about(115, 12),
    kidneys: about(165, 20),
    stomach: about(20, 25),
    bile: about(10, 8),
    vessels: liver + random.between(40, 110),
  };
  const tumours = placed(random, liverPieces(bodyScale, liverScale), liver, ranges);
  return { bodyScale, liverScale, tumours, hu, extraVein: random.uniform() < 0.5 };
}

function drawn(random: Random, ranges: Ranges): number {
  const all = ranges.reduce((sum, [a, b]) => sum + b - a, 0);
  let at = random.between(0, all);
  for (const [a, b] of ranges) {
    if (at <= b - a) return a + at;
    at -= b - a;
  }
  return (ranges.at(-1) as readonly [number, number])[1];
}

function placed(random: Random, liver: readonly Solid[], liverHu: number, ranges: (typeof ANATOMY)['training']): TumourShape[] {
  const found: (TumourShape & { readonly radius: number })[] = [];
  const wanted = 1 + random.below(3);
  const box = union(...liver).box;
  for (let n = 0; n < 200 && found.length < wanted; n += 1) {
    const radius = drawn(random, ranges.radius);
    const stretch = drawn(random, ranges.stretch);
    const centre = [0, 1, 2].map((r) => random.between(box[r] as number, box[3 + r] as number)) as unknown as V3;
    const within = Math.min(...liver.map((piece) => piece.distance(...centre)));
    const clear = found.every((t) => apart(centre, t.centre) > 1.8 * (radius + t.radius) + 6);
    if (!(within < -0.8 * radius) || !clear) continue;
    const radii = [stretch ** (2 / 3), stretch ** (-1 / 3), stretch ** (-1 / 3)].map((x) => x * radius);
    const turned = random.below(3);
    const towards = [random.normal(), random.normal(), random.normal()];
    const length = Math.hypot(...towards);
    const bulge = {
      centre: centre.map((x, r) => x + (0.6 * radius * (towards[r] as number)) / length) as unknown as V3,
      radius: 0.7 * radius,
    };
    const bulges = random.uniform() < 0.5;
    found.push({
      centre,
      radii: [0, 1, 2].map((r) => radii[(r + turned) % 3]) as unknown as V3,
      ...(bulges && { bulge }),
      hu: liverHu - random.between(28, 60),
      radius,
    });
  }
  return found.map(({ radius: _, ...tumour }) => tumour);
}

function apart(a: V3, b: V3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function scaled(s: number, ...v: V3): V3 {
  return [s * v[0], s * v[1], s * v[2]];
}

function liverPieces(s: number, g: number): Solid[] {
  return [
    ellipsoid(scaled(s, -68, -2, 38), scaled(s * g, 66, 74, 62)),
    ellipsoid(scaled(s, 2, -34, 46), scaled(s * g, 58, 40, 34)),
  ];
}

/** The solid of a tumour, in body coordinates. */
export function tumourSolid({ centre, radii, bulge }: TumourShape): Solid {
  const main = ellipsoid(centre, radii);
  return bulge === undefined ? main : union(main, ball(bulge.centre, bulge.radius));
}

function vesselsOf(s: number, extraVein: boolean): Solid {
  const way = (radius: number, ...points: V3[]): Solid =>
    tube(
      points.map((p) => scaled(s, ...p)),
      s * radius,
    );
  const all = [
    way(10, [14, 36, -140], [10, 34, 140]),
    way(11, [-22, 34, -140], [-20, 30, 40], [-16, 22, 140]),
    way(6, [-6, 10, -30], [-26, 0, 22], [-60, -8, 36], [-92, -4, 34]),
    way(4.5, [-26, 0, 22], [6, -24, 48]),
    way(4, [-20, 26, 84], [-52, 12, 64], [-94, 24, 52]),
  ];
  if (extraVein) all.push(way(3.5, [-52, 12, 64], [-74, -18, 78], [-92, -22, 88]));
  return union(...all);
}

function boneOf(s: number): Solid {
  const rib = (side: 1 | -1, level: number): Solid => {
    const points = Array.from({ length: 9 }, (_, i): V3 => {
      const angle = Math.PI * (0.08 + 0.09 * i);
      return scaled(s, -3 + side * 132 * Math.sin(angle), 8 + 84 * Math.cos(angle), level - 5 * i);
    });
    return tube(points, 5 * s);
  };
  const spine = tube([scaled(s, -3, 72, -140), scaled(s, -3, 66, 140)], 22 * s);
  return union(spine, ...[118, 88, 58].flatMap((level) => [rib(1, level), rib(-1, level - 2)]));
}

/** The parts of such an abdomen in painting order; the tumours last, `tumour 1` first. */
export function liverParts({ bodyScale: s, liverScale, tumours, hu, extraVein }: LiverAnatomy): Part[] {
  const at = (...v: V3): V3 => scaled(s, ...v);
  const stomach = ellipsoid(at(60, -32, 38), at(36, 30, 44));
  const gas = intersection(ellipsoid(at(60, -32, 38), at(33, 27, 41)), halfSpace([0, 1, 0], -44 * s));
  const kidneys = union(ellipsoid(at(-66, 48, -52), at(25, 22, 50)), ellipsoid(at(64, 46, -36), at(27, 23, 54)));
  const parts: readonly (readonly [string, Solid, number, number])[] = [
    ['skin', ellipsoid(at(-3, 6, 0), [162 * s, 118 * s, 900]), hu.fat, 760],
    ['muscle', ellipsoid(at(-3, 7, 0), [146 * s, 102 * s, 900]), hu.muscle, 330],
    ['peritoneum', ellipsoid(at(-3, -6, 0), [128 * s, 76 * s, 900]), hu.peritoneum, 640],
    ['bone', boneOf(s), hu.bone, 90],
    ['liver', union(...liverPieces(s, liverScale)), hu.liver, 480],
    ['spleen', ellipsoid(at(98, 30, 52), at(24, 34, 42)), hu.spleen, 400],
    ['kidneys', kidneys, hu.kidneys, 300],
    ['stomach', stomach, hu.stomach, 210],
    ['gas', gas, -930, 5],
    ['gallbladder', ellipsoid(at(-40, -40, -8), at(14, 15, 24)), hu.bile, 150],
    ['vessels', vesselsOf(s, extraVein), hu.vessels, 850],
    ...tumours.map((t, n): readonly [string, Solid, number, number] => [`tumour ${n + 1}`, tumourSolid(t), t.hu, 250]),
  ];
  return parts.map(([name, solid, value, mr]) => ({ name, solid, hu: value, mr }));
}
