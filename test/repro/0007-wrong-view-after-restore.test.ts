import { frame } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { orientationLetters, patientAxes, SLICE_VIEWS } from '@trocar/core/render';
import { beginSession, memoryStorage, restoreSession } from '@trocar/core/session';
import { manualClock } from '@trocar/core/testing';
import { volume } from '@trocar/core/volume';
import { expect, inject, it } from 'vitest';

/**
 * A spine navigation system showed a view in the wrong orientation after it was restored from a crash or the workflow was changed (recall
 * of 2019, class I). The program is killed after every change of a view and of the step; the letters after each restore are held against
 * letters worked out here from the directions themselves.
 */

const ct = frame('ct');
const BY = 'Dr. A';
const image = volume({
  frame: ct,
  voxels: new Int16Array(8),
  size: [2, 2, 2],
  frameFromIndex: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
  frameOfReferenceUid: '2.25.1',
  patient: { id: 'P-1' },
  series: { seriesUid: '2.25.2' },
});

type V3 = [number, number, number];

/** The direction in LPS that lies nearest to a vector: the first letter to be read. */
function nearestLetter(v: ArrayLike<number>): string {
  const sizes = [0, 1, 2].map((k) => Math.abs(v[k] as number));
  const k = sizes.indexOf(Math.max(...sizes));
  return ['RL', 'AP', 'IS'][k]?.[(v[k] as number) > 0 ? 1 : 0] as string;
}

/** Two unit vectors across each other, anyhow. */
function anyAxes(random: Random): { right: V3; up: V3 } {
  const unit = (v: V3): V3 => v.map((x) => x / Math.hypot(...v)) as V3;
  const right = unit([random.normal(), random.normal(), random.normal()]);
  const b: V3 = [random.normal(), random.normal(), random.normal()];
  const along = b.reduce((s, x, k) => s + x * (right[k] as number), 0);
  return { right, up: unit(b.map((x, k) => x - along * (right[k] as number)) as V3) };
}

it('after a restore from every state and every step, the letters are those of the directions', async () => {
  const random = new Random(inject('seed') + 70);
  const parts = { storage: memoryStorage(), clock: manualClock(0), image };
  let session = await beginSession({ ...parts, by: BY, software: 'test' });
  const shown = new Map<string, { right: ArrayLike<number>; up: ArrayLike<number> }>();
  for (let n = 0; n < 24; n += 1) {
    const name = [...SLICE_VIEWS, 'free'][n % (SLICE_VIEWS.length + 1)] as string;
    const axes = name === 'free' || n > 12 ? anyAxes(random) : patientAxes(name as (typeof SLICE_VIEWS)[number]);
    const [right, up] = [Array.from(axes.right) as V3, Array.from(axes.up) as V3];
    shown.set(name, { right, up });
    const view = { right, up, centre: [0, 0, n] as V3, mmPerPx: 0.5, window: { level: 40, width: 400 } };
    await session.setView(name, view, BY);
    await session.enterStep(`step ${n % 5}`, BY);
    session = (await restoreSession({ ...parts, by: BY })).session;
    for (const [view, { right: r, up: u }] of shown) {
      const kept = session.state.views[view];
      expect(orientationLetters(kept?.right ?? [])[0]).toBe(nearestLetter(r));
      expect(orientationLetters(kept?.up ?? [])[0]).toBe(nearestLetter(u));
      expect(Array.from(kept?.right ?? [])).toEqual(Array.from(r));
    }
  }
});
