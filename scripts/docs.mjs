/** `npm run docs`: the API reference of every entry point, by typedoc, into out/api. */
import { ready } from './bootstrap.mjs';
import { tool } from './lib/run.mjs';

await ready('build');
const { code } = await tool('typedoc/bin/typedoc', process.argv.slice(2), { show: 'all' });
process.exitCode = code;
