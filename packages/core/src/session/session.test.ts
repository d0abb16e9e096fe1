import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { FrameGraph, frame, PoseView, point } from '../frames/index.js';
import { planSet } from '../guidance/index.js';
import { Random } from '../math/index.js';
import { orientationLetters, patientAxes, SLICE_VIEWS } from '../render/index.js';
import {
  beginSession,
  edgeBetween,
  type MemoryStorage,
  memoryStorage,
  restoreSession,
  type Session,
  type SessionState,
  type SessionStorage,
  setAcceptedEdges,
} from './index.js';
import {
  CT,
  image,
  parts,
  REFERENCE,
  STYLUS,
  TIP,
  wildAccuracy,
  wildEdge,
  wildPlan,
  wildView,
} from './test-support/procedure.js';

const BY = 'Dr. A';
const begin = (p: ReturnType<typeof parts>): Promise<Session<'ct'>> => beginSession({ ...p, by: BY, software: 'test 1' });

/** One of everything that can be accepted, again and again. */
async function acceptSomething(session: Session<'ct'>, n: number, random: Random): Promise<SessionState<'ct'>> {
  switch (n % 8) {
    case 0:
      return session.acceptPlan(wildPlan(random), BY);
    case 1:
      return session.acceptCalibration(wildEdge(STYLUS, TIP, random), BY);
    case 2:
      return session.acceptRegistration(wildEdge(CT, REFERENCE, random), wildAccuracy(random), BY);
    case 3:
      return session.setView('axial', wildView(random), BY);
    case 4:
      return session.acceptRecord('core', String(random.below(3)), { tip: [random.normal(), -0, Number.NaN] }, BY);
    case 5:
      return session.note('alarm', 'tool/hidden', 'The stylus is hidden.', 'monitor', { ageMs: random.uniform() });
    case 6:
      return session.enterStep(`step ${n}`, BY);
    default:
      return session.withdrawRegistration('The reference moved.', BY);
  }
}

/** What a restore of a storage gives, but for the line that tells of it. */
async function restoredState(storage: SessionStorage): Promise<SessionState<'ct'>> {
  const { session } = await restoreSession({ ...parts(), storage, by: BY });
  return { ...session.state, restores: session.state.restores.slice(0, -1) };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'taken',
    (error: unknown) => (isNavError(error) ? error.code : String(error)),
  );

/** A storage with one of everything in it. */
async function filled(seed: number): Promise<{ storage: MemoryStorage; state: SessionState<'ct'>; length: number }> {
  const p = parts();
  const session = await begin(p);
  const random = new Random(seed);
  for (let n = 0; n < 7; n += 1) await acceptSomething(session, n, random);
  return { storage: p.storage, state: session.state, length: (await p.storage.load()).journal.length };
}

/** The same storage with other contents. */
async function altered(
  from: MemoryStorage,
  change: (journal: Uint8Array, head: string) => { journal?: Uint8Array; head?: string },
): Promise<MemoryStorage> {
  const { journal, head } = await from.load();
  const now = { journal, head, ...change(journal.slice(), head as string) };
  const storage = memoryStorage();
  await storage.append(now.journal, 0);
  if (now.head !== undefined) await storage.keepHead(now.head);
  return storage;
}

describe('a session', () => {
  it('is restored after a crash at any line with the bits that were accepted', async () => {
    const p = parts();
    const session = await begin(p);
    const random = new Random(inject('seed') + 7);
    for (let n = 0; n < 24 * inject('effort'); n += 1) {
      const state = await acceptSomething(session, n, random);
      // toEqual tells −0 from 0, and takes NaN for NaN.
      expect(await restoredState(p.storage.copy())).toEqual(state);
    }
  });

  it('gives graphs, paths and plans the same numbers after a restore', async () => {
    const p = parts();
    const session = await begin(p);
    const random = new Random(5);
    const calibration = wildEdge(STYLUS, TIP, random);
    const registration = wildEdge(CT, REFERENCE, random);
    const plan = wildPlan(random);
    await session.acceptCalibration(calibration, BY);
    await session.acceptRegistration(registration, wildAccuracy(random), BY);
    await session.acceptPlan(plan, BY);
    const state = await restoredState(p.storage.copy());
    expect(state.plan?.plan).toEqual(plan);
    expect(edgeBetween((state.registration as NonNullable<typeof state.registration>).edge, CT, REFERENCE)).toEqual(registration);
    expect(() => edgeBetween((state.registration as NonNullable<typeof state.registration>).edge, CT, STYLUS)).toThrow(/stylus/);
    const views = [new FrameGraph(), new FrameGraph()].map((graph, i) => {
      graph.set(wildEdge(REFERENCE, STYLUS, new Random(9)));
      if (i === 1) setAcceptedEdges(graph, state);
      else {
        graph.set(registration);
        graph.set(calibration);
      }
      const view = new PoseView();
      graph.path(CT, TIP).read(view);
      return view;
    });
    expect(views[1]).toEqual(views[0]);
    expect(views[1]?.status).toBe('ok');
  });

  it('derives orientation letters anew from restored axes, and can keep none (Brainlab recall of 2019)', async () => {
    const random = new Random(inject('seed') + 11);
    for (let n = 0; n < 20; n += 1) {
      const p = parts();
      const session = await begin(p);
      const names = [...SLICE_VIEWS, 'free'];
      const axes = [...SLICE_VIEWS.map(patientAxes), wildView(random)];
      for (const [i, name] of names.entries()) {
        const { right, up } = axes[i] as (typeof axes)[number];
        const lettered = { ...wildView(random), right, up, left: 'L' } as unknown as ReturnType<typeof wildView>;
        await session.setView(name, lettered, BY);
        await session.enterStep(`after ${name}`, BY);
      }
      const { views } = await restoredState(p.storage.copy());
      for (const [i, name] of names.entries()) {
        const before = axes[i] as (typeof axes)[number];
        expect(orientationLetters(views[name]?.right ?? [])).toBe(orientationLetters(before.right));
        expect(orientationLetters(views[name]?.up ?? [])).toBe(orientationLetters(before.up));
        expect(Object.keys(views[name] ?? {})).not.toContain('left');
      }
      expect(new TextDecoder().decode((await p.storage.load()).journal)).not.toContain('"left"');
    }
  });

  it('is refused on images that are not those it was begun on (Medtronic recall of a moved plan)', async () => {
    const { storage } = await filled(3);
    const others = [
      image('1.2.9'),
      image(null),
      { ...image(), frame: frame('mr') as never },
      { ...image(), series: { seriesUid: '1.2.3.5' } },
      { ...image(), size: [2, 4, 3] as const },
      { ...image(), frameFromIndex: Float64Array.from(image().frameFromIndex).fill(1e-300, 13, 14) },
    ];
    for (const other of others) {
      const copy = storage.copy();
      expect(await codeOf(restoreSession({ ...parts(), storage: copy, image: other, by: BY }))).toBe('session/other-images');
      expect((await copy.load()).journal).toEqual((await storage.load()).journal);
    }
    const ways = planSet({
      frame: CT,
      patient: { id: 'P1', name: 'A^B' },
      side: 'left',
      frameOfReferenceUid: '1.2.3',
      seriesUid: '1.2.3.4',
      trajectories: [{ name: '1', entry: point(CT, [1 / 3, -0, 90]), target: point(CT, [0.1, 5e-324, 40]) }],
    });
    const own = { ...parts(), image: { ...image(), patient: ways.patient } };
    const planned = await begin(own);
    const wrongSide = planned.acceptPlanSet(ways, 'right', BY);
    expect(await codeOf(wrongSide)).toBe('guidance/wrong-side');
    const accepted = await planned.acceptPlanSet(ways, 'left', BY);
    expect(accepted.planSet?.plan).toEqual(ways);
    const again = await restoreSession({ ...own, storage: own.storage.copy(), by: BY });
    expect(again.session.state.planSet).toEqual(accepted.planSet);
    const ofOther = { ...own.image, patient: { id: 'P2', name: 'A^B' } };
    const elsewhereRestored = restoreSession({ ...own, image: ofOther, storage: own.storage.copy(), by: BY });
    expect(await codeOf(elsewhereRestored)).toBe('session/other-images');

    const session = await begin(parts());
    expect(await codeOf(session.acceptPlan(wildPlan(new Random(1), '9.9'), BY))).toBe('guidance/wrong-frame-of-reference');
    const elsewhere = wildEdge(STYLUS, TIP, new Random(1));
    expect(await codeOf(session.acceptRegistration(elsewhere, wildAccuracy(new Random(1)), BY))).toBe('frame/mismatch');
    expect(await codeOf(beginSession({ ...parts(), image: image(null), by: BY, software: 'x' }))).toBe('session/other-images');
  });
});

describe('a session that was damaged', () => {
  it('gives up a last line that was being written, and nothing that was accepted', async () => {
    const { storage, state } = await filled(4);
    const { journal } = await storage.load();
    const line = journal.slice(0, journal.indexOf(10) + 1);
    for (const torn of [line.subarray(0, 1), line.subarray(0, 200), line.subarray(0, line.length - 1), new Uint8Array(700)]) {
      const copy = await altered(storage, (whole) => ({ journal: Uint8Array.from([...whole, ...torn]) }));
      const { session, givenUpBytes, message } = await restoreSession({ ...parts(), storage: copy, by: BY });
      expect(givenUpBytes).toBe(torn.length);
      expect(message).toContain('nothing in them had been accepted');
      expect({ ...session.state, restores: [] }).toEqual(state);
      // What comes after the restore stands on a whole log.
      await session.enterStep('again', BY);
      expect((await session.audit()).entries.map((e) => e.action).slice(-2)).toEqual(['session/restored', 'step/entered']);
    }
  });

  it('is refused by name wherever a byte of what was accepted is another', async () => {
    const { storage, length } = await filled(5);
    const random = new Random(inject('seed') + 13);
    const stride = Math.max(1, Math.round(7 / inject('effort')));
    const codes = new Set<string>();
    for (let i = random.below(stride); i < length; i += stride) {
      const bad = await altered(storage, (journal) => {
        journal[i] = (journal[i] as number) ^ (1 + random.below(255));
        return { journal };
      });
      codes.add(await codeOf(restoreSession({ ...parts(), storage: bad, by: BY })));
    }
    const end = await altered(storage, (journal) => ({ journal: journal.with(length - 1, 11) }));
    expect([...codes].filter((code) => !['session/damaged', 'session/cut-off'].includes(code))).toEqual([]);
    expect(await codeOf(restoreSession({ ...parts(), storage: end, by: BY }))).toBe('session/cut-off');
  });

  it('is refused without its end, without its head, and with a head of another log', async () => {
    const { storage } = await filled(6);
    const restore = async (change: Parameters<typeof altered>[1]): Promise<string> =>
      codeOf(restoreSession({ ...parts(), storage: await altered(storage, change), by: BY }));
    const other = (await (await filled(7)).storage.load()).head as string;
    expect(await restore((journal) => ({ journal: journal.subarray(0, journal.lastIndexOf(10, -2) + 1) }))).toBe(
      'session/cut-off',
    );
    expect(await restore(() => ({ journal: new Uint8Array(0) }))).toBe('session/cut-off');
    expect(await restore(() => ({ head: other }))).toBe('session/damaged');
    expect(await restore((_, head) => ({ head: head.slice(1) }))).toBe('session/damaged');
    const headless = memoryStorage();
    await headless.append((await storage.load()).journal, 0);
    expect(await codeOf(restoreSession({ ...parts(), storage: headless, by: BY }))).toBe('session/damaged');
    expect(await codeOf(restoreSession({ ...parts(), storage: memoryStorage(), by: BY }))).toBe('session/not-found');
    expect(await codeOf(begin({ ...parts(), storage }))).toBe('session/exists');
  });
});

describe('a storage that fails', () => {
  /** A storage whose next writes can be made to fail. */
  function failing(): { storage: MemoryStorage; fail: { append: boolean; head: boolean } } {
    const inner = memoryStorage();
    const fail = { append: false, head: false };
    const storage: MemoryStorage = {
      ...inner,
      append: (bytes, at) => (fail.append ? Promise.reject(new Error('no space left')) : inner.append(bytes, at)),
      keepHead: (text) => (fail.head ? Promise.reject(new Error('no space left')) : inner.keepHead(text)),
    };
    return { storage, fail };
  }

  it('refuses what it cannot keep, keeps what was before, and goes on once there is room', async () => {
    const { storage, fail } = failing();
    const session = await begin({ ...parts(), storage });
    const before = await session.enterStep('one', BY);
    fail.append = true;
    const both = [session.enterStep('two', BY), session.enterStep('three', BY)].map(codeOf);
    expect(await Promise.all(both)).toEqual(['Error: no space left', 'Error: no space left']);
    expect(session.state).toBe(before);
    fail.append = false;
    await session.enterStep('four', BY);
    expect((await restoredState(storage.copy())).step).toBe('four');
  });

  it('accepts nothing more once it cannot say where the log ends', async () => {
    const { storage, fail } = failing();
    const session = await begin({ ...parts(), storage });
    fail.head = true;
    expect(await codeOf(session.enterStep('two', BY))).toBe('session/write-failed');
    fail.head = false;
    expect(await codeOf(session.enterStep('three', BY))).toBe('session/write-failed');
    expect(session.state.step).toBe('');
    expect((await restoredState(storage.copy())).step).toBe('two');
  });

  it('takes what is accepted at once in the order asked for, and no second writer', async () => {
    const p = parts();
    const session = await begin(p);
    const states = await Promise.all(Array.from({ length: 50 }, (_, n) => session.enterStep(String(n), BY)));
    expect(states.map((s) => s.step)).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
    const second = await restoreSession({ ...parts(), storage: p.storage, by: 'Dr. B' });
    await second.session.enterStep('mine', 'Dr. B');
    expect(await codeOf(session.enterStep('late', BY))).toBe('session/in-use');
    expect((await restoredState(p.storage.copy())).step).toBe('mine');
    await second.session.close('Dr. B');
    expect(await codeOf(second.session.enterStep('after', BY))).toBe('session/closed');
    expect(await codeOf(session.note('alarm', 'x', 'y', ' '))).toBe('session/bad-value');
    expect(await codeOf(session.note('loud' as never, 'x', 'y', BY))).toBe('session/unsupported');
  });
});
