import { frame, point, transform } from '@trocar/core';
import { Monitor, planDifferences, planFromJson, planSet, planToJson, watched } from '@trocar/core/guidance';
import { fromQuaternion, Random } from '@trocar/core/math';
import { beginSession, memoryStorage, restoreSession } from '@trocar/core/session';
import { manualClock } from '@trocar/core/testing';
import { type Volume, volume } from '@trocar/core/volume';
import { describe, expect, it } from 'vitest';

/**
 * A cranial navigation system moved a pre-operative plan to another anatomical location (recall, class I). A plan here is bound to patient,
 * side, frame of reference and series: registering again, restoring and reading from a file leave it where it is to the last bit, and on
 * anything else it is refused and alarmed.
 */

const [ct, reference] = [frame('ct'), frame('reference')];
const BY = 'Dr. A';
const ACCURACY = { tre95Mm: 1, freMm: 0.5, fleMm: 0.4, residuals: [], findings: [], acknowledged: false };

function imageOf(change: { patient?: string; series?: string; uid?: string } = {}): Volume<'ct'> {
  return volume({
    frame: ct,
    voxels: new Int16Array(8),
    size: [2, 2, 2],
    frameFromIndex: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
    frameOfReferenceUid: change.uid ?? '2.25.1',
    patient: { id: change.patient ?? 'P-1' },
    series: { seriesUid: change.series ?? '2.25.2' },
  });
}

const plan = planSet({
  frame: ct,
  patient: { id: 'P-1' },
  side: 'left',
  frameOfReferenceUid: '2.25.1',
  seriesUid: '2.25.2',
  trajectories: [{ name: 'A', entry: point(ct, [1 / 3, 40.1, 80]), target: point(ct, [20 / 7, -0.1, 10]) }],
});

const registration = (random: Random) =>
  transform(
    ct,
    reference,
    fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [10 * random.normal(), 5, -30]),
  );

describe('a plan', () => {
  it('stays where it was to the last bit when it is registered again, restored and read from a file', async () => {
    const random = new Random(17);
    const storage = memoryStorage();
    const parts = { storage, clock: manualClock(0), image: imageOf() };
    let session = await beginSession({ ...parts, by: BY, software: 'test' });
    await session.acceptPlanSet(plan, 'left', BY);
    for (let n = 0; n < 6; n += 1) {
      await session.acceptRegistration(registration(random), ACCURACY, BY);
      session = (await restoreSession({ ...parts, by: BY })).session;
      expect(session.state.planSet?.plan).toEqual(plan);
    }
    expect(planFromJson(planToJson(plan))).toEqual(plan);
  });

  it('is refused and alarmed on another patient, side, frame of reference or series, before anything is accepted', () => {
    const cases = [
      [imageOf({ patient: 'P-2' }), 'left', 'wrong-patient'],
      [imageOf(), 'right', 'wrong-side'],
      [imageOf({ uid: '2.25.9' }), 'left', 'wrong-frame-of-reference'],
      [imageOf({ series: '2.25.9' }), 'left', 'wrong-series'],
    ] as const;
    for (const [on, side, rule] of cases) {
      const state = watched([]);
      const { patient, series, frameOfReferenceUid } = on;
      state.planDifferences = planDifferences(plan, { frame: ct, patient, series, frameOfReferenceUid, side }).map((d) => d.code);
      state.atMs = 0;
      const monitor = new Monitor();
      monitor.tick(state);
      expect(monitor.alarms.map((a) => a.rule)).toEqual([rule]);
      expect(monitor.blocks).toBe(true);
    }
  });
});
