/** `npm start`: the phantom navigation example, on sources. Arguments after `--` go to it. */
import { ready } from './bootstrap.mjs';
import { runTypeScript } from './lib/run.mjs';

await ready('start');
const { code } = await runTypeScript('examples/phantom-navigation/src/main.ts', process.argv.slice(2), { show: 'all' });
process.exitCode = code;
