import { point } from '@trocar/core';
import { applicatorOf, ILLUSTRATIVE_APPLICATORS, plannedProbe, zoneShapeOf } from '@trocar/core/guidance';
import { beginSession, memoryStorage, restoreSession, type SessionStorage } from '@trocar/core/session';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { REFERENCE } from '../../suite/src/frames.js';
import { type AblationCase, phantomCase } from './case.js';
import { CT } from './frames.js';
import { KeptAblation } from './kept.js';
import type { AblationPlan, PlannedAblation } from './plan-step.js';
import { resume } from './resume.js';
import { SimulatedAblation } from './simulated.js';

const BY = 'R. Okafor';
/** From the skin above the tumour to beyond its middle, LPS mm: nothing here depends on how it was found. */
const ENTRY = point(CT, [-56.5, -105.2, 51.5]);
let given: AblationCase;

beforeAll(() => {
  given = phantomCase(1, 8);
}, 120_000);

/** A procedure with a plan that waits to be accepted, and its session. */
async function begun(storage: SessionStorage = memoryStorage()): Promise<{ s: SimulatedAblation; kept: KeptAblation }> {
  const s = new SimulatedAblation(given, 4);
  s.procedure.planning.plan = planOf(s);
  const session = await beginSession({ storage, clock: s.clock, image: given.volume, by: BY, software: 'test' });
  return { s, kept: new KeptAblation(s.procedure, session, BY) };
}

/** One probe through the tumour's middle. */
function planOf({ procedure: { planning } }: SimulatedAblation): AblationPlan {
  const { xyz } = planning.centre;
  const way = [0, 1, 2].map((k) => (xyz[k] as number) - (ENTRY.xyz[k] as number));
  const length = Math.hypot(...way);
  const tip = point(
    CT,
    way.map((v, k) => (xyz[k] as number) + (12 * v) / length),
  );
  const setting = { applicator: applicatorOf(ILLUSTRATIVE_APPLICATORS, 'example-microwave'), powerW: 100, minutes: 10 };
  const shape = zoneShapeOf(setting.applicator, setting.powerW, setting.minutes);
  const probe = plannedProbe({ frame: CT, matrix: { entry: ENTRY, tip }, shape });
  const probes: PlannedAblation[] = [{ name: 'A', entry: ENTRY, tip, setting, probe }];
  const other = new SimulatedAblation(given, 4).procedure.planning;
  other.restore({ trajectories: [] } as never, probes, { complete: true, healthyMm3: 51_000.25 }, []);
  return other.plan as AblationPlan;
}

/** As after a crash now, on another machine's clock. */
async function crashed(storage: ReturnType<typeof memoryStorage>): Promise<{ s: SimulatedAblation; kept: KeptAblation }> {
  const s = new SimulatedAblation(given, 4);
  const { session } = await restoreSession({ storage: storage.copy(), clock: s.clock, image: given.volume, by: BY });
  expect(resume(s.procedure, session.state)).toBeUndefined();
  return { s, kept: new KeptAblation(s.procedure, session, BY) };
}

async function calibrated({ s, kept }: Awaited<ReturnType<typeof begun>>): Promise<void> {
  expect(await kept.acceptPlan('right')).toBeUndefined();
  s.until(() => s.procedure.stage === 'calibrate');
  expect(await kept.acceptCalibration('stylus', true)).toBeUndefined();
  s.pivot();
  expect(await kept.acceptCalibration('applicator')).toBeUndefined();
}

// A busy machine takes ten times as long.
vi.setConfig({ testTimeout: 300_000 });

describe('an ablation that is kept', () => {
  it('is taken up after a crash in any step with all that was accepted, and leads nothing before it is verified', async () => {
    const storage = memoryStorage();
    const before = await begun(storage);
    const { s, kept } = before;
    expect(await kept.acceptPlan('left')).toMatchObject({ code: 'guidance/wrong-side' });
    expect((await crashed(storage)).s.procedure.stage).toBe('plan');
    await calibrated(before);
    const tools = await crashed(storage);
    expect(tools.s.procedure.stage).toBe('connect');
    expect(tools.s.procedure.planning.plan?.proposal).toEqual(s.procedure.planning.plan?.proposal);
    expect(tools.s.procedure.planning.accepted).toEqual(s.procedure.planning.accepted);
    expect(tools.s.procedure.probes).toEqual(s.procedure.probes);
    for (const tool of ['stylus', 'applicator'] as const) {
      const [was, is] = [s, tools.s].map((one) => one.procedure.calibrating[tool].accepted);
      expect(is?.stylusFromTip.matrix).toEqual(was?.stylusFromTip.matrix);
      expect(is?.source).toBe('restored');
    }
    tools.s.until(() => tools.s.procedure.stage === 'collect');

    s.collect();
    expect(await kept.accept()).toBeUndefined();
    s.verify();
    s.insert();
    expect(await kept.burn(undefined, true)).toBeUndefined();
    // It burns: nobody will know of this one how it ended.
    const during = (await crashed(storage)).s.procedure;
    expect(during.burning.burns).toMatchObject([{ name: 'A', outcome: 'unknown', probe: undefined }]);
    expect(during.burning.isUnknown && during.burning.achieved).toBeUndefined();

    s.until(() => s.procedure.stage !== 'burn');
    await kept.keep();
    const after = await crashed(storage);
    const { procedure } = after.s;
    expect(procedure.accepted?.edge).toEqual(s.procedure.accepted?.edge);
    expect(procedure.graph.get(CT, REFERENCE)).toEqual(s.procedure.graph.get(CT, REFERENCE));
    expect(procedure.burning.burns).toEqual(s.procedure.burning.burns);
    const [was, is] = [s.procedure, procedure].map(({ burning }) => burning.achieved);
    expect(is?.map.minimalMarginMm).toBe(was?.map.minimalMarginMm);
    expect(is?.withMargin.probability).toBe(was?.withMargin.probability);
    expect(procedure.guide).toBeUndefined();
    after.s.until(() => procedure.stage === 'verify');
    expect(procedure.burn(undefined, true)?.code).toBe('wrong-stage');
    after.s.verify();
    expect(procedure.stage, procedure.refusal?.message).toBe('assess');
    // What is there already is not kept once more.
    const { count } = after.kept.session.head;
    await after.kept.keep();
    expect(after.kept.session.head.count - count).toBe(1);
    expect(procedure.finishBurning()).toBeUndefined();
    await after.kept.enter();
    expect(after.kept.session.state.step).toBe('confirm');
  });

  it('has nothing that could not be kept, burns nothing, and is not taken up with touches that give another registration', async () => {
    const storage = memoryStorage();
    let full = false;
    const before = await begun({
      ...storage,
      append: (bytes, at) => (full ? Promise.reject(new Error('no space left')) : storage.append(bytes, at)),
    });
    const { s, kept } = before;
    const { procedure } = s;
    await calibrated(before);
    s.collect();
    full = true;
    await expect(kept.accept()).rejects.toThrow('no space left');
    expect(procedure.stage).toBe('review');
    expect(procedure.graph.get(CT, REFERENCE)).toBeUndefined();
    full = false;
    expect(await kept.accept()).toBeUndefined();
    s.verify();
    s.insert();
    full = true;
    await expect(kept.burn(undefined, true)).rejects.toThrow('no space left');
    expect(procedure.stage).toBe('guide');
    expect(procedure.burning.burns).toEqual([]);
    full = false;
    const { session } = kept;
    const touch = session.state.records.find((r) => r.kind === 'touch' && r.id === '1')?.value as { readonly atMm: number[] };
    await session.acceptRecord('touch', '1', { ...touch, atMm: touch.atMm.map((v) => v + 1e-9) }, BY);
    const again = new SimulatedAblation(given, 4);
    expect(resume(again.procedure, session.state)).toMatchObject({ code: 'not-as-accepted' });
    expect(again.procedure.graph.get(CT, REFERENCE)).toBeUndefined();
    again.until(() => again.procedure.stage === 'collect');
    expect(again.procedure.touches.every((t) => t === undefined)).toBe(true);
  });
});
