import { NavError, point } from '@trocar/core';
import { Random } from '@trocar/core/math';
import type { Volume } from '@trocar/core/volume';
import { findBody } from '../../suite/src/skin.js';
import { type AblationCase, checkedCase, type LabelRoles, type Marked } from './case.js';
import { CT } from './frames.js';
import { openSkin, skinOf } from './skin-mesh.js';

/** Markers that the simulated patient gets: this many to register by, and to check by. */
const MARKS = { fiducials: 7, landmarks: 3 } as const;
/** Marks are at least so far from each other, mm. */
const APART_MM = 45;

/**
 * A case on a real CT with its label map. It brings no markers of its own: places on its skin about the tumour are taken as markers, and
 * places within the body as the anatomy that is found again, both by the seed.
 * @throws NavError as {@link checkedCase}; `registration/failed` where no body or too little skin is found
 */
export function filesCase(image: Volume<'ct'>, labels: Volume<'ct'>, roles: LabelRoles, seed: number): AblationCase {
  const named = withNames(image);
  const warnings = [...image.warnings.map((w) => w.message), ...named.warnings];
  const body = findBody(named.volume);
  const skin = openSkin(
    named.volume,
    skinOf(named.volume, (x, y, z) => (body.inside(x, y, z) ? -1 : 1)),
  );
  const centre = middleOfLabel(labels, roles.tumour);
  const marks = marksOn(skin, centre, seed);
  if (marks.length < MARKS.fiducials + MARKS.landmarks) {
    throw new NavError(
      'registration/failed',
      'Too little skin lies about the tumour in these images. Load an image with more skin.',
    );
  }
  const side = centre[0] < body.centre[0] ? 'right' : 'left';
  warnings.push('Markers and anatomy were chosen on this image: nobody touched them.');
  return checkedCase({
    volume: named.volume,
    labels: { ...labels, frameOfReferenceUid: labels.frameOfReferenceUid ?? named.volume.frameOfReferenceUid },
    roles,
    side,
    skin,
    fiducials: marks.slice(0, MARKS.fiducials),
    landmarks: marks.slice(MARKS.fiducials, MARKS.fiducials + MARKS.landmarks),
    anatomy: anatomyAbout(centre, seed),
    warnings,
  });
}

/** A file that names no patient, series or frame gets names for this simulation, and that is said. */
function withNames(image: Volume<'ct'>): { readonly volume: Volume<'ct'>; readonly warnings: string[] } {
  const warnings: string[] = [];
  const { patient, series, frameOfReferenceUid } = image;
  if (!patient.id || !series.seriesUid || !frameOfReferenceUid) {
    warnings.push('The file names no patient, series or frame of reference: the simulation gave it names of its own.');
  }
  return {
    warnings,
    volume: {
      ...image,
      modality: image.modality === '' || image.modality === 'OT' ? 'CT' : image.modality,
      patient: { ...patient, id: patient.id || 'SIMULATED' },
      series: { ...series, seriesUid: series.seriesUid || '2.25.77206' },
      frameOfReferenceUid: frameOfReferenceUid || '2.25.77207',
    },
  };
}

function middleOfLabel({ voxels, size, frameFromIndex: m }: Volume<'ct'>, label: number): [number, number, number] {
  const sum = [0, 0, 0];
  let count = 0;
  for (let n = 0; n < voxels.length; n += 1) {
    if (voxels[n] !== label) continue;
    const index = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
    for (let k = 0; k < 3; k += 1) sum[k] = (sum[k] as number) + (index[k] as number);
    count += 1;
  }
  if (count === 0) {
    throw new NavError('guidance/bad-plan', `No voxel has the tumour's label ${label}. Draw the tumour, or name its label.`);
  }
  const at = (r: number): number =>
    [0, 1, 2].reduce((s, a) => s + ((m[4 * a + r] as number) * (sum[a] as number)) / count, m[12 + r] as number);
  return [at(0), at(1), at(2)];
}

/** Places on the skin, each far from those before, the nearest to the tumour first. */
function marksOn({ positions, triangles }: AblationCase['skin'], centre: readonly number[], seed: number): Marked[] {
  const normals = normalsOf(positions, triangles);
  const random = new Random(seed);
  const far = (n: number): number =>
    Math.hypot(...[0, 1, 2].map((k) => (positions[3 * n + k] as number) - (centre[k] as number)));
  const order = Array.from({ length: positions.length / 3 }, (_, n) => ({ n, key: far(n) + 15 * random.uniform() }));
  order.sort((a, b) => a.key - b.key);
  const chosen: Marked[] = [];
  for (const { n } of order) {
    const at = Array.from(positions.subarray(3 * n, 3 * n + 3));
    const apart = (m: Marked): number => Math.hypot(...at.map((v, k) => v - (m.at.xyz[k] as number)));
    const normal = Array.from(normals.subarray(3 * n, 3 * n + 3)) as [number, number, number];
    // Nobody touches what the patient lies on.
    if (normal[1] > 0.3 || !chosen.every((m) => apart(m) >= APART_MM)) continue;
    chosen.push({ at: point(CT, at), normal });
    if (chosen.length === MARKS.fiducials + MARKS.landmarks) break;
  }
  return chosen;
}

function normalsOf(p: Float64Array, triangles: Uint32Array): Float64Array {
  const out = new Float64Array(p.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]] as [number, number, number];
    const side = (to: number, k: number): number => (p[3 * to + k] as number) - (p[3 * a + k] as number);
    for (let k = 0; k < 3; k += 1) {
      const [y, z] = [(k + 1) % 3, (k + 2) % 3];
      const n = side(b, y) * side(c, z) - side(b, z) * side(c, y);
      for (const v of [a, b, c]) out[3 * v + k] = (out[3 * v + k] as number) + n;
    }
  }
  for (let v = 0; v < out.length; v += 3) {
    const length = Math.hypot(out[v] as number, out[v + 1] as number, out[v + 2] as number) || 1;
    for (let k = 0; k < 3; k += 1) out[v + k] = (out[v + k] as number) / length;
  }
  return out;
}

/** Places about the tumour that stand for forks of vessels. */
function anatomyAbout(centre: readonly number[], seed: number): AblationCase['anatomy'] {
  const random = new Random(seed ^ 0x9e3779b9);
  return Array.from({ length: 6 }, () =>
    point(
      CT,
      centre.map((v) => v + random.between(-45, 45)),
    ),
  );
}
