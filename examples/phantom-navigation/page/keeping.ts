import type { Clock } from '@trocar/core';
import type { Stage } from '@trocar/core/render';
import type { SessionState } from '@trocar/core/session';
import { AlarmBar, blockedText } from '../../suite/page/alarm-bar.js';
import { CaseKeeper } from '../../suite/page/case-keeper.js';
import { restoreViews } from '../../suite/page/kept-views.js';
import { sessionNote } from '../../suite/page/resumed.js';
import { FINISHED } from '../../suite/page/session-folder.js';
import type { Refusal } from '../../suite/src/refusal.js';
import type { ConnectedProcedure } from '../src/client.js';
import { KeptProcedure, resume } from '../src/kept-procedure.js';
import type { Procedure, Stage as Where } from '../src/procedure.js';
import type { Step } from './shell.js';

/** Who works at this page, as the log names them. */
const BY = 'operator';
const APPLICATION = 'phantom-navigation';

/** A case that waits to be taken up until the tools are seen. */
interface Pending {
  readonly state: SessionState<'ct'>;
  readonly alarms: Parameters<ConnectedProcedure['monitoring']['restore']>[0];
}

/**
 * What keeps the procedure and watches it: its session in the browser's folder, taken up again after a crash, and its alarms. Whatever is
 * accepted goes through here: it is kept first, and only then does the procedure have it.
 */
export class Keeping {
  readonly alarms: AlarmBar;
  readonly #connected: ConnectedProcedure;
  readonly #cases: CaseKeeper<'ct'>;
  #kept: KeptProcedure | undefined;
  #pending: Pending | undefined;
  #views: SessionState<'ct'> | undefined;
  #planned = false;
  #stage: Where = 'connect';
  #judged: Procedure['verification'];
  /** When the calibration was accepted that was taken up again, UTC. */
  #calibratedAt = '';

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

  /** Whether the plan was accepted, and is kept. */
  get planned(): boolean {
    return this.#planned;
  }
  /** Whether something is being written, or a case waits for the tools to be seen. */
  get busy(): boolean {
    return this.#cases.keeper.busy || this.#pending !== undefined;
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
  get calibratedAt(): string {
    return this.#calibratedAt;
  }
  get session(): KeptProcedure['session'] | undefined {
    return this.#kept?.session;
  }
  /** Why nothing may be accepted now; undefined where it may. */
  get whyBlocked(): string | undefined {
    return blockedText(this.#connected.monitoring.monitor);
  }
  /** Whether touching a landmark would answer an alarm. */
  get asksForTouch(): boolean {
    return this.#connected.monitoring.state.restored;
  }
  /** Whether the reference was found to have moved. */
  get moved(): boolean {
    return this.#connected.monitoring.monitor.alarms.some((a) => a.rule === 'reference-moved');
  }

  /** In words: where the session is kept, and since when it goes on. */
  get note(): { readonly text: string; readonly warn: boolean } {
    const { session, keeps } = this.#cases;
    return sessionNote({ trouble: this.trouble, keeps, begun: session?.state.begun.utc, resumed: this.message !== '' });
  }

  /** Accepts the plan, in a session that begins with it. */
  acceptPlan(): void {
    void this.#cases.keeper.keep(async () => {
      const session = await this.#cases.begin();
      this.#kept ??= new KeptProcedure(this.#connected.procedure, session, BY);
      await this.#kept.acceptPlan();
      this.#planned = true;
    });
  }

  acceptCalibration(stored = false): void {
    this.#accept((kept) => kept.acceptCalibration(stored));
  }

  /** @param then what follows once it is accepted */
  accept(acknowledged: boolean, then: () => void): void {
    this.#accept(async (kept) => {
      const refusal = await kept.accept(acknowledged);
      if (refusal === undefined) then();
      return refusal;
    });
  }

  registerAgain(): void {
    this.#accept((kept) => kept.registerAgain(this.moved ? 'The reference has moved.' : 'Registered again on request.'));
  }

  finish(): void {
    this.#accept((kept) => kept.finish());
  }

  #accept(act: (kept: KeptProcedure) => Promise<Refusal | undefined>): void {
    const kept = this.#kept;
    if (kept !== undefined) void this.#cases.keeper.keep(() => act(kept));
  }

  /** Takes a case up again: as soon as the tools are seen. */
  resume(name: string): void {
    void this.#cases.keeper.keep(async () => {
      const { session, state, alarms } = await this.#cases.resume(name);
      this.#kept = new KeptProcedure(this.#connected.procedure, session, BY);
      this.#pending = { state, alarms };
      this.#planned = state.plan !== undefined;
    });
  }

  /** Once per frame, before anything is drawn. @returns whether a case was taken up just now */
  update(): boolean {
    const { procedure, monitoring } = this.#connected;
    const taken = this.#pending !== undefined && procedure.stage === 'calibrate';
    if (taken) this.#takeUp(this.#pending as Pending);
    this.#watch(procedure, monitoring);
    this.alarms.show();
    return taken;
  }

  #takeUp({ state, alarms }: Pending): void {
    const { procedure, monitoring } = this.#connected;
    this.#pending = undefined;
    this.#calibratedAt = Object.values(state.calibrations)[0]?.utc ?? '';
    const refusal = resume(procedure, state);
    monitoring.restore(alarms, procedure.stage === 'navigate');
    this.#views = state;
    if (refusal === undefined) return;
    procedure.refusal = refusal;
    const session = this.session;
    if (session !== undefined) void this.#cases.keeper.keep(() => session.withdrawRegistration(refusal.message, BY));
  }

  /** Tells the monitor what the procedure knows. */
  #watch(procedure: Procedure, monitoring: ConnectedProcedure['monitoring']): void {
    const { stage, proposal, refusal, verification } = procedure;
    const { state } = monitoring;
    state.navigating = stage === 'navigate';
    state.registration.refusal = refusal?.code.startsWith('registration/') === true ? refusal.code : undefined;
    state.registration.findings = proposal?.registration.findings.map((f) => f.code) ?? [];
    if (stage !== this.#stage) {
      const anew = stage === 'collect' || this.#stage === 'connect' || this.#stage === 'calibrate';
      if (anew && this.#stage !== 'review') monitoring.learn();
      this.#stage = stage;
    }
    if (verification === this.#judged) return;
    this.#judged = verification;
    if (verification === undefined) return;
    state.reference.touchesSayMoved = !verification.held;
    if (verification.held) state.restored = false;
    const { offMm, index, held } = verification;
    const text = `Landmark ${index + 1} was touched ${offMm.toFixed(2)} mm from where the registration puts it.`;
    const { session } = this;
    if (session === undefined) return;
    void this.#cases.keeper.keep(() => session.note(held ? 'note' : 'warning', 'registration/checked', text, BY));
  }

  /** Keeps the step and how the views lie; once, lays them as they were kept. Last thing of a frame. */
  follow(step: Step, finished: boolean, stage: Stage<'ct'>): void {
    if (this.#views !== undefined) restoreViews(stage, this.#views);
    this.#views = undefined;
    if (this.#pending === undefined) this.#cases.follow(finished ? FINISHED : step, stage);
  }
}
