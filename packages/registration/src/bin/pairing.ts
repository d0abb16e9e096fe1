import { NavError } from '@trocar/core';
import type { ListedPoint, ReadPoints } from '@trocar/core/io';
import type { Arguments } from './arguments.js';
import { UsageError } from './arguments.js';
import type { Note } from './report.js';

/** A fixed point and the moving one that belongs to it. */
export interface Pair {
  readonly label: string;
  readonly fixed: ListedPoint;
  readonly moving: ListedPoint;
}

/** How points were paired. */
export interface Pairing {
  readonly pairs: readonly Pair[];
  readonly matchedBy: 'label' | 'order' | 'distances';
  readonly notes: readonly Note[];
}

/** Fewer common labels than this do not show that labels are meant. */
const COMMON = 3;

/**
 * Pairs two lists: by label where both have labels of their own and share at least three, else by order where they are equally
 * long; or as `how` says. Points without a partner, and those never placed, are left out and named.
 * @throws NavError `registration/no-match`, `registration/count-mismatch`
 */
export function paired(fixed: ReadPoints, moving: ReadPoints, how: 'label' | 'order' | undefined): Pairing {
  const byLabel = how === 'label' || (how === undefined && sharesLabels(fixed, moving));
  const all = byLabel ? pairedByLabel(fixed.points, moving.points) : pairedByOrder(fixed.points, moving.points);
  const pairs = all.filter((pair) => pair.fixed.defined && pair.moving.defined);
  const notes: Note[] = [];
  const alone = byLabel ? [...without(fixed.points, all, 'fixed'), ...without(moving.points, all, 'moving')] : [];
  if (alone.length > 0)
    notes.push({ code: 'unpaired', message: `Left out, because only one side has them: ${alone.join(', ')}.` });
  if (pairs.length < all.length) {
    const gone = all.filter((pair) => !pairs.includes(pair)).map((pair) => `"${pair.label}"`);
    notes.push({ code: 'not-placed', message: `Left out, because one side was never placed: ${gone.join(', ')}.` });
  }
  if (!byLabel && fixed.labelled && moving.labelled && how === undefined) {
    notes.push({
      code: 'paired-by-order',
      message:
        'The labels of the two sides do not match, so the points were paired in the order of the files (--match order says so).',
    });
  }
  return { pairs, matchedBy: byLabel ? 'label' : 'order', notes };
}

/** @throws NavError `registration/no-match` where it is not clear */
function sharesLabels(fixed: ReadPoints, moving: ReadPoints): boolean {
  if (!fixed.labelled || !moving.labelled) return false;
  const labels = new Set(fixed.points.map((p) => p.label));
  const shared = moving.points.filter((p) => labels.has(p.label)).length;
  if (shared >= COMMON || shared === Math.min(fixed.points.length, moving.points.length)) return true;
  if (shared === 0) return false;
  throw new NavError(
    'registration/no-match',
    `The two sides have only ${shared} of their labels in common: it is not clear whether labels pair them. Say --match label or --match order.`,
    { detail: { shared } },
  );
}

function pairedByLabel(fixed: readonly ListedPoint[], moving: readonly ListedPoint[]): Pair[] {
  requireUnique(fixed, 'fixed');
  requireUnique(moving, 'moving');
  const others = new Map(moving.map((p) => [p.label, p]));
  const pairs = fixed.flatMap((p): Pair[] => {
    const other = others.get(p.label);
    return other === undefined ? [] : [{ label: p.label, fixed: p, moving: other }];
  });
  if (pairs.length > 0) return pairs;
  throw new NavError(
    'registration/no-match',
    'The two sides have no label in common. Rename the points, or pair them with --match order.',
    {
      detail: { fixed: fixed.map((p) => p.label).slice(0, 20), moving: moving.map((p) => p.label).slice(0, 20) },
    },
  );
}

function requireUnique(points: readonly ListedPoint[], side: string): void {
  const seen = new Set<string>();
  const twice = points.find(({ label }) => {
    const before = seen.has(label);
    seen.add(label);
    return before;
  });
  if (twice === undefined) return;
  throw new NavError(
    'registration/no-match',
    `The label "${twice.label}" stands twice among the ${side} points, so labels cannot pair them. Rename one, or use --match order.`,
    { detail: { side, label: twice.label } },
  );
}

function pairedByOrder(fixed: readonly ListedPoint[], moving: readonly ListedPoint[]): Pair[] {
  if (fixed.length !== moving.length) {
    throw new NavError(
      'registration/count-mismatch',
      `There are ${fixed.length} fixed points but ${moving.length} moving ones, and no labels that pair them. Give both the same ` +
        'labels, or let them be matched by their distances (--match unknown).',
      { detail: { fixed: fixed.length, moving: moving.length } },
    );
  }
  return fixed.map((p, k) => ({ label: p.label, fixed: p, moving: moving[k] as ListedPoint }));
}

function without(points: readonly ListedPoint[], pairs: readonly Pair[], side: 'fixed' | 'moving'): string[] {
  const used = new Set(pairs.map((pair) => pair[side]));
  return points.filter((p) => !used.has(p)).map((p) => `"${p.label}" (${side})`);
}

/**
 * `--weights`: a number for each pair in their order (`1,1,0.5`), or for some of them by label (`F-3=0,F-4=0.5`, all others 1).
 * @throws UsageError
 */
export function weightsOf(args: Arguments, labels: readonly string[]): number[] | undefined {
  const text = args.text('weights');
  if (text === undefined) return undefined;
  const parts = text.split(',').map((part) => part.trim());
  const values = labels.map(() => 1);
  const named = parts.some((part) => part.includes('='));
  if (!named && parts.length !== labels.length) {
    throw new UsageError(
      `--weights has ${parts.length} numbers for ${labels.length} pairs; give one for each, or LABEL=NUMBER for some.`,
    );
  }
  for (const [k, part] of parts.entries()) {
    const cut = part.lastIndexOf('=');
    const at = named ? labels.indexOf(part.slice(0, Math.max(0, cut))) : k;
    if (at < 0) throw new UsageError(`--weights names "${part.slice(0, Math.max(0, cut))}", which is no label of a pair.`);
    const value = Number(part.slice(cut + 1));
    if (part.slice(cut + 1) === '' || !(value >= 0 && Number.isFinite(value)))
      throw new UsageError(`--weights has "${part}", which is no weight.`);
    values[at] = value;
  }
  return values;
}
