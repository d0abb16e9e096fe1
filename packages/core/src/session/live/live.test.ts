import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { STATUSES, type Status } from '../../frames/index.js';
import { AlarmTexts } from '../../guidance/index.js';
import { fromQuaternion, Random, rotationAngleBetween } from '../../math/index.js';
import { manualClock } from '../../testing/index.js';
import { TextLanguage } from '../../text/index.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { entriesOf, stillStateOf } from './facts.js';
import { asOfText } from './freshness.js';
import { LivePublisher, type OutgoingLive, type PublisherOptions } from './publisher.js';
import { POSE_STEP_MM, readBound, readPose, writeBound, writePose } from './quantised.js';
import { LiveReplica, type ReplicaOptions } from './replica.js';
import type { LiveAlarm, LiveState } from './state.js';
import { liveStateOf, randomChange, sentForm } from './test-support/states.js';
import { VERSION_1 } from './test-support/version-1.js';

const rig = (publisher: Partial<PublisherOptions> = {}, replica: Partial<ReplicaOptions> = {}) => {
  const clock = manualClock(1000);
  return { clock, out: new LivePublisher({ clock, ...publisher }), copy: new LiveReplica({ clock, ...replica }) };
};

/** A whole state, and a first motion behind it: what is needed for a replica to be live. */
const begin = ({ clock, out, copy }: ReturnType<typeof rig>, state: LiveState): void => {
  copy.receive(only(out.publish(state)));
  expect(copy.observe().freshness.standing).toBe('stale');
  clock.advance(200);
  copy.receive(only(out.publish(state)));
  expect(copy.observe().freshness).toMatchObject({ standing: 'live', ageMs: 0 });
};

const only = (messages: OutgoingLive[]): Uint8Array => {
  expect(messages).toHaveLength(1);
  return (messages[0] as OutgoingLive).bytes;
};

describe('what is sent of a pose', () => {
  it('is within half a step along each axis and 0.005 degrees of it, and the same when it is sent again', () => {
    const random = new Random(inject('seed'));
    const q = new Float64Array(4);
    for (let round = 0; round < 1500 * inject('effort'); round += 1) {
      const at = [0, 1, 2].map(() => random.between(-3000, 3000));
      const matrix = fromQuaternion(new Float64Array(16), random.rotation(q), at);
      const sent = new ByteWriter();
      writePose(sent, matrix, 'a tool');
      const back = readPose(new ByteReader(sent.take()));
      for (let k = 12; k < 15; k += 1) {
        expect(Math.abs((back[k] as number) - (matrix[k] as number))).toBeLessThanOrEqual(POSE_STEP_MM / 2 + 1e-9);
      }
      expect((rotationAngleBetween(back, matrix) * 180) / Math.PI).toBeLessThan(0.005);
    }
  });

  it('quarter and half turns, where the largest part changes, come through', () => {
    for (const q of [
      [0, 0, 0, 1],
      [1, 0, 0, 0],
      [0, -1, 0, 0],
      [Math.SQRT1_2, Math.SQRT1_2, 0, 0],
      [-Math.SQRT1_2, 0, 0, Math.SQRT1_2],
      [0.5, -0.5, 0.5, -0.5],
    ]) {
      const matrix = fromQuaternion(new Float64Array(16), q, [0, 0, 0]);
      const sent = new ByteWriter();
      writePose(sent, matrix, 'a tool');
      expect(rotationAngleBetween(readPose(new ByteReader(sent.take())), matrix)).toBeLessThan(8.8e-5);
    }
  });

  it('a bound never shrinks, and an unknown one stays unknown', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e4, noNaN: true }),
        fc.double({ min: 0, max: 0.01, noNaN: true }),
        (bound, sending) => {
          const to = new ByteWriter();
          writeBound(to, bound, sending, 'x');
          const back = readBound(new ByteReader(to.take()));
          expect(back).toBeGreaterThanOrEqual(bound + sending - 1e-9);
          expect(back).toBeLessThanOrEqual(bound + sending + POSE_STEP_MM + 1e-9);
        },
      ),
    );
    for (const unknown of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const to = new ByteWriter();
      writeBound(to, unknown, 0.005, 'x');
      expect(readBound(new ByteReader(to.take()))).toBeNaN();
    }
    expect(() => writeBound(new ByteWriter(), -0.1, 0, 'x')).toThrowError(/bound of x/);
  });
});

describe('a state', () => {
  it('arrives whole, to what is sent of it, whatever it is', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { out, copy } = rig();
        const state = liveStateOf(new Random(seed));
        expect(copy.receive(only(out.publish(state)))).toBe('applied');
        expect(copy.held).toEqual(sentForm(state));
      }),
      { numRuns: 30 * inject('effort') },
    );
  });

  it('follows three hundred changes, each in one message, and always is the one that was published', () => {
    const { clock, out, copy } = rig({ bytesPerSecond: 1e6 });
    const random = new Random(inject('seed') + 1);
    let state = liveStateOf(random);
    let kinds = 0;
    for (let n = 0; n < 300; n += 1) {
      for (const { bytes, kind } of out.publish(state)) {
        if (kind === 'change') kinds += 1;
        expect(copy.receive(bytes)).toBe('applied');
        expect(copy.held).toEqual(sentForm(state));
      }
      clock.advance(100);
      state = randomChange(state, random);
    }
    expect(copy.counts.diverged + copy.counts.malformed).toBe(0);
    expect(kinds).toBeGreaterThan(60);
  });

  it.each<[string, (state: LiveState) => LiveState]>([
    ['a pose where there is none', (s) => ({ ...s, tools: [{ ...tool(s), status: 'missing' }] })],
    ['no pose where there is one', (s) => ({ ...s, tools: [{ ...tool(s), status: 'ok', matrix: undefined }] })],
    ['a matrix with NaN', (s) => ({ ...s, tools: [{ ...tool(s), matrix: new Float64Array(16).fill(Number.NaN) }] })],
    ['a mirror', (s) => ({ ...s, tools: [{ ...tool(s), matrix: [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] }] })],
    ['two tools of one name', (s) => ({ ...s, tools: [tool(s), tool(s)] })],
    [
      'a reading without an end',
      (s) => ({ ...s, readings: [{ name: 'a', unit: 'mm', value: Number.POSITIVE_INFINITY, bound95: 1 }] }),
    ],
    ['a bound below 0', (s) => ({ ...s, readings: [{ name: 'a', unit: 'mm', value: 1, bound95: -1 }] })],
    ['a line break in a text', (s) => ({ ...s, pseudonym: 'a\nb' })],
    ['a text that turns round', (s) => ({ ...s, pseudonym: 'a\u202eb' })],
    ['half a surrogate pair', (s) => ({ ...s, pseudonym: '\ud800' })],
    ['a text that is too long', (s) => ({ ...s, pseudonym: 'x'.repeat(65) })],
    [
      'a hash that is none',
      (s) => ({ ...s, images: [{ name: 'ct', studyUid: '', seriesUid: '', frameOfReferenceUid: '', hash: 'ff' }] }),
    ],
  ])('with %s is not sent, and the one before holds', (_, change) => {
    const { clock, out, copy } = rig();
    const state = liveStateOf(new Random(4));
    copy.receive(only(out.publish(state)));
    clock.advance(100);
    expect(() => out.publish(change(state))).toThrowError(expect.objectContaining({ code: 'live/bad-value' }));
    copy.receive(only(out.publish(state)));
    expect(copy.held).toEqual(sentForm(state));
  });
});

const tool = (state: LiveState): LiveState['tools'][number] => {
  const found = state.tools.find((one) => one.matrix !== undefined);
  if (found === undefined) throw new Error('The state of this test has no tool with a pose.');
  return found;
};

describe('a replica', () => {
  it('whatever is lost, doubled, put in another order or damaged, shows a state that was published or none', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { clock, out, copy } = rig({ bytesPerSecond: 1e6, viewHz: 1000 }, { holdMs: 300 });
        const random = new Random(seed);
        let state = liveStateOf(random);
        const published = new Map<number, LiveState>();
        let onTheWay: Uint8Array[] = [];
        for (let n = 0; n < 120; n += 1) {
          if (copy.wantsSnapshot && n % 3 === 0) out.requestSnapshot();
          const messages = out.publish(state);
          if (messages.length > 0) published.set(Math.round(clock.utc(clock.now()).getTime()), sentForm(state));
          onTheWay.push(...messages.map((one) => one.bytes));
          clock.advance(20 + random.below(100));
          state = randomChange(state, random);
          onTheWay = onTheWay.flatMap((bytes) => {
            const fate = random.uniform();
            if (fate < 0.05) return [];
            if (fate < 0.15) return [bytes];
            if (fate < 0.2) damaged(copy, bytes, random);
            else take(copy, bytes);
            return fate > 0.95 ? [bytes] : [];
          });
          const { freshness } = copy.observe();
          if (copy.held !== undefined) expect(published.get(freshness.asOf?.getTime() ?? 0)).toEqual(copy.held);
        }
      }),
      { numRuns: 6 * inject('effort') },
    );
  });

  const take = (copy: LiveReplica, bytes: Uint8Array): void => {
    try {
      copy.receive(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^live\//) });
      expect(copy.held).toBeUndefined();
    }
  };

  const damaged = (copy: LiveReplica, bytes: Uint8Array, random: Random): void => {
    const other = bytes.slice();
    other[random.below(other.length)] = random.below(256);
    take(copy, other);
  };

  it('random bytes are refused with a code, and nothing is shown then', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0x10, max: 0x12 }), (bytes, first) => {
        const { out, copy } = rig();
        copy.receive(only(out.publish(liveStateOf(new Random(1)))));
        if (bytes.length > 0) bytes[0] = first;
        take(copy, bytes);
      }),
      { numRuns: 300 * inject('effort') },
    );
  });

  it('a lost change is noticed by the next message, and a snapshot mends it', () => {
    const { clock, out, copy } = rig();
    let state: LiveState = { ...liveStateOf(new Random(2)), pseudonym: 'A' };
    copy.receive(only(out.publish(state)));
    clock.advance(100);
    state = { ...state, pseudonym: 'B' };
    out.publish(state);
    clock.advance(200);
    expect(copy.receive(only(out.publish(state)))).toBe('held');
    expect(copy.observe().state?.pseudonym).toBe('A');
    expect(copy.wantsSnapshot).toBe(false);
    clock.advance(501);
    expect(copy.wantsSnapshot).toBe(true);
    out.requestSnapshot();
    for (const { bytes } of out.publish(state)) copy.receive(bytes);
    expect(copy.observe().state?.pseudonym).toBe('B');
    expect(copy.wantsSnapshot).toBe(false);
  });

  it('a change that is not the one that was made shows nothing until a whole state has come', () => {
    const one = rig();
    const other = rig();
    const state = { ...liveStateOf(new Random(3)), pseudonym: 'A' };
    one.copy.receive(only(one.out.publish(state)));
    other.out.publish({ ...state, tools: [], pseudonym: 'X' });
    for (const side of [one, other]) side.clock.advance(100);
    // The same run by its epoch and numbers, but made from other facts.
    const change = only(other.out.publish({ ...state, tools: [], pseudonym: 'B' }));
    expect(one.copy.receive(change)).toBe('diverged');
    expect(one.copy.observe().state).toBeUndefined();
    expect(one.copy.observe().freshness.standing).toBe('unknown');
    expect(one.copy.wantsSnapshot).toBe(true);
    one.out.requestSnapshot();
    for (const { bytes } of one.out.publish(state)) one.copy.receive(bytes);
    expect(one.copy.observe().state?.pseudonym).toBe('A');
  });

  it('becomes stale by its own clock: tools are not live, readings are not known, and the age goes on', () => {
    const one = rig();
    const { clock, copy } = one;
    const state = liveStateOf(new Random(5), 'ok');
    begin(one, state);
    clock.advance(1001);
    const { state: shown, freshness } = copy.observe();
    expect(freshness).toMatchObject({ standing: 'stale', ageMs: 1001 });
    expect(freshness.asOf).toEqual(clock.utc(clock.plus(clock.now(), -1001)));
    expect(shown?.tools.map((t) => t.status)).toEqual(state.tools.map(() => 'stale'));
    expect(shown?.readings.every((r) => Number.isNaN(r.value) && Number.isNaN(r.bound95))).toBe(true);
    expect(shown?.guidance.state).not.toBe('onTarget');
    expect(shown?.pointer).toBeUndefined();
    expect(asOfText(freshness, 'UTC')).toBe('as of 00:00:01, 1.0\u202fs old');
  });

  it('is stale at once where the link is gone, and live again with the next message', () => {
    const one = rig();
    const { clock, out, copy } = one;
    const state = liveStateOf(new Random(6));
    begin(one, state);
    copy.disconnected();
    expect(copy.observe().freshness.standing).toBe('stale');
    clock.advance(300);
    copy.receive(only(out.publish(state)));
    expect(copy.observe().freshness.standing).toBe('live');
  });

  it('what was kept on the way is shown as stale, of an age that is not known, until something comes as it was sent', () => {
    const { clock, out, copy } = rig();
    const state = liveStateOf(new Random(6), 'ok');
    const kept = [only(out.publish(state))];
    clock.advance(200);
    kept.push(only(out.publish({ ...state, pseudonym: 'B' })));
    clock.advance(3_600_000);
    for (const bytes of kept) expect(copy.receive(bytes, true)).toBe('applied');
    const { freshness, state: shown } = copy.observe();
    expect(freshness).toMatchObject({ standing: 'stale', ageMs: Number.NaN });
    expect(shown?.tools.every((t) => t.status === 'stale')).toBe(true);
    expect(asOfText(freshness, 'UTC')).toBe('as of 00:00:01, – old');
    copy.receive(only(out.publish({ ...state, pseudonym: 'B' })));
    expect(copy.observe().freshness).toMatchObject({ standing: 'live', ageMs: 0 });
  });

  it("a delay beyond the fastest message counts as age, with half the round trip, and a tool's own age is added", () => {
    const clock = manualClock(0);
    const copy = new LiveReplica({ clock, poseLimitMs: 250 });
    const there = manualClock(5000);
    const out = new LivePublisher({ clock: there, bytesPerSecond: 1e6 });
    const base = liveStateOf(new Random(7), 'ok');
    const state = { ...base, tools: base.tools.map((t) => ({ ...t, ageMs: 40 })) };
    copy.roundTripMs = 200;
    for (const late of [0, 0, 0, 130]) {
      there.advance(200);
      const sent = only(out.publish(state));
      clock.set(there.now() - 5000 + 100 + late);
      copy.receive(sent);
    }
    const { freshness, state: shown } = copy.observe();
    expect(freshness.ageMs).toBeCloseTo(230, 6);
    expect(freshness.ageBoundMs).toBe(100);
    expect(freshness.standing).toBe('live');
    // 230 + 40 is over the limit of a pose, though the state is not stale.
    expect(shown?.tools.every((t) => t.status === 'stale')).toBe(true);
  });

  it("another run of the operator's program replaces the one before, and is not replaced by it", () => {
    const { clock, out, copy } = rig();
    const state = { ...liveStateOf(new Random(8)), pseudonym: 'first' };
    copy.receive(only(out.publish(state)));
    clock.advance(2000);
    const again = new LivePublisher({ clock });
    const late = out.publish(state);
    copy.receive(only(again.publish({ ...state, pseudonym: 'second' })));
    for (const { bytes } of late) expect(copy.receive(bytes)).toBe('old');
    expect(copy.observe().state?.pseudonym).toBe('second');
  });

  it('another version is refused by its name', () => {
    const { out, copy } = rig();
    const bytes = only(out.publish(liveStateOf(new Random(9))));
    bytes[0] = 0x30;
    expect(() => copy.receive(bytes)).toThrowError(
      expect.objectContaining({ code: 'live/wrong-version', detail: { theirs: 3, ours: 2 } }),
    );
    expect(copy.observe().state).toBeUndefined();
  });

  it('an operator of version 1 is read: alarms without figures, in any language by their rules', () => {
    const { clock, copy } = rig();
    clock.advance(400);
    for (const hex of VERSION_1) expect(copy.receive(Uint8Array.from(Buffer.from(hex, 'hex')))).toBe('applied');
    const { state, freshness } = copy.observe();
    expect(freshness.standing).toBe('live');
    expect(state?.readings).toEqual([{ name: 'distance', unit: 'mm', value: 11, bound95: 1.41 }]);
    expect(state?.alarms).toEqual([
      {
        rule: 'reference-moved',
        subject: '',
        priority: 'high',
        phase: 'acknowledged',
        message: 'The reference has moved against its anchor: register again.',
        raisedAtMs: 900,
        passedAtMs: undefined,
        acknowledgedAtMs: 1100,
        values: {},
      },
    ]);
    const alarm = state?.alarms[0] as LiveAlarm;
    expect(new AlarmTexts(new TextLanguage('bn')).say(alarm)).toMatch(/^[^a-z]*[\u0980-\u09ff][^a-z]*$/i);
    // One byte of the version is part of what the digest is of.
    const other = Uint8Array.from(Buffer.from(VERSION_1[0] as string, 'hex'));
    other[0] = 0x20;
    const { copy: fresh } = rig();
    expect(fresh.receive(other)).toBe('diverged');
    expect(fresh.observe().state).toBeUndefined();
  });

  it('the figures of an alarm arrive with their bits, an unknown one as unknown; too many are not sent', () => {
    const { out, copy } = rig();
    const state = liveStateOf(new Random(4));
    const alarm: LiveAlarm = {
      rule: 'reference-moved',
      subject: '',
      priority: 'high',
      phase: 'active',
      message: 'It moved.',
      raisedAtMs: 1,
      passedAtMs: undefined,
      acknowledgedAtMs: undefined,
      values: { movedMm: 0.1 + 0.2, limitMm: Number.NaN, far: Number.POSITIVE_INFINITY },
    };
    copy.receive(only(out.publish({ ...state, alarms: [alarm] })));
    expect(copy.held?.alarms).toEqual([alarm]);
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`f${n}`, n]));
    expect(() => out.publish({ ...state, alarms: [{ ...alarm, values: many }] })).toThrowError(/17 figures where 16/);
  });

  it('facts of a kind that it does not know are malformed', () => {
    const entries = new Map(entriesOf(liveStateOf(new Random(1))));
    entries.set('\x7fx', new Uint8Array(1));
    expect(() => stillStateOf(entries, 2)).toThrowError(expect.objectContaining({ code: 'live/malformed' }));
  });
});

describe('a publisher', () => {
  it('stays below its budget however often it is called, and never leaves a change of facts out', () => {
    const { clock, out, copy } = rig({ bytesPerSecond: 4000 });
    const random = new Random(11);
    let state = liveStateOf(random, 'ok');
    const statuses: Status[] = [];
    let bytes = 0;
    let shown: Status | undefined;
    const seen: Status[] = [];
    copy.receive(only(out.publish(state)));
    for (let n = 0; n < 6000; n += 1) {
      clock.advance(1);
      state = moved(state, n);
      if (n % 300 === 299) {
        const status = STATUSES[((n / 300) % 4) | 0] as Status;
        state = { ...state, tools: state.tools.map((t) => ({ ...t, status })) };
        if (statuses.at(-1) !== status) statuses.push(status);
      }
      for (const message of out.publish(state)) {
        bytes += message.bytes.length + 56;
        expect(copy.receive(message.bytes)).toBe('applied');
        const now = copy.held?.tools[0]?.status;
        if (now !== shown) seen.push(now as Status);
        shown = now;
      }
    }
    // What may be saved up, and the last change, come on top.
    expect(bytes).toBeLessThan(6 * 4000 + 1000 + 300);
    expect(bytes).toBeGreaterThan(6 * 3000);
    expect(seen.filter((s, i) => i > 0 || s === statuses[0])).toEqual(statuses);
  });

  it('a view that is turned goes out at its own rate, the newest of it', () => {
    const { clock, out, copy } = rig({ bytesPerSecond: 1e6 });
    let state = liveStateOf(new Random(12));
    copy.receive(only(out.publish(state)));
    let changes = 0;
    for (let n = 0; n < 100; n += 1) {
      clock.advance(10);
      state = { ...state, views: state.views.map((v) => ({ ...v, centre: [n, 0, 0] as const })) };
      for (const { kind, bytes } of out.publish(state)) {
        changes += Number(kind === 'change');
        copy.receive(bytes);
      }
    }
    expect(changes).toBeLessThanOrEqual(11);
    clock.advance(100);
    for (const { bytes } of out.publish(state)) copy.receive(bytes);
    expect(copy.held?.views[0]?.centre).toEqual([99, 0, 0]);
  });

  it('says that nothing has changed, five times a second', () => {
    const { clock, out } = rig();
    const state = liveStateOf(new Random(13));
    out.publish(state);
    let messages = 0;
    for (let n = 0; n < 1000; n += 1) {
      clock.advance(1);
      messages += out.publish(state).length;
    }
    expect(messages).toBeGreaterThanOrEqual(5);
    expect(messages).toBeLessThanOrEqual(6);
  });

  it('a motion of three tools and six readings takes less than 150 bytes', () => {
    const { clock, out } = rig();
    const state = liveStateOf(new Random(14), 'ok');
    expect([state.tools.length, state.readings.length]).toEqual([3, 6]);
    out.publish(state);
    clock.advance(1000);
    const bytes = only(out.publish(moved(state, 1)));
    expect(bytes.length).toBeLessThan(150);
  });

  it.each([
    ['rateHz', 0],
    ['bytesPerSecond', Number.NaN],
    ['viewHz', -1],
  ] as const)('refuses %s of %d', (name, value) => {
    expect(() => rig({ [name]: value })).toThrowError(expect.objectContaining({ code: 'live/bad-option' }));
  });
});

function moved(state: LiveState, n: number): LiveState {
  return {
    ...state,
    tools: state.tools.map((t) => {
      if (t.matrix === undefined) return t;
      const matrix = Float64Array.from(t.matrix);
      matrix[12] = 100 + n / 50;
      return { ...t, matrix };
    }),
  };
}
