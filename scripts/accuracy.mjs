/** `npm run accuracy`: the accuracy of a whole system on a phantom, and a signed report. Arguments after `--` go to it. */
import { ready } from './bootstrap.mjs';
import { runTypeScript } from './lib/run.mjs';

await ready('build');
const { code } = await runTypeScript('examples/phantom-accuracy/src/main.ts', process.argv.slice(2), { show: 'all' });
process.exitCode = code;
