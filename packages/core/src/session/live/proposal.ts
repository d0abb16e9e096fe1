import { NavError } from '../../base/index.js';
import type { Clock } from '../../time/index.js';
import type { AuditDraft } from '../audit.js';
import { ByteReader, ByteWriter, badValue, malformed, textFault } from './bytes.js';
import { type Drawn, LONGEST_NAME, LONGEST_SENTENCE, readDrawn, writeDrawn } from './facts.js';
import { readPoint, writePoint } from './quantised.js';
import type { LiveAnnotation, LiveVerdict, ProposalKind, Triple } from './state.js';

/** What an observer proposes. */
export interface Proposal extends Drawn {
  /** 16 small hexadecimal digits that the observer draws at random: a repetition is found out by it. */
  readonly id: string;
}

/** Where an observer points, in a frame of reference, LPS mm. */
export interface RemotePointer {
  readonly frameOfReferenceUid: string;
  readonly at: Triple;
}

/** What an observer may send. */
export type ObserverNote =
  | { readonly what: 'proposal'; readonly proposal: Proposal }
  | { readonly what: 'pointer'; readonly pointer: RemotePointer };

const NOTE_VERSION = 1;
const WHAT = { proposal: 0, pointer: 1 } as const;
/** The longest note, bytes: 64 points of up to 15 bytes, and the texts. */
const LONGEST_NOTE = 2048;

/** How many points each kind has: at least and at most. A plan is entry and target. */
const POINTS: Readonly<Record<ProposalKind, readonly [number, number]>> = {
  point: [1, 1],
  line: [2, 64],
  target: [1, 1],
  plan: [2, 2],
  text: [0, 1],
};

function proposalFault({ id, kind, points, text, frameOfReferenceUid }: Proposal): string | undefined {
  const [least, most] = POINTS[kind];
  if (!/^[0-9a-f]{16}$/.test(id)) return 'its id is not 16 small hexadecimal digits';
  if (points.length < least || points.length > most) return `a ${kind} has ${least} to ${most} points, this one ${points.length}`;
  if (points.length > 0 && frameOfReferenceUid === '') return 'its points are in no frame of reference';
  return kind === 'text' && text === '' ? 'it says nothing' : undefined;
}

/** A note as it is sent. @throws NavError `live/bad-value` */
export function encodeNote(note: ObserverNote): Uint8Array {
  const to = new ByteWriter();
  to.u8(NOTE_VERSION * 16 + WHAT[note.what]);
  if (note.what === 'pointer') {
    to.text(note.pointer.frameOfReferenceUid, LONGEST_NAME, 'a frame of reference');
    writePoint(to, note.pointer.at, 'the pointer');
  } else {
    const fault = proposalFault(note.proposal);
    if (fault !== undefined) throw badValue(`the proposal is none: ${fault}`);
    to.text(note.proposal.id, LONGEST_NAME, 'an id');
    writeDrawn(to, note.proposal);
  }
  return to.take();
}

/** @throws NavError `live/malformed` */
export function decodeNote(bytes: Uint8Array): ObserverNote {
  if (bytes.length > LONGEST_NOTE) throw malformed(`${bytes.length} bytes where a note has at most ${LONGEST_NOTE}`);
  const from = new ByteReader(bytes);
  const first = from.u8();
  if (first >> 4 !== NOTE_VERSION) throw malformed(`version ${first >> 4} of an observer's note`);
  if ((first & 15) === WHAT.pointer) {
    const pointer = { frameOfReferenceUid: from.text(LONGEST_NAME), at: readPoint(from) };
    from.end();
    return { what: 'pointer', pointer };
  }
  if ((first & 15) !== WHAT.proposal) throw malformed(`a note of kind ${first & 15}`);
  const proposal: Proposal = { id: from.text(LONGEST_NAME), ...readDrawn(from) };
  from.end();
  const fault = proposalFault(proposal);
  if (fault !== undefined) throw malformed(`a proposal that is none: ${fault}`);
  return { what: 'proposal', proposal };
}

/** A proposal that waits for the operator. */
export interface OpenProposal {
  readonly proposal: Proposal;
  /** Who made it, as the relay knows them by their token: never what they call themselves. */
  readonly by: string;
  readonly atMs: number;
}

/** How a desk is kept. */
export interface ProposalDeskOptions {
  readonly clock: Clock;
  /** Frames of reference that points may be in: those of the images that are shown. Asked at every proposal. */
  readonly framesOfReference: () => readonly string[];
  /** Told of every proposal, acceptance and refusal, for the audit log: `session.record` or the like. */
  readonly audit: (draft: AuditDraft) => void;
  /** Proposals that wait, of one person and of all. Default 5 and 50. */
  readonly mostEach?: number;
  readonly mostOpen?: number;
  /** Annotations that stand. Default 100. */
  readonly mostAnnotations?: number;
}

/** Who is turned away again and again does not fill the audit log: one line of each person in this time, ms. */
const TURNED_AWAY_EVERY_MS = 10_000;
/** Verdicts are told for so long: the last of them. */
const VERDICTS_KEPT = 16;

/**
 * The operator's desk: proposals come in, and become part of the state only where the operator accepts them. Who proposed and who decided is
 * in the audit log. Put {@link annotations} and {@link verdicts} into the state that is published.
 */
export class ProposalDesk {
  readonly #options: Required<ProposalDeskOptions>;
  readonly #open = new Map<string, OpenProposal>();
  readonly #seen = new Set<string>();
  /** Of each person: when one was last turned away, and how many since that are not in the log. */
  readonly #turned = new Map<string, { readonly at: number; readonly more: number }>();
  #annotations: readonly LiveAnnotation[] = [];
  #verdicts: readonly LiveVerdict[] = [];

  constructor(options: ProposalDeskOptions) {
    this.#options = { mostEach: 5, mostOpen: 50, mostAnnotations: 100, ...options };
  }

  /** Those that wait, the oldest first. */
  get open(): readonly OpenProposal[] {
    return [...this.#open.values()];
  }

  get annotations(): readonly LiveAnnotation[] {
    return this.#annotations;
  }

  get verdicts(): readonly LiveVerdict[] {
    return this.#verdicts;
  }

  /**
   * Takes a proposal in. One that came before is not taken twice.
   * @throws NavError `live/refused` for a frame of reference that is not shown, or too many that wait: its sender is told by a verdict
   */
  propose(proposal: Proposal, by: string): void {
    const { id, frameOfReferenceUid } = proposal;
    if (this.#seen.has(id)) return;
    const known = proposal.points.length === 0 || this.#options.framesOfReference().includes(frameOfReferenceUid);
    const each = this.open.filter((one) => one.by === by).length;
    if (!known) throw this.#turnedAway(id, by, 'its points are in a frame of reference that is not shown');
    if (each >= this.#options.mostEach || this.#open.size >= this.#options.mostOpen) {
      throw this.#turnedAway(id, by, 'too many proposals wait for the operator');
    }
    this.#seen.add(id);
    const atMs = this.#options.clock.now();
    this.#open.set(id, { proposal, by, atMs });
    this.#audit(by, 'live/proposed', {
      id,
      kind: proposal.kind,
      frameOfReferenceUid,
      points: proposal.points.map((at) => [...at]),
      text: proposal.text,
    });
  }

  /** The operator accepts. @throws NavError `live/refused` where there is none of this id, or too many annotations stand */
  accept(id: string, operator: string): LiveAnnotation {
    const { proposal, by } = this.#require(id, operator);
    if (this.#annotations.length >= this.#options.mostAnnotations) {
      throw refused(`${this.#annotations.length} annotations stand: take some away before accepting more`);
    }
    const { kind, frameOfReferenceUid, points, text } = proposal;
    const annotation: LiveAnnotation = { id, by, kind, frameOfReferenceUid, points, text };
    this.#open.delete(id);
    this.#annotations = [...this.#annotations, annotation];
    this.#tell({ id, accepted: true, reason: '' });
    this.#audit(operator, 'live/accepted', { id, kind, by });
    return annotation;
  }

  /** The operator refuses. @param reason told to who proposed @throws NavError `live/refused`, `live/bad-value` */
  reject(id: string, operator: string, reason = ''): void {
    const { by, proposal } = this.#require(id, operator);
    const fault = textFault(reason, LONGEST_SENTENCE);
    if (fault !== undefined) throw badValue(`the reason of a refusal is no text: ${fault}`);
    this.#open.delete(id);
    this.#tell({ id, accepted: false, reason });
    this.#audit(operator, 'live/rejected', { id, kind: proposal.kind, by, reason });
  }

  /** The operator takes an accepted annotation away. @throws NavError `live/refused` where there is none */
  remove(id: string, operator: string): void {
    const rest = this.#annotations.filter((one) => one.id !== id);
    if (rest.length === this.#annotations.length) throw refused(`there is no annotation "${id}"`);
    if (operator === '') throw refused('nobody is named who decides');
    this.#annotations = rest;
    this.#audit(operator, 'live/removed', { id });
  }

  #require(id: string, operator: string): OpenProposal {
    const open = this.#open.get(id);
    if (open === undefined) throw refused(`no proposal "${id}" waits`);
    if (operator === '') throw refused('nobody is named who decides');
    return open;
  }

  #turnedAway(id: string, by: string, why: string): NavError {
    this.#tell({ id, accepted: false, reason: why });
    const now = this.#options.clock.now();
    const { at = Number.NEGATIVE_INFINITY, more = 0 } = this.#turned.get(by) ?? {};
    if (now - at < TURNED_AWAY_EVERY_MS) {
      this.#turned.set(by, { at, more: more + 1 });
    } else {
      this.#turned.set(by, { at: now, more: 0 });
      this.#audit(by, 'live/turned-away', { id, why, notWrittenBefore: more });
    }
    return refused(why);
  }

  #tell(verdict: LiveVerdict): void {
    this.#verdicts = [...this.#verdicts.filter((one) => one.id !== verdict.id), verdict].slice(-VERDICTS_KEPT);
  }

  #audit(actor: string, action: string, payload: AuditDraft['payload']): void {
    const { clock } = this.#options;
    const at = clock.now();
    this.#options.audit({ utc: clock.utc(at).toISOString(), at, actor, action, payload });
  }
}

function refused(why: string): NavError {
  return new NavError('live/refused', `The proposal is not taken: ${why}.`);
}
