import { isNavError, systemClock } from '@trocar/core';
import { formatBound, readout, UNKNOWN } from '@trocar/core/guidance';
import { createStage, instrumentFromJson, type Stage, type Tool } from '@trocar/core/render';
import { Errands } from '../../suite/page/errands.js';
import { Guide, type Guided } from '../../suite/page/guide.js';
import { crosshairKeys } from '../../suite/page/keys.js';
import { caseFacts, drawsInSoftware, painted, pause } from '../../suite/page/link.js';
import { MonitorLoop } from '../../suite/page/monitor-loop.js';
import { startPaced } from '../../suite/page/paced.js';
import { type Banner, Panel } from '../../suite/page/panel.js';
import { clockTime } from '../../suite/page/resumed.js';
import { speakWith } from '../../suite/page/speak.js';
import { inEnglish, language } from '../../suite/page/texts/language.js';
import { BODIES, type BodyName } from '../../suite/src/frames.js';
import type { NavigationCase } from '../src/case.js';
import { type ConnectedProcedure, connectProcedure } from '../src/client.js';
import { CT } from '../src/frames.js';
import { ImageStep } from '../src/image-step.js';
import type { Procedure } from '../src/procedure.js';
import type { SecondFault } from '../src/second-image.js';
import { actionsOf } from './actions.js';
import { detailOf, refused } from './details.js';
import { type ImagesPlace, imagesBanner, imagesNote } from './images.js';
import { Keeping } from './keeping.js';
import { Pictures } from './pictures.js';
import { registerInWorker } from './register-in-worker.js';
import { downloadReport } from './report.js';
import { SecondView } from './second-view.js';
import { type CaseFacts, loadCase, loadSecond } from './server-link.js';
import { SHELL, type Step } from './shell.js';
import { skinOf, structuresOfPhantom } from './surfaces.js';
import { t } from './texts/index.js';

/** A tip farther than this from the planned line is not past the target, however deep: it is somewhere else, mm. */
const BESIDE_MM = 15;

const app = document.querySelector<HTMLElement>('#app') as HTMLElement;

/** The stylus as it is drawn, with a mark every centimetre. */
const STYLUS_MM = { lengthMm: 160, radiusMm: 2 } as const;
const STYLUS_LOOK = instrumentFromJson({
  name: 'stylus',
  kind: 'stylus',
  ...STYLUS_MM,
  depthMarks: { everyMm: 10, boldEvery: 5 },
});

/** The page: words and buttons on the right, images on the left, and one procedure between them. */
class Page {
  readonly #panel = new Panel(app, SHELL);
  readonly #clock = systemClock();
  readonly #stage: Stage<'ct'>;
  readonly #stylus: Tool;
  readonly #pictures: Pictures;
  readonly #errands = new Errands<BodyName>();
  readonly #second: SecondView;
  readonly #guide: Guide<'ct'>;
  #images: ImageStep | undefined;
  #facts: CaseFacts | undefined;
  #fault: SecondFault = 'none';
  /** Whether a second image is on its way: until it is here there is nothing to be registered. */
  #taking = false;
  #compared = false;
  #connected: ConnectedProcedure | undefined;
  #keeping: Keeping | undefined;
  #loop: MonitorLoop | undefined;
  /** Which fiducial is looked at under review. */
  #selected: number | undefined;
  #message = '';
  /** Why there is no second image, where there should be one. */
  #unread = '';
  #detailKey = '';

  constructor() {
    const { canvas } = this.#panel;
    this.#stage = createStage(canvas, { frame: CT, clock: this.#clock, antialias: !drawsInSoftware() });
    speakWith(this.#stage);
    this.#stylus = this.#stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', ...STYLUS_MM } });
    this.#pictures = new Pictures(this.#stage);
    this.#second = new SecondView(this.#stage);
    this.#guide = new Guide(this.#stage, this.#stylus, this.#panel.guide, { instrument: STYLUS_LOOK });
    crosshairKeys(this.#stage, () => this.#connected?.procedure.stage !== 'navigate');
    this.#stage.contextLost.subscribe(() => {
      // What a browser paints instead is white, and no picture. The numbers come from elsewhere, and stay true.
      canvas.style.visibility = 'hidden';
      this.#message = t('The graphics were lost: no picture. The numbers are still measured.');
    });
    this.#stage.contextRestored.subscribe(() => {
      canvas.style.visibility = '';
      this.#message = '';
    });
  }

  /** Says that nothing can be done here, and why. */
  fail(what: string, why: string): void {
    this.#panel.busy('');
    this.#panel.banner({ kind: 'stop', text: what });
    this.#panel.detail(refused(why));
  }

  async open(): Promise<void> {
    this.#panel.step('load');
    const facts = await caseFacts<CaseFacts>();
    for (const name of facts.covered) this.#errands.covered.add(name);
    this.#errands.frozen = facts.frozen;
    const given = await loadCase(facts, (text) => this.#panel.busy(text));
    this.#show(given);
    this.#facts = facts;
    if (facts.kind === 'phantom') this.#avoid();
    await this.#takeSecond(given, 'none');
    this.#panel.busy('');
    const connected = connectProcedure({
      url: facts.bridge,
      clock: this.#clock,
      case: given,
      // A touch is a mean over measurements: every one is taken as it comes, however rarely frames are drawn.
      onMessage: () => {
        this.#connected?.procedure.update();
        this.#loop?.came();
      },
    });
    this.#connected = connected;
    this.#keeping = await Keeping.open(connected, this.#clock, this.#panel.alarms);
    const loop = new MonitorLoop(connected.monitoring, this.#clock);
    this.#loop = loop;
    this.#panel.newest = () => loop.caughtUp();
    // The first echoes are exchanged while nothing is drawn: drawing would sit between question and answer.
    await Promise.race([connected.bridge.ready.catch(() => undefined), pause(1500)]);
    await pause(200);
    startPaced(this.#stage, () => this.#frame());
  }

  /** Takes the second image, where there is one; where it cannot be read, the procedure goes on without it and says so. */
  async #takeSecond(given: NavigationCase, fault: SecondFault): Promise<void> {
    const facts = this.#facts as CaseFacts;
    let second: ImageStep['second'];
    this.#taking = true;
    this.#unread = '';
    try {
      second = await loadSecond(facts, (text) => this.#panel.busy(text), fault);
    } catch (error) {
      this.#unread = t('Second image not read: {why}', { why: error instanceof Error ? error.message : String(error) });
    }
    this.#taking = false;
    this.#fault = fault;
    this.#panel.busy('');
    this.#images = new ImageStep(given.volume, second, registerInWorker);
    this.#panel.hasStep('images', second !== undefined);
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
      () => this.#panel.caseName(t('{name}, skin not drawn', { name })),
    );
  }

  /** What must not be touched, when it is made; where it cannot be, the list says that nothing is known. */
  #avoid(): void {
    structuresOfPhantom().then(
      (structures) => this.#guide.avoid(structures),
      () => undefined,
    );
  }

  /** Once per drawn frame, last thing before drawing. */
  #frame(): void {
    const [connected, keeping] = [this.#connected, this.#keeping];
    if (connected === undefined || keeping === undefined) return;
    const { procedure } = connected;
    procedure.update();
    if (keeping.update()) this.#takenUp(procedure);
    const place = this.#place(procedure);
    const step = keeping.planned && place.images.isOpen ? 'images' : stepOf(procedure, keeping.planned);
    this.#stylus.update(procedure.tipInImage, procedure.deviation.tipError95Mm);
    this.#numbers(procedure);
    this.#panel.step(step);
    this.#panel.banner(this.#banner(procedure, place, keeping));
    this.#panel.tools(BODIES.map((name) => ({ name, status: procedure.tools[name].status })));
    const { state, clock } = connected.bridge;
    this.#panel.link(
      state.link === 'open' ? t('Clock ±{boundMs} ms', { boundMs: clock.boundMs.toFixed(1) }) : inEnglish(state.reason),
    );
    this.#stylusNote(procedure, keeping);
    this.#panel.note('session', keeping.note.text, keeping.note.warn);
    const note = this.#unread === '' ? imagesNote(place) : { text: this.#unread, warn: true };
    this.#panel.note('images', note.text, note.warn);
    this.#panel.actions(this.#actions(procedure, place, keeping), keeping.whyBlocked);
    if (procedure.stage !== 'review') this.#selected = undefined;
    this.#detail(procedure, place, keeping);
    this.#pictures.show(procedure);
    this.#guide.update(guidedOf(procedure));
    this.#second.show(place.images);
    this.#errands.goOn(procedure);
    keeping.follow(step, procedure.stage === 'finished', this.#stage);
  }

  /** A case was taken up: its plan is drawn, and the second image is registered anew by who wants it. */
  #takenUp(procedure: Procedure): void {
    this.#stage.setPlan(procedure.plan);
    this.#images?.leave();
    if (procedure.stage === 'navigate') this.#stage.follow(this.#stylus);
  }

  /** What the step of the second image works on. */
  #place(procedure: Procedure): ImagesPlace {
    return {
      images: this.#images as ImageStep,
      procedure,
      view: this.#second,
      fault: this.#facts?.second === 'phantom' ? this.#fault : undefined,
      taking: this.#taking,
      take: (fault) => void this.#takeSecond(procedure.case, fault),
      compared: this.#compared,
      compare: (done) => {
        this.#compared = done;
      },
    };
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

  /** What the tip's place rests on: said in every step from calibrating on. */
  #stylusNote({ calibration }: Procedure, { calibratedAt }: Keeping): void {
    const { accepted } = calibration;
    if (accepted === undefined) this.#panel.note('stylus', '');
    else if (accepted.source === 'restored') {
      const text = t('Stylus: restored, pivoted {calibratedAt}, tip {tip95Mm}', {
        calibratedAt: clockTime(calibratedAt),
        tip95Mm: formatBound(accepted.tip95Mm, 2),
      });
      this.#panel.note('stylus', text);
    } else if (accepted.source === 'stored') this.#panel.note('stylus', t('Stylus: stored calibration, not checked today'), true);
    else this.#panel.note('stylus', t('Stylus: pivoted, tip {tip95Mm}', { tip95Mm: formatBound(accepted.tip95Mm, 2) }));
  }

  /** The worst thing that a person must know now. */
  #banner(procedure: Procedure, { images }: ImagesPlace, { planned }: Keeping): Banner | undefined {
    if (this.#message !== '') return { kind: 'stop', text: this.#message };
    // Nothing is tracked in this step: what must be known is what the pictures are.
    if (planned && images.isOpen) return imagesBanner(images);
    const link = this.#connected?.bridge.state;
    if (link !== undefined && (link.link === 'refused' || link.link === 'silent')) {
      return { kind: 'stop', text: t('No connection to the bridge') };
    }
    if (procedure.stage === 'connect') return planned ? { kind: 'warn', text: t('Waiting for the tracker') } : undefined;
    const unseen = worstTool(procedure);
    if (unseen !== undefined) return unseen;
    if (procedure.guidance === 'pastTarget') {
      const beside = procedure.deviation.lateralMm > BESIDE_MM;
      return { kind: 'warn', text: beside ? t('Beside the planned way') : t('Past the target') };
    }
    // Never in front of what is wrong with a tool.
    return this.#errands.trouble === '' ? undefined : { kind: 'warn', text: this.#errands.trouble };
  }

  #actions(procedure: Procedure, images: ImagesPlace, keeping: Keeping): ReturnType<typeof actionsOf> {
    return actionsOf({
      procedure,
      errands: this.#errands,
      pictures: this.#pictures,
      stage: this.#stage,
      stylus: this.#stylus,
      keeping,
      images,
      report: () => void this.#report(procedure, keeping),
    });
  }

  async #report(procedure: Procedure, { session }: Keeping): Promise<void> {
    if (session === undefined) return;
    try {
      await downloadReport(session, procedure, this.#stage, this.#clock);
    } catch (error) {
      if (!isNavError(error)) throw error;
      procedure.refusal = { code: error.code, message: error.message };
    }
  }

  /** The free part of the panel: rebuilt when what it says changes. */
  #detail(procedure: Procedure, images: ImagesPlace, keeping: Keeping): void {
    const state = { selected: this.#selected, busy: this.#errands.busy || procedure.touching !== undefined };
    const detail = detailOf(procedure, keeping, images, state, {
      select: (index) => this.#select(procedure, index),
      touchAgain: (index) => this.#errands.touch(index),
    });
    const key = `${language.locale.language}|${detail.key}`;
    if (key === this.#detailKey) return;
    this.#detailKey = key;
    this.#panel.detail(...detail.build());
  }

  /** A fiducial is looked at more closely, in the slices too; none: back to the target. */
  #select(procedure: Procedure, index: number | undefined): void {
    this.#selected = index;
    if (index === undefined) this.#pictures.lookAtTarget(procedure);
    else this.#pictures.lookAtFiducial(procedure, index);
  }
}

/** What is guided in this step; undefined in the steps before. */
function guidedOf(procedure: Procedure): Guided<'ct'> | undefined {
  if (procedure.stage !== 'navigate' && procedure.stage !== 'finished') return undefined;
  const { plan, limits, graph, tipInImage: tip, deviation } = procedure;
  return { plan, limits, graph, tip, tipError95Mm: deviation.tipError95Mm };
}

function stepOf(procedure: Procedure, planned: boolean): Step {
  if (!planned) return 'plan';
  switch (procedure.stage) {
    case 'connect':
    case 'calibrate':
      return 'calibrate';
    case 'collect':
      return 'register';
    case 'review':
      return 'review';
    default:
      return 'navigate';
  }
}

/** What is wrong with the tools, if anything. */
function worstTool(procedure: Procedure): Banner | undefined {
  for (const name of ['stylus', 'reference'] as const) {
    const { status } = procedure.tools[name];
    const what = name === 'stylus' ? t('Stylus') : t('Patient reference');
    if (status === 'disconnected') return { kind: 'stop', text: t('Tracker disconnected') };
    if (status === 'missing') return { kind: 'stop', text: t('{what} not visible', { what }) };
    if (status === 'stale') return { kind: 'stop', text: t('{what} pose is stale', { what }) };
    if (status === 'outOfVolume') return { kind: 'warn', text: t('{what} out of volume', { what }) };
    if (status === 'unknown') return { kind: 'warn', text: t('{what}: visibility unknown', { what }) };
  }
  return undefined;
}

const page = new Page();
await painted();
try {
  await page.open();
} catch (error) {
  const text = isNavError(error) ? `${error.code}: ${error.message}` : String(error);
  page.fail(t('The image cannot be used'), text);
}
