import { NavError } from '../base/index.js';
import type { Transform } from '../frames/index.js';
import { type PlanSet, requirePlanFor, type Side, type StraightPlan } from '../guidance/index.js';
import type { Clock } from '../time/index.js';
import { type AuditDraft, type AuditEntry, type AuditHead, headText, NO_LINES, sealLine, verifyAudit } from './audit.js';
import { type ExactValue, toExactJson } from './exact-json.js';
import { keptEdge, keptPlan, keptPlanSet, type SessionImage, type ViewState } from './kept.js';
import { acceptanceOf, type EventLevel, firstState, type RegistrationAccuracy, type SessionState, stateAfter } from './state.js';
import type { SessionStorage } from './storage.js';

/** What a session works with. */
export interface SessionParts<F extends string> {
  readonly storage: SessionStorage;
  readonly clock: Clock;
  readonly image: SessionImage<F>;
}

/** Where a session stands in its log. */
export interface SessionPlace<F extends string> {
  readonly head: AuditHead;
  /** Bytes of the journal. */
  readonly length: number;
  readonly state: SessionState<F>;
}

interface Waiting<F extends string> {
  readonly draft: AuditDraft;
  readonly resolve: (state: SessionState<F>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A procedure's accepted facts, written ahead: a promise of this class resolves once the line is in the storage for good,
 * and only then does {@link state} hold it. Draw as accepted what has resolved. Made by `beginSession` or `restoreSession`.
 *
 * Every method that accepts takes who does it. Each is refused with `session/write-failed` where it could not be kept (what
 * was before still holds), `session/in-use` where another program writes to the same storage, `session/closed`, or
 * `session/bad-value` for what cannot be kept.
 */
export class Session<F extends string> {
  readonly #parts: SessionParts<F>;
  #place: SessionPlace<F>;
  #queue: Waiting<F>[] = [];
  #pumping: Promise<void> | undefined;
  #broken: NavError | undefined;

  constructor(parts: SessionParts<F>, place: SessionPlace<F>) {
    this.#parts = parts;
    this.#place = place;
  }

  /** All that is accepted and kept. */
  get state(): SessionState<F> {
    return this.#place.state;
  }
  /** Where the log ends: print it, sign it, keep it elsewhere. */
  get head(): AuditHead {
    return this.#place.head;
  }

  /**
   * Accepts a plan on the session's images.
   * @throws NavError `guidance/wrong-frame-of-reference`, `frame/mismatch`
   */
  async acceptPlan(plan: StraightPlan<F>, by: string): Promise<SessionState<F>> {
    requirePlanFor(plan, this.#parts.image);
    return this.#write('plan/accepted', by, keptPlan(plan));
  }

  /**
   * Accepts a plan of several ways on the session's images, for the side that a person confirmed at the patient.
   * @throws NavError `guidance/wrong-patient`, `guidance/wrong-side`, `guidance/wrong-frame-of-reference`,
   *   `guidance/wrong-series`, `frame/mismatch`
   */
  async acceptPlanSet(plan: PlanSet<F>, side: Side, by: string): Promise<SessionState<F>> {
    requirePlanFor(plan, { ...this.#parts.image, side });
    return this.#write('plan-set/accepted', by, keptPlanSet(plan, side));
  }

  /**
   * Accepts the registration of the images to the patient.
   * @param edge between the images' frame and another, with its covariance and provenance
   * @throws NavError `frame/mismatch` where it does not touch the images' frame
   */
  async acceptRegistration<To extends string, From extends string>(
    edge: Transform<To, From>,
    accuracy: RegistrationAccuracy,
    by: string,
  ): Promise<SessionState<F>> {
    const image: string = this.#parts.image.frame.name;
    if (edge.to.name !== image && edge.from.name !== image) {
      throw new NavError(
        'frame/mismatch',
        `A registration joins "${image}" to the patient, and this one joins "${edge.to.name}" and "${edge.from.name}".`,
        { detail: { expected: image, to: edge.to.name, from: edge.from.name } },
      );
    }
    return this.#write('registration/accepted', by, { edge: keptEdge(edge), accuracy: { ...accuracy } as never as ExactValue });
  }

  /** Takes the registration back: the patient moved, say. */
  async withdrawRegistration(reason: string, by: string): Promise<SessionState<F>> {
    return this.#write('registration/withdrawn', by, { reason });
  }

  /** Accepts a calibration, in place of one between the same frames. */
  async acceptCalibration<To extends string, From extends string>(
    edge: Transform<To, From>,
    by: string,
  ): Promise<SessionState<F>> {
    return this.#write('calibration/accepted', by, keptEdge(edge));
  }

  /**
   * Accepts anything else that must not be lost: a core, a margin, a dose.
   * @param id within its kind; a later one replaces it, and the log keeps both
   */
  async acceptRecord(kind: string, id: string, value: ExactValue, by: string): Promise<SessionState<F>> {
    return this.#write('record/accepted', by, { kind, id, value });
  }

  /** Keeps how a view looks. Once the hand rests, not with every turn of the wheel. */
  async setView(name: string, { right, up, centre, mmPerPx, window }: ViewState, by: string): Promise<SessionState<F>> {
    // Only what is named here is kept: no letter of an orientation can come in with it.
    const view = {
      right: Float64Array.from(right),
      up: Float64Array.from(up),
      centre: Float64Array.from(centre),
      mmPerPx,
      window: window && { width: window.width, level: window.level },
    };
    return this.#write('view/set', by, { name, view });
  }

  /** Keeps where the procedure stands. */
  async enterStep(step: string, by: string): Promise<SessionState<F>> {
    return this.#write('step/entered', by, { step });
  }

  /** Notes something that happened: a tool was hidden, an alarm rang, a core was taken. */
  async note(level: EventLevel, name: string, message: string, by: string, data?: ExactValue): Promise<SessionState<F>> {
    return this.#write('event/noted', by, { level, name, message, data });
  }

  /** Ends the log with a line that says so, and lets the storage go. It can be restored. */
  async close(by: string): Promise<AuditHead> {
    await this.#write('session/closed', by, {});
    this.#broken = closed();
    await this.#parts.storage.close();
    return this.head;
  }

  /** The log as it is kept now, checked. @throws NavError of the storage */
  async audit(): Promise<{ readonly bytes: Uint8Array; readonly entries: readonly AuditEntry[]; readonly head: AuditHead }> {
    await this.#pumping;
    const { head } = this;
    const { journal } = await this.#parts.storage.load();
    const verdict = verifyAudit(journal, head);
    if (!verdict.ok) throw damaged(this.#parts.storage.label, verdict.finding?.message ?? '');
    return { bytes: journal, entries: verdict.entries, head: verdict.head };
  }

  #write(action: string, by: string, value: ExactValue): Promise<SessionState<F>> {
    if (this.#broken !== undefined) throw this.#broken;
    const draft = makeDraft(this.#parts.clock, action, by, value);
    // Tried on the state of now: what could not be read again is refused before it is written.
    stateAfter(this.state, { ...draft, sequence: 0, previous: '' }, this.#parts.image);
    return new Promise((resolve, reject) => {
      this.#queue.push({ draft, resolve, reject });
      this.#pumping ??= this.#pump().finally(() => {
        this.#pumping = undefined;
      });
    });
  }

  /** Writes what waits, together: the next lot waits for the disk once, however many lines it has. */
  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        if (this.#broken !== undefined) throw this.#broken;
        const states = await this.#keep(batch.map((waiting) => waiting.draft));
        batch.forEach((waiting, i) => void waiting.resolve(states[i] as SessionState<F>));
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
  }

  async #keep(drafts: readonly AuditDraft[]): Promise<SessionState<F>[]> {
    const { storage, image } = this.#parts;
    const states: SessionState<F>[] = [];
    const lines: Uint8Array[] = [];
    let { head, state } = this.#place;
    for (const draft of drafts) {
      const entry = { ...draft, sequence: head.count + 1, previous: head.hash };
      const sealed = sealLine(draft, head);
      state = stateAfter(state, entry, image);
      head = sealed.head;
      states.push(state);
      lines.push(sealed.bytes);
    }
    const bytes = joined(lines);
    await storage.append(bytes, this.#place.length);
    try {
      await storage.keepHead(headText(head));
    } catch (cause) {
      // The lines are in the journal and the head is not: whether they are accepted, only a restore can tell.
      this.#broken = headNotKept(storage.label, cause);
      throw this.#broken;
    }
    this.#place = { head, state, length: this.#place.length + bytes.length };
    return states;
  }
}

/** A line before it has its place. @throws NavError `session/bad-value` */
function makeDraft(clock: Clock, action: string, by: string, value: ExactValue): AuditDraft {
  if (by.trim() === '') throw new NavError('session/bad-value', `Who does "${action}" must be said: hand in a name.`);
  const at = clock.now();
  const utc = clock.utc(at);
  const known = Number.isFinite(utc.getTime());
  return { at, utc: known ? utc.toISOString() : '', actor: by, action, payload: toExactJson(value) };
}

/**
 * Writes the first line of a session.
 * @throws NavError as {@link Session}
 */
export async function writeFirstLine<F extends string>(
  { storage, clock }: Pick<SessionParts<F>, 'storage' | 'clock'>,
  first: { readonly id: string; readonly software: string; readonly by: string; readonly payload: ExactValue },
): Promise<SessionPlace<F>> {
  const draft = makeDraft(clock, 'session/begun', first.by, first.payload);
  const { bytes, head } = sealLine(draft, NO_LINES);
  await storage.append(bytes, 0);
  await storage.keepHead(headText(head));
  const entry = { ...draft, sequence: 1, previous: NO_LINES.hash };
  return { head, length: bytes.length, state: firstState(first.id, first.software, acceptanceOf(entry)) };
}

/** Writes the line that says that a session was taken up again. */
export async function writeRestoredLine<F extends string>(
  parts: SessionParts<F>,
  place: SessionPlace<F>,
  by: string,
  givenUpBytes: number,
): Promise<Session<F>> {
  const { storage, clock, image } = parts;
  const draft = makeDraft(clock, 'session/restored', by, { givenUpBytes });
  const { bytes, head } = sealLine(draft, place.head);
  await storage.append(bytes, place.length);
  await storage.keepHead(headText(head));
  const state = stateAfter(place.state, { ...draft, sequence: head.count, previous: place.head.hash }, image);
  return new Session(parts, { head, state, length: place.length + bytes.length });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The refusal of a log that is not what was written. */
export function damaged(label: string, finding: string, detail: Readonly<Record<string, unknown>> = {}): NavError {
  return new NavError(
    'session/damaged',
    `The session in ${label} was changed since it was written. ${finding} ` +
      'Nothing of it is used: register again in a new session, and keep this one for whoever looks into it.',
    { detail },
  );
}

function closed(): NavError {
  return new NavError('session/closed', 'This session is closed. Restore it to go on.');
}

function headNotKept(label: string, cause: unknown): NavError {
  return new NavError(
    'session/write-failed',
    `The session in ${label} was written, but not where it ends. Whether the last lines are accepted is not known: restore it.`,
    { cause },
  );
}
