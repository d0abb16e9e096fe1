import { parseArgs } from 'node:util';
import { isNavError } from '@trocar/core';
import { GUARD_OPTIONS, GUARD_USAGE, guardArgumentsOf, openGuard } from '../../suite/src/node/guard-options.js';
import { runHeadless } from './node/headless.js';
import { serveLive } from './node/serve.js';

/**
 * `npm start -- --procedure live-session`: the page of who looks on, beside a simulated operator. `--port N`, `--seed N` (1).
 * `--audit FILE`, `--audit-syslog HOST:PORT` with `--audit-ca FILE`: what happens, as audit messages; `--access-key FILE`: the page opens with a
 * signed token (docs/audit.md). `--headless`: without a screen, over a poor link; `--seconds N` (20), `--observers N` through a broker (0).
 */
const { values } = parseArgs({
  options: {
    headless: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    observers: { type: 'string', default: '0' },
    ...GUARD_OPTIONS,
  },
});
const [port, seed, seconds, observers] = [values.port, values.seed, values.seconds, values.observers].map(Number) as [
  number,
  number,
  number,
  number,
];
if (![port, seed, observers].every((n) => Number.isInteger(n) && n >= 0) || !(seconds > 0)) {
  console.error('--port, --seed and --observers need whole numbers from 0 on, --seconds a number above 0.');
  process.exit(2);
}
if (values.headless) {
  await runHeadless(seconds, seed, observers);
  process.exit(0);
}
const served = await serveGuarded();
console.log(`Live session, a simulated operator: ${served.url}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    served.close().finally(() => process.exit(0));
  });
}

async function serveGuarded(): ReturnType<typeof serveLive> {
  try {
    const guard = await openGuard(guardArgumentsOf(values), { application: 'live-session' });
    return await serveLive({ port, seed, guard });
  } catch (error) {
    const wrong = error instanceof TypeError && !isNavError(error);
    console.error(isNavError(error) ? `${error.code}: ${error.message}` : wrong ? `${error.message}\n${GUARD_USAGE}` : error);
    process.exit(wrong ? 2 : 1);
  }
}
