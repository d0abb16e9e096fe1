import { quantile } from '../simulation.js';
import { startMosquitto } from './mosquitto.js';
import { overBroker, overRelay, type RealFigures } from './real.js';

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

/**
 * Operator, relay, a poor link and an observer, without a screen; and so many observers through a broker. Prints what was measured.
 * @param observers 0: none, and no broker is started
 */
export async function runHeadless(seconds: number, seed: number, observers: number): Promise<void> {
  print('One observer behind 100 ms, 1 % loss, 64 kbit/s:', await overRelay(seconds, seed));
  if (observers === 0) return;
  const broker = await startMosquitto();
  if (broker === undefined) {
    console.log('Mosquitto is not installed: apt install mosquitto.');
    return;
  }
  print(`${observers} observers through a broker on this machine:`, await overBroker(broker, observers, seconds, seed));
  await broker.stop();
}
