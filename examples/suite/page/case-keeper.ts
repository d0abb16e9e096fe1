import type { Clock } from '@trocar/core';
import type { Alarm, AlarmEvent, AlarmPriority, Monitor, MonitorRecord } from '@trocar/core/guidance';
import type { Stage } from '@trocar/core/render';
import type { ExactValue, Session, SessionImage, SessionState } from '@trocar/core/session';
import { Keeper } from './keeper.js';
import { viewsOf } from './kept-views.js';
import { FINISHED, type OpenCase, SessionFolder } from './session-folder.js';
import { LANGUAGES, language, type PageLanguage } from './texts/language.js';

/** What a page keeps cases of. */
export interface CaseKeeperOptions<F extends string> {
  /** One word, as `phantom-navigation`. */
  readonly application: string;
  readonly image: SessionImage<F>;
  readonly clock: Clock;
  /** Who works here, as the log names them. */
  readonly by: string;
  readonly monitor: Monitor;
}

/** The kind of the record that holds the alarms that stand. */
export const ALARMS = 'alarms';
/** The views are kept when they have lain still for so long, ms. */
const VIEWS_REST_MS = 1500;
/** Or this often, while they move, ms. */
const VIEWS_MOVING_MS = 10_000;

const LEVELS = { high: 'alarm', medium: 'alarm', low: 'warning' } as const satisfies Record<AlarmPriority, string>;

/**
 * The session of a page: begun when something is accepted first, or taken up again; with it the alarms that stand and how the views lie.
 */
export class CaseKeeper<F extends string> {
  readonly keeper: Keeper = new Keeper();
  /** Cases of these images that were not finished. */
  cases: readonly OpenCase[] = [];
  /** What taking up a case has said; empty where none was. */
  message = '';
  readonly #options: CaseKeeperOptions<F>;
  readonly #folder: SessionFolder;
  #session: Session<F> | undefined;
  #step = '';
  readonly #views = { seen: '', seenAt: 0, kept: '', keptAt: 0 };

  private constructor(options: CaseKeeperOptions<F>, folder: SessionFolder) {
    this.#options = options;
    this.#folder = folder;
    options.monitor.events.subscribe((event) => this.#alarmed(event));
    language.onChange((now) => {
      const session = this.#session;
      if (session === undefined) return;
      void this.keeper.keep(
        () => session.note('note', 'language/shown', LANGUAGES[now as PageLanguage], options.by, { language: now }),
        true,
      );
    });
  }

  static async open<F extends string>(options: CaseKeeperOptions<F>): Promise<CaseKeeper<F>> {
    const made = new CaseKeeper(options, await SessionFolder.at(options.application));
    made.cases = await made.#folder.cases(options.image);
    return made;
  }

  get session(): Session<F> | undefined {
    return this.#session;
  }
  /** Whether the session outlives the page. */
  get keeps(): boolean {
    return this.#folder.keeps;
  }

  /** Begins a case. @throws NavError as `beginSession` */
  async begin(): Promise<Session<F>> {
    this.#session ??= await this.#folder.begin(this.#options);
    return this.#session;
  }

  /**
   * Takes a case up again.
   * @returns what it holds, and the alarms that stood
   * @throws NavError as `restoreSession`
   */
  async resume(
    name: string,
  ): Promise<{ readonly session: Session<F>; readonly state: SessionState<F>; readonly alarms: MonitorRecord }> {
    const { session, message } = await this.#folder.resume(name, this.#options);
    this.#session = session;
    this.#step = session.state.step;
    this.message = message;
    return { session, state: session.state, alarms: alarmsIn(session.state) };
  }

  /** Leaves a case that was taken up and cannot be used as it is: it stays open, and another may be begun. */
  leave(): void {
    this.#session = undefined;
    this.message = '';
  }

  /** Keeps where the procedure stands and how the views lie: once per frame; writes only what has changed and come to rest. */
  follow(step: string, stage: Stage<F>): void {
    const session = this.#session;
    if (session === undefined) return;
    if (step !== this.#step) {
      this.#step = step;
      // The views of a step are kept with it: those of the step before would be laid over it by a restart.
      this.#views.keptAt = Number.NEGATIVE_INFINITY;
      void this.keeper.keep(() => session.enterStep(step, this.#options.by), true);
    }
    if (step !== FINISHED) this.#followViews(session, stage);
  }

  #followViews(session: Session<F>, stage: Stage<F>): void {
    const views = viewsOf(stage);
    const key = JSON.stringify(views);
    const now = this.#options.clock.now();
    if (key !== this.#views.seen) {
      this.#views.seen = key;
      this.#views.seenAt = now;
    }
    const { kept, seenAt, keptAt } = this.#views;
    // While the slices follow a tip they never lie still.
    if (key === kept || (now - seenAt < VIEWS_REST_MS && now - keptAt < VIEWS_MOVING_MS)) return;
    this.#views.kept = key;
    this.#views.keptAt = now;
    const { by } = this.#options;
    void this.keeper.keep(() => Promise.all(Object.entries(views).map(([name, view]) => session.setView(name, view, by))), true);
  }

  /** Every change of an alarm goes into the log, and what stands is kept for a restart. */
  #alarmed({ what, rule, subject, priority, by, values }: AlarmEvent): void {
    const session = this.#session;
    if (session === undefined) return;
    const who = by ?? 'monitor';
    const about = subject === '' ? rule : `${rule} of ${subject}`;
    // The log can be read in any language; in which one the person read the alarm is part of what happened.
    const shownIn = language.locale.language;
    // The monitor settles its list after it has told of the change.
    queueMicrotask(() => {
      const standing = this.#options.monitor.save() as unknown as ExactValue;
      void this.keeper.keep(
        () =>
          Promise.all([
            session.note(LEVELS[priority], `alarm/${what}`, about, who, { rule, subject, values, language: shownIn }),
            session.acceptRecord(ALARMS, 'standing', standing, who),
          ]),
        true,
      );
    });
  }
}

function alarmsIn<F extends string>({ records }: SessionState<F>): MonitorRecord {
  const kept = records.find(({ kind }) => kind === ALARMS)?.value as { readonly alarms?: readonly Alarm[] } | undefined;
  return { alarms: kept?.alarms ?? [] };
}
