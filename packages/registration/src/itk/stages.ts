import { NavError } from '@trocar/core';
import { spacingOf } from '@trocar/core/volume';
import { isLinear } from './elastix-transform.js';
import type { Picture } from './image.js';
import { bsplineStage, linearStage, type ParameterMap, parseParameterMap, runnable } from './parameters.js';

/** What a registration may change: position; position, scale and shear; or shape. */
export type RegistrationKind = 'rigid' | 'affine' | 'bspline';

/** One call of elastix. */
export interface Stage {
  readonly name: string;
  /** The parameter maps of the call, which elastix runs one after the other. */
  readonly parameters: readonly ParameterMap[];
  /** Voxels are averaged to about this spacing before the call, mm; 0 leaves them. */
  readonly spacingMm: number;
}

/** What says what to run. */
export interface PlanOptions {
  readonly kind: RegistrationKind;
  readonly parameters?: ReadonlyArray<string | ParameterMap>;
  readonly gridSpacingMm?: number;
}

const RIGID = ['EulerTransform', 'TranslationTransform'];

/**
 * The calls that make a registration: ours, one call a resolution, or the given parameters in a single call.
 * @throws NavError `registration/bad-parameters`
 */
export function stagesOf(options: PlanOptions, fixed: Picture): readonly Stage[] {
  const { kind, parameters } = options;
  if (!['rigid', 'affine', 'bspline'].includes(kind)) {
    throw new NavError('registration/bad-parameters', `"${kind}" is no kind of registration: choose rigid, affine or bspline.`);
  }
  if (parameters !== undefined) return [givenStage(kind, parameters)];
  const spacing = spacingOf(fixed);
  const extent = Math.max(...fixed.size.map((n, a) => n * (spacing[a] as number)));
  // Voxels finer than 1/200 of the image add time, not accuracy.
  const finest = Math.max(Math.min(...spacing), extent / 200);
  const linear = (name: 'rigid' | 'affine'): Stage[] =>
    [4, 2, 1].map((f) => ({ name: `${name} ${f}`, parameters: [linearStage(name)], spacingMm: f * finest }));
  if (kind !== 'bspline')
    return kind === 'rigid' ? linear('rigid') : [...linear('rigid').slice(0, 2), ...linear('affine').slice(1)];
  const grid = options.gridSpacingMm ?? 60;
  if (!(grid > 0 && grid < Infinity)) throw new NavError('registration/bad-parameters', `A control grid of ${grid} mm is none.`);
  return [
    ...linear('rigid'),
    { name: 'bspline 2', parameters: [bsplineStage(2 * grid)], spacingMm: 2 * finest },
    { name: 'bspline 1', parameters: [bsplineStage(grid)], spacingMm: finest },
  ];
}

/** All given maps as ONE call, as elastix's command line makes it: only so is the answer the program's own. */
function givenStage(kind: RegistrationKind, parameters: ReadonlyArray<string | ParameterMap>): Stage {
  const maps = parameters.map((given) => (typeof given === 'string' ? parseParameterMap(given) : given));
  for (const map of maps) runnable(map);
  const name = maps.map((map, n) => `${n + 1} ${map['Transform']?.[0]}`).join(', ');
  const rigid = (map: ParameterMap): boolean => RIGID.includes(map['Transform']?.[0] ?? '');
  const fits = maps.length > 0 && (kind === 'bspline' ? !maps.every(isLinear) : maps.every(kind === 'rigid' ? rigid : isLinear));
  if (!fits) {
    throw new NavError('registration/bad-parameters', `The parameters (${name || 'none'}) do not make a ${kind} registration.`, {
      detail: { kind },
    });
  }
  return { name, parameters: maps, spacingMm: 0 };
}
