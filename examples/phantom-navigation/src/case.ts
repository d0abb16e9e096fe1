import { NavError, type Point, point } from '@trocar/core';
import { requirePlanFor, type StraightPlan, straightPlan } from '@trocar/core/guidance';
import { Random } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { requireNoShear, type Volume, type VolumeWarning } from '@trocar/core/volume';
import { type Body, findBody } from '../../suite/src/skin.js';
import { CT } from './frames.js';

type V3 = readonly [number, number, number];

/** What a procedure starts from: an image, what is marked in it, and a plan on it. All in the image's frame, LPS mm. */
export interface NavigationCase {
  readonly volume: Volume<'ct'>;
  /** What the pointer's tip will touch. */
  readonly fiducials: readonly Point<'ct'>[];
  /** Unit normals of the skin there, outwards. */
  readonly normals: readonly V3[];
  readonly plan: StraightPlan<'ct'>;
  /** What a person must know of how it was chosen. */
  readonly warnings: readonly string[];
}

/** The case that needs no file: a head phantom's CT. @param spacingMm of the image; default 2 */
export function phantomCase(seed: number, spacingMm = 2): NavigationCase {
  const phantom = headPhantom({ seed, spacingMm });
  return {
    volume: phantom.volume,
    fiducials: phantom.fiducials,
    normals: phantom.fiducialNormals,
    plan: planOn(phantom.volume, phantom.entry, phantom.targets[0] as Point<'ct'>, USUAL_MAX_TRE95_MM),
    warnings: [],
  };
}

/** What was done to the voxels or taken for granted of their place: whoever plans on them must know. */
const CONCERNS_PLANNING: ReadonlySet<VolumeWarning['code']> = new Set([
  'gaps-filled',
  'lossy-compression',
  'orientation-assumed',
  'resampled',
  'spacing-rounded',
  'unit-assumed',
]);

/** How many fiducials are chosen on a real volume. */
const FIDUCIALS = 8;
/** Directions in which skin is looked for. */
const RAYS = 900;
/** The pointer needs this much free air above a fiducial, mm. */
const CLEARANCE_MM = 60;
/** Skin nearer than this to the image's border may be where the image ends, not the body, mm. */
const BORDER_MM = 6;
/** Depth of the target under the entry, mm, where the body is thick enough. */
const DEPTH_MM = 50;

/**
 * A case on a real image: skin found, fiducials chosen on it as far from each other as they can be, an entry between them
 * and a target beneath. The same volume and seed give the same case.
 * @throws NavError `volume/sheared` for a tilted volume, `registration/failed` where no body or too little skin is found
 */
export function volumeCase(given: Volume<'ct'>, seed: number): NavigationCase {
  requireNoShear(given, 'Navigation');
  const warnings = given.warnings.filter((w) => CONCERNS_PLANNING.has(w.code)).map((w) => w.message);
  const volume = named(given, warnings);
  const body = findBody(volume);
  let skin = skinPoints(body, seed, true);
  if (!canHold(skin)) {
    skin = skinPoints(body, seed, false);
    warnings.push('Too little skin lies inside the image. Fiducials were also chosen where the image ends, which is no skin.');
  }
  const chosen = spread(skin, FIDUCIALS);
  if (!canHold(chosen)) {
    throw new NavError(
      'registration/failed',
      `Only ${chosen.length} places on the skin can be reached, at least 6 well apart are needed. Load an image with more skin.`,
      { detail: { found: chosen.length } },
    );
  }
  const { entry, target } = way(body, skin, chosen);
  return {
    volume,
    fiducials: chosen.map((s) => point(CT, s.at)),
    normals: chosen.map((s) => s.normal),
    plan: planOn(volume, point(CT, entry), point(CT, target), USUAL_MAX_TRE95_MM),
    warnings,
  };
}

/** What the plans made here allow the error at the target to be, 95 %, mm. */
const USUAL_MAX_TRE95_MM = 2;

/** The same case with another limit of the error at its target. @throws NavError `guidance/bad-plan` */
export function withLimit(given: NavigationCase, maxTre95Mm: number | undefined): NavigationCase {
  return { ...given, plan: planOn(given.volume, given.plan.entry, given.plan.target, maxTre95Mm) };
}

/**
 * A plan bound to the volume, checked against it at once.
 * @param maxTre95Mm the largest error at the target that it allows a registration; undefined: any
 */
export function planOn(volume: Volume<'ct'>, entry: Point<'ct'>, target: Point<'ct'>, maxTre95Mm?: number): StraightPlan<'ct'> {
  const uid = volume.frameOfReferenceUid;
  const plan = straightPlan({
    entry,
    target,
    ...(uid !== undefined && { frameOfReferenceUid: uid }),
    ...(maxTre95Mm !== undefined && { maxTre95Mm }),
  });
  requirePlanFor(plan, volume);
  return plan;
}

/** The volume with a name for its frame of reference: its own, or one made of its content, to which plans can be bound. */
function named(v: Volume<'ct'>, warnings: string[]): Volume<'ct'> {
  if (v.frameOfReferenceUid !== undefined) return v;
  warnings.push('The file names no frame of reference: plans are bound to the content of this image instead.');
  return { ...v, frameOfReferenceUid: `content:${contentHash(v)}` };
}

/** FNV-1a over geometry and up to a million voxels: tells two images apart; not a signature. */
function contentHash(v: Volume<'ct'>): string {
  let h = 0x811c9dc5;
  const take = (byte: number): void => {
    h = Math.imul(h ^ (byte & 255), 0x01000193);
  };
  for (const byte of new Uint8Array(Float64Array.from([...Array.from(v.frameFromIndex), ...v.size]).buffer)) take(byte);
  const step = Math.max(1, Math.floor(v.voxels.length / 1e6));
  for (let n = 0; n < v.voxels.length; n += step) {
    const value = Math.round((v.voxels[n] as number) * 16);
    take(value);
    take(value >> 8);
    take(value >> 16);
  }
  return (h >>> 0).toString(16).padStart(8, '0');
}

interface SkinPoint {
  readonly at: V3;
  readonly normal: V3;
}

/** Reachable places on the skin, all around. @param withinImage leave out those near the image's border */
function skinPoints(body: Body, seed: number, withinImage: boolean): SkinPoint[] {
  const turn = new Random(seed).uniform();
  const found: SkinPoint[] = [];
  for (let n = 0; n < RAYS; n += 1) {
    // A Fibonacci lattice on the sphere: even, and turned by the seed.
    const z = 1 - (2 * n + 1) / RAYS;
    const angle = 2 * Math.PI * (n * 0.6180339887498949 + turn);
    const r = Math.sqrt(1 - z * z);
    const at = outermost(body, [r * Math.cos(angle), r * Math.sin(angle), z]);
    if (at === undefined || (withinImage && body.depthInImage(...at) < BORDER_MM)) continue;
    const normal = normalAt(body, at);
    if (normal !== undefined && isFree(body, at, normal) && isAlone(body, at)) found.push({ at, normal });
  }
  return found;
}

/** Where the ray from the body's centre leaves the body for the last time: to 0.05 mm in the full image. */
function outermost(body: Body, u: V3): V3 | undefined {
  const along = (t: number): [number, number, number] => [
    body.centre[0] + t * u[0],
    body.centre[1] + t * u[1],
    body.centre[2] + t * u[2],
  ];
  let last = -1;
  for (let t = 0; t < 600; t += 1) if (body.inside(...along(t))) last = t;
  if (last < 0) return undefined;
  // The coarse border is good to a few millimetres: look for the step from tissue to air around it.
  for (let t = last + 4; t > last - 6; t -= 0.5) {
    if (body.dense(...along(t)) && !body.dense(...along(t + 0.5))) {
      let [low, high] = [t, t + 0.5];
      while (high - low > 0.05) {
        const middle = (low + high) / 2;
        if (body.dense(...along(middle))) low = middle;
        else high = middle;
      }
      return along(high);
    }
  }
  return undefined;
}

/** Outward unit normal of the body's surface, from where the body is in a ball of 10 mm around. */
function normalAt(body: Body, at: V3): V3 | undefined {
  const sum = [0, 0, 0];
  for (let n = 0; n < 200; n += 1) {
    const z = 1 - (2 * n + 1) / 200;
    const angle = 2 * Math.PI * n * 0.6180339887498949;
    const r = Math.sqrt(1 - z * z);
    const u = [r * Math.cos(angle), r * Math.sin(angle), z];
    for (const reach of [6, 10]) {
      const inside = body.inside(...(at.map((v, k) => v + reach * (u[k] as number)) as [number, number, number]));
      for (let k = 0; k < 3; k += 1) sum[k] = (sum[k] as number) + (inside ? -1 : 1) * (u[k] as number);
    }
  }
  const length = Math.hypot(...sum);
  return length > 10 ? (sum.map((v) => v / length) as [number, number, number]) : undefined;
}

function isFree(body: Body, at: V3, normal: V3): boolean {
  for (let t = 4; t < CLEARANCE_MM; t += 1) {
    if (body.dense(...(at.map((v, k) => v + t * (normal[k] as number)) as [number, number, number]))) return false;
  }
  return true;
}

/** Whether nothing but the body is near: skin that lies on a table or under a strap cannot be touched. */
function isAlone(body: Body, at: V3): boolean {
  let foreign = 0;
  for (let n = 0; n < 150; n += 1) {
    const z = 1 - (2 * n + 1) / 150;
    const angle = 2 * Math.PI * n * 0.6180339887498949;
    const r = Math.sqrt(1 - z * z);
    const u = [r * Math.cos(angle), r * Math.sin(angle), z];
    for (const reach of [12, 20, 28]) {
      const p = at.map((v, k) => v + reach * (u[k] as number)) as [number, number, number];
      if (body.dense(...p) && !body.inside(...p) && !body.inside(...towards(p, body.centre, 5))) foreign += 1;
    }
  }
  return foreign <= 4;
}

function towards(p: V3, goal: V3, mm: number): [number, number, number] {
  const length = apart(p, goal) || 1;
  return [0, 1, 2].map((k) => (p[k] as number) + (mm * ((goal[k] as number) - (p[k] as number))) / length) as [
    number,
    number,
    number,
  ];
}

/** As many as wanted, each as far from those before as can be; the first is the farthest from them all on average. */
function spread(points: readonly SkinPoint[], wanted: number): SkinPoint[] {
  const chosen: SkinPoint[] = [];
  const away = (p: SkinPoint): number =>
    chosen.length === 0
      ? points.reduce((sum, q) => sum + apart(p.at, q.at), 0)
      : Math.min(...chosen.map((q) => apart(p.at, q.at)));
  while (chosen.length < Math.min(wanted, points.length)) {
    let [best, bestAway] = [points[0] as SkinPoint, -1];
    for (const p of points) {
      const d = away(p);
      if (d > bestAway) [best, bestAway] = [p, d];
    }
    if (chosen.length > 0 && bestAway < 15) break;
    chosen.push(best);
  }
  return chosen;
}

function apart(a: V3, b: V3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** Whether places are enough, and spread enough, to register with: six, and not all in a patch or on a line. */
function canHold(points: readonly SkinPoint[]): boolean {
  if (points.length < 6) return false;
  const chosen = spread(points, 6);
  if (chosen.length < 6) return false;
  const [a, b] = chosen as [SkinPoint, SkinPoint];
  const length = apart(a.at, b.at);
  const offLine = Math.max(
    ...chosen.map((p) => {
      const along = [0, 1, 2].reduce(
        (s, k) => s + ((p.at[k] as number) - (a.at[k] as number)) * ((b.at[k] as number) - (a.at[k] as number)),
        0,
      );
      return Math.sqrt(Math.max(0, apart(p.at, a.at) ** 2 - (along / length) ** 2));
    }),
  );
  return offLine > 25;
}

/** An entry amid the fiducials, away from each, and a target straight below it with a way that stays in the body. */
function way(body: Body, skin: readonly SkinPoint[], chosen: readonly SkinPoint[]): { entry: V3; target: V3 } {
  let best: { entry: V3; target: V3; score: number } | undefined;
  for (const s of skin) {
    const toCentre = apart(s.at, body.centre);
    const depth = Math.min(DEPTH_MM, 0.7 * toCentre);
    // Between the inward normal and the centre: straight in, without running along a flank.
    const inward = [0, 1, 2].map((k) => ((body.centre[k] as number) - (s.at[k] as number)) / toCentre - (s.normal[k] as number));
    const length = Math.hypot(...inward);
    const along = (t: number): [number, number, number] =>
      [0, 1, 2].map((k) => (s.at[k] as number) + (t * (inward[k] as number)) / length) as [number, number, number];
    let clear = true;
    for (let t = 5; t <= depth + 8 && clear; t += 1) clear = body.inside(...along(t));
    const fromFiducials = Math.min(...chosen.map((c) => apart(c.at, s.at)));
    const score = depth + Math.min(30, fromFiducials);
    if (clear && (best === undefined || score > best.score)) best = { entry: s.at, target: along(depth), score };
  }
  if (best === undefined) {
    throw new NavError(
      'registration/failed',
      'No straight way of any depth leads into the body from a reachable place on its skin.',
    );
  }
  return best;
}
