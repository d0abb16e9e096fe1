/**
 * Operator, relay, a poor link and observers, without a screen:
 * `node --conditions=@trocar/source --import tsx examples/live-session/src/node/headless.ts`
 *
 * `--seconds N` (20), `--seed N` (1), `--observers N` through a broker (0: none, and no broker is started). Prints what was measured.
 */
import { parseArgs } from 'node:util';
import { quantile } from '../simulation.js';
import { startMosquitto } from './mosquitto.js';
import { overBroker, overRelay, type RealFigures } from './real.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    observers: { type: 'string', default: '0' },
  },
});
const [seconds, seed, observers] = [values.seconds, values.seed, values.observers].map(Number) as [number, number, number];
if (!(seconds > 0 && Number.isInteger(seed) && Number.isInteger(observers) && observers >= 0)) {
  console.error('--seconds needs a number above 0, --seed and --observers whole numbers from 0 on.');
  process.exit(2);
}

function print(what: string, seen: RealFigures): void {
  const ms = (list: readonly number[]): string =>
    [0.5, 0.99].map((share) => `p${100 * share} ${quantile(list, share).toFixed(0)} ms`).join(', ');
  console.log(what);
  console.log(`  operator → observer: ${ms(seen.delays)}, ${seen.applied} messages`);
  if (seen.ages.length > 0) console.log(`  age of what is shown: ${ms(seen.ages)}`);
  console.log(`  to a live state: ${ms(seen.joins)}`);
  if (!Number.isNaN(seen.kilobitsDown)) {
    console.log(`  on the link: ${seen.kilobitsDown.toFixed(1)} kbit/s there, ${seen.kilobitsUp.toFixed(1)} kbit/s back`);
  }
  console.log(`  wrong states: ${seen.wrong.length + seen.diverged}`);
}

print('One observer behind 100 ms, 1 % loss, 64 kbit/s:', await overRelay(seconds, seed));
if (observers > 0) {
  const broker = await startMosquitto();
  if (broker === undefined) console.log('Mosquitto is not installed: apt install mosquitto.');
  else {
    print(`${observers} observers through a broker on this machine:`, await overBroker(broker, observers, seconds, seed));
    await broker.stop();
  }
}
process.exit(0);
