import { NavError, type Point } from '@trocar/core';
import type { PointNoise } from '../points/noise.js';
import { registerPoints } from '../points/register-points.js';
import { registerAffine, registerSimilarity, type ScaledRegistration } from '../points/register-scaled.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { FIXED, inFrame, MOVING, pointsOf, requireOutFormat, type SideOfPoints, targetsOf, writeOut } from './files.js';
import { foundPairs, requireMatched } from './match-unknown.js';
import { type Pair, type Pairing, paired, weightsOf } from './pairing.js';
import { matrixLines, mm, type Note, number, type Report, rowsOf, table } from './report.js';
import { targetFacts } from './targets.js';

const text = { type: 'string' } as const;

export const POINTS_OPTIONS: OptionKinds = {
  fixed: text,
  moving: text,
  targets: text,
  'targets-in': text,
  match: text,
  model: text,
  robust: text,
  fle: text,
  'target-fle': text,
  weights: text,
  allow: text,
  seed: text,
  space: text,
  'fixed-space': text,
  'moving-space': text,
  'targets-space': text,
  'fixed-list': text,
  'moving-list': text,
  'targets-list': text,
  out: text,
  force: { type: 'boolean' },
};

/** `trocar-register points`. @throws NavError, UsageError */
export async function pointsCommand(args: Arguments): Promise<Report> {
  const how = args.choice('match', ['label', 'order', 'unknown']);
  const wanted = wantedOf(args, how);
  requireOutFormat(args);
  const { fixed, moving } = await sidesOf(args);
  const targets = await targetsOf(args);
  const sources = [...fixed.notes, ...moving.notes, ...targets.notes];
  const found = how === 'unknown' ? foundPairs(fixed.read.points, moving.read.points, wanted) : undefined;
  if (found !== undefined) requireMatched(found);
  const pairing =
    found === undefined
      ? paired(fixed.read, moving.read, how === 'unknown' ? undefined : how)
      : { ...found, matchedBy: 'distances' as const };
  const { pairs } = pairing;
  const { noise, notes } = noiseOf(args, pairs, wanted.fleMm);
  const result = fitted(wanted, pairs, noise);
  const outcome = found === undefined || found.match.outcome === 'ok' ? result.outcome : found.match.outcome;
  const { written, notes: more } = await writeOut(args, result.map, outcome === 'ok');
  const at = targetFacts(args, targets.points, result.map, (p: Point<'fixed'>) => result.expectedTre(p));
  return {
    outcome,
    findings: [...(found?.match.findings ?? []), ...result.findings],
    warnings: [...sources, ...pairing.notes, ...notes, ...more],
    facts: { ...factsOf(result, pairing), ...found?.facts, tre95Mm: at.tre95Mm, targets: at.targets, out: written },
    lines: [...(found?.lines ?? []), ...linesOf(result, pairing), '', ...at.lines, ...writtenLines(written)],
  };
}

/** What the three models have in common. */
interface PointsResult
  extends Omit<ScaledRegistration<'fixed', 'moving'>, 'stretches' | 'scale' | 'scaleSd' | 'degreesOfFreedom'> {
  readonly model: 'rigid' | 'similarity' | 'affine';
  /** What only this model knows. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** The options, looked at before any file is. */
interface Wanted {
  readonly model: 'rigid' | 'similarity' | 'affine';
  readonly robust: 'none' | 'tukey' | undefined;
  readonly seed: number | undefined;
  readonly fleMm: number | undefined;
  readonly targetFleMm: number | undefined;
  readonly allow: readonly ('scale' | 'half-turn')[] | undefined;
}

/** @throws UsageError */
function wantedOf(args: Arguments, how: 'label' | 'order' | 'unknown' | undefined): Wanted {
  const model = args.choice('model', ['rigid', 'similarity', 'affine']) ?? 'rigid';
  const robust = args.choice('robust', ['none', 'tukey']);
  if (model !== 'rigid' && robust === 'tukey') {
    throw new UsageError(`--robust tukey belongs to --model rigid: a ${model} fit takes every pair.`);
  }
  if (how === 'unknown' && (model !== 'rigid' || robust === 'tukey' || args.text('weights') !== undefined)) {
    throw new UsageError(
      '--match unknown finds the pairs of a rigid registration itself: leave out --model, --robust and --weights.',
    );
  }
  return {
    model,
    robust,
    seed: args.number('seed', { whole: true }),
    fleMm: args.number('fle', { above: 0 }),
    targetFleMm: args.number('target-fle', { above: 0 }),
    allow: allowedOf(args),
  };
}

function fitted(wanted: Wanted, pairs: readonly Pair[], noise: PointNoise): PointsResult {
  const { model, robust, seed, targetFleMm, allow } = wanted;
  const to = pairs.map((pair) => inFrame(FIXED, pair.fixed));
  const from = pairs.map((pair) => inFrame(MOVING, pair.moving));
  const options = { ...noise, ...(targetFleMm !== undefined && { targetFleMm }) };
  if (model !== 'rigid') {
    const register = model === 'similarity' ? registerSimilarity : registerAffine;
    const result = register(FIXED, MOVING, to, from, options);
    return { ...result, model, own: { scale: result.scale, scaleSd: result.scaleSd, stretches: result.stretches } };
  }
  const result = registerPoints(FIXED, MOVING, to, from, {
    ...options,
    ...(robust !== undefined && { robust }),
    ...(seed !== undefined && { seed }),
    ...(allow !== undefined && { allow }),
  });
  const drop = result.dropSuggestion;
  return {
    ...result,
    map: result.edge,
    model,
    own: { dropSuggestion: drop === undefined ? null : { label: pairs[drop.index]?.label, pValue: drop.pValue } },
  };
}

/** A file that holds both lists may be named for both sides, or for the fixed one alone. */
async function sidesOf(args: Arguments): Promise<{ readonly fixed: SideOfPoints; readonly moving: SideOfPoints }> {
  const both = args.text('moving') === undefined || args.text('moving') === args.text('fixed');
  const listed = args.text('fixed-list') !== undefined || args.text('moving-list') !== undefined;
  args.required('fixed');
  if (!both) return { fixed: await pointsOf(args, 'fixed'), moving: await pointsOf(args, 'moving') };
  const fixed = await pointsOf(args, 'fixed', listed ? undefined : 1);
  const single = fixed.read.lists.length < 2;
  if (args.text('moving') !== undefined) {
    return { fixed, moving: await pointsOf(args, 'moving', listed || single ? undefined : 2) };
  }
  if (single) throw new UsageError('--moving is missing: the fixed file holds one list only.');
  return { fixed, moving: await pointsOf(args, 'fixed', 2) };
}

/** What is known of the noise: `--fle`, else the standard deviations or covariances of the files. */
function noiseOf(
  args: Arguments,
  pairs: readonly Pair[],
  fleMm: number | undefined,
): { readonly noise: PointNoise; readonly notes: readonly Note[] } {
  const weights = weightsOf(
    args,
    pairs.map((pair) => pair.label),
  );
  const own = { ...(weights !== undefined && { weights }) };
  const told = pairs.filter((pair) => [pair.fixed, pair.moving].some((p) => p.sdMm !== undefined || p.covariance !== undefined));
  if (fleMm !== undefined) {
    const notes =
      told.length > 0
        ? [{ code: 'spread-ignored', message: 'The standard deviations in the files were not used, because of --fle.' }]
        : [];
    return { noise: { ...own, fleMm }, notes };
  }
  if (told.length === 0) return { noise: own, notes: [] };
  const silent = pairs.find((pair) => !told.includes(pair));
  if (silent !== undefined) {
    throw new NavError(
      'registration/bad-weights',
      `"${silent.label}" has no standard deviation on either side, though others have. Give it one, or say --fle for all.`,
      { detail: { label: silent.label } },
    );
  }
  const turned = pairs.some((pair) => pair.fixed.covariance !== undefined || pair.moving.covariance !== undefined);
  if (turned) {
    const side = (name: 'fixed' | 'moving'): Float64Array[] => pairs.map((pair) => covarianceOf(pair[name]));
    return { noise: { ...own, covariances: { to: side('fixed'), from: side('moving') } }, notes: [] };
  }
  // A standard deviation is along each axis; FLE is the length of the error of both sides together.
  const lengths = pairs.map((pair) => Math.sqrt(3 * ((pair.fixed.sdMm ?? 0) ** 2 + (pair.moving.sdMm ?? 0) ** 2)));
  return { noise: { ...own, fleMm: lengths }, notes: [] };
}

function covarianceOf({ covariance, sdMm = 0 }: Pair['fixed']): Float64Array {
  return covariance ?? Float64Array.from([sdMm ** 2, 0, 0, 0, sdMm ** 2, 0, 0, 0, sdMm ** 2]);
}

function allowedOf(args: Arguments): ('scale' | 'half-turn')[] | undefined {
  return args
    .text('allow')
    ?.split(',')
    .map((word) => {
      if (word !== 'scale' && word !== 'half-turn') throw new UsageError(`--allow takes scale and half-turn, not "${word}".`);
      return word;
    });
}

function factsOf(result: PointsResult, { pairs, matchedBy }: Pairing): Record<string, unknown> {
  return {
    fixedFromMoving: rowsOf(result.map.matrix),
    model: result.model,
    matchedBy,
    pairs: pairs.length,
    inliers: result.residuals.filter((r) => r.inlier).length,
    freMm: result.freMm,
    fleMm: result.fleMm,
    residuals: result.residuals.map((r, k) => ({
      label: pairs[k]?.label ?? String(k + 1),
      movingLabel: pairs[k]?.moving.label,
      ...r,
    })),
    ...result.own,
    health: result.health ?? null,
  };
}

function linesOf(result: PointsResult, { pairs, matchedBy }: Pairing): string[] {
  const rows = result.residuals.map((r, k) => [
    pairs[k]?.label ?? '',
    mm(r.mm),
    mm(r.expectedMm),
    mm(r.leaveOneOutMm),
    mm(r.leaveOneOutExpectedMm),
    number(r.zScore, 1),
    r.inlier ? '' : 'left out',
  ]);
  return [
    `${pairs.length} pairs, matched by ${matchedBy}`,
    ...matrixLines(`fixed from moving (LPS, mm; ${result.model})`, result.map.matrix),
    `FRE ${mm(result.freMm)} mm: how well the points fit, not how accurate the result is`,
    `FLE ${mm(result.fleMm)} mm (rms length a pair, ${result.health === undefined ? 'estimated from the residuals' : 'as given'})`,
    '',
    'Residuals, mm',
    ...table([['point', 'residual', 'expected', 'by the others', 'expected', 'z', ''], ...rows]),
  ];
}

/** What was written, in words. */
export function writtenLines(written: { readonly path: string } | null): string[] {
  if (written === null) return [];
  return [
    '',
    `Written to ${written.path}, as ITK and 3D Slicer read it: the map from fixed to moving, the inverse of the above.`,
  ];
}
