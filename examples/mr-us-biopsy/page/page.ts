import { type Clock, systemClock } from '@trocar/core';
import { formatAge, formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import { beginSession, memoryStorage } from '@trocar/core/session';
import { AlarmBar } from '../../suite/page/alarm-bar.js';
import { h } from '../../suite/page/dom.js';
import { Errands } from '../../suite/page/errands.js';
import { crosshairKeys } from '../../suite/page/keys.js';
import { caseFacts, drawsInSoftware, painted, pause } from '../../suite/page/link.js';
import { type Banner, Panel } from '../../suite/page/panel.js';
import { type BiopsyCase, importCase, onAnotherFrame } from '../src/case.js';
import { type ConnectedProcedure, connectProcedure } from '../src/client.js';
import { ENOUGH } from '../src/fire-step.js';
import { TOOLS, type ToolName } from '../src/frames.js';
import { KeptBiopsy } from '../src/kept.js';
import { Monitoring } from '../src/monitoring.js';
import type { Procedure } from '../src/procedure.js';
import { TISSUE_SD_MM } from '../src/register-step.js';
import { actionsOf, BY } from './actions.js';
import { detailOf, said } from './details.js';
import { LiveView } from './live-view.js';
import { Pictures } from './pictures.js';
import { pollImages } from './poll-images.js';
import { registerInWorker } from './register-in-worker.js';
import { type CaseFacts, loadCase } from './server-link.js';
import { type NumberName, SHELL, type Step } from './shell.js';

/** Without a GPU a frame takes as long as ten. */
const SOFTWARE = drawsInSoftware();
const SOFTWARE_MS = 60;
/** Slices and 3D view then rest so many times as long as they took: the live image, which needs no GPU, comes first. */
const SOFTWARE_REST = 3;

const app = document.querySelector<HTMLElement>('#app') as HTMLElement;

/** What is drawn: a procedure, and how its link stands. */
export type Drawn = Pick<ConnectedProcedure, 'procedure'> & {
  readonly bridge: Pick<ConnectedProcedure['bridge'], 'state' | 'clock'>;
};

/** The page: words and buttons on the right, the live image and the MR on the left, one procedure between them. */
export class BiopsyPage {
  readonly #panel = new Panel<Step, NumberName>(app, SHELL);
  readonly #clock: Clock;
  /** Slices, 3D view and live image. */
  readonly pictures: Pictures;
  readonly #live: LiveView;
  readonly #errands = new Errands<ToolName>();
  readonly #monitoring = new Monitoring();
  readonly #alarms: AlarmBar;
  readonly #simulation = { hangs: false, moved: false };
  #connected: Drawn | undefined;
  #kept: KeptBiopsy | undefined;
  #given: BiopsyCase | undefined;
  #imported = false;
  #doing = '';
  #message = '';
  #detailKey = '';

  constructor(clock: Clock = systemClock()) {
    this.#clock = clock;
    this.pictures = new Pictures(this.#panel.canvas, this.#clock);
    const host = h('div', { id: 'live' });
    this.#panel.canvas.parentElement?.append(host);
    this.#live = new LiveView(host);
    this.#alarms = new AlarmBar(this.#panel.alarms, this.#monitoring.monitor, BY);
    crosshairKeys(this.pictures.stage, () => true);
  }

  /** Says that nothing can be done here, and why. */
  fail(what: string, why: string): void {
    this.#panel.busy('');
    this.#panel.banner({ kind: 'stop', text: what });
    this.#panel.detail(said(why));
  }

  /** Takes the case of the server that the page came from, connects, and draws from then on. */
  async open(): Promise<void> {
    this.#panel.step('import');
    const facts = await caseFacts<CaseFacts>();
    for (const name of facts.covered) this.#errands.covered.add(name);
    const given = await loadCase(facts, (text) => this.#panel.busy(text));
    this.#panel.busy('Drawing the gland …');
    await painted();
    const connected = connectProcedure({
      url: facts.bridge,
      clock: this.#clock,
      case: given,
      register: registerInWorker,
      images: pollImages(this.#clock),
    });
    await this.adopt(connected);
    await Promise.race([connected.bridge.ready.catch(() => undefined), pause(1500)]);
    this.#loop();
  }

  /** Takes a procedure, with a session in memory. It is drawn with every {@link frame}. */
  async adopt(connected: Drawn): Promise<void> {
    const { procedure } = connected;
    const { case: given } = procedure;
    this.#connected = connected;
    this.#given = given;
    this.#panel.caseName(`MR ${given.mr.size.join('×')} · ${given.lesions.length} targets`);
    this.pictures.open(given);
    this.#panel.busy('');
    const session = await beginSession({
      storage: memoryStorage(),
      clock: this.#clock,
      image: given.mr,
      by: BY,
      software: 'Trocar MR–ultrasound biopsy',
    });
    this.#kept = new KeptBiopsy(procedure, session, BY);
  }

  /** Frame after frame. Without a GPU a picture waits until the one before is through: poses, numbers and clicks do not wait for it. */
  #loop(): void {
    const { stage } = this.pictures;
    if (!SOFTWARE) {
      stage.start(() => this.frame());
      return;
    }
    const gl = this.#panel.canvas.getContext('webgl2');
    let before: WebGLSync | null = null;
    let [begun, next] = [0, 0];
    const turn = (): void => {
      this.frame();
      const now = this.#clock.now();
      if (gl !== null && before !== null && gl.getSyncParameter(before, gl.SYNC_STATUS) === gl.SIGNALED) {
        gl.deleteSync(before);
        before = null;
        next = now + SOFTWARE_REST * (now - begun);
      }
      if (before === null && now >= next) {
        begun = now;
        stage.render();
        before = gl?.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0) ?? null;
        gl?.flush();
      }
      setTimeout(turn, SOFTWARE_MS);
    };
    turn();
  }

  /** Once per drawn frame, last thing before drawing. */
  frame(): void {
    const { procedure, bridge } = this.#connected as Drawn;
    procedure.update();
    this.#monitoring.tick(procedure);
    const fresh = this.#live.show(procedure);
    this.pictures.show(procedure, fresh ? this.#live.pixels : undefined);
    this.#alarms.show();
    this.#imported ||= procedure.stage !== 'calibrate';
    const step: Step = this.#imported ? procedure.stage : 'import';
    this.#panel.step(step);
    this.#numbers(procedure);
    this.#panel.banner(this.#banner(procedure));
    this.#panel.tools(TOOLS.map((name) => ({ name, status: procedure.tools[name].status })));
    this.#panel.link(bridge.state.link === 'open' ? `Clock ±${bridge.clock.boundMs.toFixed(1)} ms` : bridge.state.reason);
    this.#notes(procedure);
    this.#panel.actions(this.#actions(procedure, step), this.#monitoring.blocks);
    const detail = detailOf(step, procedure, this.#message !== '' ? this.#message : (procedure.refusal?.message ?? ''));
    if (detail.key !== this.#detailKey) {
      this.#detailKey = detail.key;
      this.#panel.detail(...detail.build());
    }
  }

  #numbers(p: Procedure): void {
    const { aim } = p;
    const set = (name: NumberName, text: string): void => this.#panel.number(name, text, text !== UNKNOWN);
    set('probability', p.needsVerification ? UNKNOWN : formatProbability(aim.probability));
    const good = p.needsVerification || Number.isNaN(aim.probability) ? 'none' : aim.probability >= ENOUGH ? 'yes' : 'no';
    const main = app.querySelector<HTMLElement>('#readout .number.main');
    if (main !== null && main.dataset['good'] !== good) main.dataset['good'] = good;
    set('beside', formatMm(aim.besideMm));
    set('depth', formatMm(aim.depthMm));
    set('stop', aim.stop === undefined ? UNKNOWN : `${aim.stop.settingMm} mm`);
    set('error', formatBound(aim.error95Mm));
    set(
      'drift',
      p.drift === undefined || Number.isNaN(p.drift.mm) ? UNKNOWN : p.drift.mm < 3 ? '<\u202f3 mm' : formatMm(p.drift.mm),
    );
    set('age', formatAge(p.imageAgeMs));
  }

  /** What every place on this page rests on. */
  #notes({ proposal, registration, needsVerification }: Procedure): void {
    if (registration === undefined) this.#panel.note('basis', '');
    else if (needsVerification) this.#panel.note('basis', 'MR on ultrasound: to be verified again', true);
    else {
      const worst = Math.max(...(proposal?.tre95Mm ?? [Number.NaN]));
      this.#panel.note('basis', `MR on ultrasound: ${formatBound(worst)} at the targets (95 %, ${TISSUE_SD_MM} mm for tissue)`);
    }
    const lines = this.#kept?.session.head.count ?? 0;
    this.#panel.note('session', `Session in this page's memory · ${lines} lines kept`);
  }

  /** The worst thing that a person must know now. */
  #banner(p: Procedure): Banner | undefined {
    const link = this.#connected?.bridge.state;
    if (link !== undefined && (link.link === 'refused' || link.link === 'silent'))
      return { kind: 'stop', text: 'No connection to the bridge' };
    if (p.stage === 'biopsy' && p.needsVerification) return { kind: 'stop', text: 'Prostate moved: verify before firing' };
    for (const name of TOOLS) {
      const { status } = p.tools[name];
      if (this.#imported && status !== 'ok' && status !== 'predicted')
        return { kind: 'stop', text: `${name === 'probe' ? 'Probe' : 'Reference'} not seen` };
    }
    if (this.#errands.trouble !== '') return { kind: 'warn', text: this.#errands.trouble };
    return this.#doing === '' ? undefined : { kind: 'warn', text: this.#doing };
  }

  #actions(procedure: Procedure, step: Step): ReturnType<typeof actionsOf> {
    return actionsOf({
      procedure,
      kept: this.#kept as KeptBiopsy,
      errands: this.#errands,
      step,
      doing: this.#doing,
      simulation: this.#simulation,
      run: (doing, act) => void this.#run(doing, act),
      acceptCase: () => {
        this.#imported = true;
        this.#message = '';
      },
      tryOtherSegmentation: () => this.#tryOther(),
      report: () => void this.#report(),
    });
  }

  async #run(doing: string, act: () => Promise<void>): Promise<void> {
    this.#doing = doing;
    this.#message = '';
    try {
      await act();
    } catch (error) {
      this.#message = error instanceof Error ? error.message : String(error);
    } finally {
      this.#doing = '';
    }
  }

  /** What an import must refuse: shown by doing it. */
  #tryOther(): void {
    const given = this.#given as BiopsyCase;
    try {
      importCase(given.mr, onAnotherFrame(given.labels));
      this.#message = 'It was taken, and should not be.';
    } catch (error) {
      this.#message = error instanceof Error ? error.message : String(error);
    }
  }

  async #report(): Promise<void> {
    this.pictures.stage.render();
    const pictures = [
      { dataUrl: this.#panel.canvas.toDataURL('image/png'), caption: 'MR with targets, cores and their 95 % regions' },
      { dataUrl: this.#live.canvas.toDataURL('image/png'), caption: 'Live ultrasound, as it last was' },
    ];
    const html = await (this.#kept as KeptBiopsy).html(this.#clock.utc(this.#clock.now()), pictures);
    const link = h('a', { href: URL.createObjectURL(new Blob([html], { type: 'text/html' })), download: 'biopsy-report.html' });
    link.click();
    document.documentElement.dataset['report'] = String(html.length);
  }
}
