import { isNavError, NavError, type Point } from '@trocar/core';
import { readMesh, readVolume, type Space } from '@trocar/core/io';
import { isosurface, type Mesh, resampleStraight, SHEAR_LIMIT_DEGREES, shearDegrees } from '@trocar/core/volume';
import { prepareSurface } from '../surface/prepare-surface.js';
import { registerSurface, type SurfaceRegistration } from '../surface/register-surface.js';
import type { Arguments, OptionKinds } from './arguments.js';
import {
  FIXED,
  inFrame,
  initialOf,
  MOVING,
  pointsOf,
  requireOutFormat,
  type SideOfPoints,
  targetsOf,
  writeOut,
} from './files.js';
import { writtenLines } from './points-command.js';
import { matrixLines, mm, type Note, number, type Report, rowsOf, table } from './report.js';
import { targetFacts } from './targets.js';

const text = { type: 'string' } as const;

export const SURFACE_OPTIONS: OptionKinds = {
  fixed: text,
  level: text,
  inside: text,
  moving: text,
  initial: text,
  search: { type: 'boolean' },
  method: text,
  sigma: text,
  'max-sigma': text,
  targets: text,
  'targets-in': text,
  'target-fle': text,
  seed: text,
  allow: text,
  space: text,
  'fixed-space': text,
  'moving-space': text,
  'targets-space': text,
  'moving-list': text,
  'targets-list': text,
  out: text,
  force: { type: 'boolean' },
};

/** `trocar-register surface`. @throws NavError, UsageError */
export async function surfaceCommand(args: Arguments): Promise<Report> {
  const numbers = {
    sdMm: args.number('sigma', { above: 0 }),
    maxSigmaMm: args.number('max-sigma', { above: 0 }),
    targetFleMm: args.number('target-fle', { above: 0 }),
    seed: args.number('seed', { whole: true }),
    method: args.choice('method', ['point-to-plane', 'symmetric']),
  };
  const allow = args.choice('allow', ['half-turn']);
  requireOutFormat(args);
  args.required('moving');
  const surface = await surfaceOf(args);
  const cloud = await pointsOf(args, 'moving');
  const targets = await targetsOf(args);
  const start = await initialOf(args);
  const points = cloud.read.points.filter((p) => p.defined);
  const sdMm = numbers.sdMm ?? spreadOf(cloud);
  const result = registerSurface(
    FIXED,
    MOVING,
    prepareSurface(surface.mesh),
    points.map((p) => inFrame(MOVING, p)),
    {
      ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
      ...(sdMm !== undefined && { sdMm }),
      ...(start !== undefined && { start }),
      search: args.flag('search'),
      ...(allow !== undefined && { allow: [allow] }),
    },
  );
  const { written, notes } = await writeOut(args, result.edge, result.outcome === 'ok');
  const at = targetFacts(args, targets.points, result.edge, (p: Point<'fixed'>) => result.expectedTre(p));
  const labels = points.map((p) => p.label);
  return {
    outcome: result.outcome,
    findings: result.findings,
    warnings: [...surface.notes, ...cloud.notes, ...targets.notes, ...notes],
    facts: { ...factsOf(result, surface, labels), tre95Mm: at.tre95Mm, targets: at.targets, out: written },
    lines: [...linesOf(result, surface, labels), '', ...at.lines, ...writtenLines(written)],
  };
}

interface FixedSurface {
  readonly mesh: Mesh<'fixed'>;
  readonly format: string;
  readonly notes: readonly Note[];
}

/** A mesh; or a volume's surface at `--level`. */
async function surfaceOf(args: Arguments): Promise<FixedSurface> {
  const path = args.required('fixed');
  const level = args.number('level');
  if (level !== undefined) return surfaceOfVolume(args, path, level);
  const space: Space | undefined = args.choice('fixed-space', ['LPS', 'RAS']) ?? args.choice('space', ['LPS', 'RAS']);
  try {
    const { mesh, format, warnings } = await readMesh(path, FIXED, { ...(space !== undefined && { space }) });
    args.notes.push(...warnings);
    return { mesh, format, notes: warnings };
  } catch (error) {
    if (!isNavError(error, 'mesh/unsupported') && !(isNavError(error, 'io/not-found') && error.message.includes('folder')))
      throw error;
    throw new NavError(error.code, `${error.message} Of a volume, the surface at a level is taken: add --level HU.`, {
      detail: error.detail,
      cause: error,
    });
  }
}

async function surfaceOfVolume(args: Arguments, path: string, level: number): Promise<FixedSurface> {
  const read = await readVolume(path, { frame: FIXED });
  const notes: Note[] = [...read.warnings];
  const straight = shearDegrees(read) > SHEAR_LIMIT_DEGREES ? resampleStraight(read) : read;
  if (straight !== read)
    notes.push({ code: 'resampled', message: `"${path}" is sheared, and was resampled onto right angles for its surface.` });
  const inside = args.choice('inside', ['above', 'below']);
  const mesh = isosurface(straight, level, { outerOnly: true, largestOnly: true, ...(inside !== undefined && { inside }) });
  return { mesh, format: `volume at ${level}`, notes };
}

/** The cloud's own standard deviations, where all its points have one. */
function spreadOf({ read }: SideOfPoints): number[] | undefined {
  const points = read.points.filter((p) => p.defined);
  if (!points.some((p) => p.sdMm !== undefined)) return undefined;
  return points.map((p) => {
    if (p.sdMm !== undefined) return p.sdMm;
    throw new NavError(
      'registration/bad-weights',
      `"${p.label}" has no standard deviation, though other points have. Give it one, or say --sigma for all.`,
      {
        detail: { label: p.label },
      },
    );
  });
}

type Result = SurfaceRegistration<'fixed', 'moving'>;

function factsOf(result: Result, surface: FixedSurface, labels: readonly string[]): Record<string, unknown> {
  const { weakest, starts, scale } = result;
  return {
    fixedFromMoving: rowsOf(result.edge.matrix),
    surface: { format: surface.format, triangles: surface.mesh.triangles.length / 3 },
    points: labels.length,
    inliers: result.inliers,
    overlap: result.overlap,
    freMm: result.rmsMm,
    // σ is along one axis; FLE is the length of a point's error.
    fleMm: Math.sqrt(3) * result.sigmaMm,
    sigmaMm: result.sigmaMm,
    scale,
    weakest,
    starts,
    rivals: result.rivals.map(({ edge, ...rest }) => ({ fixedFromMoving: rowsOf(edge.matrix), ...rest })),
    residuals: result.residuals.map((r, k) => ({ label: labels[k], ...r })),
  };
}

/** The largest distances, for a person: a cloud has too many points to list. */
const SHOWN = 8;

function linesOf(result: Result, surface: FixedSurface, labels: readonly string[]): string[] {
  const order = result.residuals
    .map((_, k) => k)
    .sort((a, b) => Math.abs(result.residuals[b]?.mm ?? 0) - Math.abs(result.residuals[a]?.mm ?? 0));
  const rows = order
    .slice(0, SHOWN)
    .map((k) => [
      labels[k] ?? '',
      mm(result.residuals[k]?.mm ?? Number.NaN),
      result.residuals[k]?.inlier === true ? '' : 'left out',
    ]);
  const { weakest } = result;
  return [
    `${labels.length} points on ${surface.mesh.triangles.length / 3} triangles (${surface.format}); ${result.inliers} lie on the surface ` +
      `(${number(100 * result.overlap, 0)} %)`,
    ...matrixLines('fixed from moving (LPS, mm)', result.edge.matrix),
    `Distances ${mm(result.rmsMm)} mm rms, noise ${mm(result.sigmaMm)} mm along one axis: how well the points lie on it, not how accurate the result is`,
    `Held back least: a ${weakest.kind} along (${Array.from(weakest.axis, (x) => x.toFixed(2)).join(', ')}), ${mm(weakest.sdMm)} mm (sd)`,
    `${result.starts.agreeing} of ${result.starts.tried} starts led here; ${result.rivals.length} other poses were found`,
    '',
    'Largest distances, mm (negative: inside)',
    ...table([['point', 'distance', ''], ...rows]),
  ];
}
