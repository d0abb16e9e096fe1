import { median } from '../../accuracy/robust.js';
import { at } from '../../points/rigid-fit.js';
import type { Dot } from './dots.js';
import type { ProbeFit } from './fit.js';
import { dotOf } from './linear.js';
import { misfitsOf, type WireModel } from './model.js';
import type { WireObservation } from './observations.js';

/** A spot is taken for a wire's dot within so many usual misfits of where the fit has the wire, and within so many mm. */
const NEAR = 4;
const MOST_MM = 2;
const LEAST_MM = 0.4;

/**
 * The dots of wires chosen anew among all spots of their images, now that a fit says where the wires are: of each image the nearest spot to each wire. What a single image cannot
 * tell, such as which of two spots on the line of an N-wire is its middle wire, all of them together can.
 * @returns the observations with the dots so chosen; undefined where none changes
 */
export function reassigned(model: WireModel, fit: ProbeFit): WireObservation[] | undefined {
  const count = model.phantom.patterns.length;
  const r = new Float64Array(6 * count);
  const usual = median(fit.sdMm.slice());
  const mostMm = Math.min(MOST_MM, Math.max(LEAST_MM, NEAR * usual));
  let changed = false;
  const observations = model.observations.map((observation, image) => {
    const { dots, spots } = observation;
    if (spots === undefined || !model.track.covers(image, fit.state.lagMs)) return observation;
    misfitsOf(r, model, fit.state, image);
    const chosen = chosenDots(model, fit, dots, r, spots, mostMm);
    if (chosen === undefined || chosen.every((x, n) => x === dots[n])) return observation;
    changed = true;
    return { ...observation, dots: chosen };
  });
  return changed ? observations : undefined;
}

/** Undefined where a wire has no spot near enough, or two wires the same one. */
function chosenDots(
  { phantom, labelling }: WireModel,
  { state }: ProbeFit,
  dots: Float64Array,
  misfits: Float64Array,
  spots: readonly Dot[],
  mostMm: number,
): Float64Array | undefined {
  const count = phantom.patterns.length;
  const chosen = new Float64Array(dots.length);
  const taken = new Set<Dot>();
  for (let k = 0; k < 3 * count; k += 1) {
    const index = dotOf(labelling, count, Math.floor(k / 3), k % 3);
    const x = state.columnMm * at(dots, index) + at(misfits, 2 * k);
    const y = state.rowMm * at(dots, index + 1) + at(misfits, 2 * k + 1);
    let best: Dot | undefined;
    let nearest = mostMm;
    for (const spot of spots) {
      const mm = Math.hypot(state.columnMm * spot.column - x, state.rowMm * spot.row - y);
      if (mm < nearest) [best, nearest] = [spot, mm];
    }
    if (best === undefined || taken.has(best)) return undefined;
    taken.add(best);
    chosen[index] = best.column;
    chosen[index + 1] = best.row;
  }
  return chosen;
}
