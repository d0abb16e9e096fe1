import { PoseSample, PoseView } from '@trocar/core';
import { beginSession, memoryStorage, restoreSession, type SessionStorage } from '@trocar/core/session';
import { describe, expect, it } from 'vitest';
import { BODIES, REFERENCE, TIP } from '../../suite/src/frames.js';
import { phantomCase } from './case.js';
import { CT } from './frames.js';
import { KeptProcedure, resume } from './kept-procedure.js';
import { SimulatedProcedure } from './simulated-procedure.js';

const given = phantomCase(1, 16);
const BY = 'R. Okafor';

async function begun(storage: SessionStorage = memoryStorage()): Promise<{ world: SimulatedProcedure; kept: KeptProcedure }> {
  const world = new SimulatedProcedure(given, 4);
  const session = await beginSession({ storage, clock: world.clock, image: given.volume, by: BY, software: 'test' });
  return { world, kept: new KeptProcedure(world.procedure, session, BY) };
}

/** To a registration under review. @param leftOut which fiducial is left out */
async function toReview({ world, kept }: Awaited<ReturnType<typeof begun>>, leftOut: number): Promise<void> {
  world.frame();
  await kept.acceptPlan();
  expect(await kept.acceptCalibration(true)).toBeUndefined();
  world.touchAll();
  world.procedure.exclude(leftOut);
  expect(world.procedure.register()).toBeUndefined();
}

describe('a procedure that is kept', () => {
  it('is taken up after a crash with the registration, the bound and the guidance that it had', async () => {
    const storage = memoryStorage();
    const before = await begun(storage);
    await toReview(before, 2);
    expect(await before.kept.accept()).toBeUndefined();
    expect(before.world.procedure.stage).toBe('navigate');
    before.world.truth.hand.insert(before.world.clock.now());
    before.world.frame();

    const world = new SimulatedProcedure(given, 4);
    const { session } = await restoreSession({ storage: storage.copy(), clock: world.clock, image: given.volume, by: BY });
    world.frame();
    expect(resume(world.procedure, session.state)).toBeUndefined();
    expect(world.procedure.stage).toBe('navigate');
    // Accepted in this procedure, and not checked since: it is not a stored one of an earlier day.
    expect(world.procedure.calibration.accepted?.source).toBe('restored');
    expect(world.procedure.proposal?.bound.p95Mm).toBe(before.world.procedure.proposal?.bound.p95Mm);
    expect(world.procedure.proposal?.fits).toEqual(before.world.procedure.proposal?.fits);
    expect(session.state.plan?.plan).toEqual(before.world.procedure.plan);
    // The same poses give both the same tip, with the same error, to the last bit.
    const at = before.world.clock.now();
    const sample = new PoseSample();
    for (const tool of BODIES) {
      before.world.truth.observe(sample, tool, at);
      for (const { buffers } of [before.world.procedure, world.procedure]) {
        buffers[tool].clear();
        buffers[tool].push(sample);
      }
    }
    const [was, is] = [before.world.procedure, world.procedure].map(({ graph }) => {
      const view = new PoseView();
      graph.tick(at);
      graph.path(CT, TIP).read(view);
      return view;
    });
    expect(was?.status).toBe('ok');
    expect(is).toEqual(was);
  });

  it('has nothing in its graph that could not be kept, and keeps nothing that was refused', async () => {
    const storage = memoryStorage();
    let full = false;
    const before = await begun({
      ...storage,
      append: (bytes, at) => (full ? Promise.reject(new Error('no space left')) : storage.append(bytes, at)),
    });
    await toReview(before, 2);
    const { procedure } = before.world;
    full = true;
    await expect(before.kept.accept()).rejects.toThrow('no space left');
    expect(procedure.stage).toBe('review');
    expect(procedure.graph.get(CT, REFERENCE)).toBeUndefined();
    full = false;
    const limited = procedure.planTo(given.plan.entry, given.plan.target, 0.01);
    expect(limited).toBeUndefined();
    expect(await before.kept.accept()).toMatchObject({ code: 'beyond-plan-limit' });
    expect(before.kept.session.state.registration).toBeUndefined();
    procedure.planTo(given.plan.entry, given.plan.target, 50);
    // Changed by a person while the disk was waited for.
    const accepting = before.kept.accept();
    procedure.restore(2);
    expect(await accepting).toMatchObject({ code: 'changed-meanwhile' });
    expect(before.kept.session.state.registration).toBeUndefined();
    expect(procedure.graph.get(CT, REFERENCE)).toBeUndefined();
    expect(await before.kept.accept()).toBeUndefined();
    expect(before.kept.session.state.registration?.edge).toEqual(procedure.graph.get(CT, REFERENCE));
  });

  it('is not taken up with touches that do not give what was accepted', async () => {
    const before = await begun();
    await toReview(before, 2);
    await before.kept.accept();
    const { session } = before.kept;
    const touch = session.state.records.find((r) => r.kind === 'touch' && r.id === '1')?.value as { readonly atMm: number[] };
    await session.acceptRecord('touch', '1', { ...touch, atMm: touch.atMm.map((v) => v + 1e-9) }, BY);
    const world = new SimulatedProcedure(given, 4);
    world.frame();
    expect(resume(world.procedure, session.state)).toMatchObject({ code: 'not-as-accepted' });
    expect(world.procedure.stage).toBe('collect');
    expect(world.procedure.graph.get(CT, REFERENCE)).toBeUndefined();
  });
});
