import { NavError } from '../../base/index.js';

/** Lines that fan out from a curved (or phased, with a first radius of 0) array. */
export interface CurvilinearGeometry {
  readonly kind: 'curvilinear';
  /** From the centre of curvature to the first and the last sample of a line, mm. */
  readonly radiiMm: readonly [number, number];
  /** Of the first and the last line, from straight down, positive to the right, degrees. */
  readonly anglesDeg: readonly [number, number];
}

/** Parallel lines, straight down. */
export interface LinearGeometry {
  readonly kind: 'linear';
  /** From the first line to the last, mm. */
  readonly widthMm: number;
  /** Of the first and the last sample of a line below the array, mm. */
  readonly depthsMm: readonly [number, number];
}

/** Where the samples of scan lines are. */
export type ScanGeometry = CurvilinearGeometry | LinearGeometry;

/** The image that scan lines become. */
export interface ScanImage {
  /** Columns and rows. */
  readonly size: readonly [number, number];
  /** From pixel to pixel along a row and down a column, mm. */
  readonly spacingMm: readonly [number, number];
  /** Column and row of the middle of the array's surface: depth 0, or the first radius straight down. */
  readonly surface: readonly [number, number];
}

const finite = (...values: readonly number[]): boolean => values.every((x) => Number.isFinite(x));

/** @throws NavError `ultrasound/bad-geometry` where lines or image cannot be */
export function requireScan(geometry: ScanGeometry, image: ScanImage): void {
  const refuse = (what: string): NavError => new NavError('ultrasound/bad-geometry', what, { detail: { geometry, image } });
  if (geometry.kind === 'curvilinear') {
    const [inner, outer] = geometry.radiiMm;
    const [left, right] = geometry.anglesDeg;
    if (!(finite(inner, outer) && inner >= 0 && outer > inner)) {
      throw refuse(`The radii of scan lines must be 0 ≤ first < last, in mm; they are ${inner} and ${outer}.`);
    }
    if (!(finite(left, right) && left !== right && Math.min(left, right) > -180 && Math.max(left, right) < 180)) {
      throw refuse(`The angles of scan lines must differ and lie within ±180°; they are ${left}° and ${right}°.`);
    }
  } else {
    const [first, last] = geometry.depthsMm;
    if (!(finite(first, last, geometry.widthMm) && last > first && geometry.widthMm > 0)) {
      throw refuse('Parallel scan lines need a width above 0 mm and a last depth below the first.');
    }
  }
  const { size, spacingMm, surface } = image;
  const good = size.every((n) => Number.isInteger(n) && n >= 2) && spacingMm.every((mm) => finite(mm) && mm > 0);
  if (!(good && finite(...surface))) {
    throw refuse(
      'The image of scan lines needs whole sizes of at least 2 × 2, a spacing above 0 mm and a finite place of the array.',
    );
  }
}
