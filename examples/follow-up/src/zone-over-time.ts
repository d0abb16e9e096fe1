import { apply, NavError, type Point, point, pointCovariance, type Transform } from '@trocar/core';
import type { Lesion, MeasuredErrors } from '@trocar/core/analysis';
import { type DistanceField, distanceToLabel, type Volume } from '@trocar/core/volume';
import { Z95 } from './change.js';

/** Where a lesion of a later study lies to an ablation zone of an earlier one. */
export interface ZoneDistance<E extends string, L extends string> {
  readonly lesion: Lesion<L>;
  /**
   * Least signed distance from the lesion's voxels to the zone's boundary, mm: negative where it reaches into the zone (how deep), 0 where it
   * touches, positive where it lies apart.
   */
  readonly distanceMm: number;
  /** 95 % bounds: of the registration along the way, and of both boundaries where their errors are given. */
  readonly low: number;
  readonly high: number;
  /** Whether the bounds hold the boundaries' errors too, or the registration's and the voxels' alone. */
  readonly errorsKnown: boolean;
  /** The place of the lesion that is nearest to, or deepest in, the zone, in the zone's frame. */
  readonly nearest: Point<E>;
  /** What the bounds leave no doubt of: the lesion is apart, or reaches in; else it cannot be told. */
  readonly told: 'apart' | 'reaches-in' | 'cannot-be-told';
}

/** What the distance is computed from. */
export interface ZoneInput<E extends string, L extends string> {
  /** The zone as labels, of the study after the ablation. */
  readonly zone: Volume<E>;
  readonly zoneLabel: number;
  /** Lesions of the later study and the labels that they were measured on. */
  readonly lesions: readonly Lesion<L>[];
  readonly lesionLabels: Volume<L>;
  /** From the study of the zone to the later one. */
  readonly earlierFromLater: Transform<E, L>;
  readonly zoneErrors?: Pick<MeasuredErrors, 'boundarySdMm'>;
  readonly lesionErrors?: Pick<MeasuredErrors, 'boundarySdMm'>;
}

/**
 * How far each lesion of a later study is from an ablation zone. Numbers alone: whether a tumour has come back is for people to say.
 *
 * A burnt zone shrinks over months, and the zone here is that of its own study: the later the study, the more a true recurrence at the border may
 * seem to lie apart.
 * @throws NavError `follow-up/unregistered` (no covariance), `volume/bad-distance-field` (no zone), `frame/mismatch`
 */
export function zoneDistances<E extends string, L extends string>(input: ZoneInput<E, L>): ZoneDistance<E, L>[] {
  const { earlierFromLater: t, lesionLabels, zoneErrors, lesionErrors } = input;
  const covariance = t.covariance;
  if (covariance === undefined) {
    throw new NavError('follow-up/unregistered', 'A distance across studies needs a registration with a covariance.');
  }
  const field = distanceToLabel(input.zone, input.zoneLabel);
  const sample = new Float64Array(3);
  return input.lesions.map((lesion) => {
    let [least, nearest] = [Number.POSITIVE_INFINITY, lesion.centroid.xyz];
    for (const p of surfaceOf(lesion, lesionLabels)) {
      field.sampleInto(sample, Float64Array.from(apply(t, point(t.from, p)).xyz));
      if ((sample[0] as number) < least) [least, nearest] = [sample[0] as number, p];
    }
    const at = apply(t, point(t.from, nearest));
    const normal = gradientOf(field, at.xyz);
    const c = pointCovariance(new Float64Array(9), covariance, at.xyz);
    let along = 0;
    for (let a = 0; a < 3; a += 1) {
      for (let b = 0; b < 3; b += 1) along += (normal[a] as number) * (c[3 * a + b] as number) * (normal[b] as number);
    }
    const voxels = field.interpolationErrorMm / Math.sqrt(3);
    const half =
      Z95 * Math.hypot(Math.sqrt(Math.max(0, along)), voxels, zoneErrors?.boundarySdMm ?? 0, lesionErrors?.boundarySdMm ?? 0);
    const [low, high] = [least - half, least + half];
    return {
      lesion,
      distanceMm: least,
      low,
      high,
      errorsKnown: zoneErrors !== undefined && lesionErrors !== undefined,
      nearest: at,
      told: low > 0 ? 'apart' : high < 0 ? 'reaches-in' : 'cannot-be-told',
    };
  });
}

/** Middles of the exposed faces of a lesion's voxels, in its frame. */
function* surfaceOf<L extends string>({ label, box }: Lesion<L>, v: Volume<L>): Generator<[number, number, number]> {
  const [ni, nj] = v.size;
  const m = v.frameFromIndex;
  const stored = (label - v.rescale.intercept) / v.rescale.slope;
  const steps = [1, ni, ni * nj];
  for (let k = box[2]; k <= box[5]; k += 1) {
    for (let j = box[1]; j <= box[4]; j += 1) {
      for (let i = box[0]; i <= box[3]; i += 1) {
        const n = i + ni * (j + nj * k);
        if (v.voxels[n] !== stored) continue;
        for (let face = 0; face < 6; face += 1) {
          const axis = face >> 1;
          const sign = face % 2 === 0 ? -1 : 1;
          const to = ([i, j, k][axis] as number) + sign;
          const inside = to >= 0 && to < (v.size[axis] as number);
          if (inside && v.voxels[n + sign * (steps[axis] as number)] === stored) continue;
          const q = [i, j, k].map((x, r) => (r === axis ? x + sign / 2 : x)) as [number, number, number];
          yield [0, 1, 2].map(
            (r) => (m[r] as number) * q[0] + (m[4 + r] as number) * q[1] + (m[8 + r] as number) * q[2] + (m[12 + r] as number),
          ) as [number, number, number];
        }
      }
    }
  }
}

/** Unit direction in which the distance grows. */
function gradientOf<E extends string>(field: DistanceField<E>, p: ArrayLike<number>): number[] {
  const out = new Float64Array(3);
  const value = (r: number, by: number): number => {
    field.sampleInto(
      out,
      Float64Array.from(p, (x, n) => (n === r ? x + by : x)),
    );
    return out[0] as number;
  };
  const g = [0, 1, 2].map((r) => value(r, 1) - value(r, -1));
  const length = Math.hypot(...g);
  // On a ridge the direction is none: then each counts.
  return length > 1e-6 ? g.map((x) => x / length) : [1, 1, 1];
}
