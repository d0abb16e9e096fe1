import { type Clock, type Instant, isNavError } from '@trocar/core';
import { LivePublisher, LiveReplica, type LiveState } from '@trocar/core/session';
import { connectPublisher } from '@trocar/device-bridge/browser';
import { type BrokerObserver, nodeSocket, observeBroker, publishToBroker, startRelay } from '@trocar/device-bridge/node';
import { wrongWith } from '../compare.js';
import { POOR_LINK } from '../link.js';
import { LookOn } from '../look-on.js';
import { SimulatedOperator } from '../operator.js';
import type { LocalBroker } from './mosquitto.js';
import { poorProxy } from './proxy.js';

/** Sessions over real sockets: operator, relay or broker, and observers in one process, so that one clock measures both ends. */

const OPERATOR = 'operator-operator-operator-1';
const OBSERVER = 'observer-observer-observer-1';

/** The UTC of messages in whole ms; here both ends have it. */
const ORIGIN = Date.now();
export const clock: Clock = {
  now: () => performance.now() as Instant,
  plus: (at, ms) => (at + ms) as Instant,
  utc: (at) => new Date(ORIGIN + at),
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What was seen. Times ms. */
export interface RealFigures {
  readonly delays: number[];
  readonly ages: number[];
  readonly wrong: string[];
  /** From joining to a live state, an observer each. */
  readonly joins: number[];
  diverged: number;
  kilobitsDown: number;
  kilobitsUp: number;
  /** Processor time of this process and of the broker, seconds a second. */
  ownCpu: number;
  brokerCpu: number;
  applied: number;
  /** Changes that the observer who had the fewest did not have at the end. */
  missing: number;
}

const empty = (): RealFigures => ({
  delays: [],
  ages: [],
  wrong: [],
  joins: [],
  diverged: 0,
  kilobitsDown: Number.NaN,
  kilobitsUp: Number.NaN,
  ownCpu: Number.NaN,
  brokerCpu: Number.NaN,
  applied: 0,
  missing: 0,
});

/** The operator, on a timer. */
class Publishing {
  readonly truth = new Map<number, LiveState>();
  readonly publisher = new LivePublisher({ clock });
  changes = 0;
  readonly #operator: SimulatedOperator;
  readonly #from = clock.now();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(seed: number) {
    this.#operator = new SimulatedOperator(seed);
  }

  start(send: (kind: 'snapshot' | 'change' | 'motion', bytes: Uint8Array) => void): void {
    this.#timer = setInterval(() => {
      const state = this.#operator.stateAt(clock.now() - this.#from);
      for (const { kind, bytes, capturedUtcMs } of this.publisher.publish(state)) {
        this.truth.set(capturedUtcMs, state);
        this.changes += Number(kind === 'change');
        send(kind, bytes);
      }
    }, 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Holds a replica against what was published. */
  judge(replica: LiveReplica, figures: RealFigures, compare: boolean): void {
    const { held } = replica;
    const asOf = replica.observe().freshness.asOf?.getTime() ?? Number.NaN;
    figures.applied += 1;
    figures.delays.push(clock.utc(clock.now()).getTime() - asOf);
    if (!compare) return;
    const truth = this.truth.get(asOf);
    const wrong = held === undefined || truth === undefined ? 'a state that never was' : wrongWith(held, truth);
    if (wrong !== undefined) figures.wrong.push(wrong);
  }
}

/** One observer behind a poor link to a relay. @param seconds how long it looks on, after it has joined */
export async function overRelay(seconds: number, seed: number): Promise<RealFigures> {
  const figures = empty();
  const relay = await startRelay({
    clock,
    participants: [
      { token: OPERATOR, role: 'publisher', name: 'operator' },
      { token: OBSERVER, role: 'observer', name: 'observer' },
    ],
  });
  const proxy = await poorProxy(relay.port, { ...POOR_LINK, seed });
  const operator = new Publishing(seed);
  const link = connectPublisher({
    url: `${relay.url}/live/room`,
    token: OPERATOR,
    clock,
    createSocket: nodeSocket,
    ask: () => operator.publisher.requestSnapshot(),
  });
  operator.start((kind, bytes) => void link.send(kind, bytes));
  await pause(300);
  let joined = false;
  const from = clock.now();
  const url = `ws://127.0.0.1:${proxy.port}/live/room`;
  const guest = new LookOn({
    url,
    token: OBSERVER,
    clock,
    createSocket: nodeSocket,
    applied: (replica) => {
      if (joined) operator.judge(replica, figures, true);
    },
  });
  while (guest.observe().freshness.standing !== 'live') await pause(5);
  figures.joins.push(clock.now() - from);
  await pause(1000);
  joined = true;
  const before = { ...proxy.bytes };
  const since = clock.now();
  while (clock.now() - since < 1000 * seconds) {
    await pause(10);
    const { asOf } = guest.observe().freshness;
    if (asOf !== undefined) figures.ages.push(clock.utc(clock.now()).getTime() - asOf.getTime());
  }
  figures.kilobitsDown = ((proxy.bytes.down - before.down) * 8) / (1000 * seconds);
  figures.kilobitsUp = ((proxy.bytes.up - before.up) * 8) / (1000 * seconds);
  figures.diverged = guest.replica.counts.diverged + guest.replica.counts.malformed;
  operator.stop();
  guest.close();
  link.close();
  await proxy.close();
  await relay.close();
  return figures;
}

/** Many observers through a broker. Every tenth message of each is held against the truth; the digest is looked at in all of them. */
export async function overBroker(broker: LocalBroker, observers: number, seconds: number, seed: number): Promise<RealFigures> {
  const figures = empty();
  const operator = new Publishing(seed);
  const options = { url: broker.url, room: 'bench', clock };
  const link = await retry(() => publishToBroker({ ...options, ask: () => operator.publisher.requestSnapshot() }));
  operator.start((kind, bytes) => void link.send(kind, bytes));
  let measuring = false;
  const replicas: LiveReplica[] = [];
  const guests: BrokerObserver[] = [];
  for (let n = 0; n < observers; n += 1) {
    const replica = new LiveReplica({ clock });
    const from = clock.now();
    let turn = n;
    let joined = false;
    const guest = await observeBroker({
      ...options,
      name: `observer ${n}`,
      message: (bytes, kept) => {
        const received = replica.receive(bytes, kept);
        if (!joined && replica.observe().freshness.standing === 'live') {
          joined = true;
          figures.joins.push(clock.now() - from);
        }
        turn += 1;
        if (received === 'applied' && measuring) operator.judge(replica, figures, turn % 10 === 0);
      },
    });
    replicas.push(replica);
    guests.push(guest);
  }
  const tend = setInterval(() => {
    for (const [n, replica] of replicas.entries()) if (replica.wantsSnapshot) guests[n]?.ask();
  }, 100);
  while (figures.joins.length < observers) await pause(20);
  await pause(1000);
  measuring = true;
  const [own, theirs] = [process.cpuUsage(), broker.cpuSeconds()];
  await pause(1000 * seconds);
  measuring = false;
  const used = process.cpuUsage(own);
  figures.ownCpu = (used.user + used.system) / 1e6 / seconds;
  figures.brokerCpu = (broker.cpuSeconds() - theirs) / seconds;
  operator.stop();
  await pause(500);
  const places = replicas.map((one) => one.place?.revision ?? -1);
  // The first state is revision 1 without being a change.
  figures.missing = operator.changes + 1 - Math.min(...places);
  figures.diverged = replicas.reduce((sum, { counts }) => sum + counts.diverged + counts.malformed, 0);
  clearInterval(tend);
  await Promise.all(guests.map((one) => one.close()));
  await link.close();
  return figures;
}

/** A broker that was just started may not listen yet. */
async function retry<T>(act: () => Promise<T>): Promise<T> {
  for (let n = 0; ; n += 1) {
    try {
      return await act();
    } catch (error) {
      if (n === 40 || !isNavError(error, 'broker/connect-failed')) throw error;
      await pause(50);
    }
  }
}
