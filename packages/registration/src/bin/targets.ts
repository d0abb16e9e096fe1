import { type AffineTransform, apply, type Point } from '@trocar/core';
import type { ListedPoint } from '@trocar/core/io';
import type { ExpectedTre } from '../accuracy/expected-tre.js';
import type { Arguments } from './arguments.js';
import { FIXED, inFrame, MOVING } from './files.js';
import { mm, rows3, table } from './report.js';

/** What a registration is expected to do at the asked points. */
export interface TargetFacts {
  /** In the order of the targets. */
  readonly tre95Mm: readonly number[];
  readonly targets: readonly Record<string, unknown>[];
  readonly lines: readonly string[];
}

/**
 * Expected target registration error at every target, given in the fixed space, or with `--targets-in moving` in the moving
 * one, from which the result carries them.
 */
export function targetFacts(
  args: Arguments,
  points: readonly ListedPoint[],
  edge: AffineTransform<'fixed', 'moving'>,
  expected: (target: Point<'fixed'>) => ExpectedTre,
): TargetFacts {
  const inMoving = args.choice('targets-in', ['fixed', 'moving']) === 'moving';
  const rows = points.map((p) => {
    const at = inMoving ? apply(edge, inFrame(MOVING, p)) : inFrame(FIXED, p);
    return { label: p.label, at, tre: expected(at) };
  });
  const facts = rows.map(({ label, at, tre }) => ({
    label,
    atMm: Array.from(at.xyz),
    tre95Mm: tre.p95Mm,
    rmsMm: tre.rmsMm,
    covariance: rows3(tre.covariance),
  }));
  const cells = rows.map(({ label, at, tre }) => [
    label,
    ...Array.from(at.xyz, (x) => x.toFixed(2)),
    mm(tre.p95Mm),
    mm(tre.rmsMm),
  ]);
  const lines =
    rows.length === 0
      ? ['No targets were given: --targets FILE asks for the expected error there. FRE says nothing about it.']
      : ['Expected error at the targets, mm', ...table([['target', 'x', 'y', 'z', '95 % below', 'rms'], ...cells])];
  return { tre95Mm: rows.map(({ tre }) => tre.p95Mm), targets: facts, lines };
}
