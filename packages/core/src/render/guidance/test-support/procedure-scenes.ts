import { frame, point, type Status, transform } from '../../../frames/index.js';
import {
  type AblationTarget,
  type AnyBiopsyCore,
  ablationTarget,
  type BiopsyMap,
  ellipsoidZone,
  type MarginMap,
  MotionGate,
  marginMap,
  type PlacedProbe,
  placeProbe,
  TRAJECTORY_REFUSALS,
  type TrajectorySearch,
  type ZoneShape,
} from '../../../guidance/index.js';
import { fromRotationVector } from '../../../math/index.js';
import { ellipsoidMesh } from '../../../testing/ablation/ellipsoid-mesh.js';
import type { Mesh } from '../../../volume/index.js';
import { BiopsyCores, EntryMap, GateIndicator, type MarginKind, MarginSurface, ProbeZones } from '../index.js';
import { type Case, COVARIANCE, coronal, placed } from './cases.js';
import { host, NOW, type Picture, pictureOf, poseOf, type Rig } from './rig.js';

const CT = frame('ct');
const TIP = frame('tip');

/** A tumour of 36 × 30 × 34 mm, to the left and above the middle. */
export const TUMOUR: AblationTarget<'ct'> = ablationTarget(ellipsoidMesh(CT, [6, 0, 5], [18, 15, 17]));

/** Its margins in a zone that is too short at one end: of all four steps. */
export const MARGINS: MarginMap<'ct'> = marginMap(
  TUMOUR,
  ellipsoidZone([
    placeProbe(transform(CT, TIP, fromRotationVector(new Float64Array(16), [0, 0.9, 0])), {
      radiiMm: [18, 24, 30],
      centreMm: -1,
    }),
  ]),
);

/** How well its place is known. */
export const PLACE_ERROR: { readonly covariance: Float64Array; readonly degreesOfFreedom: number } = {
  covariance: COVARIANCE,
  degreesOfFreedom: 20,
};

/** A picture with left and right exchanged. */
export function mirrored({ width, height, data }: Picture): Picture {
  const out = new Uint8ClampedArray(data.length);
  for (let n = 0; n < width * height; n += 1) {
    const x = n % width;
    out.set(data.subarray(4 * n, 4 * n + 4), 4 * (n - x + width - 1 - x));
  }
  return { width, height, data: out };
}

/** Looks at something small from the left front and above, and back again. */
function near(rig: Rig, picture: () => Picture): Picture {
  rig.look([-90, -80, 60]);
  const seen = picture();
  rig.look([60, -330, 90]);
  return seen;
}

function margins(rig: Rig, kind: MarginKind, status: Status, ago: number): MarginSurface<'ct'> {
  const g = rig.keep(new MarginSurface({ kind, surface: TUMOUR.surface }));
  if (kind !== 'tracked') {
    g.show(status === 'ok' ? MARGINS : undefined, PLACE_ERROR);
    return g;
  }
  const view = poseOf(status, placed([0, 0, 0], [0, 0, 1]), (NOW[0] as number) - ago);
  view.covarianceKnown = view.hasPose;
  view.covariance.set(COVARIANCE);
  g.update(view, MARGINS);
  return g;
}

/** Graphics of a procedure that a pose drives. */
export const LIVE_CASES: readonly Case[] = [
  {
    name: 'margin-scene',
    picture: (rig, status, ago = 0) => near(rig, () => rig.draw([margins(rig, 'tracked', status, ago)])),
  },
  { name: 'probes-scene', picture: (rig, status, ago = 0) => near(rig, () => rig.draw([zonesNow(rig, status, ago)])) },
  { name: 'probes-slice', picture: (rig, status, ago = 0) => rig.drawSlice([zonesNow(rig, status, ago)], coronal()) },
  { name: 'margin-slice', picture: (rig, status, ago = 0) => rig.drawSlice([margins(rig, 'tracked', status, ago)], coronal()) },
];

/** What other than a pose's status changes a picture; each is held against all others of its group, the name before the colon. */
export const STILLS: Readonly<Record<string, (rig: Rig) => Picture>> = {
  'margin-scene:planned': (rig) => near(rig, () => rig.draw([margins(rig, 'planned', 'ok', 0)])),
  'margin-scene:confirmed': (rig) => near(rig, () => rig.draw([margins(rig, 'confirmed', 'ok', 0)])),
  'margin-scene:none': (rig) => near(rig, () => rig.draw([margins(rig, 'planned', 'unknown', 0)])),
  'margin-slice:planned': (rig) => rig.drawSlice([margins(rig, 'planned', 'ok', 0)], coronal()),
  'gate:open': () => gateAfter(40, 100),
  'gate:closed': () => gateAfter(40, 1400),
  'gate:unknown': () => gateAfter(3, 100),
  'gate:held': () => gateAfter(40, 1400, 0, 8),
  'gate:stale': () => gateAfter(40, 100, 300),
  'probes-scene:planned': (rig) => near(rig, () => rig.draw([zonesOf(rig, 'planned')])),
  'probes-scene:achieved': (rig) => near(rig, () => rig.draw([zonesOf(rig, 'achieved')])),
  'probes-slice:both': (rig) => rig.drawSlice([zonesOf(rig, 'planned'), zonesOf(rig, 'achieved', 5)], coronal()),
  'entry:searched': (rig) => rig.draw([entries(rig)]),
  'entry:not-searched': (rig) => rig.draw([unsearched(rig)]),
  'entry:chosen': (rig) => rig.draw([entries(rig, SEARCH, vertexAt(rig, [-14, -44, 6]))]),
  'entry:refused': (rig) => rig.draw([entries(rig, SEARCH, vertexAt(rig, [12, -44, -8]))]),
  'entry:behind': (rig) => rig.draw([entries(rig, SEARCH, vertexAt(rig, [-14, 44, 6]))]),
  'biopsy-scene:two': (rig) => near(rig, () => rig.draw([biopsy(rig)])),
  'biopsy-scene:out-of-date': (rig) => near(rig, () => rig.draw([biopsy(rig, CORES, mapOf(CORES.slice(1), 0.97, 0.43))])),
  'biopsy-scene:both': (rig) => near(rig, () => rig.draw([biopsy(rig, CORES, mapOf(CORES, 0.97, 0.95))])),
  'biopsy-slice:two': (rig) => rig.drawSlice([biopsy(rig)], coronal()),
  'biopsy-slice:out-of-date': (rig) => rig.drawSlice([biopsy(rig, CORES, mapOf(CORES.slice(1), 0.97, 0.43))], coronal()),
  'margin-slice:confirmed': (rig) => rig.drawSlice([margins(rig, 'confirmed', 'ok', 0)], coronal()),
};

/** A core of 18 mm, recorded as such: its pose off by 0.6 mm, and 1.6 mm along x. */
export function coreOf(
  id: string,
  near: readonly [number, number, number],
  far: readonly [number, number, number],
  status: Status = 'ok',
): AnyBiopsyCore {
  const c = [2.5, 0, 0, 0, 0.36, 0, 0, 0, 0.36];
  const gun = { name: 'gun', deadEndMm: 5, notchMm: 18, throwMm: 22, needleMm: 200 };
  const covariance = Array.from({ length: 36 }, (_, n) => (n % 7 === 0 && n < 15 ? (c[(4 * n) / 7] as number) : 0));
  const pose = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, ...near, 1];
  const along = { near: c, middle: c, far: c };
  const who = { by: 'A. Surgeon', at: '2026-01-01T10:00:00Z', frame: CT, frameOfReferenceUid: '1.2.3' };
  return {
    id,
    ...who,
    gun,
    near,
    far,
    pose,
    status,
    ageMs: 20,
    covariance,
    degreesOfFreedom: 25,
    covarianceAlong: along,
    registration: undefined,
  };
}

const CORES = [
  coreOf('L1', [-14, 0, 18], [-10, 0, 0.5]),
  coreOf('L2', [12, 0, 16], [14, 0, -1.9], 'predicted'),
  coreOf('L3', [0, 14, 12], [0, 3, -2]),
];

/** What was sampled of two targets, as if it had been found. */
export function mapOf(cores: readonly AnyBiopsyCore[], a: number, b: number): BiopsyMap {
  const each = cores.map(({ id }) => ({ core: id, probability: 0.5, expectedMm: 4 }));
  return {
    atLeastMm: 1,
    targets: [
      { target: 'A', probability: a, cores: each },
      { target: 'B', probability: b, cores: each },
    ],
  };
}

export function biopsy(
  rig: Rig,
  cores: readonly AnyBiopsyCore[] = CORES,
  map: BiopsyMap | undefined = mapOf(cores, 0.97, 0.43),
): BiopsyCores<'ct'> {
  const targets = [
    { name: 'A', shape: { centre: point(CT, [-11, 0, 6]), radiusMm: 8 } },
    { name: 'B', shape: ellipsoidMesh(CT, [12, 0, 12], [7, 9, 6], 12) },
    { name: 'C', shape: { centre: point(CT, [2, 0, -18]), radiusMm: 6 } },
  ];
  const g = rig.keep(new BiopsyCores({ frame: CT, targets }));
  g.setCores(cores);
  g.setMap(map);
  return g;
}

/** Half of a body, 120 mm across, with what a search might have found on it: all kinds, each where nothing else is. */
export const SKIN: Mesh<'ct'> = ellipsoidMesh(CT, [0, 0, 0], [64, 44, 52], 28);
export const SEARCH: TrajectorySearch = searched(SKIN);

function searched({ positions }: Mesh<'ct'>): TrajectorySearch {
  const count = positions.length / 3;
  const at = (n: number, k: number): number => positions[3 * n + k] as number;
  const bits = (n: number): number => {
    const [x, z] = [at(n, 0), at(n, 2)];
    if (x > 38) return TRAJECTORY_REFUSALS.tooDeep | TRAJECTORY_REFUSALS.tooOblique;
    if (x < -46) return TRAJECTORY_REFUSALS.tooOblique;
    if (z > 34) return TRAJECTORY_REFUSALS.offDirection;
    return Math.hypot(x - 12, z + 8) < 15 || z < -34 ? TRAJECTORY_REFUSALS.tooNear : 0;
  };
  const refusals = Uint8Array.from({ length: count }, (_, n) => bits(n));
  const scores = Float64Array.from(refusals, (b, n) =>
    b === 0 ? 0.75 - Math.hypot(at(n, 0) + 14, at(n, 2) - 6) / 100 : Number.NaN,
  );
  const ranked = Uint32Array.from(refusals.keys())
    .filter((n) => refusals[n] === 0)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const all = (value: number): Float32Array => new Float32Array(count).fill(value);
  return {
    refusals,
    scores,
    ranked,
    spareMm: all(3.17),
    tightest: new Int16Array(count),
    depthMm: all(84.3),
    skinAngleDeg: all(12),
  };
}

/** The entry map with a chosen entry, or none. */
export function entries(rig: Rig, search: TrajectorySearch | undefined = SEARCH, chosen?: number): EntryMap<'ct'> {
  const g = rig.keep(new EntryMap({ skin: SKIN, structures: [{ name: 'PORTAL VEIN' }] }));
  g.setSearch(search);
  g.choose(chosen);
  return g;
}

function unsearched(rig: Rig): EntryMap<'ct'> {
  const g = entries(rig);
  g.setSearch(undefined);
  return g;
}

/** The vertex of the skin nearest to a place. */
export const vertexAt = (rig: Rig, xyz: readonly number[]): number => entries(rig).nearestTo(xyz);

const SHAPE: ZoneShape = { radiiMm: [14, 14, 20], centreMm: 0 };
const PLACES = [placed([-13, 0, 4], [0.25, 0, 1]), placed([10, 0, -4], [-0.2, 0, 1]), placed([2, 6, 14], [0.1, 0.3, 1])];

/** Three probes side by side, all moved so far along x, mm. */
export function zoneProbes(away = 0): PlacedProbe<'ct'>[] {
  const moved = (m: Float64Array): Float64Array => m.map((v, n) => (n === 12 ? v + away : v));
  return PLACES.map((m) => placeProbe(transform(CT, TIP, moved(m)), SHAPE));
}

/** They as a plan or as achieved. */
export function zonesOf(rig: Rig, kind: 'planned' | 'achieved', away = 0): ProbeZones<'ct'> {
  const g = rig.keep(new ProbeZones({ frame: CT, kind }));
  g.setProbes(zoneProbes(away));
  return g;
}

/** The same three with tools: the second's status is given, the others are `ok`. */
function zonesNow(rig: Rig, status: Status, ago: number): ProbeZones<'ct'> {
  const g = rig.keep(new ProbeZones({ frame: CT, kind: 'projected', shapes: [SHAPE, SHAPE, SHAPE] }));
  for (const [n, m] of PLACES.entries()) g.update(n, poseOf(n === 1 ? status : 'ok', m, (NOW[0] as number) - ago));
  return g;
}

/**
 * The indicator of a gate that has seen `seconds` of quiet breathing, 4 s a breath and 8 mm, up to `ago` ms before now, ending `phaseMs` after the end
 * of an expiration; the last `hold` seconds with held breath.
 */
export function gateAfter(seconds: number, phaseMs: number, ago = 0, hold = 0): Picture {
  const there = host(320, 140);
  const indicator = new GateIndicator(there, { pixelRatio: 1 });
  const gate = new MotionGate({ expirationAlong: [0, 0, -1] });
  const now = Float64Array.of(0);
  const sample = new Float64Array(4);
  const end = (NOW[0] as number) - ago + 60_000;
  for (let t = end - 1000 * (seconds + hold); t <= end; t += 50) {
    const breath = (Math.min(t, end - 1000 * hold) - end + phaseMs) / 4000;
    sample[0] = t;
    sample[3] = 8 * Math.sin(Math.PI * breath) ** 4;
    gate.push(sample);
    now[0] = t;
    indicator.update(gate, now);
  }
  indicator.settle(Float64Array.of((NOW[0] as number) + 60_000), 250);
  const seen = pictureOf(indicator.canvas);
  indicator.dispose();
  there.remove();
  return seen;
}
