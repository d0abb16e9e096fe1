import { NavError, type Point, point } from '@trocar/core';
import { type BiopsyTarget, labelToSample } from '@trocar/core/guidance';
import { transformPoint } from '@trocar/core/math';
import { requireNoShear, type Volume, volume } from '@trocar/core/volume';
import { MR } from './frames.js';

/** Which side of the patient a place is on; `midline` within 2 mm of the gland's middle, which is not known better. */
export type GlandSide = 'left' | 'right' | 'midline';

/** A lesion that was marked in the MR. */
export interface CaseLesion {
  readonly name: string;
  /** Its value in the label map. */
  readonly label: number;
  readonly target: BiopsyTarget<'mr'>;
  /** The middle of its voxels. */
  readonly centre: Point<'mr'>;
  /** Of the ball of its volume, mm. */
  readonly radiusMm: number;
  readonly side: GlandSide;
  /** How much a sample of it is worth; by what the reader suspects. Default 1. */
  readonly weight: number;
}

/** Images of one patient with what is to be sampled. */
export interface BiopsyCase {
  readonly mr: Volume<'mr'>;
  readonly labels: Volume<'mr'>;
  readonly lesions: readonly CaseLesion[];
  /** The middle of the gland, and its volume, ml. */
  readonly gland: { readonly label: number; readonly centre: Point<'mr'>; readonly volumeMl: number };
}

/** What {@link importCase} is told beside the images. */
export interface ImportOptions {
  /** By label: what a lesion is called and how suspicious a reader found it (PI-RADS 1 … 5). */
  readonly lesions?: Readonly<Record<number, { readonly name?: string; readonly suspicion?: number }>>;
}

/** A label of this volume or more is a gland and no lesion, ml. */
const GLAND_ML = 8;
/** Smaller than this is a slip of the brush, ml. */
const LEAST_ML = 0.02;
const MIDLINE_MM = 2;

/**
 * Takes an MR and the label map of its lesions for a biopsy.
 *
 * Both must be of one frame of reference. Where neither names one (NIfTI, NRRD), the label map must lie on the MR's own grid, and a
 * frame of reference is made up from the images' content, so that cores can be found in them again.
 * @param labels the largest label from 8 ml on is the gland, every other one from 0.02 ml on a lesion
 * @throws NavError `guidance/wrong-frame-of-reference`, `guidance/bad-plan` (no gland, no lesion), `volume/sheared`
 */
export function importCase(mr: Volume<'mr'>, labels: Volume<'mr'>, options: ImportOptions = {}): BiopsyCase {
  requireNoShear(mr, 'A biopsy');
  const uid = commonFrameOfReference(mr, labels);
  const images = { ...mr, frameOfReferenceUid: uid };
  const map = { ...labels, frameOfReferenceUid: uid };
  const found = regionsOf(map);
  const gland = found.reduce((a, b) => (b.volumeMl > (a?.volumeMl ?? 0) ? b : a), found[0]);
  if (gland === undefined || gland.volumeMl < GLAND_ML) {
    throw new NavError(
      'guidance/bad-plan',
      `The label map has no gland: no label of ${GLAND_ML} ml or more. Segment the prostate as one label.`,
    );
  }
  const centre = ownGlandMiddle(found, gland);
  const lesions = found
    .filter((r) => r !== gland && r.volumeMl >= LEAST_ML)
    .map(({ label, centre: at, volumeMl }): CaseLesion => {
      const said = options.lesions?.[label];
      const name = said?.name ?? `lesion ${label}`;
      return {
        name,
        label,
        target: labelToSample(name, map, label),
        centre: point(MR, at),
        radiusMm: ((3 * 1000 * volumeMl) / (4 * Math.PI)) ** (1 / 3),
        side: sideOf(at, centre),
        weight: (said?.suspicion ?? 5) / 5,
      };
    });
  if (lesions.length === 0) {
    throw new NavError(
      'guidance/bad-plan',
      'The label map has a gland and no lesion in it: there is nothing to aim at. Mark the targets.',
    );
  }
  return { mr: images, labels: map, lesions, gland: { label: gland.label, centre: point(MR, centre), volumeMl: gland.volumeMl } };
}

/** Which side of the gland's middle a place of the MR is on: LPS, x to the patient's left. */
export function sideOf(place: ArrayLike<number>, glandCentre: ArrayLike<number>): GlandSide {
  const x = (place[0] as number) - (glandCentre[0] as number);
  return Math.abs(x) < MIDLINE_MM ? 'midline' : x > 0 ? 'left' : 'right';
}

function commonFrameOfReference(mr: Volume<'mr'>, labels: Volume<'mr'>): string {
  const [a, b] = [mr.frameOfReferenceUid, labels.frameOfReferenceUid];
  if (a !== undefined && a !== '' && a === b) return a;
  if (!a && !b && sameGrid(mr, labels)) return `2.25.${contentHash(mr)}`;
  const why =
    !a && !b
      ? 'neither names one and they do not lie on one grid'
      : `the MR names ${a || 'none'} and the segmentation ${b || 'none'}`;
  throw new NavError(
    'guidance/wrong-frame-of-reference',
    `The segmentation is not known to be of this MR's frame of reference: ${why}. Targets would be in the wrong place. ` +
      'Take the segmentation of this series, or register the two and carry it over.',
    { detail: { mr: a, segmentation: b } },
  );
}

function sameGrid(a: Volume<'mr'>, b: Volume<'mr'>): boolean {
  return (
    a.size.every((n, k) => n === b.size[k]) &&
    Array.from(a.frameFromIndex).every((v, k) => Math.abs(v - (b.frameFromIndex[k] as number)) < 1e-4)
  );
}

/** FNV-1a over every voxel, as the number of a UUID-derived UID would be: the same images give the same. */
function contentHash({ voxels, size }: Volume<'mr'>): string {
  let [h, g] = [0x811c9dc5, 0x01000193];
  for (let n = 0; n < voxels.length; n += 1) {
    h = Math.imul(h ^ (voxels[n] as number), 0x01000193);
    g = Math.imul(g ^ (h >>> 11), 0x85ebca6b);
  }
  return `${h >>> 0}${g >>> 0}${size.join('')}`.replace(/^0+/, '1');
}

interface Region {
  readonly label: number;
  readonly centre: readonly [number, number, number];
  readonly voxels: number;
  readonly volumeMl: number;
}

function regionsOf(labels: Volume<'mr'>): Region[] {
  const [ni, nj] = labels.size;
  const sums = new Map<number, [number, number, number, number]>();
  for (let n = 0; n < labels.voxels.length; n += 1) {
    const label = labels.voxels[n] as number;
    if (label === 0) continue;
    const sum = sums.get(label) ?? [0, 0, 0, 0];
    sum[0] += 1;
    sum[1] += n % ni;
    sum[2] += Math.floor(n / ni) % nj;
    sum[3] += Math.floor(n / ni / nj);
    sums.set(label, sum);
  }
  const m = labels.frameFromIndex;
  const column = (c: number): number => Math.hypot(m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number);
  const ml = (column(0) * column(1) * column(2)) / 1000;
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([label, [count, i, j, k]]) => {
      const p = transformPoint(new Float64Array(3), m, [i / count, j / count, k / count]);
      return { label, centre: [p[0] as number, p[1] as number, p[2] as number], voxels: count, volumeMl: count * ml };
    });
}

/** The gland with the lesions in it: without them its middle would be pushed to the other side. */
function ownGlandMiddle(regions: readonly Region[], gland: Region): [number, number, number] {
  const near = regions.filter((r) => Math.hypot(...r.centre.map((v, k) => v - (gland.centre[k] as number))) < 40);
  const voxels = near.reduce((sum, r) => sum + r.voxels, 0);
  return [0, 1, 2].map((k) => near.reduce((sum, r) => sum + (r.centre[k] as number) * r.voxels, 0) / voxels) as [
    number,
    number,
    number,
  ];
}

/** A copy of a label map that claims another frame of reference: what an import must refuse. For tests and for who wants to see it. */
export function onAnotherFrame(labels: Volume<'mr'>): Volume<'mr'> {
  return volume({ ...labels, frameOfReferenceUid: '2.25.999' });
}
