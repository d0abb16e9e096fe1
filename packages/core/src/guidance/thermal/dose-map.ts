import { NavError } from '../../base/index.js';
import { requireSameFrame } from '../../frames/index.js';
import { determinant3 } from '../../math/index.js';
import { type AnyVolume, type Volume, volume } from '../../volume/index.js';
import { type DoseOptions, DoseRate, requireGap, requireRising } from './dose.js';

/** A dose that is called lethal for most tissues, equivalent minutes at 43 °C (Sapareto & Dewey 1984; Yarmolenko et al. 2011). */
export const LETHAL_CEM43_MIN = 240;

/** A dose over a volume. */
export interface DoseMap<F extends string> {
  /** Equivalent minutes at 43 °C, in the geometry of the temperature maps. Where {@link gapS} is above 0: a lower bound. */
  readonly dose: Volume<F>;
  /** For how long each voxel's temperature was unknown between the first map and the last, s. */
  readonly gapS: Volume<F>;
  /** Whether no voxel has a gap. */
  readonly complete: boolean;
  /** The time of the first map and of the last, s. */
  readonly fromS: number;
  readonly toS: number;
}

/**
 * Thermal dose from temperature maps as they arrive (MR thermometry: °C, NaN where there is no signal), voxel by voxel, straight
 * between two maps and integrated exactly. A voxel that is NaN in either of two maps, and maps too far apart, add to the gap and
 * not to the dose.
 *
 * The maps must all have one geometry; motion between them is the caller's to correct, and shows as a false dose if it is not.
 */
export class DoseAccumulator<in out F extends string> {
  readonly #rate: DoseRate;
  readonly #maxGapS: number;
  #first: Volume<F> | undefined;
  #latest: Volume<F> | undefined;
  #fromS = Number.NaN;
  #atS = Number.NaN;
  #dose = new Float64Array(0);
  #gap = new Float32Array(0);

  /** @throws NavError `thermal/bad-option` */
  constructor(options: DoseOptions = {}) {
    this.#rate = new DoseRate(options);
    this.#maxGapS = requireGap(options.maxGapS);
  }

  /**
   * Adds the map of a time. The map is kept until the next is added.
   * @param map °C
   * @param atS seconds, later than the map before
   * @throws NavError `thermal/bad-series` where time does not rise or the geometry is another, `frame/mismatch`
   */
  add(map: Volume<F>, atS: number): void {
    const before = this.#latest;
    if (before === undefined) {
      requireRising(Number.MIN_SAFE_INTEGER, atS, 0);
      this.#first = map;
      this.#fromS = atS;
      this.#dose = new Float64Array(map.voxels.length);
      this.#gap = new Float32Array(map.voxels.length);
    } else {
      requireSameFrame(before.frame, map.frame, 'Adding a temperature map');
      requireSameGeometry(before, map);
      requireRising(this.#atS, atS, 1);
      this.#gather(before, map, atS - this.#atS);
    }
    this.#latest = map;
    this.#atS = atS;
  }

  #gather(before: Volume<F>, map: Volume<F>, seconds: number): void {
    const [a, b] = [before.voxels, map.voxels];
    const [ra, rb] = [before.rescale, map.rescale];
    const bridged = seconds <= this.#maxGapS;
    for (let n = 0; n < a.length; n += 1) {
      const from = ra.slope * (a[n] as number) + ra.intercept;
      const to = rb.slope * (b[n] as number) + rb.intercept;
      if (bridged && Number.isFinite(from) && Number.isFinite(to)) {
        this.#dose[n] = (this.#dose[n] as number) + this.#rate.overLine(from, to, seconds);
      } else this.#gap[n] = (this.#gap[n] as number) + seconds;
    }
  }

  /**
   * The dose up to the latest map; more maps may follow.
   * @throws NavError `thermal/bad-series` before the second map
   */
  result(): DoseMap<F> {
    const like = this.#first;
    if (like === undefined || !(this.#atS > this.#fromS)) {
      throw new NavError('thermal/bad-series', 'A dose needs at least two temperature maps. Add them with add().');
    }
    return {
      dose: onGridOf(like, Float32Array.from(this.#dose), 'min'),
      gapS: onGridOf(like, this.#gap.slice(), 's'),
      complete: this.#gap.every((s) => s === 0),
      fromS: this.#fromS,
      toS: this.#atS,
    };
  }
}

/** A volume in the place of another, with other values. */
export function onGridOf<F extends string>(like: Volume<F>, voxels: Float32Array | Uint8Array, unit: string): Volume<F> {
  return volume({
    frame: like.frame,
    voxels,
    size: like.size,
    frameFromIndex: like.frameFromIndex,
    rescale: { slope: 1, intercept: 0, unit },
    patient: like.patient,
    ...(like.frameOfReferenceUid !== undefined && { frameOfReferenceUid: like.frameOfReferenceUid }),
  });
}

/** What a dose covers. */
export interface Isodose<F extends string> {
  /** 1 where the dose is at least the level, 0 elsewhere: a label map, from which `isosurface` makes a surface. */
  readonly mask: Volume<F>;
  /** The volume of those voxels, ml. */
  readonly ml: number;
  /** The level, equivalent minutes at 43 °C. */
  readonly levelMin: number;
}

/**
 * The voxels whose dose is at least `levelMin`.
 * @throws NavError `thermal/bad-option` for a level that is not above 0
 */
export function isodose<F extends string>(dose: Volume<F>, levelMin: number = LETHAL_CEM43_MIN): Isodose<F> {
  if (!(levelMin > 0 && Number.isFinite(levelMin))) {
    throw new NavError('thermal/bad-option', `An isodose needs a level above 0 min, got ${levelMin}.`);
  }
  const { slope, intercept } = dose.rescale;
  const mask = Uint8Array.from(dose.voxels, (v) => (slope * v + intercept >= levelMin ? 1 : 0));
  const voxelMl = Math.abs(determinant3(dose.frameFromIndex)) / 1000;
  return { mask: onGridOf(dose, mask, ''), ml: voxelMl * mask.reduce((sum, v) => sum + v, 0), levelMin };
}

function requireSameGeometry(a: AnyVolume, b: AnyVolume): void {
  const same =
    a.size.every((n, k) => n === b.size[k]) &&
    Array.from(a.frameFromIndex).every(
      (v, k) => Math.abs(v - (b.frameFromIndex[k] as number)) <= 1e-6 * Math.max(1, Math.abs(v)),
    );
  if (same) return;
  throw new NavError(
    'thermal/bad-series',
    `A temperature map of ${b.size.join('×')} voxels has another place or size than the first (${a.size.join('×')}). ` +
      'Resample it to the geometry of the first.',
    { detail: { first: a.size, this: b.size } },
  );
}
