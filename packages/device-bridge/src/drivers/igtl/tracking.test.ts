import type { Instant } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type IgtlMessageInit, plusMetadata, timestampOf } from '../../codec/igtl/index.js';
import { clock, makeRig, type Rig, skewMatrix, skewQuaternion, tdata, transform, until, wait } from './test-support/rig.js';

const running: Rig[] = [];
afterEach(async () => {
  for (const { driver } of running.splice(0)) await driver.stop();
});

async function started(...args: Parameters<typeof makeRig>): Promise<Rig> {
  const made = await makeRig(...args);
  running.push(made);
  await made.driver.start(made.sink);
  return made;
}

describe('poses', () => {
  it('of TRANSFORM arrive as position in mm and quaternion x y z w, with no error figure', async () => {
    const { server, sink } = await started();
    server.send(transform('ProbeToTracker', skewMatrix(0.7, 10, -20, 30)));
    await until(() => sink.told.length === 1);
    const [told] = sink.told as [(typeof sink.told)[0]];
    expect(told.name).toBe('ProbeToTracker');
    // A transposed rotation has the opposite angle.
    for (const [k, want] of [10, -20, 30, ...skewQuaternion(0.7)].entries()) expect(told.pose[k]).toBeCloseTo(want, 5);
    expect(told.status).toBe('unknown');
  });

  it('of POSITION, QTDATA and TDATA are the same pose', async () => {
    const { server, sink } = await started();
    const position = Float64Array.of(10, -20, 30);
    const orientation = Float64Array.from(skewQuaternion(0.7));
    server.send(
      { type: 'POSITION', device: 'a', content: { kind: 'position', position, orientation } },
      {
        type: 'QTDATA',
        device: 'q',
        content: { kind: 'quaternionTrackingData', tools: [{ name: 'b', toolType: 2, position, orientation }] },
      },
      {
        type: 'TDATA',
        device: 't',
        content: { kind: 'trackingData', tools: [{ name: 'c', toolType: 2, matrix: skewMatrix(0.7, 10, -20, 30) }] },
      },
      transform('d', skewMatrix(0.7, 10, -20, 30)),
    );
    await until(() => sink.told.length === 4);
    expect(sink.told.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    for (const { pose } of sink.told) {
      for (const [k, want] of [10, -20, 30, ...skewQuaternion(0.7)].entries()) expect(pose[k]).toBeCloseTo(want, 5);
    }
  });

  it('arrive the same however the bytes are cut', async () => {
    const { server, sink } = await started({}, undefined, { chunkBytes: 1 });
    for (let i = 0; i < 5; i += 1) server.send(transform('p', skewMatrix(i, i, 0, 0)), tdata(['x', 'y'], i));
    await until(() => sink.told.length === 15);
    expect(sink.told.filter(({ name }) => name === 'p').map(({ pose }) => pose[0])).toEqual([0, 1, 2, 3, 4]);
    expect(sink.faults).toEqual([]);
  });

  it('that are none make the tool missing, with a fault that says why, once a second', async () => {
    const { server, sink, driver } = await started();
    const scaled = skewMatrix(0.7, 1, 2, 3);
    for (let k = 0; k < 12; k += 1) scaled[k] = 2 * (scaled[k] as number);
    const nan = skewMatrix(0.7, Number.NaN, 2, 3);
    const position = Float64Array.of(1, 2, 3);
    for (let i = 0; i < 3; i += 1) server.send(transform('scaled', scaled));
    server.send(
      transform('nan', nan),
      { type: 'POSITION', device: 'only', content: { kind: 'position', position, orientation: new Float64Array(0) } },
      { type: 'POSITION', device: 'zero', content: { kind: 'position', position, orientation: new Float64Array(4) } },
    );
    await until(() => sink.told.length === 6);
    expect(sink.told.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'missing'));
    expect(sink.told.every(({ pose }) => pose.every((x) => Number.isNaN(x)))).toBe(true);
    expect(sink.codes()).toEqual(['igtl/bad-value', 'igtl/unsupported', 'pose/not-finite']);
    expect(driver.counts.faults.get('igtl/bad-value')).toBeGreaterThanOrEqual(3);
    expect(driver.counts.poses).toBe(0);
  });

  it('with a quaternion off unit length are normalised, said so, and never ok', async () => {
    const { server, sink } = await started({ withoutStatus: 'ok' });
    const orientation = Float64Array.from(skewQuaternion(0.7), (x) => 0.88 * x);
    server.send({
      type: 'POSITION',
      device: 'p',
      content: { kind: 'position', position: Float64Array.of(1, 2, 3), orientation },
    });
    await until(() => sink.told.length === 1);
    expect(sink.statuses()).toEqual(['p unknown']);
    expect(Math.hypot(...(sink.told[0]?.pose.slice(3) ?? []))).toBeCloseTo(1, 9);
    expect(sink.codes()).toEqual(['igtl/bad-value']);
  });
});

describe('status', () => {
  it.each([
    [plusMetadata('ok'), 'ok'],
    [plusMetadata('missing'), 'missing'],
    [plusMetadata('outOfVolume'), 'outOfVolume'],
    [plusMetadata('stale'), 'missing'],
    [[{ key: 'TransformStatus', encoding: 3, value: 'SOMETHING_NEW' }], 'unknown'],
    [[{ key: 'Other', encoding: 3, value: 'OK' }], 'unknown'],
    [[], 'unknown'],
  ] as const)('%j is %s', async (metadata, status) => {
    const { server, sink } = await started();
    server.send(transform('ProbeToTracker', skewMatrix(1, 1, 2, 3), { headerVersion: 2, metadata }));
    await until(() => sink.told.length === 1);
    expect(sink.told[0]?.status).toBe(status);
  });

  it('is ok without a status only where the option says that a pose means visible; a word not known stays unknown', async () => {
    const { server, sink } = await started({ withoutStatus: 'ok' });
    server.send(
      transform('plain', skewMatrix(1, 1, 2, 3)),
      tdata(['listed'], 1),
      transform('word', skewMatrix(1, 1, 2, 3), {
        headerVersion: 2,
        metadata: [{ key: 'TransformStatus', encoding: 3, value: 'SOMETHING_NEW' }],
      }),
      transform('gone', skewMatrix(1, 1, 2, 3), { headerVersion: 2, metadata: plusMetadata('missing') }),
    );
    await until(() => sink.told.length === 4);
    expect(sink.statuses()).toEqual(['plain ok', 'listed ok', 'word unknown', 'gone missing']);
  });

  it('of a tool that a list leaves out is missing, once, until it comes back; other lists do not matter', async () => {
    const { server, sink } = await started();
    server.send(
      tdata(['a', 'b'], 1),
      tdata(['b'], 2),
      tdata(['b'], 3),
      tdata(['other'], 3, { device: 'Second' }),
      tdata(['b', 'a'], 4),
    );
    await until(() => sink.told.length === 8);
    expect(sink.statuses()).toEqual([
      'a unknown',
      'b unknown',
      'b unknown',
      'a missing',
      'b unknown',
      'other unknown',
      'b unknown',
      'a unknown',
    ]);
    server.send(tdata([], 5));
    await until(() => sink.told.length === 10);
    expect(sink.statuses(8)).toEqual(['a missing', 'b missing']);
  });

  it('of repeated numbers is stale after a while, as the freeze guard says', async () => {
    const { server, sink } = await started({ frozenAfterMs: 40 });
    for (let i = 0; i < 12; i += 1) {
      server.send(transform('p', skewMatrix(1, 1, 2, 3)));
      await wait(10);
    }
    await until(() => sink.told.at(-1)?.status === 'stale');
    expect(sink.codes()).toEqual(['device/frozen']);
    server.send(transform('p', skewMatrix(1.01, 1, 2, 3)));
    await until(() => sink.told.at(-1)?.status === 'unknown');
  });

  it('of a repeated stamp is stale too, though the numbers move', async () => {
    const { server, sink } = await started({ frozenAfterMs: 40 });
    for (let i = 0; i < 12; i += 1) {
      server.send(transform('p', skewMatrix(i, 1, 2, 3), { timestamp: { seconds: 1_700_000_000, fraction: 5 } }));
      await wait(10);
    }
    await until(() => sink.told.at(-1)?.status === 'stale');
  });

  it('becomes stale for every tool where a server falls silent and the connection is to stay', async () => {
    const { server, sink } = await started({ silentMs: 60 });
    server.send(transform('a', skewMatrix(1, 1, 2, 3)), transform('b', skewMatrix(1, 1, 2, 3)));
    await until(() => sink.told.length === 4);
    expect(sink.statuses(2)).toEqual(['a stale', 'b stale']);
    expect(sink.told[2]?.measuredAt).toBe(sink.told[0]?.measuredAt);
    expect(sink.told[2]?.pose).toEqual(sink.told[0]?.pose);
    expect(sink.states).toEqual(['connecting', 'connected']);
    server.send(transform('a', skewMatrix(2, 1, 2, 3)));
    await until(() => sink.told.length === 5);
    expect(sink.statuses(4)).toEqual(['a unknown']);
  });
});

describe('names', () => {
  it('grow into a list; expected tools come first and keep the names they were given', async () => {
    const { server, sink } = await started({ tools: [{ device: 'StylusToTracker', name: 'stylus' }, { device: 'c' }] });
    expect(sink.list.map(({ name }) => name)).toEqual(['stylus', 'c']);
    server.send(transform('x', skewMatrix(1, 1, 2, 3)), transform('StylusToTracker', skewMatrix(1, 1, 2, 3)), tdata(['c'], 1));
    await until(() => sink.told.length === 3);
    expect(sink.told.map(({ tool }) => tool)).toEqual([2, 0, 1]);
    expect(sink.list.map(({ name }) => name)).toEqual(['stylus', 'c', 'x']);
  });

  it('that are the same in two sources are two tools', async () => {
    const { server, sink } = await started();
    server.send(
      transform('probe', skewMatrix(1, 1, 2, 3)),
      tdata(['probe'], 1),
      tdata(['probe'], 1, { device: 'Second' }),
      transform('', skewMatrix(1, 1, 2, 3)),
    );
    await until(() => sink.told.length === 4);
    expect(sink.list.map(({ name }) => name)).toEqual(['probe', 'Tracker/probe', 'Second/probe', 'unnamed']);
  });

  it('too long for the header are read in full', async () => {
    const { server, sink } = await started();
    const long = (name: string): IgtlMessageInit =>
      transform('StylusToReferenceTra', skewMatrix(1, 1, 2, 3), {
        headerVersion: 2,
        metadata: [...plusMetadata('ok'), { key: 'IGTL_DEVICE_NAME', encoding: 3, value: name }],
      });
    for (let i = 0; i < 2; i += 1) server.send(long('StylusToReferenceTransformA'), long('StylusToReferenceTransformB'));
    await until(() => sink.told.length === 4);
    expect(sink.statuses()).toEqual([
      'StylusToReferenceTransformA ok',
      'StylusToReferenceTransformB ok',
      'StylusToReferenceTransformA ok',
      'StylusToReferenceTransformB ok',
    ]);
  });

  it('are not taken beyond the limit, or where only expected tools are wanted', async () => {
    const { server, sink, driver } = await started({ maxTools: 2 });
    for (let i = 0; i < 400; i += 1) server.send(transform(`t${i}`, skewMatrix(1, 1, 2, 3)));
    await until(() => driver.counts.messages === 400);
    expect(sink.told.length).toBe(2);
    expect(driver.counts.turnedAway).toBe(398);
    expect(sink.codes()).toEqual(['igtl/unsupported']);
    const other = await started({ tools: [{ device: 'a' }], otherTools: false });
    other.server.send(transform('b', skewMatrix(1, 1, 2, 3)), transform('a', skewMatrix(1, 1, 2, 3)));
    await until(() => other.sink.told.length === 1);
    expect(other.sink.statuses()).toEqual(['a unknown']);
  });
});

describe('times', () => {
  it('without a stamp are arrivals, each later than the last', async () => {
    const { server, sink } = await started();
    for (let i = 0; i < 5; i += 1) server.send(transform('p', skewMatrix(i, 1, 2, 3)));
    await until(() => sink.told.length === 5);
    for (const [i, told] of sink.told.entries()) {
      expect(Math.abs(told.measuredAt - told.arrivedAt)).toBeLessThan(0.1);
      if (i > 0) expect(told.measuredAt).toBeGreaterThan(sink.told[i - 1]?.measuredAt as number);
    }
  });

  it('of a sender with a clock are its own, whatever day it believes in', async () => {
    let now = 1000;
    const manual = { ...clock, now: () => now as Instant };
    const { server, sink } = await started({ clock: manual, silentMs: 1e9 });
    for (let i = 0; i < 60; i += 1) {
      // Delivered in bursts of three: the arrivals know nothing of the period.
      now = 1000 + 15 * Math.floor(i / 3 + 1);
      server.send(transform('p', skewMatrix(i, 1, 2, 3), { timestamp: timestampOf(1e12 + 5 * i) }));
      await until(() => sink.told.length === i + 1);
    }
    const late = sink.told.slice(30);
    for (const [i, told] of late.entries()) {
      if (i > 0) expect(told.measuredAt - (late[i - 1]?.measuredAt as number)).toBeCloseTo(5, 1);
      expect(told.measuredAt).toBeLessThanOrEqual(told.arrivedAt);
    }
  });
});
