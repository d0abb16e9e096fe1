import { NavError } from '../base/index.js';
import { type Frame, frame, type Provenance, point, requireSameFrame, type Transform, transform } from '../frames/index.js';
import {
  type PlanSet,
  planDifferences,
  planFromJson,
  planToJson,
  SIDES,
  type Side,
  type StraightPlan,
  straightPlan,
} from '../guidance/index.js';
import type { Volume } from '../volume/index.js';
import type { ExactValue } from './exact-json.js';
import { Fields } from './fields.js';

/**
 * How transforms, plans, images and views are kept: as the numbers that their constructors take, never as what follows from
 * those. Read again they go through the same constructors, so that nothing enters by a restore that could not be made.
 */

/** A rigid transform whose frames are known only at run time. */
export type AnyEdge = Transform<string, string>;

/** A transform as it is kept. */
export function keptEdge<To extends string, From extends string>(edge: Transform<To, From>): ExactValue {
  const { method, version, inputs, createdAt } = edge.provenance ?? {};
  return {
    to: edge.to.name,
    from: edge.from.name,
    matrix: Float64Array.from(edge.matrix),
    covariance: edge.covariance && Float64Array.from(edge.covariance),
    degreesOfFreedom: edge.degreesOfFreedom,
    provenance: edge.provenance && { method, version, inputs, createdAt },
  };
}

/** @throws NavError `session/unsupported`, and those of `transform` */
export function edgeFrom(value: ExactValue | undefined): AnyEdge {
  const f = new Fields(value, 'A kept transform');
  const covariance = f.optionalNumbers('covariance', 36);
  const degreesOfFreedom = f.optionalNumber('degreesOfFreedom');
  const provenance = provenanceFrom(f.get('provenance'));
  const edge = transform(frame(f.text('to')), frame(f.text('from')), f.numbers('matrix', 16), {
    ...(covariance && { covariance }),
    ...(degreesOfFreedom !== undefined && { degreesOfFreedom }),
    ...(provenance && { provenance }),
  });
  f.end();
  return edge;
}

function provenanceFrom(value: ExactValue | undefined): Provenance | undefined {
  if (value === undefined) return undefined;
  const f = new Fields(value, 'A kept provenance');
  const [version, inputs, createdAt] = ['version', 'inputs', 'createdAt'].map((key) => f.optionalText(key));
  const provenance = {
    method: f.text('method'),
    ...(version !== undefined && { version }),
    ...(inputs !== undefined && { inputs }),
    ...(createdAt !== undefined && { createdAt }),
  };
  f.end();
  return provenance;
}

/**
 * A kept transform with the frames that the program knows it by.
 * @throws NavError `frame/mismatch` where it is between others
 */
export function edgeBetween<To extends string, From extends string>(
  edge: AnyEdge,
  to: Frame<To>,
  from: Frame<From>,
): Transform<To, From> {
  requireSameFrame(to, edge.to, 'Using a kept transform');
  requireSameFrame(from, edge.from, 'Using a kept transform');
  return edge as unknown as Transform<To, From>;
}

/** A plan as it is kept: its axis and length follow again from entry and target. */
export function keptPlan<F extends string>(plan: StraightPlan<F>): ExactValue {
  return {
    frame: plan.frame.name,
    entry: Float64Array.from(plan.entry.xyz),
    target: Float64Array.from(plan.target.xyz),
    frameOfReferenceUid: plan.frameOfReferenceUid,
    maxTre95Mm: plan.maxTre95Mm,
  };
}

/** @throws NavError `session/unsupported`, `frame/mismatch`, and those of `straightPlan` */
export function planFrom<F extends string>(value: ExactValue | undefined, inFrame: Frame<F>): StraightPlan<F> {
  const f = new Fields(value, 'A kept plan');
  requireSameFrame(inFrame, frame(f.text('frame')), 'Using a kept plan');
  const frameOfReferenceUid = f.optionalText('frameOfReferenceUid');
  const maxTre95Mm = f.optionalNumber('maxTre95Mm');
  const plan = straightPlan({
    entry: point(inFrame, f.numbers('entry', 3)),
    target: point(inFrame, f.numbers('target', 3)),
    ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
    ...(maxTre95Mm !== undefined && { maxTre95Mm }),
  });
  f.end();
  return plan;
}

/** A plan of several ways, and the side that a person confirmed at the patient, as they are kept. */
export function keptPlanSet<F extends string>(plan: PlanSet<F>, side: Side): ExactValue {
  return { plan: planToJson(plan), side };
}

/**
 * The plan again. Images of another patient or another series refuse it, as they did when it was accepted.
 * @throws NavError `session/other-images`, `session/unsupported`, `frame/mismatch`, and those of `planFromJson`
 */
export function planSetFrom<F extends string>(value: ExactValue | undefined, image: SessionImage<F>): PlanSet<F> {
  const f = new Fields(value, 'A kept plan of several ways');
  const anywhere = planFromJson(f.text('plan'));
  const side = f.oneOf('side', SIDES);
  f.end();
  requireSameFrame(image.frame, anywhere.frame, 'Using a kept plan');
  const plan = anywhere as unknown as PlanSet<F>;
  const differences = planDifferences(plan, { ...image, side });
  if (differences.length === 0) return plan;
  throw new NavError(
    'session/other-images',
    `These are not the images of the accepted plan: ${differences.map((one) => one.message).join('; ')}. Load those it was made on.`,
    { detail: { differences: differences.map((one) => one.code) } },
  );
}

/** What a session needs to know of the images it is on. The patient is compared with a plan's and not kept by itself. */
export type SessionImage<F extends string> = Pick<
  Volume<F>,
  'frame' | 'frameOfReferenceUid' | 'patient' | 'series' | 'size' | 'frameFromIndex'
>;

/** The images as they are kept: enough to tell others apart, and nothing of the patient. */
export function keptImage<F extends string>(image: SessionImage<F>): ExactValue {
  return {
    frame: image.frame.name,
    frameOfReferenceUid: image.frameOfReferenceUid,
    seriesUid: image.series.seriesUid,
    size: [...image.size],
    frameFromIndex: Float64Array.from(image.frameFromIndex),
  };
}

/**
 * Refuses images that are not those of the session: another frame of reference, another series, or the same names on
 * another grid. One that does not name its frame of reference is refused too: unknown is not the same.
 * @throws NavError `session/other-images`
 */
export function requireSameImage<F extends string>(kept: ExactValue | undefined, image: SessionImage<F>): void {
  const f = new Fields(kept, 'The kept identity of the images');
  const uid = f.optionalText('frameOfReferenceUid');
  const size = f.numbers('size', 3);
  const matrix = f.numbers('frameFromIndex', 16);
  const same = {
    frame: f.text('frame') === image.frame.name,
    'frame of reference': uid !== undefined && uid === image.frameOfReferenceUid,
    series: f.optionalText('seriesUid') === image.series.seriesUid,
    size: size.every((n, i) => n === image.size[i]),
    'place of the voxels': matrix.every((v, i) => Object.is(v, image.frameFromIndex[i])),
  };
  f.end();
  const other = Object.entries(same).flatMap(([what, is]) => (is ? [] : [what]));
  if (other.length === 0) return;
  throw new NavError(
    'session/other-images',
    `These are not the images of the session: their ${other.join(', ')} ${other.length === 1 ? 'is' : 'are'} another. ` +
      'Load those it was begun on, or begin a new session: plan and registration hold for no others.',
    { detail: { other } },
  );
}

/** How one slice view looked: where it was, which way it lay, and its window. Orientation letters follow from the axes. */
export interface ViewState {
  /** Unit vectors of the image's frame (LPS), at right angles: to the right and to the top of the screen. */
  readonly right: readonly [number, number, number];
  readonly up: readonly [number, number, number];
  /** The point of the image's frame in the middle of the view, mm. */
  readonly centre: readonly [number, number, number];
  readonly mmPerPx: number;
  /** Rescaled units; HU for CT. */
  readonly window?: { readonly width: number; readonly level: number };
}

/** Rounding of axes that were turned many times; an axis further off is none. */
const AXIS_TOLERANCE = 1e-6;

/** @throws NavError `session/bad-value` for axes that are no screen, a view without a scale, or a window without a width */
export function viewFrom(value: ExactValue | undefined): ViewState {
  const f = new Fields(value, 'A kept view');
  const [right, up, centre] = ['right', 'up', 'centre'].map((key) => f.numbers(key, 3) as unknown as ViewState['right']);
  const view = { right, up, centre, mmPerPx: f.number('mmPerPx') } as ViewState;
  const window = f.get('window');
  f.end();
  const dot = (a: ViewState['right'], b: ViewState['right']): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const off = [dot(view.right, view.right) - 1, dot(view.up, view.up) - 1, dot(view.right, view.up)];
  const good = off.every((d) => Math.abs(d) <= AXIS_TOLERANCE) && view.centre.every(Number.isFinite);
  if (!good || !(view.mmPerPx > 0 && view.mmPerPx < Number.POSITIVE_INFINITY)) {
    throw new NavError('session/bad-value', 'A view needs two unit axes at right angles, a finite centre and mmPerPx above 0.');
  }
  if (window === undefined) return view;
  const w = new Fields(window, 'A kept window');
  const kept = { width: w.number('width'), level: w.number('level') };
  w.end();
  if (!(kept.width > 0 && Number.isFinite(kept.width) && Number.isFinite(kept.level))) {
    throw new NavError('session/bad-value', 'The window of a view needs a finite width above 0 and a finite level.');
  }
  return { ...view, window: kept };
}
