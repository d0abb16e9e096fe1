import { systemClock } from '@trocar/core';
import { formatAge, formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import { AlarmBar, blockedText } from '../../suite/page/alarm-bar.js';
import { type DocumentKind, handOver } from '../../suite/page/documents.js';
import { h, setText } from '../../suite/page/dom.js';
import { Errands } from '../../suite/page/errands.js';
import { crosshairKeys } from '../../suite/page/keys.js';
import { caseFacts, drawsInSoftware, painted, pause } from '../../suite/page/link.js';
import { MonitorLoop } from '../../suite/page/monitor-loop.js';
import { startPaced } from '../../suite/page/paced.js';
import { type Banner, Panel } from '../../suite/page/panel.js';
import { ResultsPanel } from '../../suite/page/results.js';
import { inEnglish, language } from '../../suite/page/texts/language.js';
import { type BiopsyCase, importCase, onAnotherFrame } from '../src/case.js';
import { type ConnectedProcedure, connectProcedure } from '../src/client.js';
import { ENOUGH } from '../src/fire-step.js';
import { TOOLS, type ToolName } from '../src/frames.js';
import { Monitoring } from '../src/monitoring.js';
import { MOVED_MM } from '../src/moved-watch.js';
import type { Procedure } from '../src/procedure.js';
import type { VerificationCause } from '../src/verification-due.js';
import { actionsOf } from './actions.js';
import { detailOf, nextAt, said } from './details.js';
import { FusedView } from './fused-view.js';
import { BY, Keeping } from './keeping.js';
import { LiveView } from './live-view.js';
import { Pictures } from './pictures.js';
import { pollImages } from './poll-images.js';
import { registerInWorker } from './register-in-worker.js';
import { type CaseFacts, loadCase } from './server-link.js';
import { type NumberName, SHELL, type Step } from './shell.js';
import { SweptView } from './swept-view.js';
import { refusalText, t } from './texts/index.js';

const app = document.querySelector<HTMLElement>('#app') as HTMLElement;

/** The swept volume is drawn no more often, ms: with a GPU, and without. */
const SWEPT_EVERY_MS = [80, 250] as const;

/** The page: words and buttons on the right, the live image and the MR on the left, one procedure between them. */
export class BiopsyPage {
  readonly #panel = new Panel<Step, NumberName>(app, SHELL);
  readonly #clock = systemClock();
  readonly #pictures: Pictures;
  readonly #live: LiveView;
  readonly #swept: SweptView;
  readonly #fused: FusedView;
  /** What is to be done next, above the numbers. */
  readonly #next = h('p', { id: 'next', role: 'status' });
  readonly #errands = new Errands<ToolName>();
  readonly #monitoring = new Monitoring();
  readonly #alarms: AlarmBar;
  readonly #simulation = { hangs: false, moved: false };
  #connected: ConnectedProcedure | undefined;
  #keeping: Keeping | undefined;
  #results: ResultsPanel | undefined;
  #step: Step = 'import';
  #doing = '';
  #running = false;
  #message = '';
  #detailKey = '';
  /** The document that was written last: what it is, and its link. */
  #handed: readonly HTMLElement[] = [];

  constructor() {
    this.#pictures = new Pictures(this.#panel.canvas, this.#clock);
    const host = h('div', { id: 'live' });
    const swept = h('div', { id: 'swept' });
    this.#fused = new FusedView(this.#pictures.stage);
    this.#panel.canvas.parentElement?.append(host, swept, this.#fused.button);
    this.#live = new LiveView(host);
    this.#swept = new SweptView(swept, SWEPT_EVERY_MS[drawsInSoftware() ? 1 : 0]);
    app.querySelector('#readout')?.before(this.#next);
    this.#alarms = new AlarmBar(this.#panel.alarms, this.#monitoring.monitor, BY);
    crosshairKeys(this.#pictures.stage, () => true);
  }

  /** Says that nothing can be done here, and why. */
  fail(what: string, why: string): void {
    this.#panel.busy('');
    this.#panel.banner({ kind: 'stop', text: what });
    this.#panel.detail(said(inEnglish(why)));
  }

  /** Takes the case of the server that the page came from, connects, and draws from then on. */
  async open(): Promise<void> {
    this.#panel.step('import');
    const facts = await caseFacts<CaseFacts>();
    for (const name of facts.covered) this.#errands.covered.add(name);
    const given = await loadCase(facts, (text) => this.#panel.busy(text));
    this.#panel.busy(t('Drawing the gland …'));
    await painted();
    const loop = new MonitorLoop({ tick: () => this.#look() }, this.#clock);
    this.#panel.newest = () => loop.caughtUp();
    const connected = connectProcedure({
      url: facts.bridge,
      clock: this.#clock,
      case: given,
      register: registerInWorker,
      images: pollImages(this.#clock),
      onMessage: () => loop.came(),
    });
    const { procedure } = connected;
    const keeping = await Keeping.open(procedure, this.#monitoring, this.#clock);
    this.#keeping = keeping;
    if (facts.results !== undefined) {
      this.#results = new ResultsPanel({
        archive: facts.results,
        make: (origin, picture) => keeping.results(origin, this.#clock.utc(this.#clock.now()), picture),
        canvas: this.#panel.canvas,
        draw: () => this.#pictures.stage.render(),
      });
    }
    this.#caseName(given);
    this.#pictures.open(given);
    this.#connected = connected;
    this.#panel.busy('');
    await Promise.race([connected.bridge.ready.catch(() => undefined), pause(1500)]);
    startPaced(this.#pictures.stage, () => this.#frame());
  }

  /** What is on the screen, in the language of the moment. */
  #caseName({ mr, lesions }: BiopsyCase): void {
    const size = mr.size.join('×');
    const say = (): void =>
      this.#panel.caseName(t('MR {size} · {n, plural, one {# target} other {# targets}}', { size, n: lesions.length }));
    say();
    language.onChange(say);
  }

  /** Poses and pictures as they come, however rarely frames are drawn. */
  #look(): void {
    const procedure = this.#connected?.procedure;
    if (procedure === undefined) return;
    procedure.update();
    this.#monitoring.tick(procedure);
  }

  /** Once per drawn frame, last thing before drawing. */
  #frame(): void {
    const [connected, keeping] = [this.#connected, this.#keeping];
    if (connected === undefined || keeping === undefined) return;
    const { procedure } = connected;
    procedure.update();
    this.#pictures.show(procedure, this.#show());
    this.#swept.show(procedure, keeping.accepted);
    this.#pictures.leave(this.#swept.place);
    this.#fused.show(procedure);
    keeping.follow(this.#step, this.#pictures.stage);
  }

  /** The live image, words and buttons. */
  #show(): LiveView {
    const [{ procedure, bridge }, keeping] = [this.#connected as ConnectedProcedure, this.#keeping as Keeping];
    this.#live.show(procedure);
    this.#alarms.show();
    this.#step = keeping.accepted ? procedure.stage : 'import';
    this.#panel.step(this.#step);
    this.#numbers(procedure);
    setText(this.#next, nextAt(procedure));
    this.#panel.banner(this.#banner(procedure, keeping));
    this.#panel.tools(TOOLS.map((name) => ({ name, status: procedure.tools[name].status })));
    const { state, clock } = bridge;
    this.#panel.link(
      state.link === 'open' ? t('Clock ±{boundMs} ms', { boundMs: clock.boundMs.toFixed(1) }) : inEnglish(state.reason),
    );
    this.#notes(procedure, keeping);
    this.#panel.actions(this.#actions(procedure, this.#step, keeping), blockedText(this.#monitoring.monitor));
    const asked = this.#step === 'finished' ? this.#results?.detail() : undefined;
    const detail = asked ?? detailOf(this.#step, procedure, keeping, this.#refusal(procedure, keeping));
    if (detail.key !== this.#detailKey) {
      this.#detailKey = detail.key;
      this.#panel.detail(...detail.build(), ...(asked === undefined ? this.#handed : []));
    }
    return this.#live;
  }

  /** Why the last thing was not done; empty where it was. */
  #refusal({ refusal }: Procedure, { trouble }: Keeping): string {
    if (this.#message !== '') return inEnglish(this.#message);
    return refusal === undefined ? (trouble === '' ? '' : inEnglish(trouble)) : refusalText(refusal);
  }

  #numbers(p: Procedure): void {
    const { aim } = p;
    const set = (name: NumberName, text: string): void => this.#panel.number(name, text, text !== UNKNOWN);
    set('probability', formatProbability(aim.probability));
    const good = Number.isNaN(aim.probability) ? 'none' : aim.probability >= ENOUGH ? 'yes' : 'no';
    const main = app.querySelector<HTMLElement>('#readout .number.main');
    if (main !== null && main.dataset['good'] !== good) main.dataset['good'] = good;
    set('beside', formatMm(aim.besideMm));
    set('depth', formatMm(aim.depthMm));
    set('stop', formatMm(aim.stop?.settingMm ?? Number.NaN, 0));
    set('error', formatBound(aim.error95Mm));
    set(
      'drift',
      p.drift === undefined || Number.isNaN(p.drift.mm)
        ? UNKNOWN
        : p.drift.mm < MOVED_MM
          ? `<\u202f${formatMm(MOVED_MM, 0)}`
          : formatMm(p.drift.mm),
    );
    set('age', formatAge(p.imageAgeMs));
  }

  /** What every place on this page rests on. */
  #notes({ proposal, registration, needsVerification }: Procedure, { note }: Keeping): void {
    if (registration === undefined) this.#panel.note('basis', '');
    else if (needsVerification) this.#panel.note('basis', t('MR on ultrasound: to be verified again'), true);
    else {
      const worst = Math.max(...(proposal?.tre95Mm ?? [Number.NaN]));
      this.#panel.note('basis', t('MR on ultrasound: {bound} at the targets (95 %)', { bound: formatBound(worst) }));
    }
    this.#panel.note('session', note.text, note.warn);
  }

  /** The worst thing that a person must know now. */
  #banner(p: Procedure, keeping: Keeping): Banner | undefined {
    const link = this.#connected?.bridge.state;
    if (link !== undefined && (link.link === 'refused' || link.link === 'silent'))
      return { kind: 'stop', text: t('No connection to the bridge') };
    if (p.stage === 'biopsy' && p.verificationDue !== undefined) return { kind: 'stop', text: t(VERIFY[p.verificationDue]) };
    for (const name of TOOLS) {
      const { status } = p.tools[name];
      if (keeping.accepted && status !== 'ok' && status !== 'predicted')
        return { kind: 'stop', text: name === 'probe' ? t('Probe not seen') : t('Reference not seen') };
    }
    if (this.#errands.trouble !== '') return { kind: 'warn', text: this.#errands.trouble };
    return this.#doing === '' ? undefined : { kind: 'warn', text: this.#doing };
  }

  #actions(procedure: Procedure, step: Step, keeping: Keeping): ReturnType<typeof actionsOf> {
    return actionsOf({
      procedure,
      keeping,
      errands: this.#errands,
      step,
      doing: this.#running,
      simulation: this.#simulation,
      run: (doing, act) => void this.#run(doing, act),
      tryOtherSegmentation: () => this.#tryOther(procedure.case),
      write: (kind) => void this.#run('', () => this.#write(kind, keeping)),
      results: this.#results?.actions() ?? [],
    });
  }

  /** One deed at a time: a second press, before the first is seen to have been taken, is none. The answer to a press waits for no picture. */
  async #run(doing: string, act: () => Promise<void>): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#doing = doing;
    this.#message = '';
    this.#show();
    try {
      await act();
    } catch (error) {
      this.#message = error instanceof Error ? error.message : String(error);
    } finally {
      this.#running = false;
      this.#doing = '';
      this.#show();
    }
  }

  /** What an import must refuse: shown by doing it. */
  #tryOther(given: BiopsyCase): void {
    try {
      importCase(given.mr, onAnotherFrame(given.labels));
      throw new Error('It was taken, and should not be.');
    } catch (error) {
      this.#message = error instanceof Error ? error.message : String(error);
    }
  }

  /** Report, summary or handout as a file of its own. */
  async #write(kind: DocumentKind, keeping: Keeping): Promise<void> {
    this.#pictures.stage.render();
    const pictures = [
      { dataUrl: this.#panel.canvas.toDataURL('image/png'), caption: t('MR with targets, cores and their 95 % regions') },
      { dataUrl: this.#live.canvas.toDataURL('image/png'), caption: t('Live ultrasound, as it last was') },
    ];
    const html = await keeping.document(kind, this.#clock.utc(this.#clock.now()), pictures);
    if (html === undefined) return;
    this.#handed = handOver(html, kind, 'mr-us-biopsy');
    this.#detailKey = '';
  }
}

/** What must be done before a core is taken, by why. */
const VERIFY = {
  moved: 'Prostate moved: verify before firing',
  restored: 'Resumed: verify before firing',
  asked: 'Mark landmarks, then verify',
} as const satisfies Record<VerificationCause, string>;
