import type { NavErrorCode } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { makeTrackedSequence, type SequenceField, writeTrackedSequence } from '@trocar/core/recording';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WaterTank, type WaterTankOptions, waterTank } from '../calibration/probe/test-support/water-tank.js';
import { ask, Folder, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());

const time = (ms: number): SequenceField => ({ key: 'Timestamp', value: String(ms / 1000) });
const UNIT = '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1';

async function videoFile(name: string, { size, video }: WaterTank): Promise<string> {
  const frames = Array.from(video.timesMs, (t) => [time(t), { key: 'ImageStatus', value: 'OK' }]);
  const images = { size, elementType: 'MET_UCHAR', orientation: 'MF', bytes: video.images };
  return folder.write(name, writeTrackedSequence(await makeTrackedSequence({ frames, images })));
}

interface TrackerOptions {
  readonly pose?: string;
  readonly reference?: string;
  readonly status?: (n: number) => string;
}

async function trackerFile(name: string, { tracker }: WaterTank, options: TrackerOptions = {}): Promise<string> {
  const { pose = 'ProbeToTracker', reference, status = () => 'OK' } = options;
  const frames = Array.from(tracker.timesMs, (t, n): SequenceField[] => {
    const [x, y, z] = tracker.places.slice(3 * n, 3 * n + 3);
    return [
      { key: `${pose}Transform`, value: `1 0 0 ${x} 0 1 0 ${y} 0 0 1 ${z} 0 0 0 1` },
      { key: `${pose}TransformStatus`, value: status(n) },
      ...(reference === undefined
        ? []
        : [
            { key: 'ReferenceToTrackerTransform', value: UNIT },
            { key: 'ReferenceToTrackerTransformStatus', value: reference },
          ]),
      time(t),
    ];
  });
  return folder.write(name, writeTrackedSequence(await makeTrackedSequence({ frames })));
}

let tank: WaterTank;
let video = '';
let tracker = '';
beforeAll(async () => {
  tank = waterTank(new Random(11), { lagMs: -64.8 });
  video = await videoFile('video.igs.mha', tank);
  tracker = await trackerFile('tracker.igs.mha', tank, { reference: 'OK' });
});

describe('trocar-register temporal', () => {
  it('finds the lag with its sign, and says what it is', async () => {
    const { code, json } = await ask('temporal', '--video', video, '--tracker', tracker);
    expect([code, json.outcome]).toEqual([0, 'ok']);
    expect(Math.abs((json['lagMs'] as number) + 64.8)).toBeLessThan(1);
    expect(json['lagSdMs']).toBeLessThan(1);
    expect(json['sign']).toContain('stamped late where it is positive');
    expect(
      Math.abs(
        (json['pixelsPerMm'] as number) - tank.pixelsPerMm * Math.sign((json['pixelsPerMm'] as number) * tank.pixelsPerMm),
      ),
    ).toBeLessThan(0.1);
    expect(json['poses']).toMatchObject({ from: 'Probe', to: 'Reference', used: tank.tracker.timesMs.length });
    expect((await run('temporal', '--video', video, '--tracker', tracker)).out).toMatch(/Lag +-6[45]\.\d+ ms/);
  });

  it('does without a reference that is not there, and takes the pose that is named', async () => {
    const bare = await ask('temporal', '--video', video, '--tracker', await trackerFile('bare.igs.mha', tank));
    const unseen = await ask(
      'temporal',
      '--video',
      video,
      '--tracker',
      await trackerFile('unseen.igs.mha', tank, { reference: 'INVALID' }),
    );
    const named = await trackerFile('named.igs.mha', tank, { pose: 'TransducerToBase' });
    const other = await ask('temporal', '--video', video, '--tracker', named, '--probe', 'Transducer', '--reference', 'Base');
    for (const { json } of [bare, unseen, other]) expect(Math.abs((json['lagMs'] as number) + 64.8)).toBeLessThan(1);
    expect(bare.json['poses']).toMatchObject({ to: 'Tracker' });
  });

  it('leaves out poses that were not seen, and says how many', async () => {
    const path = await trackerFile('lost.igs.mha', tank, { status: (n) => (n % 40 === 7 ? 'INVALID' : 'OK') });
    const { json } = await ask('temporal', '--video', video, '--tracker', path);
    expect([json.outcome, json.warnings.map((w) => w.code)]).toEqual(['ok', ['without-pose']]);
    expect(Math.abs((json['lagMs'] as number) + 64.8)).toBeLessThan(1);
  });

  it('of another motion fails aloud', async () => {
    const other = waterTank(new Random(12), { lagMs: 0, motion: (t) => 9 * Math.sin(t / 800) + 4 * Math.sin(t / 517) });
    const { code, json } = await ask('temporal', '--video', video, '--tracker', await trackerFile('other.igs.mha', other));
    expect([code, json.outcome, json.code]).toEqual([1, 'failed', 'disagree']);
  });

  it.each<[string, WaterTankOptions]>([
    ['a tracker stamped late by most of the range', { lagMs: 430 }],
    ['times that jitter by 8 ms', { lagMs: -90, jitterMs: 8, seconds: 8 }],
    ['a video of 10 Hz beside a tracker of 100', { lagMs: 75, hz: [10, 100], seconds: 12 }],
    ['a video of 50 Hz beside a tracker of 12', { lagMs: -140, hz: [50, 12], seconds: 8 }],
    [
      'a probe that slides along the bottom more than it goes up and down',
      { lagMs: 60, slide: (t) => 25 * Math.sin(t / 640 + 1) + 9 * Math.sin(t / 210) },
    ],
    ['an image of few pixels a millimetre', { lagMs: -33, pixelsPerMm: 3 }],
  ])('%s: within a millisecond, or three of its standard deviations', async (_, options) => {
    for (const seed of [31, 32]) {
      const made = waterTank(new Random(seed), options);
      const { json } = await ask(
        'temporal',
        '--video',
        await videoFile('v.igs.mha', made),
        '--tracker',
        await trackerFile('t.igs.mha', made),
      );
      expect([seed, json.outcome]).toEqual([seed, 'ok']);
      const off = Math.abs((json['lagMs'] as number) - options.lagMs);
      expect(off).toBeLessThan(Math.max(1, 3 * (json['lagSdMs'] as number)));
      expect(json['lagSdMs']).toBeLessThan(1);
    }
  });

  it('reads nothing across a tracker that was covered for most of a second', async () => {
    const made = waterTank(new Random(33), { lagMs: 85, seconds: 8 });
    const path = await trackerFile('t.igs.mha', made, { status: (n) => (n % 150 > 110 ? 'INVALID' : 'OK') });
    const { json } = await ask('temporal', '--video', await videoFile('v.igs.mha', made), '--tracker', path);
    expect([json.outcome, json.warnings.map((w) => w.code)]).toEqual(['ok', ['without-pose']]);
    expect(Math.abs((json['lagMs'] as number) - 85)).toBeLessThan(1);
    expect((json['images'] as { used: number }).used).toBeLessThan(0.8 * made.video.images.length);
  });

  it('of a motion so slow that it does not tell: named, never a wrong lag', async () => {
    const made = waterTank(new Random(34), {
      lagMs: 120,
      seconds: 20,
      hz: [10, 20],
      noiseMm: 0.4,
      motion: (t) => 16 * Math.sin(t / 9000),
    });
    const { json, code } = await ask(
      'temporal',
      '--video',
      await videoFile('v.igs.mha', made),
      '--tracker',
      await trackerFile('t.igs.mha', made),
    );
    expect([code, json.outcome === 'ok']).toEqual([1, false]);
    expect(json.code).toMatch(/^(lag-unknown|ambiguous)$/);
  });

  it.each<[string, () => Promise<readonly string[]>, NavErrorCode]>([
    [
      'no pose of the probe',
      async () => ['--video', video, '--tracker', await trackerFile('x.igs.mha', tank, { pose: 'NeedleToTracker' })],
      'sequence/no-path',
    ],
    [
      'poses never seen',
      async () => ['--video', video, '--tracker', await trackerFile('y.igs.mha', tank, { status: () => 'INVALID' })],
      'calibration/hidden',
    ],
    ['no images', async () => ['--video', tracker, '--tracker', tracker], 'sequence/unsupported'],
    [
      'a clip beside the line',
      async () => ['--video', video, '--tracker', tracker, '--clip', '0,0,64,20'],
      'calibration/too-few-poses',
    ],
    [
      'clocks that do not overlap',
      async () => [
        '--video',
        video,
        '--tracker',
        await trackerFile('z.igs.mha', {
          ...tank,
          tracker: { ...tank.tracker, timesMs: tank.tracker.timesMs.map((t) => t + 1e6) },
        }),
      ],
      'calibration/too-few-poses',
    ],
  ])('%s: refused by its code, in one line', async (_, args, code) => {
    const { code: exit, json, error } = await ask('temporal', ...(await args()));
    expect([exit, json.outcome, json.code]).toEqual([1, 'refused', code]);
    expect(error.split('\n')).toHaveLength(1);
  });

  it('wrong usage', async () => {
    expect((await run('temporal', '--video', video)).code).toBe(2);
    expect((await run('temporal', '--video', video, '--tracker', tracker, '--clip', '1,2,3')).code).toBe(2);
  });
});
