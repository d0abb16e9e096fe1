import { type Clock, isNavError } from '@trocar/core';
import type { Stage } from '@trocar/core/render';
import type { ReportPicture, SessionState } from '@trocar/core/session';
import { CaseKeeper } from '../../suite/page/case-keeper.js';
import { type DocumentKind, documentHtml } from '../../suite/page/documents.js';
import { restoreViews } from '../../suite/page/kept-views.js';
import { type Resumable, sessionNote } from '../../suite/page/resumed.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { ResultObject, ResultStudy, ScreenPicture } from '../../suite/src/results.js';
import type { TakenCore } from '../src/fire-step.js';
import { KeptBiopsy } from '../src/kept.js';
import type { Monitoring } from '../src/monitoring.js';
import type { Procedure } from '../src/procedure.js';
import { KINDS } from '../src/record-kinds.js';
import { MAX_TRE95_MM } from '../src/register-step.js';
import { tablesOf } from '../src/report-tables.js';
import { resume } from '../src/resume.js';
import { saidTable } from './report-words.js';
import type { Step } from './shell.js';
import { t, tell } from './texts/index.js';

/** Who works at this page, as the log names them. */
export const BY = 'operator';
const APPLICATION = 'mr-us-biopsy';
/** What a meeting looks at: the summary is one page. */
const IN_SUMMARY: ReadonlySet<string | undefined> = new Set([KINDS.core, KINDS.targets, KINDS.verification]);

/**
 * What keeps the procedure: its session in the browser's folder, taken up again after a crash. Whatever is accepted goes through here: it is
 * kept first, and only then does the procedure have it.
 */
export class Keeping implements Resumable {
  readonly #procedure: Procedure;
  readonly #monitoring: Monitoring;
  readonly #cases: CaseKeeper<'mr'>;
  #kept: KeptBiopsy | undefined;
  #views: SessionState<'mr'> | undefined;

  private constructor(procedure: Procedure, monitoring: Monitoring, cases: CaseKeeper<'mr'>) {
    this.#procedure = procedure;
    this.#monitoring = monitoring;
    this.#cases = cases;
  }

  static async open(procedure: Procedure, monitoring: Monitoring, clock: Clock): Promise<Keeping> {
    const { monitor } = monitoring;
    const cases = await CaseKeeper.open({ application: APPLICATION, image: procedure.case.mr, clock, by: BY, monitor });
    return new Keeping(procedure, monitoring, cases);
  }

  /** Whether images and targets were accepted, and are kept. */
  get accepted(): boolean {
    return this.#kept !== undefined;
  }
  /** Whether something is being written. */
  get busy(): boolean {
    return this.#cases.keeper.busy;
  }
  /** Cases that were not finished, while none is open. */
  get open(): CaseKeeper<'mr'>['cases'] {
    return this.accepted ? [] : this.#cases.cases;
  }
  /** What taking up a case has said; empty where none was. */
  get message(): string {
    return this.#cases.message;
  }
  get trouble(): string {
    return this.#cases.keeper.trouble;
  }

  /** In words: where the session is kept, and since when it goes on. */
  get note(): { readonly text: string; readonly warn: boolean } {
    const { session, keeps } = this.#cases;
    return sessionNote({ trouble: this.trouble, keeps, begun: session?.state.begun.utc, resumed: this.message !== '' });
  }

  /** Accepts images and targets, in a session that begins with them. */
  async acceptCase(): Promise<void> {
    await this.#cases.keeper.keep(async () => {
      const kept = new KeptBiopsy(this.#procedure, await this.#cases.begin(), BY);
      await kept.acceptCase();
      this.#kept = kept;
    });
  }

  /** Takes a case up again. */
  resume(name: string): void {
    if (this.busy || this.accepted) return;
    void this.#cases.keeper.keep(async () => {
      const { session, state, alarms } = await this.#cases.resume(name);
      let refusal: Refusal | undefined;
      try {
        refusal = await resume(this.#procedure, state);
      } catch (error) {
        // Of other targets, or unreadable: nothing of it is used, and another may be begun.
        if (isNavError(error)) this.#cases.leave();
        throw error;
      }
      this.#kept = new KeptBiopsy(this.#procedure, session, BY);
      this.#monitoring.monitor.restore(alarms);
      this.#views = state;
      if (refusal === undefined) return;
      this.#procedure.refusal = refusal;
      if (state.registration !== undefined && this.#procedure.registration === undefined)
        await session.withdrawRegistration(refusal.message, BY);
    });
  }

  /** Accepts something: kept first, then done. */
  async accept(act: (kept: KeptBiopsy) => Promise<unknown>): Promise<void> {
    const kept = this.#kept;
    if (kept !== undefined) await this.#cases.keeper.keep(() => act(kept));
  }

  /** A core was fired, or why none was recorded: that has happened, and is kept beside what goes on. */
  fired(taken: TakenCore | Refusal): Promise<void> {
    return this.accept((kept) =>
      isRefusal(taken) ? kept.event('warning', `refused/${taken.code}`, taken.message) : kept.core(taken),
    );
  }

  /**
   * Report, summary or handout in the language of the moment, as HTML; undefined before anything was accepted.
   * @throws NavError as the session's methods
   */
  async document(kind: DocumentKind, made: Date, pictures: readonly ReportPicture[]): Promise<string | undefined> {
    if (this.#kept === undefined) return undefined;
    const { session } = this.#kept;
    const { mr, lesions } = this.#procedure.case;
    const { patient, modality, series, frameOfReferenceUid: uid } = mr;
    const input = {
      state: session.state,
      audit: await session.audit(),
      ...(patient && { patient }),
      images: {
        ...(modality && { modality }),
        ...(series.description && { description: series.description }),
        ...(uid && { frameOfReferenceUid: uid }),
      },
      pictures,
      tables: tablesOf(this.#procedure, session.state)
        .filter((table) => kind !== 'summary' || IN_SUMMARY.has(table.kind))
        .map((table) => saidTable(table, tell)),
      made,
    };
    const done = [
      t(
        '{n, plural, one {The team had marked # place in the MR images to take samples from.} other {The team had marked # places in the MR images to take samples from.}}',
        { n: lesions.length },
      ),
      t(
        '{n, plural, =0 {No tissue sample was taken.} one {# tissue sample was taken from the prostate.} other {# tissue samples were taken from the prostate.}}',
        { n: this.#procedure.fire.cores.length },
      ),
    ];
    return documentHtml(kind, input, done, { planned: false, limitMm: MAX_TRE95_MM });
  }

  /** Keeps the step and how the views lie; once, lays them as they were kept. Last thing of a frame. */
  follow(step: Step, stage: Stage<'mr'>): void {
    if (this.#views !== undefined) restoreViews(stage, this.#views);
    this.#views = undefined;
    if (this.accepted) this.#cases.follow(step, stage);
  }

  /** The results as objects of the study that the MR came from. @throws NavError as `biopsyResults` */
  async results(origin: ResultStudy, at: Date, picture: ScreenPicture): Promise<readonly ResultObject[]> {
    const session = (await this.#cases.begin()).state.id;
    // What writes DICOM is needed by nobody who sends nothing.
    const { biopsyResults } = await import('../src/results.js');
    return biopsyResults(this.#procedure, { origin, session, at, by: BY }, picture);
  }
}
