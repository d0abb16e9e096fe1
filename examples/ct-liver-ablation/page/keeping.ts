import type { Clock } from '@trocar/core';
import type { ProbeSetting, Side } from '@trocar/core/guidance';
import type { Stage as Pictures } from '@trocar/core/render';
import type { ReportPicture, SessionState } from '@trocar/core/session';
import { AlarmBar, blockedText } from '../../suite/page/alarm-bar.js';
import { CaseKeeper } from '../../suite/page/case-keeper.js';
import { type DocumentKind, documentHtml } from '../../suite/page/documents.js';
import { restoreViews } from '../../suite/page/kept-views.js';
import { type Resumable, sessionNote } from '../../suite/page/resumed.js';
import type { Refusal } from '../../suite/src/refusal.js';
import type { ResultObject, ResultStudy, ScreenPicture } from '../../suite/src/results.js';
import type { ConnectedProcedure } from '../src/client.js';
import { KeptAblation } from '../src/kept.js';
import { resume } from '../src/resume.js';
import type { Stage } from '../src/stages.js';
import type { Pointed } from '../src/tools-step.js';
import { t, tell } from './texts/index.js';

/** Who works at this page, as the log names them. */
const BY = 'operator';
const APPLICATION = 'ct-liver-ablation';

/**
 * What keeps the procedure and watches it: its session in the browser's folder, taken up again after a crash, and its alarms. Whatever is
 * accepted goes through here: it is kept first, and only then does the procedure have it.
 */
export class Keeping implements Resumable {
  readonly alarms: AlarmBar;
  readonly #connected: ConnectedProcedure;
  readonly #cases: CaseKeeper<'ct'>;
  #kept: KeptAblation | undefined;
  #views: SessionState<'ct'> | undefined;
  #stage: Stage = 'plan';
  #judged: unknown;
  #key = '';

  private constructor(connected: ConnectedProcedure, cases: CaseKeeper<'ct'>, at: HTMLElement) {
    this.#connected = connected;
    this.#cases = cases;
    this.alarms = new AlarmBar(at, connected.monitoring.monitor, BY);
  }

  static async open(connected: ConnectedProcedure, clock: Clock, at: HTMLElement): Promise<Keeping> {
    const { procedure, monitoring } = connected;
    const { monitor } = monitoring;
    const cases = await CaseKeeper.open({ application: APPLICATION, image: procedure.case.volume, clock, by: BY, monitor });
    return new Keeping(connected, cases, at);
  }

  /** Whether something that was accepted is being written. */
  get busy(): boolean {
    return this.#cases.keeper.busy;
  }
  /** Cases that were not finished, while none is open. */
  get open(): CaseKeeper<'ct'>['cases'] {
    return this.#cases.session === undefined ? this.#cases.cases : [];
  }
  /** What taking up a case has said; empty where none was. */
  get message(): string {
    return this.#cases.message;
  }
  get trouble(): string {
    return this.#cases.keeper.trouble;
  }
  /** Whether a registration was taken up that nobody has verified since. */
  get unverified(): boolean {
    return this.#connected.monitoring.state.restored;
  }
  /** Why nothing may be accepted now; undefined where it may. */
  get whyBlocked(): string | undefined {
    return blockedText(this.#connected.monitoring.monitor);
  }
  /** Whether verifying is all that is in the way: no other alarm of high priority stands. */
  get asksToVerify(): boolean {
    const high = this.#connected.monitoring.monitor.alarms.filter((a) => a.priority === 'high');
    return high.every((a) => a.rule === 'restored-unverified');
  }
  /** In words: where the session is kept, and since when it goes on. */
  get note(): ReturnType<typeof sessionNote> {
    const { keeper, keeps, session, message } = this.#cases;
    return sessionNote({ trouble: keeper.trouble, keeps, begun: session?.state.begun.utc, resumed: message !== '' });
  }

  /** Accepts the plan, in a session that begins with it. */
  acceptPlan(side: Side, short: boolean): void {
    const { procedure } = this.#connected;
    // What is refused begins no session.
    if ('code' in procedure.planning.toAccept(side, short)) procedure.acceptPlan(side, short);
    else {
      void this.#cases.keeper.keep(async () => {
        const session = await this.#cases.begin();
        this.#kept ??= new KeptAblation(procedure, session, BY);
        await this.#kept.acceptPlan(side, short);
      });
    }
  }

  acceptCalibration(tool: Pointed, stored = false): void {
    this.#accept((kept) => kept.acceptCalibration(tool, stored));
  }

  accept(acknowledged = false): void {
    this.#accept((kept) => kept.accept(acknowledged));
  }

  registerAgain(): void {
    const moved = this.#connected.procedure.guiding.referenceMoved;
    this.#accept((kept) => kept.registerAgain(moved ? 'The reference has moved.' : 'Registered again on request.'));
  }

  /** Begins to burn. @returns why not, once that it begins is kept; undefined where it burns */
  async burn(setting: ProbeSetting, beside: boolean): Promise<Refusal | undefined> {
    let refusal: Refusal | undefined = NOT_KEPT;
    await this.#cases.keeper.keep(async () => {
      refusal = await this.#kept?.burn(setting, beside);
    });
    if (refusal === NOT_KEPT) this.#connected.procedure.refusal = NOT_KEPT;
    return refusal;
  }

  #accept(act: (kept: KeptAblation) => Promise<Refusal | undefined>): void {
    const kept = this.#kept;
    if (kept !== undefined) void this.#cases.keeper.keep(() => act(kept));
  }

  /** Takes a case up again. */
  readonly resume = (name: string): void => {
    void this.#cases.keeper.keep(async () => {
      const { session, state, alarms } = await this.#cases.resume(name);
      const { procedure, monitoring } = this.#connected;
      const refusal = resume(procedure, state);
      this.#kept = new KeptAblation(procedure, session, BY);
      this.#views = state;
      // For the CT afterwards nobody needs the registration of the tracker.
      monitoring.restore(alarms, procedure.accepted !== undefined && procedure.stage !== 'confirm');
      if (refusal === undefined) return;
      procedure.refusal = refusal;
      if (state.registration !== undefined) await session.withdrawRegistration(refusal.message, BY);
    });
  };

  /** Once per frame, before anything is drawn: tells the monitor what the procedure knows. */
  update(): void {
    const { monitoring, procedure } = this.#connected;
    const { state } = monitoring;
    const { stage, verifying } = procedure;
    state.navigating = stage === 'guide' || stage === 'burn';
    state.planDifferences = procedure.planning.accepted === undefined ? undefined : [];
    state.registration.verified = verifying.result?.accepted;
    if (stage === 'review' || stage === 'collect') monitoring.learn();
    const { result } = verifying;
    if (result !== this.#judged && result?.accepted === true) state.restored = false;
    this.#judged = result;
    // What was registered anew owes nothing to what was before the restart; for the CT nobody needs a registration.
    if (stage !== this.#stage && (stage === 'review' || stage === 'confirm')) state.restored = false;
    this.#stage = stage;
    this.alarms.show();
  }

  /** Keeps what is new, the step and how the views lie; once, lays them as they were kept. Last thing of a frame. */
  follow(pictures: Pictures<'ct'>): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    if (this.#views !== undefined) restoreViews(pictures, this.#views);
    this.#views = undefined;
    const { stage, refusal, burning, probes, confirming } = this.#connected.procedure;
    const key = [stage, refusal?.message, burning.burns.length, probes.length, confirming.stage].join('|');
    if (key !== this.#key) {
      this.#key = key;
      void this.#cases.keeper.keep(() => kept.keep());
    }
    // A case that is kept as finished holds all that it came to.
    if (!this.busy) this.#cases.follow(stage, pictures);
  }

  /** Report, summary or handout in the language of the moment, as HTML; undefined before anything was accepted. @throws NavError as the session's methods */
  async document(kind: DocumentKind, made: Date, pictures: readonly ReportPicture[]): Promise<string | undefined> {
    const kept = this.#kept;
    await kept?.keep();
    if (kept === undefined) return undefined;
    const n = this.#connected.procedure.burning.burns.length;
    const heated = t('{n, plural, one {The tumour was heated at # place.} other {The tumour was heated at # places.}}', { n });
    return documentHtml(kind, await kept.reportInput(made, pictures, tell), [heated]);
  }

  /** The results as objects of the study that the images came from. @throws NavError as `ablationResults` */
  async results(origin: ResultStudy, at: Date, picture: ScreenPicture): Promise<readonly ResultObject[]> {
    const session = (await this.#cases.begin()).state.id;
    // What writes DICOM is needed by nobody who sends nothing.
    const { ablationResults } = await import('../src/results.js');
    return ablationResults(this.#connected.procedure, { origin, session, at, by: BY }, picture);
  }
}

const NOT_KEPT: Refusal = {
  code: 'not-kept',
  message: 'That the burn begins could not be kept, so it did not begin. Look at the line about the session above.',
};
