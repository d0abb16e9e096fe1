import { NavError } from '../base/index.js';
import type { InputIdentity } from './hash.js';
import type { ModelRuntime } from './model.js';

/** Something true of an analysis that whoever looks at it must know. */
export interface AnalysisWarning {
  readonly code:
    | 'unit-unknown'
    | 'spacing-outside-training'
    | 'values-implausible'
    | 'small-field'
    | 'not-finite'
    | 'backend-fallback'
    | 'errors-unknown'
    | 'much-uncertain';
  readonly message: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** How a proposal came to be: enough to make it again, and to find out later why it says what it says. */
export interface AnalysisProvenance {
  readonly model: { readonly name: string; readonly version: string; readonly sha256: string; readonly purpose: string };
  readonly runtime: ModelRuntime;
  readonly inputs: readonly InputIdentity[];
  /** The grid that the network saw: axes L, P, S. */
  readonly grid: {
    readonly orientation: 'LPS';
    readonly size: readonly [number, number, number];
    readonly frameFromIndex: readonly number[];
  };
  readonly options: Readonly<Record<string, number | string>>;
  /** UTC, ISO 8601, by the caller's clock; absent where it gave none. */
  readonly createdAt?: string;
}

/** What a computer found and no person has accepted. What acts on a result takes an {@link Accepted}, which this is not. */
export interface Proposal<T> {
  readonly status: 'proposed';
  readonly content: T;
  readonly provenance: AnalysisProvenance;
  readonly warnings: readonly AnalysisWarning[];
}

/** A proposal that a person has looked at and accepted, in part or whole. */
export interface Accepted<T> {
  readonly status: 'accepted';
  readonly content: T;
  readonly provenance: AnalysisProvenance;
  readonly warnings: readonly AnalysisWarning[];
  readonly acceptedBy: string;
  /** UTC, ISO 8601. */
  readonly acceptedAt: string;
  /** What the person changed or wished to say. */
  readonly note?: string;
}

/** Who accepts, when, and what was changed. */
export interface Acceptance<T> {
  /** Who: a name or a role with which the session is signed in; not empty. */
  readonly by: string;
  /** By the caller's clock. */
  readonly at: Date;
  /** What is accepted in place of the content: the person's correction of it. */
  readonly corrected?: T;
  readonly note?: string;
}

/**
 * A person's yes to a proposal. The proposal itself does not change.
 * @throws NavError `analysis/bad-option` where nobody accepts, or at no time
 */
export function acceptProposal<T>(proposal: Proposal<T>, { by, at, corrected, note }: Acceptance<T>): Accepted<T> {
  if (by.trim() === '' || Number.isNaN(at.getTime())) {
    throw new NavError('analysis/bad-option', 'A proposal is accepted by somebody at some time: give `by` and `at`.');
  }
  const { content, provenance, warnings } = proposal;
  return {
    status: 'accepted',
    content: corrected ?? content,
    provenance,
    warnings,
    acceptedBy: by,
    acceptedAt: at.toISOString(),
    ...(note !== undefined && { note }),
  };
}

/**
 * The content of what was accepted: for code that data reaches which was never compiled with it.
 * @throws NavError `analysis/not-accepted`
 */
export function requireAccepted<T>(given: Proposal<T> | Accepted<T>, doing: string): T {
  if (given.status !== 'accepted' || !given.acceptedBy) {
    throw new NavError(
      'analysis/not-accepted',
      `${doing} needs a result that a person has accepted; this one of "${given.provenance.model.name}" is only proposed. ` +
        'Show it, and pass it through acceptProposal().',
    );
  }
  return given.content;
}
