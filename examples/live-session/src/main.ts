import { parseArgs } from 'node:util';
import { serveLive } from './node/serve.js';

/** `npm start -- --procedure live-session`: the page of who looks on, beside a simulated operator. `--port N`, `--seed N`. */
const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, seed: { type: 'string', default: '1' } },
});
const served = await serveLive({ port: Number(values.port), seed: Number(values.seed) });
console.log(`Live session, a simulated operator: ${served.url}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    served.close().finally(() => process.exit(0));
  });
}
