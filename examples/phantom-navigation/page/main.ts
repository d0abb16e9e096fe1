import { isNavError, point, systemClock } from '@trocar/core';
import { formatBound, formatMm, readout, UNKNOWN } from '@trocar/core/guidance';
import { createStage, type Stage, type Tool } from '@trocar/core/render';
import type { NavigationCase } from '../src/case.js';
import { type ConnectedProcedure, connectProcedure } from '../src/client.js';
import { CT, TOOLS, type ToolName } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import { type Action, type Banner, el, Panel, type Step, table } from './panel.js';
import { caseFacts, type HandOrder, loadCase, order, painted, pause } from './server-link.js';
import { skinOf } from './skin.js';

/** A tip farther than this from the planned line is not past the target, however deep: it is somewhere else, mm. */
const BESIDE_MM = 15;

/** The page: words and buttons on the right, images on the left, and one procedure between them. */
class Page {
  readonly #panel = new Panel();
  readonly #clock = systemClock();
  readonly #stage: Stage<'ct'>;
  readonly #stylus: Tool;
  #connected: ConnectedProcedure | undefined;
  #planned = false;
  /** Fiducials the hand still has to go to, and whether it is on its way. */
  #toTouch: number[] = [];
  #handBusy = false;
  readonly #covered = new Set<ToolName>();
  #message = '';
  /** What went wrong with the last order to the hand: never in front of what is wrong with a tool. */
  #handTrouble = '';
  #detailKey = '';
  #fiducialKey = '';

  constructor() {
    const canvas = document.querySelector('#stage');
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error('The page has no canvas.');
    this.#stage = createStage(canvas, { frame: CT, clock: this.#clock, antialias: !drawsInSoftware() });
    this.#stylus = this.#stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', lengthMm: 160, radiusMm: 2 } });
    this.#stage.contextLost.subscribe(() => {
      // What a browser paints instead is white, and no picture. The numbers come from elsewhere, and stay true.
      canvas.style.visibility = 'hidden';
      this.#say('The graphics were lost: no picture. The numbers are still measured.');
    });
    this.#stage.contextRestored.subscribe(() => {
      canvas.style.visibility = '';
      this.#say('');
    });
  }

  async open(): Promise<void> {
    this.#panel.step('load');
    const facts = await caseFacts();
    for (const name of facts.covered) this.#covered.add(name);
    const given = await loadCase(facts, (text) => this.#panel.busy(text));
    this.#show(given);
    this.#panel.busy('');
    const connected = connectProcedure({
      url: facts.bridge,
      clock: this.#clock,
      case: given,
      // A touch is a mean over measurements: every one is taken as it comes, however rarely frames are drawn.
      onMessage: () => this.#connected?.procedure.update(),
    });
    this.#connected = connected;
    // The first echoes are exchanged while nothing is drawn: drawing would sit between question and answer.
    await Promise.race([connected.bridge.ready.catch(() => undefined), pause(1500)]);
    await pause(200);
    this.#stage.start(() => this.#frame());
  }

  /** The slices at once; the skin in the 3D view when it is made. */
  #show(given: NavigationCase): void {
    const { size, modality } = given.volume;
    const name = `${modality} ${size.join('×')}`;
    this.#panel.caseName(name);
    this.#stage.setVolume(given.volume);
    this.#stage.setPlan(given.plan);
    this.#stage.setCrosshair(given.plan.target);
    this.#stage.render();
    skinOf(given.volume).then(
      (mesh) => {
        this.#stage.setSurface(mesh);
        this.#stage.canvas.dataset['skin'] = 'shown';
      },
      // Nothing is measured on it: the procedure goes on without.
      () => this.#panel.caseName(`${name}, skin not drawn`),
    );
  }

  #say(text: string): void {
    this.#message = text;
  }

  /** Once per drawn frame, last thing before drawing. */
  #frame(): void {
    const connected = this.#connected;
    if (connected === undefined) return;
    const { procedure } = connected;
    procedure.update();
    const { deviation } = procedure;
    this.#stylus.update(procedure.tipInImage, deviation.tipError95Mm);
    this.#numbers(procedure);
    this.#panel.step(this.#step(procedure));
    this.#panel.banner(this.#banner(procedure));
    this.#panel.tools(TOOLS.map((name) => ({ name, status: procedure.tools[name].status })));
    const { state, clock } = connected.bridge;
    this.#panel.link(state.link === 'open' ? `Clock ±${clock.boundMs.toFixed(1)} ms` : state.reason);
    this.#panel.actions(this.#actions(procedure));
    this.#detail(procedure);
    this.#fiducials(procedure);
    this.#goOn(procedure);
  }

  #step(procedure: Procedure): Step {
    if (!this.#planned) return 'plan';
    if (procedure.stage === 'connect' || procedure.stage === 'collect') return 'register';
    return procedure.stage === 'review' ? 'review' : 'navigate';
  }

  #numbers(procedure: Procedure): void {
    const texts = readout(procedure.deviation);
    const known = (text: string): boolean => text !== UNKNOWN;
    this.#panel.number('distance', texts.distance, known(texts.distance));
    this.#panel.number('depth', texts.depth, known(texts.depth));
    this.#panel.number('lateral', texts.lateral, known(texts.lateral));
    this.#panel.number('angle', texts.angle, known(texts.angle));
    this.#panel.number('age', texts.age, known(texts.age));
    this.#panel.number('tipError', texts.error, known(texts.error));
    const bound = procedure.proposal === undefined ? UNKNOWN : formatBound(procedure.proposal.bound.p95Mm);
    this.#panel.number('targetError', bound, known(bound));
  }

  /** The worst thing that a person must know now. */
  #banner(procedure: Procedure): Banner | undefined {
    if (this.#message !== '') return { kind: 'stop', text: this.#message };
    const link = this.#connected?.bridge.state;
    if (link !== undefined && (link.link === 'refused' || link.link === 'silent')) {
      return { kind: 'stop', text: 'No connection to the bridge' };
    }
    if (procedure.stage === 'connect') return this.#planned ? { kind: 'warn', text: 'Waiting for the tracker' } : undefined;
    for (const name of TOOLS) {
      const view = procedure.tools[name];
      const what = name === 'stylus' ? 'Stylus' : 'Patient reference';
      if (view.status === 'disconnected') return { kind: 'stop', text: 'Tracker disconnected' };
      if (view.status === 'missing') return { kind: 'stop', text: `${what} not visible` };
      if (view.status === 'stale') return { kind: 'stop', text: `${what} pose is stale` };
      if (view.status === 'outOfVolume') return { kind: 'warn', text: `${what} out of volume` };
      if (view.status === 'unknown') return { kind: 'warn', text: `${what}: visibility unknown` };
    }
    if (procedure.guidance === 'pastTarget') {
      const beside = procedure.deviation.lateralMm > BESIDE_MM;
      return { kind: 'warn', text: beside ? 'Beside the planned way' : 'Past the target' };
    }
    if (this.#handTrouble !== '') return { kind: 'warn', text: this.#handTrouble };
    return undefined;
  }

  #actions(procedure: Procedure): Action[] {
    const actions: Action[] = [];
    const busy = this.#handBusy || procedure.touching !== undefined || this.#toTouch.length > 0;
    if (!this.#planned) {
      actions.push({ id: 'accept-plan', label: 'Accept this plan', primary: true, run: () => this.#acceptPlan() });
      actions.push({ id: 'set-target', label: 'Target at crosshair', run: () => this.#target(procedure) });
      actions.push({ id: 'see-target', label: 'Show target', run: () => this.#stage.setCrosshair(procedure.plan.target) });
      return actions;
    }
    if (procedure.stage === 'collect') this.#collectActions(procedure, busy, actions);
    if (procedure.stage === 'review') {
      const suspect = procedure.proposal !== undefined && procedure.proposal.registration.outcome !== 'ok';
      const label = suspect ? 'Accept although suspect' : 'Accept registration';
      actions.push({ id: 'accept', label, primary: true, run: () => this.#accept(procedure, suspect) });
      actions.push({ id: 'reject', label: 'Touch again', run: () => void procedure.reject() });
    }
    if (procedure.stage === 'navigate') this.#navigateActions(procedure, actions);
    this.#coverActions(actions);
    return actions;
  }

  #collectActions(procedure: Procedure, busy: boolean, actions: Action[]): void {
    const left = procedure.touches.flatMap((t, i) => (t === undefined ? [i] : []));
    if (left.length > 0) {
      const next = left[0] as number;
      actions.push({
        id: 'touch-all',
        label: `Touch all ${left.length} left`,
        primary: true,
        disabled: busy,
        run: () => {
          this.#toTouch = [...left];
        },
      });
      actions.push({ id: 'touch-next', label: `Touch ${next + 1}`, disabled: busy, run: () => (this.#toTouch = [next]) });
    }
    actions.push({
      id: 'register',
      label: 'Register',
      primary: left.length === 0,
      disabled: busy || procedure.touches.length - left.length < 4,
      run: () => void procedure.register(),
    });
  }

  #navigateActions(procedure: Procedure, actions: Action[]): void {
    const insert = (beyondMm: number): void => {
      const { entry, target } = procedure.plan;
      void this.#hand({ insert: { beyondMm, entry: Array.from(entry.xyz), target: Array.from(target.xyz) } });
    };
    actions.push({ id: 'insert', label: 'Advance to target', primary: true, disabled: this.#handBusy, run: () => insert(0) });
    actions.push({ id: 'beyond', label: 'Go 8 mm past it', disabled: this.#handBusy, run: () => insert(8) });
    actions.push({ id: 'retract', label: 'Retract', disabled: this.#handBusy, run: () => void this.#hand({ retract: true }) });
    actions.push({ id: 'finish', label: 'Tip is on target', run: () => void procedure.finish() });
  }

  #coverActions(actions: Action[]): void {
    for (const name of TOOLS) {
      const hidden = this.#covered.has(name);
      actions.push({
        id: `cover-${name}`,
        label: `${hidden ? 'Uncover' : 'Cover'} ${name}`,
        pressed: hidden,
        run: () => {
          if (hidden) this.#covered.delete(name);
          else this.#covered.add(name);
          void this.#hand({ cover: name, hidden: !hidden });
        },
      });
    }
  }

  #acceptPlan(): void {
    this.#planned = true;
  }

  #target(procedure: Procedure): void {
    const refusal = procedure.planTo(procedure.plan.entry, point(CT, this.#stage.crosshair.xyz));
    if (refusal === undefined) this.#stage.setPlan(procedure.plan);
  }

  #accept(procedure: Procedure, knowingly: boolean): void {
    if (procedure.accept(knowingly) === undefined) this.#stage.follow(this.#stylus);
  }

  /** Asks the hand for something and waits until it is done. */
  async #hand(what: HandOrder): Promise<void> {
    this.#handBusy = true;
    try {
      const doneInMs = await order(what);
      await pause(doneInMs);
      this.#handTrouble = '';
    } catch (error) {
      this.#handTrouble = `The simulated hand does not answer: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      this.#handBusy = false;
    }
  }

  /** The next fiducial in the row: the hand goes there, then the touch begins. */
  #goOn(procedure: Procedure): void {
    if (procedure.stage !== 'collect' || this.#handBusy || procedure.touching !== undefined) return;
    const next = this.#toTouch[0];
    if (next === undefined) return;
    // A refused touch stays where it is, for the person to decide; the row ends.
    if (procedure.refusal !== undefined && procedure.touches[next] === undefined && this.#went === next) {
      this.#toTouch = [];
      this.#went = -1;
      return;
    }
    if (procedure.touches[next] !== undefined && this.#went === next) {
      this.#toTouch.shift();
      this.#went = -1;
      return;
    }
    this.#went = next;
    void this.#hand({ touch: next }).then(() => procedure.touch(next));
  }

  /** The fiducial that the hand was sent to last. */
  #went = -1;

  #fiducials(procedure: Procedure): void {
    const active = procedure.touching?.index;
    const states = procedure.touches.map((t, i) => (i === active ? 'active' : t !== undefined ? 'done' : 'pending'));
    const key = `${states.join()}${procedure.stage}`;
    if (key === this.#fiducialKey) return;
    this.#fiducialKey = key;
    const shown = procedure.stage === 'navigate' || procedure.stage === 'finished' ? [] : procedure.case.fiducials;
    this.#stage.setFiducials(shown.map((p, i) => ({ point: p, state: states[i] as 'active' | 'done' | 'pending' })));
    const at = procedure.case.fiducials[active ?? -1];
    if (at !== undefined) this.#stage.setCrosshair(at);
  }

  /** The free part of the panel: rebuilt when what it says changes. */
  #detail(procedure: Procedure): void {
    const progress = procedure.touching === undefined ? '' : procedure.touching.progress.toFixed(1);
    const key = [
      this.#planned,
      procedure.stage,
      procedure.refusal?.message,
      procedure.touches.map((t) => (t === undefined ? 0 : 1)).join(''),
      progress,
      procedure.plan.lengthMm,
    ].join('|');
    if (key === this.#detailKey) return;
    this.#detailKey = key;
    const content = this.#detailOf(procedure);
    if (procedure.refusal !== undefined) content.push(el('p', procedure.refusal.message, 'refused'));
    this.#panel.detail(...content);
  }

  #detailOf(procedure: Procedure): HTMLElement[] {
    if (!this.#planned) return planDetail(procedure);
    if (procedure.stage === 'connect' || procedure.stage === 'collect') return collectDetail(procedure);
    if (procedure.stage === 'review') return reviewDetail(procedure);
    if (procedure.stage === 'finished') return [el('p', 'Tip on target, recorded', 'big')];
    return [];
  }
}

/** Whether there is no GPU behind WebGL: smooth edges would then cost half the frames. */
function drawsInSoftware(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  const info = context?.getExtension('WEBGL_debug_renderer_info');
  const name = info ? String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}

function planDetail(procedure: Procedure): HTMLElement[] {
  return [
    el('p', 'Length of the planned way', 'quiet'),
    el('p', formatMm(procedure.plan.lengthMm), 'big'),
    el('p', 'Click a slice to move the crosshair; the target can be put there. Right-drag changes the window.', 'quiet'),
    ...procedure.case.warnings.map((w) => el('p', w, 'refused')),
  ];
}

function collectDetail(procedure: Procedure): HTMLElement[] {
  const rows = procedure.touches.map((t, i) => {
    const now = procedure.touching?.index === i ? `${Math.round(100 * procedure.touching.progress)} %` : '';
    return [String(i + 1), t === undefined ? now || 'to touch' : 'touched', t === undefined ? UNKNOWN : formatMm(t.rmsMm, 2)];
  });
  return [table(['Fiducial', '', 'Scatter of the tip'], rows)];
}

function reviewDetail(procedure: Procedure): HTMLElement[] {
  const proposal = procedure.proposal;
  if (proposal === undefined) return [];
  const { registration, fiducials, bound } = proposal;
  const rows = registration.residuals.map((r, k) => [
    String((fiducials[k] ?? 0) + 1),
    formatMm(r.mm, 2),
    formatMm(r.expectedMm, 2),
    formatMm(r.leaveOneOutMm, 2),
  ]);
  return [
    el('p', 'Expected error at the target, 95 %', 'quiet'),
    el('p', formatBound(bound.p95Mm), 'big'),
    table(['Fiducial', 'Residual', 'Expected', 'Left out'], rows),
    el('p', `Localisation error ${formatMm(registration.fleMm, 2)}, estimated. Residuals are not the accuracy.`, 'quiet'),
    ...registration.findings.map((f) => el('p', f.message, 'refused')),
  ];
}

const page = new Page();
await painted();
try {
  await page.open();
} catch (error) {
  const text = isNavError(error) ? `${error.code}: ${error.message}` : String(error);
  const panel = new Panel();
  panel.busy('');
  panel.banner({ kind: 'stop', text: 'The image cannot be used' });
  panel.detail(el('p', text, 'refused'));
}
