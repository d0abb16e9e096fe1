import {
  beginSession,
  type ExactValue,
  type MemoryStorage,
  memoryStorage,
  restoreSession,
  type Session,
} from '@trocar/core/session';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { isRefusal } from '../../suite/src/refusal.js';
import { MR, REFERENCE } from './frames.js';
import { KeptBiopsy } from './kept.js';
import { phantomCase } from './phantom-case.js';
import { KINDS } from './record-kinds.js';
import { HELD_OUT_MARKS, INITIAL_MARKS } from './register-step.js';
import { resume } from './resume.js';
import type { SimulatedProcedure } from './simulated-procedure.js';
import { FEWER_HZ, withDrawnRegistration } from './test-support.js';
import { voxelsOf, voxelText } from './voxel-text.js';

const seed = inject('seed');
/** Nothing is registered by its voxels here: coarse ones do. */
const phantom = phantomCase(seed, 1.4);
const { given } = phantom;
const BY = 'test';
const STEPS = ['calibrate', 'sweep', 'register', 'verify', 'biopsy'] as const;

/** A procedure with one core that is kept step by step, and what a crash in each step would have left. */
const crashed = new Map<string, MemoryStorage>();
let sim: SimulatedProcedure;
let kept: KeptBiopsy;

/** The same room after a crash: nothing in the program but what the session has. */
async function again(step: string): Promise<[SimulatedProcedure, Session<'mr'>]> {
  const world = withDrawnRegistration(phantom, seed);
  const storage = (crashed.get(step) as MemoryStorage).copy();
  const { session } = await restoreSession({ storage, clock: world.clock, image: given.mr, by: BY });
  return [world, session];
}

beforeAll(async () => {
  sim = withDrawnRegistration(phantom, seed);
  sim.imagesHz = FEWER_HZ;
  const { procedure, clock } = sim;
  const storage = memoryStorage();
  kept = new KeptBiopsy(procedure, await beginSession({ storage, clock, image: given.mr, by: BY, software: 'test' }), BY);
  const deeds: Readonly<Record<(typeof STEPS)[number], () => Promise<unknown>>> = {
    calibrate: () => kept.acceptCase(),
    sweep: async () => sim.checks() ?? (await kept.acceptEquipment()),
    register: async () => sim.sweep() ?? (await kept.keepSweep()),
    verify: async () => {
      sim.mark(INITIAL_MARKS);
      return (await procedure.register()) ?? (await kept.acceptRegistration());
    },
    biopsy: async () => {
      sim.mark(HELD_OUT_MARKS);
      const refusal = await kept.verify();
      sim.aimAt(given.lesions[0]?.name ?? '');
      const core = sim.fire();
      return refusal ?? (isRefusal(core) ? core : await kept.core(core.taken));
    },
  };
  for (const step of STEPS) {
    expect(await deeds[step]()).toBeUndefined();
    expect(procedure.stage).toBe(step);
    crashed.set(step, storage.copy());
  }
}, 60_000);

describe('a biopsy that was kept', () => {
  it('is taken up in every step as it was, to the last bit, and never further', async () => {
    for (const step of STEPS) {
      const [{ procedure }, session] = await again(step);
      expect(await resume(procedure, session.state)).toBeUndefined();
      expect(procedure.stage).toBe(step);
    }
    const [{ procedure }, session] = await again('biopsy');
    await resume(procedure, session.state);
    const was = sim.procedure;
    expect(procedure.graph.get(MR, REFERENCE)).toEqual(was.graph.get(MR, REFERENCE));
    expect(procedure.proposal?.tre95Mm).toEqual(was.proposal?.tre95Mm);
    expect(procedure.verification).toEqual(was.verification);
    expect(procedure.equipment.checks).toEqual(was.equipment.checks);
    expect(procedure.us?.frameFromIndex).toEqual(was.us?.frameFromIndex);
    expect(Buffer.compare(procedure.us?.voxels as Uint8Array, was.us?.voxels as Uint8Array)).toBe(0);
    expect(procedure.fire.cores).toEqual(was.fire.cores);
    expect(procedure.map).toEqual(was.map);
  });

  it('takes no core before landmarks were held against its registration again', async () => {
    const [world, session] = await again('biopsy');
    const { procedure } = world;
    await resume(procedure, session.state);
    world.truth.surroundings = 'patient';
    world.aimAt(given.lesions[1]?.name ?? '');
    expect(procedure.verificationDue).toBe('restored');
    expect(procedure.aim.probability).toBeNaN();
    expect(world.fire()).toMatchObject({ code: 'restored-unverified' });
    expect(procedure.marksWanted).toEqual([...HELD_OUT_MARKS]);
    world.mark(HELD_OUT_MARKS);
    expect(await new KeptBiopsy(procedure, session, BY).verify()).toBeUndefined();
    world.run(300);
    expect(isRefusal(world.fire())).toBe(false);
    expect(procedure.fire.cores).toHaveLength(2);
  });

  it('is not taken up on other targets', async () => {
    const [, session] = await again('biopsy');
    const [first, ...others] = given.lesions;
    const moved = { ...given, lesions: [{ ...first, radiusMm: (first?.radiusMm ?? 0) + 1e-9 }, ...others] } as typeof given;
    const { procedure } = withDrawnRegistration({ ...phantom, given: moved }, seed);
    await expect(resume(procedure, session.state)).rejects.toMatchObject({ code: 'session/other-images' });
    expect(procedure.stage).toBe('calibrate');
  });

  it('keeps its cores where what was kept gives another registration, and sweeps again', async () => {
    const [{ procedure }, session] = await again('biopsy');
    const match = session.state.records.find((r) => r.kind === KINDS.match)?.value as { readonly referenceFromMr: number[] };
    const other = match.referenceFromMr.map((v, n) => (n === 12 ? v + 1e-9 : v));
    await session.acceptRecord(KINDS.match, '1', { ...match, referenceFromMr: other } as ExactValue, BY);
    expect(await resume(procedure, session.state)).toMatchObject({ code: 'not-as-accepted' });
    expect(procedure.stage).toBe('sweep');
    expect(procedure.registration).toBeUndefined();
    expect(procedure.fire.cores).toEqual(sim.procedure.fire.cores);
  });

  it('that is swept again has no sweep, no registration and no verification of before', async () => {
    const [{ procedure }, session] = await again('biopsy');
    await resume(procedure, session.state);
    expect(await new KeptBiopsy(procedure, session, BY).sweepAgain()).toBeUndefined();
    const { procedure: next } = withDrawnRegistration(phantom, seed);
    expect(await resume(next, session.state)).toBeUndefined();
    expect(next.stage).toBe('sweep');
    expect(next.us).toBeUndefined();
    expect(next.fire.cores).toHaveLength(1);
  });

  it('has a report of what was kept, without the voxels of its sweep', async () => {
    const html = await kept.html(new Date(0));
    expect(html).toContain('The sweep');
    expect(html).toMatch(/Landmarks that it was not made from/);
    expect(html.length).toBeLessThan(200_000);
  });
});

describe('voxels as text', () => {
  it('come back as they were, and of another number or cut short they are refused', async () => {
    const voxels = Uint8Array.from({ length: 70_000 }, (_, n) => (n * n) >> 7);
    const text = await voxelText(voxels);
    expect(Buffer.compare(await voxelsOf(text, voxels.length), voxels)).toBe(0);
    for (const [of, count] of [[text, 69_999] as const, [text.slice(0, 4000), 70_000] as const, ['no text', 3] as const]) {
      await expect(voxelsOf(of, count)).rejects.toMatchObject({ code: 'session/bad-value' });
    }
  });
});
