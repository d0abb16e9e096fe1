import { POOR_LINK } from '../examples/live-session/src/link.js';
import { startMosquitto } from '../examples/live-session/src/node/mosquitto.js';
import { overBroker, overRelay } from '../examples/live-session/src/node/real.js';
import { type ObserverFigures, quantile, simulate } from '../examples/live-session/src/simulation.js';
import { type Row, report, row } from './_report.js';

/**
 * The live session over a poor link: 100 ms one way, 1 % loss, 64 kbit/s.
 *
 * First in time that is not waited for, with a model of TCP: three seeds of five minutes, with one observer from the beginning and one that
 * joins late and loses the link twice. Then over real sockets, with a proxy that delays as losses do. Then 200 observers through a broker
 * (Mosquitto) on this machine, without a poor link: what the machine does of it.
 *
 * TROCAR_EFFORT below 1 shortens all of it.
 */

const EFFORT = Math.min(1, Number(process.env['TROCAR_EFFORT'] ?? 1));
const SEEDS = [1, 2, 3];
const MODEL_MS = 300_000 * EFFORT;
const REAL_SECONDS = 40 * EFFORT;
const OBSERVERS = 200;
const MOST_KILOBITS = 64;

function delayRows(name: string, lists: readonly (readonly number[])[]): Row[] {
  const figures = (share: number): number[] => lists.map((list) => quantile(list, share));
  const judged = (values: readonly number[], most: number) => ({ text: `at most ${most} ms`, met: Math.max(...values) <= most });
  const [p50, p99] = [figures(0.5), figures(0.99)];
  return [row(`${name}, p50`, 'ms', p50, judged(p50, 150)), row(`${name}, p99`, 'ms', p99, judged(p99, 500))];
}

const none = (name: string, count: number): Row => row(name, '', [count], { text: 'none', met: count === 0 });

function kilobitRow(name: string, values: readonly number[]): Row {
  return row(name, 'kbit/s', values, { text: `below ${MOST_KILOBITS}`, met: Math.max(...values) < MOST_KILOBITS });
}

function model(): Row[] {
  const steady: ObserverFigures[] = [];
  const moving: ObserverFigures[] = [];
  for (const seed of SEEDS) {
    const [one, other] = simulate({
      seed,
      ms: MODEL_MS,
      restarts: [0.9 * MODEL_MS],
      observers: [
        { link: { ...POOR_LINK, seed } },
        {
          link: { ...POOR_LINK, seed: seed + 100 },
          joinsAt: 0.1 * MODEL_MS,
          cuts: [
            [0.3 * MODEL_MS, 0.3 * MODEL_MS + 2000],
            [0.6 * MODEL_MS, 0.6 * MODEL_MS + 9000],
          ],
        },
      ],
    });
    steady.push(one as ObserverFigures);
    moving.push(other as ObserverFigures);
  }
  const all = [...steady, ...moving];
  const sum = (figure: (one: ObserverFigures) => number): number => all.reduce((total, one) => total + figure(one), 0);
  const joins = all.flatMap((one) => one.joins);
  return [
    ...delayRows(
      'model of TCP: operator → observer, every message',
      steady.map((one) => one.delays),
    ),
    ...delayRows(
      'model of TCP: the same, changes alone',
      steady.map((one) => one.changeDelays),
    ),
    ...delayRows(
      'model of TCP: age of what is shown',
      steady.map((one) => one.ages),
    ),
    kilobitRow(
      'model of TCP: towards the observer, TCP/IP headers included',
      steady.map((one) => one.downBitsPerSecond / 1000),
    ),
    kilobitRow(
      'model of TCP: from the observer',
      steady.map((one) => one.upBitsPerSecond / 1000),
    ),
    row('model of TCP: from joining or the end of a cut to a live state', 'ms', joins),
    row('model of TCP: messages applied and compared', '', [sum((one) => one.delays.length)]),
    none(
      'model of TCP: wrong states',
      sum((one) => one.wrong.length),
    ),
    none(
      'model of TCP: old states shown as live, looks',
      sum((one) => one.liveTooLong),
    ),
  ];
}

async function real(): Promise<Row[]> {
  const runs = [];
  for (const seed of SEEDS) runs.push(await overRelay(REAL_SECONDS, seed));
  return [
    ...delayRows(
      'real sockets, proxy: operator → observer',
      runs.map((one) => one.delays),
    ),
    ...delayRows(
      'real sockets, proxy: age of what is shown',
      runs.map((one) => one.ages),
    ),
    kilobitRow(
      'real sockets, proxy: towards the observer',
      runs.map((one) => one.kilobitsDown),
    ),
    kilobitRow(
      'real sockets, proxy: from the observer',
      runs.map((one) => one.kilobitsUp),
    ),
    row(
      'real sockets, proxy: from joining to a live state',
      'ms',
      runs.flatMap((one) => one.joins),
    ),
    none(
      'real sockets, proxy: wrong states',
      runs.reduce((total, one) => total + one.wrong.length + one.diverged, 0),
    ),
  ];
}

async function broker(): Promise<Row[]> {
  const local = await startMosquitto();
  if (local === undefined) {
    console.log('Mosquitto is not installed: no figures of a broker.');
    return [];
  }
  const seen = await overBroker(local, OBSERVERS, REAL_SECONDS, 1);
  await local.stop();
  const name = `broker, ${OBSERVERS} observers`;
  return [
    ...delayRows(`${name}: operator → observer`, [seen.delays]),
    row(`${name}: messages applied, per second`, '', [seen.applied / REAL_SECONDS]),
    row(`${name}: from connecting to a live state`, 'ms', seen.joins),
    row(`${name}: processor, operator and all observers`, '%', [100 * seen.ownCpu]),
    row(`${name}: processor, Mosquitto`, '%', [100 * seen.brokerCpu]),
    none(`${name}: changes that an observer did not get`, seen.missing),
    none(`${name}: wrong states`, seen.wrong.length + seen.diverged),
  ];
}

report([...model(), ...(await real()), ...(await broker())]);
process.exit(0);
