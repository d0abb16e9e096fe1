import { apply, compose, type Frame, frame, invert, type Point, point, type Transform } from '@trocar/core';
import { type DistortionCorrection, type DistortionOptions, fitDistortion } from '../calibration/distortion.js';
import { calibratePivot, type PivotCalibration, type PivotOptions } from '../calibration/pivot.js';
import { type PointRegistration, registerPoints } from '../points/register-points.js';

/**
 * The navigation of the CIS course's second assignment, composed of this package's parts: what a calibration body should read, the
 * correction of the field tracker, the probe's tip, the fiducials, the registration, and the tip in the image.
 */

type Place = ArrayLike<number>;
type Places = readonly Place[];

export const em: Frame<'em'> = frame('em');
/** The same place as the tracker tells it, distorted. */
export const emRaw: Frame<'em-raw'> = frame('em-raw');
const optical = frame('optical');
const body = frame('body');
export const probe: Frame<'probe'> = frame('probe');
const tip = frame('tip');
export const ct: Frame<'ct'> = frame('ct');

/** What one set of the course holds. */
export interface CisSet {
  /** Markers of the EM base (`d`), optical (`a`) and EM (`c`) markers of the calibration body. */
  readonly calbody: { readonly d: Places; readonly a: Places; readonly c: Places };
  readonly calreadings: readonly { readonly d: Places; readonly a: Places; readonly c: Places }[];
  /** Frames of the probe's markers by the EM tracker. */
  readonly empivot: readonly Places[];
  readonly emFiducials: readonly Places[];
  readonly ctFiducials: Places;
  readonly emNav: readonly Places[];
}

export interface CisAnswer {
  /** Expected readings of the body's EM markers for each frame, mm. */
  readonly expected: readonly Point<'em'>[][];
  readonly correction: DistortionCorrection<'em', 'em-raw'>;
  readonly pivot: PivotCalibration<'em', 'probe', 'tip'>;
  readonly registration: PointRegistration<'ct', 'em'>;
  /** The tip in CT coordinates for each navigation frame. */
  readonly tips: readonly Point<'ct'>[];
}

const points = <F extends string>(f: Frame<F>, places: Places): Point<F>[] => places.map((p) => point(f, p));

/** Where the body's EM markers should be read, from the two optically tracked objects: F_D⁻¹ · F_A · c. */
export function expectedReadings({ calbody, calreadings }: Pick<CisSet, 'calbody' | 'calreadings'>): Point<'em'>[][] {
  const [d, a, c] = [points(em, calbody.d), points(body, calbody.a), points(body, calbody.c)];
  return calreadings.map((reading) => {
    const opticalFromEm = registerPoints(optical, em, points(optical, reading.d), d).edge;
    const opticalFromBody = registerPoints(optical, body, points(optical, reading.a), a).edge;
    const emFromBody = compose(invert(opticalFromEm), opticalFromBody);
    return c.map((p) => apply(emFromBody, p));
  });
}

/** A frame of one probe: its markers as corrected, or undefined where the correction does not reach. */
type Seen = readonly (Point<'em'> | undefined)[];

/** Markers of one frame that are also known in the probe, as pairs. */
function shared(
  seen: Seen,
  known: readonly (Point<'probe'> | undefined)[],
): { to: Point<'em'>[]; from: Point<'probe'>[]; which: number[] } {
  const which = seen.map((_, k) => k).filter((k) => seen[k] !== undefined && known[k] !== undefined);
  return { to: which.map((k) => seen[k] as Point<'em'>), from: which.map((k) => known[k] as Point<'probe'>), which };
}

const SHAPE_ROUNDS = 5;
/** Pivot poses of fewer corrected markers are left out. */
const LEAST_MARKERS = 4;

/**
 * The probe's markers about their centroid, from all frames: the mean shape after registering each frame to it, begun with the frame
 * that shows most. The course takes the first frame alone, whose noise then stays in every pose, and whose markers may lie outside the
 * calibrated volume.
 */
function probeMarkers(frames: readonly Seen[]): (Point<'probe'> | undefined)[] {
  const shown = (f: Seen): number => f.filter((p) => p !== undefined).length;
  const first = frames.reduce((a, b) => (shown(b) > shown(a) ? b : a), frames[0] as Seen);
  const present = first.filter((p): p is Point<'em'> => p !== undefined);
  const mean = [0, 1, 2].map((i) => present.reduce((sum, p) => sum + (p.xyz[i] as number), 0) / present.length);
  let known = first.map(
    (p) =>
      p &&
      point(
        probe,
        [0, 1, 2].map((i) => (p.xyz[i] as number) - (mean[i] as number)),
      ),
  );
  for (let n = 0; n < SHAPE_ROUNDS; n += 1) {
    const sums = first.map(() => [0, 0, 0, 0]);
    for (const seen of frames) {
      const pairs = shared(seen, known);
      if (pairs.which.length < LEAST_MARKERS) continue;
      const probeFromEm = invert(registerPoints(em, probe, pairs.to, pairs.from).edge);
      seen.forEach((p, k) => {
        if (p === undefined) return;
        const { xyz } = apply(probeFromEm, p);
        const sum = sums[k] as number[];
        for (let i = 0; i < 3; i += 1) sum[i] = (sum[i] as number) + (xyz[i] as number);
        sum[3] = (sum[3] as number) + 1;
      });
    }
    known = sums.map(([x = 0, y = 0, z = 0, w = 0]) => (w > 0 ? point(probe, [x / w, y / w, z / w]) : undefined));
  }
  return known;
}

/** The whole chain. */
export function navigateCis(
  set: CisSet,
  options: { readonly distortion?: DistortionOptions; readonly pivot?: PivotOptions } = {},
): CisAnswer {
  const expected = expectedReadings(set);
  const groups = expected.flatMap((frameOf, k) => frameOf.map(() => k));
  const measured = set.calreadings.flatMap(({ c }) => points(emRaw, c));
  const correction = fitDistortion(em, emRaw, expected.flat(), measured, { groups, ...options.distortion });
  const corrected = (markers: Places): Seen => markers.map((p) => correction.correct(point(emRaw, p)).point);
  const pivotFrames = set.empivot.map(corrected);
  const markers = probeMarkers(pivotFrames);
  const poseOf = (seen: Seen): Transform<'em', 'probe'> => {
    const { to, from } = shared(seen, markers);
    return registerPoints(em, probe, to, from).edge;
  };
  const enough = pivotFrames.filter((f) => shared(f, markers).which.length >= LEAST_MARKERS);
  const pivot = calibratePivot({ to: em, from: probe, poses: enough.map((f) => ({ matrix: poseOf(f).matrix })) }, tip, {
    robust: 'none',
    ...options.pivot,
  });
  const touched = set.emFiducials.map((f) => apply(poseOf(corrected(f)), pivot.tip));
  const registration = registerPoints(ct, em, points(ct, set.ctFiducials), touched);
  const tips = set.emNav.map((f) => apply(registration.edge, apply(poseOf(corrected(f)), pivot.tip)));
  return { expected, correction, pivot, registration, tips };
}
