import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { frame, PoseView, point } from '@trocar/core';
import {
  type KeepClear,
  needle,
  ShaftGuidance,
  searchTrajectories,
  straightPlan,
  type TrajectorySearch,
} from '@trocar/core/guidance';
import { readVolume } from '@trocar/core/io';
import { Random } from '@trocar/core/math';
import {
  cornersOf,
  type DistanceField,
  distanceToLabel,
  distanceToMesh,
  isosurface,
  MeshDistance,
  SignedMeshDistance,
  type Volume,
  volume,
} from '@trocar/core/volume';
import { median, report, row } from './_report.js';

/**
 * Distance fields, the search for a trajectory and the guidance of a whole needle, by the processor's time of this process (user and
 * system), on label maps of an abdomen's size: 20 structures, ellipsoids and winding vessels of organs' sizes. `--seed N` for another
 * one, `--runs N` (default 5). With TROCAR_DATA also on a real CT.
 */

const number = (name: string, otherwise: number): number =>
  process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : otherwise;
const SEED = number('--seed', 11);
const RUNS = number('--runs', 5);
const STRUCTURES = 20;
const ct = frame('ct');

/** The processor's time that a piece of work takes, ms. */
function timed(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000;
}

/** One ball in a cube of 256³ voxels of 0.8 mm, without room to crop. */
function cube(radius: number): Volume<'ct'> {
  const n = 256;
  const voxels = new Uint8Array(n ** 3);
  for (let k = 0, at = 0; k < n; k += 1) {
    for (let j = 0; j < n; j += 1) {
      for (let i = 0; i < n; i += 1, at += 1)
        voxels[at] = Number((i - 120) ** 2 + (j - 130) ** 2 + (k - 125) ** 2 < radius * radius);
    }
  }
  return volume({
    frame: ct,
    voxels,
    size: [n, n, n],
    frameFromIndex: Float64Array.of(0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1),
  });
}

/**
 * An abdomen's label map: 400 × 300 × 240 voxels of 0.9 × 0.9 × 1.5 mm about the origin. Even labels are ellipsoids with half axes of 10 … 45
 * mm, odd ones vessels of 3 … 7 mm radius that wind through 200 mm. The middle, where the target is, stays free.
 */
function abdomen(seed: number): Volume<'ct'> {
  const random = new Random(seed);
  const size = [400, 300, 240] as const;
  const spacing = [0.9, 0.9, 1.5] as const;
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  /** Marks an ellipsoid, given in mm about the origin. */
  const paint = (label: number, centre: readonly number[], axes: readonly number[]): void => {
    const low = centre.map((c, a) =>
      Math.max(0, Math.ceil((c - (axes[a] as number)) / (spacing[a] as number) + (size[a] as number) / 2)),
    );
    const high = centre.map((c, a) =>
      Math.min((size[a] as number) - 1, Math.floor((c + (axes[a] as number)) / (spacing[a] as number) + (size[a] as number) / 2)),
    );
    for (let k = low[2] as number; k <= (high[2] as number); k += 1) {
      for (let j = low[1] as number; j <= (high[1] as number); j += 1) {
        for (let i = low[0] as number; i <= (high[0] as number); i += 1) {
          const p = [i, j, k].map((v, a) => (v - (size[a] as number) / 2) * (spacing[a] as number));
          const r2 = p.reduce((sum, v, a) => sum + ((v - (centre[a] as number)) / (axes[a] as number)) ** 2, 0);
          if (r2 < 1 && Math.hypot(...p) > 12) voxels[i + size[0] * (j + size[1] * k)] = label;
        }
      }
    }
  };
  for (let label = 1; label <= STRUCTURES; label += 1) {
    const turn = random.between(0, 2 * Math.PI);
    const out = random.between(45, 95);
    const centre = [out * Math.cos(turn), out * Math.sin(turn) * 0.8, random.between(-70, 70)];
    if (label % 2 === 0)
      paint(
        label,
        centre,
        [0, 1, 2].map(() => random.between(10, 45)),
      );
    else {
      const radius = random.between(3, 7);
      const phase = random.between(0, 6);
      for (let z = -100; z <= 100; z += 2) {
        paint(
          label,
          [(centre[0] as number) + 15 * Math.sin(z / 30 + phase), (centre[1] as number) + 10 * Math.cos(z / 40), z],
          [radius, radius, radius],
        );
      }
    }
  }
  const frameFromIndex = Float64Array.of(0.9, 0, 0, 0, 0, 0.9, 0, 0, 0, 0, 1.5, 0, -180, -135, -180, 1);
  return volume({ frame: ct, voxels, size, frameFromIndex });
}

/** Entries on an ellipsoid about the origin, like a trunk's skin. */
function trunk(count: number): { positions: Float64Array; normals: Float64Array } {
  const axes = [150, 110, 140];
  const positions = new Float64Array(3 * count);
  for (let n = 0; n < count; n += 1) {
    const z = 1 - (2 * n + 1) / count;
    const turn = n * Math.PI * (3 - Math.sqrt(5));
    const r = Math.sqrt(1 - z * z);
    positions.set(
      [r * Math.cos(turn) * (axes[0] as number), r * Math.sin(turn) * (axes[1] as number), z * (axes[2] as number)],
      3 * n,
    );
  }
  return { positions, normals: positions.map((v, n) => v / (axes[n % 3] as number) ** 2) };
}

const rod = needle({ name: 'RFA 17G × 200', lengthMm: 200, gauge: 17 });

/** One tick with the needle somewhere about the target, microseconds of the processor's time, and the longest looks there were. */
function ticks(structures: readonly KeepClear<'ct'>[], near: boolean, count: number): number {
  const plan = straightPlan({ entry: point(ct, [0, -110, 0]), target: point(ct, [0, 0, 0]) });
  const guide = new ShaftGuidance({ plan, needle: rod, structures, toolAxis: [0, 1, 0] });
  const view = new PoseView();
  view.status = 'ok';
  view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  view.covariance.set(Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? (i < 21 ? 0.05 : 4e-6) : 0)));
  view.covarianceKnown = true;
  view.degreesOfFreedom = 18;
  let at = 0;
  const go = (n: number): void => {
    for (let i = 0; i < n; i += 1) {
      at += 16;
      view.times.set([at, at - 10, at - 5, 0, 0]);
      const swing = near ? 60 : 12;
      view.matrix[12] = swing * Math.sin(at / 700);
      view.matrix[13] = -40 + 40 * Math.sin(at / 900);
      view.matrix[14] = swing * Math.sin(at / 1100);
      guide.measure(view);
    }
  };
  go(3000);
  return (timed(() => go(count)) * 1000) / count;
}

const rows = [];

for (const [name, radius] of [
  ['a structure that fills a sixteenth of it', 63],
  ['a structure that fills a quarter of it', 100],
] as const) {
  const map = cube(radius);
  const times = Array.from({ length: RUNS }, () => timed(() => void distanceToLabel(map, 1, { reachMm: 300 })));
  rows.push(row(`distance field of 256³ voxels, ${name}`, 'ms', times, { text: 'at most 1000', met: median(times) <= 1000 }));
}

const map = abdomen(SEED);
const fields: DistanceField<'ct'>[] = [];
const making = timed(() => {
  for (let label = 1; label <= STRUCTURES; label += 1) fields.push(distanceToLabel(map, label, { reachMm: 20 }));
});
const megabytes = fields.reduce((sum, one) => sum + one.bytes, 0) / 1e6;
rows.push(row('20 fields of an abdomen of 29 M voxels, 20 mm around each: making', 'ms', [making]));
rows.push(row('the same: memory', 'MB', [megabytes], { text: 'at most 300', met: megabytes <= 300 }));

const surface = isosurface(
  volume({ frame: ct, voxels: map.voxels.map((v) => (v === 2 ? 100 : 0)), size: map.size, frameFromIndex: map.frameFromIndex }),
  50,
);
let meshField: DistanceField<'ct'> | undefined;
const meshMs = timed(() => {
  meshField = distanceToMesh(surface, { spacingMm: 1.5 });
});
const points = (meshField?.bytes ?? 0) / 2;
rows.push(row(`field of a mesh of ${surface.triangles.length / 3} triangles: a point`, 'µs', [(meshMs * 1000) / points]));

const structures = fields.map((field, n) => ({ name: `structure ${n + 1}`, field, marginMm: 3 }));
const entries = trunk(10_000);
let found: TrajectorySearch | undefined;
const searches: number[] = [];
for (let run = 0; run <= RUNS; run += 1) {
  const before = process.cpuUsage();
  // Every way is measured: none is refused for its length or angle before.
  found = await searchTrajectories({
    target: point(ct, [0, 0, 0]),
    needle: rod,
    structures: structures.slice(0, 10),
    error95Mm: 2,
    maxSkinAngleDeg: 90,
    entries,
  });
  const used = process.cpuUsage(before);
  if (run > 0) searches.push((used.user + used.system) / 1000);
}
rows.push(row('10 000 ways against 10 structures', 'ms', searches, { text: 'at most 1000', met: median(searches) <= 1000 }));
const measured = found?.spareMm.filter((mm) => !Number.isNaN(mm)).length ?? 0;
rows.push(
  row('ways of them that were measured, not refused before', 'ways', [measured], { text: 'all', met: measured === 10_000 }),
);
rows.push(row('ways of them that are possible', 'ways', [found?.ranked.length ?? 0]));

for (const near of [false, true]) {
  const times = Array.from({ length: RUNS }, () => ticks(structures, near, 2000));
  const where = near ? 'swinging 60 mm to each side, through them' : 'near the target, between them';
  rows.push(
    row(`a tick of a 200 mm needle against 20 structures, ${where}`, 'µs', times, {
      text: 'at most 50',
      met: median(times) <= 50,
    }),
  );
}

/**
 * A real CT: 300 HU and more is bone, the skin is where the air ends. The rooms found on the distance field of the bone's voxels, held
 * against the closest points of the bone's surface, which is made from the grey values by another way.
 */
async function realCt(file: string): Promise<void> {
  const image = await readVolume(file, { frame: ct });
  const value = (n: number): number => image.rescale.slope * (image.voxels[n] as number) + image.rescale.intercept;
  const marked = Uint8Array.from(image.voxels, (_, n) => Number(value(n) >= 300));
  const bone = volume({ frame: ct, voxels: marked, size: image.size, frameFromIndex: image.frameFromIndex });
  let field: DistanceField<'ct'> | undefined;
  const fieldMs = timed(() => {
    field = distanceToLabel(bone, 1, { reachMm: 30 });
  });
  if (field === undefined) return;
  rows.push(row(`bone of a real CT of ${image.size.join(' × ')}: its field`, 'ms', [fieldMs]));
  rows.push(row('the same: memory', 'MB', [field.bytes / 1e6]));
  const skin = isosurface(image, -300, { outerOnly: true, largestOnly: true });
  const inside = new SignedMeshDistance(skin);
  const surfaceOfBone = new MeshDistance(isosurface(image, 300));
  const halfVoxel = field.interpolationErrorMm;
  const random = new Random(SEED);
  const excess: number[] = [];
  const times: number[] = [];
  let ways = 0;
  const [low, high] = [cornersOf(image)[0] as Float64Array, cornersOf(image)[7] as Float64Array];
  for (let targets = 0, tries = 0; targets < 5 && tries < 5000; tries += 1) {
    const p = low.map((v, k) => v + random.uniform() * ((high[k] as number) - v));
    // Soft tissue: under the skin, beside the bone.
    if (!(inside.from(p) < -15) || !(field.leastAt(...(Array.from(p) as [number, number, number])) > 6)) continue;
    targets += 1;
    const before = process.cpuUsage();
    const search = await searchTrajectories({
      target: point(ct, p),
      needle: rod,
      structures: [{ name: 'bone', field, marginMm: 2 }],
      error95Mm: 0,
      entries: skin,
    });
    const used = process.cpuUsage(before);
    times.push((used.user + used.system) / 1000);
    ways += search.ranked.length;
    for (let n = 0; n < search.ranked.length; n += Math.ceil(search.ranked.length / 40)) {
      const entry = 3 * (search.ranked[n] as number);
      excess.push(
        (search.spareMm[entry / 3] as number) +
          2 +
          rod.outerDiameterMm / 2 -
          roomBeside(surfaceOfBone, p, skin.positions.subarray(entry, entry + 3)),
      );
    }
  }
  rows.push(row(`a search from ${skin.positions.length / 3} vertices of its skin, 5 targets`, 'ms', times));
  rows.push(row('ways to them that are possible', 'ways', [ways]));
  const most = Math.max(...excess);
  const aim = { text: `at most half of a voxel's diagonal, ${halfVoxel.toFixed(2)} mm`, met: most <= halfVoxel };
  rows.push(row(`room of ${excess.length} of them, less that to the bone's own surface: largest`, 'mm', [most], aim));
  rows.push(row('the same: median', 'mm', [median(excess)]));
}

/** From the middle line of a needle, tip at p, to a surface: the least of a thousand places. */
function roomBeside(surface: MeshDistance, p: Float64Array, entry: Float64Array): number {
  const way = entry.map((v, k) => v - (p[k] as number));
  const depth = Math.hypot(...way);
  const out = new Float64Array(4);
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n <= 1000; n += 1) {
    surface.closest(
      out,
      p.map((v, k) => v + ((way[k] as number) / depth) * ((n * rod.lengthMm) / 1000)),
    );
    least = Math.min(least, Math.sqrt(out[3] as number));
  }
  return least;
}

const real = resolve(
  process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../shared/data'),
  'phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz',
);
if (existsSync(real)) await realCt(real);
else console.log('No real CT: TROCAR_DATA/phantom-ct-mr is not there.');

report(rows);
