import { type Instant, isNavError, systemClock } from '@trocar/core';
import { formatBound, formatMm, readout, UNKNOWN } from '@trocar/core/guidance';
import { createStage, GateIndicator, instrumentFromJson, type Stage, type Tool } from '@trocar/core/render';
import type { ReportPicture } from '@trocar/core/session';
import { type DocumentKind, handOver } from '../../suite/page/documents.js';
import { h } from '../../suite/page/dom.js';
import { Errands } from '../../suite/page/errands.js';
import { Guide, type Guided } from '../../suite/page/guide.js';
import { crosshairKeys } from '../../suite/page/keys.js';
import { caseFacts, drawsInSoftware, order, painted, pause } from '../../suite/page/link.js';
import { MonitorLoop } from '../../suite/page/monitor-loop.js';
import { startPaced } from '../../suite/page/paced.js';
import { type Banner, Panel } from '../../suite/page/panel.js';
import { ResultsPanel } from '../../suite/page/results.js';
import { speakWith } from '../../suite/page/speak.js';
import { inEnglish, language } from '../../suite/page/texts/language.js';
import type { AblationCase } from '../src/case.js';
import { type ConnectedProcedure, connectProcedure } from '../src/client.js';
import { CT, TOOLS, type ToolName } from '../src/frames.js';
import { GATE } from '../src/gate-step.js';
import { type HeatPreview, heatProblem } from '../src/heat.js';
import type { Procedure } from '../src/procedure.js';
import type { Stage as Where } from '../src/stages.js';
import { actionsOf } from './actions.js';
import { detailOf } from './details.js';
import { Graphics, LIVER_WINDOW } from './graphics.js';
import { SimulatedHand } from './hand.js';
import { heatInWorker } from './heat-in-worker.js';
import { Keeping } from './keeping.js';
import { type CaseFacts, loadCase, loadPost } from './link.js';
import { registerHere } from './register-here.js';
import { SHELL, STEP_OF } from './shell.js';
import { structuresOf } from './structures.js';
import { t } from './texts/index.js';

const app = document.querySelector<HTMLElement>('#app') as HTMLElement;

const SHAFT_MM = { lengthMm: 150, radiusMm: 1.1 } as const;
const APPLICATOR_LOOK = instrumentFromJson({
  name: 'applicator',
  kind: 'needle',
  ...SHAFT_MM,
  depthMarks: { everyMm: 10, boldEvery: 5 },
});
/** In a hurry, for tests: as the headless run. */
const FAST = { touchLimits: { dwellMs: 400, minSamples: 14, maxRmsMm: 0.9, maxDriftMm: 0.6 }, burnMinuteMs: 150 } as const;
/** A step plays by itself after so long, ms: a person can read along. */
const PLAY_EVERY_MS = 700;

/** The page: words and buttons on the right, images on the left, and one procedure between them. */
class Page {
  readonly #panel = new Panel(app, SHELL);
  readonly #clock = systemClock();
  readonly #stage: Stage<'ct'>;
  readonly #tool: Tool;
  readonly #guide: Guide<'ct'>;
  readonly #errands = new Errands<ToolName>();
  readonly #gateHost = h('div', { id: 'gate', hidden: true });
  readonly #gate: GateIndicator;
  readonly #now = new Float64Array(1);
  readonly #pictures: ReportPicture[] = [];
  #connected: ConnectedProcedure | undefined;
  #keeping: Keeping | undefined;
  #graphics: Graphics | undefined;
  #hand: SimulatedHand | undefined;
  #loop: MonitorLoop | undefined;
  #results: ResultsPanel | undefined;
  #work = '';
  #entry: number | undefined;
  /** What the heat of a plan is expected to do. */
  #heat: { readonly of: unknown; readonly preview: HeatPreview } | undefined;
  #auto = false;
  #playedAt = 0;
  #detailKey = '';
  #pictured: Where = 'plan';

  constructor() {
    const { canvas } = this.#panel;
    this.#stage = createStage(canvas, { frame: CT, clock: this.#clock, antialias: !drawsInSoftware() });
    speakWith(this.#stage);
    this.#tool = this.#stage.addTool({ name: 'applicator', geometry: { kind: 'stylus', ...SHAFT_MM } });
    this.#guide = new Guide(this.#stage, this.#tool, this.#panel.guide, { instrument: APPLICATOR_LOOK });
    document.querySelector('#readout')?.before(this.#gateHost);
    // Its canvas takes the size of the host, which must have one.
    this.#gateHost.hidden = false;
    this.#gate = new GateIndicator(this.#gateHost, { gate: GATE });
    this.#stage.addGraphic(this.#gate);
    crosshairKeys(this.#stage, () => this.#connected?.procedure.guide === undefined);
  }

  /** Says that nothing can be done here, and why. */
  fail(what: string, why: string): void {
    this.#panel.busy('');
    this.#panel.banner({ kind: 'stop', text: what });
    this.#panel.detail(h('p', { class: 'refused' }, inEnglish(why)));
  }

  async open(): Promise<void> {
    this.#panel.step('plan');
    const facts = await caseFacts<CaseFacts>();
    for (const name of facts.covered) this.#errands.covered.add(name);
    this.#errands.frozen = facts.frozen;
    const given = await loadCase((text) => this.#panel.busy(text));
    this.#panel.busy(t('Measuring distances to every structure …'));
    await painted();
    this.#caseName(given);
    // Whatever takes long comes first: a bridge that is not answered at once lets go.
    this.#stage.setVolume(given.volume, LIVER_WINDOW);
    this.#guide.avoid(await structuresOf(given));
    const connected = connectProcedure({
      url: facts.bridge,
      clock: this.#clock,
      case: given,
      procedure: { demands: facts.demands, registerPost: registerHere, ...(facts.fast && FAST) },
      // A touch is a mean over measurements: every one is taken as it comes, however rarely frames are drawn.
      onMessage: () => {
        this.#connected?.procedure.update();
        this.#loop?.came();
      },
    });
    this.#connected = connected;
    const { procedure } = connected;
    this.#keeping = await Keeping.open(connected, this.#clock, this.#panel.alarms);
    this.#graphics = new Graphics(this.#stage, procedure);
    if (facts.results !== undefined) this.#results = this.#resultsPanel(facts.results, this.#keeping);
    this.#hand = new SimulatedHand(this.#errands, procedure);
    this.#panel.busy('');
    const loop = new MonitorLoop(connected.monitoring, this.#clock);
    this.#loop = loop;
    this.#panel.newest = () => loop.caughtUp();
    await Promise.race([connected.bridge.ready.catch(() => undefined), pause(1500)]);
    startPaced(this.#stage, () => this.#frame());
  }

  /** What is on the screen, in the language of the moment. */
  #caseName({ volume, side }: AblationCase): void {
    const say = (): void => {
      const sided = t(SIDED[side]);
      this.#panel.caseName(`${volume.modality} ${volume.size.join('×')}, ${sided}`);
    };
    say();
    language.onChange(say);
  }

  /** Once per drawn frame, last thing before drawing. */
  #frame(): void {
    const [connected, graphics, hand, keeping] = [this.#connected, this.#graphics, this.#hand, this.#keeping];
    if (connected === undefined || graphics === undefined || hand === undefined || keeping === undefined) return;
    const { procedure } = connected;
    const now = this.#clock.now();
    procedure.update();
    keeping.update();
    this.#showGate(procedure, now);
    this.#tool.update(procedure.tipInImage, procedure.guide?.deviation.tipError95Mm ?? Number.NaN);
    this.#numbers(procedure);
    this.#panel.step(STEP_OF[procedure.stage], GUIDED.has(procedure.stage));
    this.#panel.banner(this.#banner(procedure));
    this.#panel.tools(TOOLS.map((name) => ({ name, status: procedure.tools[name].status })));
    const { state, clock } = connected.bridge;
    this.#panel.link(
      state.link === 'open' ? t('Clock ±{boundMs} ms', { boundMs: clock.boundMs.toFixed(1) }) : inEnglish(state.reason),
    );
    const heat = this.#heatOf(procedure);
    graphics.show(heat);
    this.#guide.update(guidedOf(procedure));
    const actions = actionsOf({
      procedure,
      hand,
      errands: this.#errands,
      keeping,
      working: this.#work !== '',
      entry: this.#entry,
      auto: this.#auto,
      findEntries: () => this.#findEntries(procedure),
      propose: () => this.#propose(procedure),
      preview: () => this.#preview(procedure),
      previewed: heat !== undefined,
      chooseEntry: (rank) => {
        if (procedure.planning.chooseEntry(rank) === undefined) this.#entry = rank;
      },
      takeCt: () => void this.#takeCt(procedure),
      write: (kind) => void this.#write(kind),
      results: this.#results?.actions() ?? [],
      play: () => {
        this.#auto = !this.#auto;
      },
    });
    this.#panel.actions(actions, keeping.whyBlocked);
    const tips = tipsNote(procedure);
    this.#panel.note('tools-note', tips.text, tips.warn);
    this.#panel.note('session', keeping.note.text, keeping.note.warn);
    this.#detail(procedure, graphics, keeping);
    this.#play(actions, keeping.whyBlocked !== undefined, now);
    this.#picture(procedure.stage);
    keeping.follow(this.#stage);
  }

  #showGate(procedure: Procedure, now: Instant): void {
    const { stage } = procedure;
    const needed = BREATHED.has(stage);
    if (this.#gateHost.hidden === needed) this.#gateHost.hidden = !needed;
    this.#now[0] = now;
    this.#gate.update(procedure.gate.gate, this.#now);
  }

  #numbers({ guide }: Procedure): void {
    if (guide === undefined) return;
    const texts = readout(guide.deviation);
    const say = (name: 'distance' | 'depth' | 'lateral' | 'angle' | 'age' | 'tipError' | 'room', text: string): void =>
      this.#panel.number(name, text, text !== UNKNOWN);
    say('distance', texts.distance);
    say('depth', texts.depth);
    say('lateral', texts.lateral);
    say('angle', texts.angle);
    say('age', texts.age);
    say('tipError', texts.error);
    const n = guide.tightest;
    const room = n < 0 ? Number.NaN : guide.clearanceMm(n);
    say('room', Number.isFinite(room) ? `≥\u202f${formatMm(Math.floor(10 * room) / 10)}` : UNKNOWN);
  }

  /** The worst thing that a person must know now. */
  #banner(procedure: Procedure): Banner | undefined {
    const link = this.#connected?.bridge.state;
    if (link !== undefined && (link.link === 'refused' || link.link === 'silent'))
      return { kind: 'stop', text: t('No connection to the bridge') };
    if (procedure.stage === 'confirm' && procedure.confirming.stage === 'refused')
      return { kind: 'stop', text: t('No margin can be told') };
    if (procedure.stage !== 'guide' && procedure.stage !== 'burn') return undefined;
    if (procedure.guiding.referenceMoved) return { kind: 'stop', text: t('Reference pushed: register again') };
    const { status } = procedure.tools.applicator;
    if (status !== 'ok')
      return { kind: 'stop', text: t('Applicator {status}', { status: status === 'missing' ? t('not visible') : t(status) }) };
    if (procedure.tools.reference.status !== 'ok') return { kind: 'stop', text: t('Patient reference not visible') };
    if (procedure.gate.phase === 'unknown') return { kind: 'warn', text: t('No regular breathing: nothing can be told') };
    if (procedure.gate.phase === 'closed') return { kind: 'warn', text: t('Gate closed: not at the end of expiration') };
    if (procedure.guidance === 'breach') return { kind: 'stop', text: t('Too near to a structure') };
    if (procedure.guidance === 'pastTarget') return { kind: 'warn', text: t('Past the planned tip') };
    return this.#errands.trouble === '' ? undefined : { kind: 'warn', text: this.#errands.trouble };
  }

  #detail(procedure: Procedure, graphics: Graphics, keeping: Keeping): void {
    const heat = this.#heatOf(procedure);
    const asked = procedure.stage === 'finished' ? this.#results?.detail() : undefined;
    const detail = asked ?? detailOf(procedure, { work: this.#work, legends: graphics.legends, keeping, heat });
    const key = `${language.locale.language}|${detail.key}`;
    if (key === this.#detailKey) return;
    this.#detailKey = key;
    this.#panel.detail(...detail.build());
  }

  #findEntries({ planning }: Procedure): void {
    void this.#working(t('Looking for entries'), (say) => planning.findEntries(undefined, say));
  }

  #propose({ planning }: Procedure): void {
    void this.#working(t('Proposing probes'), (say) => planning.propose(undefined, say));
  }

  /** The preview, while the plan that it is of is looked at. */
  #heatOf({ stage, planning }: Procedure): HeatPreview | undefined {
    return stage === 'plan' && planning.plan !== undefined && this.#heat?.of === planning.plan ? this.#heat.preview : undefined;
  }

  #preview({ planning, case: given }: Procedure): void {
    const { plan } = planning;
    if (plan === undefined) return;
    void this.#working(t('Working out the heat'), async (say) => {
      this.#heat = { of: plan, preview: await heatInWorker(heatProblem(given, plan.probes), say) };
      return undefined;
    });
  }

  async #takeCt({ confirming }: Procedure): Promise<void> {
    await this.#working(t('Taking a CT'), async () => {
      confirming.reset();
      await order({ ct: true });
      const post = await loadPost(() => undefined);
      return confirming.take(post);
    });
  }

  /** Does something that takes its time, says so, and says what came of it. */
  async #working(what: string, act: (say: (fraction: number) => void) => Promise<Procedure['refusal']>): Promise<void> {
    if (this.#work !== '') return;
    const procedure = (this.#connected as ConnectedProcedure).procedure;
    this.#work = `${what} …`;
    await painted();
    try {
      procedure.refusal = await act((fraction) => {
        this.#work = `${what} … ${Math.round(100 * fraction)} %`;
      });
    } catch (error) {
      procedure.refusal = { code: 'failed', message: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#work = '';
    }
  }

  /** While it plays, does what is to be done next. */
  #play(actions: ReturnType<typeof actionsOf>, blocked: boolean, now: number): void {
    if (!this.#auto) return;
    if (this.#connected?.procedure.stage === 'finished') this.#auto = false;
    if (now - this.#playedAt < PLAY_EVERY_MS || this.#hand?.busy === true) return;
    const next = actions.find((a) => a.primary === true && a.disabled !== true && !(blocked && a.accepts === true));
    if (next === undefined) return;
    this.#playedAt = now;
    next.run();
  }

  /** Takes the report's picture of a stage that was entered, once it has been drawn. */
  #picture(stage: Where): void {
    if (stage === this.#pictured) return;
    this.#pictured = stage;
    const caption = PICTURED[stage]?.();
    if (caption === undefined) return;
    setTimeout(() => {
      this.#stage.render();
      this.#pictures.push({ dataUrl: this.#panel.canvas.toDataURL('image/jpeg', 0.85), caption });
    }, 1200);
  }

  #resultsPanel(archive: boolean, keeping: Keeping): ResultsPanel {
    return new ResultsPanel({
      archive,
      make: (origin, picture) => keeping.results(origin, this.#clock.utc(this.#clock.now()), picture),
      canvas: this.#panel.canvas,
      draw: () => this.#stage.render(),
    });
  }

  /** Report, summary or handout as a file of its own. */
  async #write(kind: DocumentKind): Promise<void> {
    const html = await this.#keeping?.document(kind, this.#clock.utc(this.#clock.now()), this.#pictures);
    if (html !== undefined) this.#panel.detail(...handOver(html, kind, 'ct-liver-ablation'));
  }
}

/** Where an applicator is guided, and where something depends on the breath. */
const GUIDED: ReadonlySet<Where> = new Set(['guide', 'burn']);
const BREATHED: ReadonlySet<Where> = new Set(['breathe', 'collect', 'review', 'verify', 'guide', 'burn']);

/** What is pictured for the report when a stage is entered. */
const PICTURED: Partial<Record<Where, () => string>> = {
  connect: () => t('The plan as it was accepted: tumour with planned margins and zone'),
  burn: () => t('The applicator when the burn began'),
  assess: () => t('The zone expected at the tracked pose'),
  finished: () => t('The margins on the CT afterwards, registered to the CT before'),
};

/** What the tips' places rest on: said in every step from calibrating on. */
function tipsNote({ calibrating }: Procedure): { readonly text: string; readonly warn: boolean } {
  const said = (['stylus', 'applicator'] as const).flatMap((name) => {
    const { accepted } = calibrating[name];
    if (accepted === undefined) return [];
    const { source, tip95Mm } = accepted;
    return [
      source === 'stored'
        ? t('{name} stored, not checked today', { name: t(name) })
        : t(FOUND[source], { name: t(name), bound: formatBound(tip95Mm, 2) }),
    ];
  });
  const text = said.join(' · ');
  return { text: text.charAt(0).toUpperCase() + text.slice(1), warn: calibrating.stylus.accepted?.source === 'stored' };
}

const SIDED = { left: 'left side', right: 'right side', midline: 'midline', both: 'both sides' } as const;

const FOUND = { pivot: '{name} tip {bound}', restored: '{name} restored, {bound}' } as const;

/** What is guided in this step; undefined in the others. */
function guidedOf(procedure: Procedure): Guided<'ct'> | undefined {
  const { guide, stage, graph, tipInImage: tip, guiding, planning, probe } = procedure;
  if (guide === undefined || (stage !== 'guide' && stage !== 'burn')) return undefined;
  const way = planning.ways.find(({ name }) => name === probe?.name);
  if (way === undefined) return undefined;
  return { plan: way.plan, limits: guiding.limits, graph, tip, tipError95Mm: guide.deviation.tipError95Mm };
}

const page = new Page();
await painted();
try {
  await page.open();
} catch (error) {
  const text = isNavError(error) ? `${error.code}: ${error.message}` : String(error);
  page.fail(t('The case cannot be used'), text);
}
