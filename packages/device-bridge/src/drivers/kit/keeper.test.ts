import { NavError, PoseSample, systemClock } from '@trocar/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PoseSink } from '../../driver.js';
import { type Connection, ConnectionKeeper, type KeeperOptions } from './index.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  // A timer that is left would keep a process alive.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A connection that opens, fails and ends when the test says so. */
class FakeConnection implements Connection {
  readonly sink: PoseSink;
  readonly ended: Promise<void>;
  stops = 0;
  /** How stopping goes; by default the connection is let go, and what still opens fails. */
  onStop: () => Promise<void> = async () => this.fail('let go');
  end: () => void = () => undefined;
  #open: () => void = () => undefined;
  #fail: (reason: Error) => void = () => undefined;

  constructor(sink: PoseSink) {
    this.sink = sink;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
  }

  tracks(): void {
    this.sink.connection('connected', 'Tracking.');
    this.#open();
  }

  fail(why: string, code?: 'device/refused'): void {
    this.#fail(code === undefined ? new Error(why) : new NavError(code, why));
  }

  lost(): void {
    this.sink.connection('disconnected', 'Lost.');
    this.end();
  }

  async stop(): Promise<void> {
    this.stops += 1;
    await this.onStop();
  }
}

interface Rig {
  readonly keeper: ConnectionKeeper<FakeConnection>;
  readonly made: FakeConnection[];
  readonly told: string[];
  readonly sink: PoseSink;
  last(): FakeConnection;
}

function rig(options: Partial<KeeperOptions<FakeConnection>> = {}): Rig {
  const made: FakeConnection[] = [];
  const told: string[] = [];
  const sink: PoseSink = {
    tools: (list) => told.push(`tools ${list.map(({ name }) => name).join()}`),
    pose: (tool, sample) => told.push(`pose ${tool} ${sample.status}`),
    flush: () => told.push('flush'),
    connection: (state, reason) => told.push(`${state}: ${reason}`),
    fault: ({ code, message }) => told.push(`${code}: ${message}`),
  };
  const keeper = new ConnectionKeeper<FakeConnection>({
    name: 'test',
    clock: systemClock(),
    reconnectMs: 100,
    longestPauseMs: 300,
    begin: (to) => {
      to.tools([{ name: 'a' }]);
      return () => {
        const connection = new FakeConnection(to);
        made.push(connection);
        return connection;
      };
    },
    ...options,
  });
  return { keeper, made, told, sink, last: () => made.at(-1) as FakeConnection };
}

/** Everything that a connection can still tell. */
function tellAll({ sink }: FakeConnection): void {
  sink.tools([]);
  sink.pose(0, new PoseSample(), 1);
  sink.flush();
  sink.connection('connected', 'late');
  sink.fault({ code: 'device/alarm', message: 'late' });
}

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a keeper of connections', () => {
  it('tells the tools, connects, and tells the first failure to who started it', async () => {
    const { keeper, told, sink, last } = rig();
    const starting = keeper.start(sink);
    last().fail('no power');
    await expect(starting).rejects.toMatchObject({ code: 'device/connect-failed', message: 'no power' });
    expect(told).toEqual(['tools a', 'connecting: Connecting: test.', 'disconnected: no power']);
    expect(keeper.connection).toBeUndefined();
    const before = told.length;
    tellAll(last());
    expect(told).toHaveLength(before);
    const again = keeper.start(sink);
    last().tracks();
    await again;
    expect(told.at(-1)).toBe('connected: Tracking.');
    await keeper.stop();
    expect(told.at(-1)).toBe('disconnected: Stopped.');
  });

  it('connects again with pauses that double up to the longest, and begins anew once it was connected', async () => {
    const { keeper, made, told, sink, last } = rig();
    const starting = keeper.start(sink);
    last().tracks();
    await starting;
    last().lost();
    for (const [pauseMs, many] of [
      [100, 2],
      [200, 3],
      [300, 4],
      [300, 5],
    ] as const) {
      await vi.advanceTimersByTimeAsync(pauseMs - 1);
      expect(made).toHaveLength(many - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(made).toHaveLength(many);
      last().fail('not yet', 'device/refused');
      await settled();
    }
    expect(told.filter((what) => what.startsWith('device/refused'))).toEqual(['device/refused: not yet']);
    await vi.advanceTimersByTimeAsync(300);
    last().tracks();
    await settled();
    last().lost();
    await vi.advanceTimersByTimeAsync(100);
    expect(made).toHaveLength(7);
    await keeper.stop();
  });

  it('stops in a pause at once, and leaves no timer', async () => {
    const { keeper, made, told, sink, last } = rig({ reconnectMs: 60_000, longestPauseMs: 60_000 });
    const starting = keeper.start(sink);
    last().tracks();
    await starting;
    last().lost();
    await settled();
    expect(vi.getTimerCount()).toBe(1);
    await keeper.stop();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(made).toHaveLength(1);
    expect(told.filter((what) => what.startsWith('disconnected'))).toHaveLength(1);
  });

  it.each(['first', 'second'] as const)('stopped while it connects the %s time it tells nothing afterwards', async (which) => {
    const { keeper, told, sink, last } = rig();
    const starting = keeper.start(sink).catch((error: unknown) => error);
    if (which === 'second') {
      last().tracks();
      await starting;
      last().lost();
      await vi.advanceTimersByTimeAsync(100);
    }
    await keeper.stop();
    expect(told.at(-1)).toBe('disconnected: Stopped.');
    if (which === 'first') expect(await starting).toMatchObject({ code: 'device/connect-failed', message: 'let go' });
    const before = told.length;
    tellAll(last());
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toHaveLength(before);
  });

  it('does not wait for ever for one that neither opens nor fails, and lets it go when it opens after all', async () => {
    const { keeper, told, sink, last } = rig();
    const starting = keeper.start(sink).catch((error: unknown) => error);
    last().onStop = async () => undefined;
    const stopping = keeper.stop();
    expect(await starting).toMatchObject({ code: 'device/disconnected' });
    await vi.advanceTimersByTimeAsync(500);
    await stopping;
    const before = told.length;
    last().tracks();
    await settled();
    expect(last().stops).toBe(2);
    expect(told).toHaveLength(before);
  });

  it('tells that a device could not be let go, and is stopped all the same', async () => {
    const { keeper, told, sink, last } = rig();
    const starting = keeper.start(sink);
    last().tracks();
    await starting;
    last().onStop = () => Promise.reject(new NavError('device/refused', 'It does not stop.'));
    await keeper.stop();
    expect(told.slice(-2)).toEqual(['device/refused: It does not stop.', 'disconnected: Stopped.']);
  });

  it('runs once at a time: a second start is refused, and one during the stop waits for its end', async () => {
    const { keeper, made, sink, last } = rig();
    const starting = keeper.start(sink);
    last().tracks();
    await starting;
    await expect(keeper.start(sink)).rejects.toMatchObject({ code: 'bridge/bad-option' });
    let letGo: () => void = () => undefined;
    last().onStop = () =>
      new Promise((resolve) => {
        letGo = resolve;
      });
    const stops = [keeper.stop(), keeper.stop()];
    const again = keeper.start(sink);
    await settled();
    expect(made).toHaveLength(1);
    letGo();
    await Promise.all(stops);
    await settled();
    expect(made).toHaveLength(2);
    last().tracks();
    await again;
    await keeper.stop();
    await keeper.stop();
    expect(made.map(({ stops: n }) => n)).toEqual([1, 1]);
  });
});
