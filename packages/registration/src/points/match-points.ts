import { type Frame, NavError, type Point } from '@trocar/core';
import type { Finding, ResultOutcome } from '../outcome.js';
import { coordinatesOf } from './checks.js';
import type { SearchEffort } from './clique.js';
import type { AllowedOddity } from './consistency.js';
import { type Candidate, correspondences, type Matching } from './correspondence.js';
import { type PointRegistration, registerPoints } from './register-points.js';

/** What {@link matchPoints} must and may be told. */
export interface PointMatchOptions {
  /**
   * Known localisation error, mm: the rms LENGTH of one pair's error, both sides together, as for `registerPoints`. Required:
   * without it nothing says which distances agree.
   */
  readonly fleMm: number;
  /** Fewest matches to accept. Default 4, or 3 where one side has no more. */
  readonly minimum?: number;
  readonly targetFleMm?: number;
  /** As for `registerPoints`. */
  readonly allow?: readonly AllowedOddity[];
  readonly inputs?: string;
}

/**
 * What a person must look at before accepting a match.
 *
 * `rival`: another correspondence fits as well (symmetric layouts always have one); `chance`: so few matches among so many
 * points come about by chance; `mirrored`: more points match once one side is mirrored; `too-few-matches`;
 * `search-cut-short`: the search ended before everything was tried; `registration`: see the registration's own findings.
 */
export type MatchFinding = Finding<'rival' | 'chance' | 'mirrored' | 'too-few-matches' | 'search-cut-short' | 'registration'>;

/** One reading of which points belong together. */
export interface Correspondence {
  /** Index of a `to` point and of its `from` point, by `to` index. */
  readonly pairs: readonly (readonly [number, number])[];
  /** Of the rigid fit of these pairs, with 3N − 6 degrees of freedom. */
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
}

/** Points matched and registered. */
export interface PointMatch<To extends string, From extends string> extends Correspondence {
  /** `ambiguous` where a rival or chance explains the points as well, or may do so beyond the search's bound, `failed` where too few match or the fit is poor. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly MatchFinding[];
  /** Of the matched pairs, in the order of `pairs`; absent where too few match, or more once mirrored. */
  readonly registration: PointRegistration<To, From> | undefined;
  /** Other correspondences that fit, most likely first; at most 8. */
  readonly rivals: readonly Correspondence[];
  /** Points with no counterpart: spurious, or missing on the other side. */
  readonly unmatched: { readonly to: readonly number[]; readonly from: readonly number[] };
  readonly search: SearchEffort;
}

/** Points a side may have: above, the compatibility graph grows beyond memory and sense. */
const MOST_POINTS = 64;

/**
 * Registers points whose order is not known, with spurious and missing ones on either side: the largest set of
 * correspondences whose pair distances all agree (a maximum clique) and whose rigid fit passes a χ² test, and the best
 * different ones beside it.
 *
 * Layouts with a symmetry have several equal answers and are `ambiguous`, never silently one of them. Mirrored copies
 * do not match. Exact unless `search.complete` is false, which is a finding; it never runs for more than a few seconds.
 *
 * @throws NavError `registration/too-few-points` (fewer than 3 on a side), `registration/too-large` (more than 64 on one),
 * `registration/not-finite`, `registration/bad-option`, `registration/units`, `frame/mismatch`, and for the matched pairs
 * what `registerPoints` refuses
 */
export function matchPoints<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: PointMatchOptions,
): PointMatch<To, From> {
  requireCounts(toPoints.length, fromPoints.length);
  requireOptions(options);
  const sides = { to: coordinatesOf('to', to, toPoints), from: coordinatesOf('from', from, fromPoints) };
  const usual = Math.min(4, toPoints.length, fromPoints.length);
  const matching = correspondences(sides.to, sides.from, options.fleMm, options.minimum ?? usual);
  const { best, mirrored } = matching;
  const registration =
    best === undefined || mirrored !== undefined
      ? undefined
      : registerPoints(
          to,
          from,
          best.pairs.map(([i]) => toPoints[i] as Point<To>),
          best.pairs.map(([, a]) => fromPoints[a] as Point<From>),
          {
            fleMm: options.fleMm,
            ...(options.targetFleMm !== undefined && { targetFleMm: options.targetFleMm }),
            ...(options.allow && { allow: options.allow }),
            ...(options.inputs !== undefined && { inputs: options.inputs }),
          },
        );
  const findings = findingsOf(matching, registration);
  return {
    outcome: outcomeOf(findings),
    findings,
    ...publicly(best),
    registration,
    rivals: matching.rivals.map(publicly),
    unmatched: {
      to: rest(
        toPoints.length,
        best?.pairs.map(([i]) => i),
      ),
      from: rest(
        fromPoints.length,
        best?.pairs.map(([, a]) => a),
      ),
    },
    search: matching.effort,
  };
}

function requireCounts(to: number, from: number): void {
  if (Math.min(to, from) < 3) {
    throw new NavError(
      'registration/too-few-points',
      `Matching needs at least 3 points on either side, and has ${to} and ${from}. Localise more; 5 or more are advisable.`,
      { detail: { to, from } },
    );
  }
  if (Math.max(to, from) > MOST_POINTS) {
    throw new NavError(
      'registration/too-large',
      `Matching takes up to ${MOST_POINTS} points a side, and has ${to} and ${from}. Leave out points that cannot be fiducials; register ` +
        'clouds of points as surfaces.',
      { detail: { to, from, most: MOST_POINTS } },
    );
  }
}

function requireOptions({ fleMm, minimum }: PointMatchOptions): void {
  if (!(Number.isFinite(fleMm) && fleMm > 0)) {
    throw new NavError('registration/bad-option', `fleMm must be a positive number of millimetres, got ${fleMm}.`);
  }
  if (minimum !== undefined && !(Number.isInteger(minimum) && minimum >= 3)) {
    throw new NavError('registration/bad-option', `minimum must be a whole number from 3, got ${minimum}.`);
  }
}

function publicly(candidate: Candidate | undefined): Correspondence {
  if (candidate === undefined) return { pairs: [], chiSquare: Number.NaN, degreesOfFreedom: 0, pValue: Number.NaN };
  const { pairs, chiSquare, degreesOfFreedom, pValue } = candidate;
  return { pairs, chiSquare, degreesOfFreedom, pValue };
}

function rest(n: number, taken: readonly number[] = []): number[] {
  return Array.from({ length: n }, (_, k) => k).filter((k) => !taken.includes(k));
}

function outcomeOf(findings: readonly MatchFinding[]): ResultOutcome {
  if (findings.length === 0) return 'ok';
  const failed = ['mirrored', 'too-few-matches', 'registration'];
  return findings.some((f) => failed.includes(f.code)) ? 'failed' : 'ambiguous';
}

function findingsOf(
  matching: Matching,
  registration: Pick<PointRegistration<string, string>, 'outcome' | 'findings'> | undefined,
): MatchFinding[] {
  const { best, rivals, chance, effort, minimum, largest, mirrored } = matching;
  const findings: MatchFinding[] = [];
  if (!effort.complete) {
    findings.push({
      code: 'search-cut-short',
      message: `The search ended after ${effort.nodes} branches: too many distances agree. State a smaller localisation error, or leave points out.`,
    });
  }
  if (mirrored !== undefined) {
    findings.push({
      code: 'mirrored',
      message:
        `${mirrored} points match once one side is mirrored, but only ${largest} as given. Check for a flipped axis or left and right ` +
        'exchanged.',
    });
  }
  if (best === undefined) {
    findings.push({
      code: 'too-few-matches',
      message:
        `Only ${largest} points of the two sides fit together, and ${minimum} are needed. Check the stated localisation error, and that both ` +
        'sides show the same fiducials.',
    });
    return findings;
  }
  const rival = rivals.find((r) => r.asLikely);
  if (rival !== undefined) {
    findings.push({
      code: 'rival',
      message:
        `Another correspondence of ${rival.pairs.length} points fits about as well (χ² ${rival.chiSquare.toFixed(1)} against ` +
        `${best.chiSquare.toFixed(1)}). Tell by hand which points belong together, or add a point that breaks the symmetry.`,
    });
  }
  if (chance > 0.01) {
    findings.push({
      code: 'chance',
      message: `${best.pairs.length} matches among so many points are to be expected by chance (about ${chance.toPrecision(2)} times). Localise more points that both sides show.`,
    });
  }
  if (registration?.outcome === 'failed') {
    findings.push({ code: 'registration', message: registration.findings.map((f) => f.message).join(' ') });
  }
  return findings;
}
