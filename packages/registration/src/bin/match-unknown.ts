import { NavError } from '@trocar/core';
import type { ListedPoint } from '@trocar/core/io';
import type { AllowedOddity } from '../points/consistency.js';
import { matchPoints, type PointMatch } from '../points/match-points.js';
import { FIXED, inFrame, MOVING } from './files.js';
import type { Pair } from './pairing.js';
import type { Note } from './report.js';

/** Without a known localisation error, distances are compared as if it were this, mm. */
const ASSUMED_FLE = 1;

/** Which points belong together, found by their distances. */
export interface FoundPairs {
  readonly match: PointMatch<'fixed', 'moving'>;
  readonly pairs: readonly Pair[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
  readonly notes: readonly Note[];
}

/**
 * Pairs points whose order is not known, with spurious and missing ones on either side.
 * @param fleMm as for registerPoints; absent: the standard deviations in the files, else 1 mm, which is said
 * @throws NavError as matchPoints
 */
export function foundPairs(
  fixed: readonly ListedPoint[],
  moving: readonly ListedPoint[],
  options: { readonly fleMm: number | undefined; readonly allow: readonly AllowedOddity[] | undefined },
): FoundPairs {
  const to = fixed.filter((p) => p.defined);
  const from = moving.filter((p) => p.defined);
  const told = options.fleMm ?? fleOf(to, from);
  const match = matchPoints(
    FIXED,
    MOVING,
    to.map((p) => inFrame(FIXED, p)),
    from.map((p) => inFrame(MOVING, p)),
    { fleMm: told ?? ASSUMED_FLE, ...(options.allow !== undefined && { allow: options.allow }) },
  );
  const named = (pairs: PointMatch<string, string>['pairs']): Pair[] =>
    pairs.map(([i, a]) => ({ label: to[i]?.label ?? '', fixed: to[i] as ListedPoint, moving: from[a] as ListedPoint }));
  const pairs = named(match.pairs);
  const unmatched = {
    fixed: match.unmatched.to.map((i) => to[i]?.label),
    moving: match.unmatched.from.map((a) => from[a]?.label),
  };
  const assumed = {
    code: 'fle-assumed',
    message: `No localisation error is known: distances were compared as if it were ${ASSUMED_FLE} mm. Say --fle.`,
  };
  return {
    match,
    pairs,
    facts: {
      correspondence: pairs.map((pair) => [pair.label, pair.moving.label]),
      unmatched,
      rivals: match.rivals.map((rival) => ({
        correspondence: named(rival.pairs).map((pair) => [pair.label, pair.moving.label]),
        pValue: rival.pValue,
      })),
      searchComplete: match.search.complete,
    },
    lines: [
      `Matched by distances: ${pairs.map((pair) => `${pair.label}–${pair.moving.label}`).join(', ') || 'nothing'}`,
      `Without a partner: ${[...unmatched.fixed.map((l) => `${l} (fixed)`), ...unmatched.moving.map((l) => `${l} (moving)`)].join(', ') || 'none'}`,
      `Other correspondences that fit as well: ${match.rivals.length}`,
    ],
    notes: told === undefined ? [assumed] : [],
  };
}

/** The largest localisation error that the files state of a pair, mm; undefined where one side states none at all. */
function fleOf(to: readonly ListedPoint[], from: readonly ListedPoint[]): number | undefined {
  const largest = (points: readonly ListedPoint[]): number => Math.max(0, ...points.map((p) => p.sdMm ?? 0));
  const fle = Math.sqrt(3 * (largest(to) ** 2 + largest(from) ** 2));
  return fle > 0 ? fle : undefined;
}

/** @throws NavError `registration/no-match` where nothing was matched, so that nothing was registered either */
export function requireMatched({ match }: FoundPairs): void {
  if (match.registration !== undefined) return;
  const [first] = match.findings;
  throw new NavError('registration/no-match', first?.message ?? 'No points of the two sides match by their distances.', {
    detail: { findings: match.findings.map((f) => f.code), pairs: match.pairs.length },
  });
}
