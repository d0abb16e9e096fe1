import { type Clock, systemClock } from '@trocar/core';
import { symmetricEigen } from '@trocar/core/math';
import { beginSession, memoryStorage } from '@trocar/core/session';
import { nodeSocket } from '@trocar/device-bridge/node';
import { type HeadlessResults, keepResults } from '../../../suite/src/node/headless-results.js';
import { type Check, fail } from '../../../suite/src/node/headless-run.js';
import type { ResultsDesk } from '../../../suite/src/node/results-desk.js';
import { isRefusal, type Refusal } from '../../../suite/src/refusal.js';
import type { BiopsyCase } from '../case.js';
import { type ConnectedProcedure, connectProcedure } from '../client.js';
import type { TakenCore } from '../fire-step.js';
import { PACES } from '../hand.js';
import { KeptBiopsy } from '../kept.js';
import { BATH_BEADS } from '../probe.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, marked } from '../register-step.js';
import { compareDeformable, registerBy } from '../register-sweep.js';
import { biopsyResults } from '../results.js';
import { inReference } from '../simulated-procedure.js';
import type { TrueBody, TrueCore } from '../truth.js';
import { obey, startWorld, type World } from './world.js';

/** How a headless run goes. */
export interface HeadlessOptions {
  readonly given: BiopsyCase;
  readonly body: TrueBody;
  readonly seed: number;
  readonly fast?: boolean;
  /** Compares the rigid registration with a deformable one: takes a while. */
  readonly deformable?: boolean;
  /** Keeps the results, and sends them where there is an archive. */
  readonly results?: ResultsDesk;
  /** Gets the report of the session as HTML. */
  readonly onReport?: (html: string) => void;
}

/** What a run says of itself: figures of the screen beside the hidden truth. */
export interface HeadlessReport {
  readonly outcome: 'done' | 'failed';
  readonly seconds: number;
  readonly checks: readonly Check[];
  readonly registration: {
    readonly confidence: number;
    readonly tre95Mm: readonly number[];
    readonly trueMm: readonly number[];
    readonly seconds: number;
  };
  readonly verification: { readonly rmsMm: number; readonly upperMm: number };
  readonly deformable:
    | {
        readonly deformed: boolean;
        readonly leastVolumeRatio: number;
        readonly differsMm: readonly number[];
        readonly outcome: string;
      }
    | undefined;
  readonly cores: readonly {
    readonly id: string;
    readonly side: string;
    readonly trueSide: string;
    readonly error95Mm: number;
    readonly trueErrorMm: number;
    /** Squared distance of the true middle in units of the stated covariance: 95 % lie below 7.8. */
    readonly mahalanobis2: number;
    readonly inTargetMm: number;
  }[];
  readonly targets: readonly { readonly name: string; readonly probability: number; readonly truly: boolean }[];
  /** Where each result went; absent where none was to be kept. */
  readonly results?: HeadlessResults['lines'];
}

const BY = 'script';
const CHI2_95 = 7.815;

/** The whole biopsy without a screen, in real time: tracker, driver, bridge, scanner, procedure, and a script that does what a person would. */
export async function runHeadless(options: HeadlessOptions): Promise<HeadlessReport> {
  const clock = systemClock();
  const startedAt = clock.now();
  const world = await startWorld({ body: options.body, seed: options.seed, clock });
  world.truth.hand.pace = options.fast === true ? PACES.fast : PACES.usual;
  let connected: ConnectedProcedure | undefined;
  try {
    connected = connectProcedure({
      url: world.bridge.url,
      clock,
      case: options.given,
      register: registerBy(2),
      images: world.images,
      createSocket: nodeSocket,
    });
    await connected.bridge.ready;
    const session = await beginSession({
      storage: memoryStorage(),
      clock,
      image: options.given.mr,
      by: BY,
      software: 'Trocar MR–ultrasound biopsy',
    });
    const kept = new KeptBiopsy(connected.procedure, session, BY);
    await kept.acceptCase();
    const run = new Run(world, connected, kept, clock);
    await run.toBiopsy();
    const cores = await run.sampleAll(options.given);
    await run.faults();
    const html = await kept.html(clock.utc(clock.now()));
    options.onReport?.(html);
    const deformable = options.deformable === true ? await run.deformable(options.given) : undefined;
    const made = { session: session.state.id, at: clock.utc(clock.now()), by: BY };
    const desk = options.results;
    const results = desk && (await keepResults(desk, await biopsyResults(connected.procedure, { origin: desk.origin, ...made })));
    return reportOf({ options, world, run, cores, html, deformable, results, seconds: (clock.now() - startedAt) / 1000 });
  } finally {
    connected?.close();
    await world.close();
  }
}

interface Fired {
  readonly taken: TakenCore;
  readonly truth: TrueCore;
}

/** What the person does. */
class Run {
  readonly refused: Check[] = [];
  readonly connected: ConnectedProcedure;
  readonly #world: World;
  readonly #kept: KeptBiopsy;
  readonly #clock: Clock;

  constructor(world: World, connected: ConnectedProcedure, kept: KeptBiopsy, clock: Clock) {
    this.#world = world;
    this.connected = connected;
    this.#kept = kept;
    this.#clock = clock;
  }

  get procedure() {
    return this.connected.procedure;
  }

  async toBiopsy(): Promise<void> {
    const { procedure } = this;
    await this.#checks();
    fail(await this.#kept.acceptEquipment());
    await this.#sweep();
    await this.#kept.keepSweep();
    this.#mark(INITIAL_MARKS);
    fail(await procedure.register());
    fail(await this.#kept.acceptRegistration());
    this.#mark(HELD_OUT_MARKS);
    fail(await this.#kept.verify());
  }

  async #checks(): Promise<void> {
    const { procedure } = this;
    await this.#order({ bead: 0 });
    await this.#order({ finger: true });
    fail(await this.#tried(() => procedure.check('side')));
    await this.#order({ finger: false });
    for (let n = 0; n < BATH_BEADS.length; n += 1) {
      await this.#order({ bead: n });
      fail(await this.#tried(() => procedure.check(n)));
    }
    await this.#order({ needle: true });
    fail(await this.#tried(() => procedure.check('needle')));
    await this.#order({ needle: false });
  }

  /** A busy machine may lose pictures: a person would do it again. */
  async #tried(act: () => Refusal | undefined): Promise<Refusal | undefined> {
    let answer = act();
    for (let n = 0; answer !== undefined && n < 4; n += 1) {
      await this.#run(300);
      answer = act();
    }
    return answer;
  }

  async #sweep(): Promise<void> {
    for (let n = 0; n < 3; n += 1) {
      await this.#order({ rest: true });
      const ends = this.#clock.now() + obey(this.#world, this.#clock, { sweep: 'good' });
      await this.#run(this.#world.truth.hand.pace.moveMs);
      fail(this.procedure.startSweep());
      await this.#run(ends - this.#clock.now() + 100);
      if (this.procedure.endSweep() === undefined) return;
    }
    fail(this.procedure.refusal);
  }

  #mark(names: readonly string[]): void {
    for (const name of names) {
      const { mr, reference } = this.#world.truth.marked(name);
      fail(this.procedure.mark(marked(name, mr, reference)));
    }
  }

  /** Two cores of each target at most, and one more where the map asks for it. */
  async sampleAll(given: BiopsyCase): Promise<readonly Fired[]> {
    const cores: Fired[] = [];
    for (const { name } of given.lesions) cores.push(await this.#sample(name));
    for (let more = 0; more < 2; more += 1) {
      const next = this.procedure.next();
      if (next !== undefined) cores.push(await this.#sample(next.name));
    }
    return cores;
  }

  async #sample(name: string): Promise<Fired> {
    const { procedure } = this;
    fail(procedure.fire.aimAt(name));
    const m = procedure.registration?.matrix ?? [];
    await this.#order({ aim: Array.from(inReference(m, procedure.fire.target.centre.xyz)) });
    if (procedure.needsVerification) await this.#verifyAgain();
    for (let n = 0; ; n += 1) {
      const insertedMm = procedure.aim.stop?.settingMm ?? Number.NaN;
      const taken = procedure.takeCore(BY, insertedMm);
      if (!isRefusal(taken)) {
        // The gun goes off at that moment, whatever the program makes of it.
        const truth = this.#world.fire(insertedMm);
        await this.#kept.core(taken);
        await this.#run(300);
        return { taken, truth };
      }
      if (n === 5) fail(taken);
      await this.#run(300);
    }
  }

  async #verifyAgain(): Promise<void> {
    fail(this.procedure.verifyAgain());
    this.#mark(HELD_OUT_MARKS);
    fail(await this.#kept.verify());
  }

  /** What must be refused: a core of a covered probe, of a hanging scanner, and of a gland that moved. */
  async faults(): Promise<void> {
    const { procedure } = this;
    const refuses = async (name: string, order: object, undo: object, code: RegExp, waitMs: number): Promise<void> => {
      await this.#order(order);
      await this.#run(waitMs);
      const answer = procedure.takeCore(BY, 15);
      const got = isRefusal(answer) ? answer.code : 'a core';
      this.refused.push({ name: `${name}: refused`, held: code.test(got), detail: got });
      await this.#kept.event(
        'warning',
        `refused/${got}`,
        isRefusal(answer) ? answer.message : 'A core was recorded that should not be.',
      );
      await this.#order(undo);
      await this.#run(600);
    };
    await refuses(
      'a core at a stale pose',
      { cover: 'probe', hidden: true },
      { cover: 'probe', hidden: false },
      /^biopsy\/not-live$/,
      300,
    );
    await refuses('a core while the scanner hangs', { hang: true }, { hang: false }, /^image-stale$/, 600);
    await refuses('a core of a gland that moved', { move: [-1, 2, 5] }, { move: [0, 0, 0] }, /^gland-moved$/, 3500);
  }

  async deformable(given: BiopsyCase): Promise<HeadlessReport['deformable']> {
    const { us, registration } = this.procedure;
    if (us === undefined || registration === undefined) return undefined;
    const { deformed, leastVolumeRatio, differsMm, outcome } = await compareDeformable(us, given, registration);
    return { deformed, leastVolumeRatio, differsMm, outcome };
  }

  async #order(order: object): Promise<void> {
    await this.#run(obey(this.#world, this.#clock, order));
  }

  async #run(ms: number): Promise<void> {
    const until = this.#clock.now() + ms;
    while (this.#clock.now() < until) {
      this.procedure.update();
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    this.procedure.update();
  }
}

interface Ran {
  readonly options: HeadlessOptions;
  readonly world: World;
  readonly run: Run;
  readonly cores: readonly Fired[];
  readonly html: string;
  readonly deformable: HeadlessReport['deformable'];
  readonly results: HeadlessResults | undefined;
  readonly seconds: number;
}

function reportOf({ options, world, run, cores, html, deformable, results, seconds }: Ran): HeadlessReport {
  const { procedure } = run;
  const { proposal, registration, verification } = procedure;
  const { lesions } = options.given;
  const trueMm = lesions.map(({ centre }) => world.truth.registrationErrorMm(registration?.matrix ?? [], centre.xyz));
  const tre95Mm = proposal?.tre95Mm ?? [];
  const scored = cores.map(({ taken, truth }) =>
    scoreOf(
      taken,
      truth,
      lesions.findIndex((l) => l.name === taken.aimedAt),
    ),
  );
  const targets = lesions.map(({ name }, n) => ({
    name,
    probability: procedure.map.targets[n]?.probability ?? Number.NaN,
    truly: cores.some((c) => (c.truth.inLesionsMm[n] ?? 0) >= 1),
  }));
  const checks: Check[] = [
    {
      name: 'registration within its bound at each target',
      held: trueMm.every((mm, n) => mm <= (tre95Mm[n] ?? 0)),
      detail: trueMm.map((mm, n) => `${mm.toFixed(2)} of ${(tre95Mm[n] ?? Number.NaN).toFixed(2)} mm`).join(', '),
    },
    {
      name: 'each core where it truly came from, within its 95 % region',
      held: scored.every((c) => c.mahalanobis2 <= CHI2_95),
      detail: scored.map((c) => `${c.trueErrorMm.toFixed(2)} of ${c.error95Mm.toFixed(2)} mm`).join(', '),
    },
    {
      name: 'left and right of each core, in the record and read back from the report',
      held: scored.every((c) => c.side === c.trueSide) && sidesRead(html, cores),
      detail: scored.map((c) => `${c.id}: ${c.side}`).join(', '),
    },
    {
      name: 'what is called sampled (95 % and more) was',
      held: targets.every((t) => t.probability < 0.95 || t.truly),
      detail: targets.map((t) => `${t.name} ${(100 * t.probability).toFixed(0)} %, ${t.truly ? 'sampled' : 'missed'}`).join(', '),
    },
    ...run.refused,
    ...(results === undefined ? [] : [results.check]),
  ];
  return {
    outcome: checks.every((c) => c.held) ? 'done' : 'failed',
    seconds,
    checks,
    registration: {
      confidence: proposal?.result.confidence ?? Number.NaN,
      tre95Mm,
      trueMm,
      seconds: proposal?.result.seconds ?? Number.NaN,
    },
    verification: { rmsMm: verification?.rmsMm ?? Number.NaN, upperMm: verification?.upperMm ?? Number.NaN },
    deformable,
    cores: scored,
    targets,
    ...(results !== undefined && { results: results.lines }),
  };
}

function scoreOf({ core, side }: TakenCore, truth: TrueCore, target: number): HeadlessReport['cores'][number] {
  const d = core.near.map((v, k) => (v + (core.far[k] as number)) / 2 - (truth.middle[k] as number));
  const c = core.covarianceAlong.middle;
  return {
    id: core.id,
    side,
    trueSide: truth.side,
    error95Mm: 1.96 * Math.sqrt((c[0] as number) + (c[4] as number) + (c[8] as number)),
    trueErrorMm: Math.hypot(...d),
    mahalanobis2: mahalanobis2(d, c),
    inTargetMm: truth.inLesionsMm[target] ?? 0,
  };
}

/** Squared length of a difference in units of a covariance, 3×3. */
export function mahalanobis2(d: readonly number[], covariance: ArrayLike<number>): number {
  const { values, vectors } = symmetricEigen(Float64Array.from(covariance), 3);
  let sum = 0;
  for (let c = 0; c < 3; c += 1) {
    sum += d.reduce((s, v, k) => s + v * (vectors[3 * k + c] as number), 0) ** 2 / (values[c] as number);
  }
  return sum;
}

/** Whether the report has, in the row of each core, the side that the core truly came from. */
export function sidesRead(html: string, cores: readonly Fired[]): boolean {
  const rows = html.split(/<tr[^>]*>/).map((row) => row.split(/<t[dh][^>]*>/).map((cell) => cell.replace(/<[^>]*>/g, '').trim()));
  return cores.every(({ taken, truth }) => rows.some((cells) => cells.includes(taken.core.id) && cells.includes(truth.side)));
}
