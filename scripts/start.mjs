/**
 * `npm start`: the phantom navigation example, on sources; `--procedure NAME` starts another of examples/. Without a procedure, `--archive orthanc` or
 * `--archive URL` takes images to an archive and results back; with one it is where that takes its case from. Other arguments after `--` go to it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ready } from './bootstrap.mjs';
import { ROOT } from './lib/host.mjs';
import { runTypeScript } from './lib/run.mjs';

const DEFAULT = 'phantom-navigation';

/** @param {string} name */
const mainOf = (name) => `examples/${name}/src/main.ts`;

/**
 * Takes `--procedure NAME` (or `--procedure=NAME`) out of the arguments.
 * @param {readonly string[]} args
 */
function procedureOf(args) {
  const at = args.findIndex((a) => a === '--procedure' || a.startsWith('--procedure='));
  if (at < 0) return { name: DEFAULT, named: false, rest: args };
  const joined = args[at]?.startsWith('--procedure=') === true;
  const name = joined ? args[at]?.slice('--procedure='.length) : args[at + 1];
  return { name: name ?? '', named: true, rest: [...args.slice(0, at), ...args.slice(at + (joined ? 1 : 2))] };
}

/** Which examples are procedures: those that have a page and a program. */
function procedures() {
  return readdirSync(join(ROOT, 'examples')).filter((name) => {
    return existsSync(join(ROOT, mainOf(name))) && existsSync(join(ROOT, 'examples', name, 'page'));
  });
}

const { name, named, rest } = procedureOf(process.argv.slice(2));
if (!named && rest.some((a) => a === '--archive' || a.startsWith('--archive='))) {
  await ready('archive');
  const { code } = await runTypeScript(mainOf('archive'), rest, { show: 'all' });
  process.exitCode = code;
} else if (procedures().includes(name)) {
  await ready('start');
  const { code } = await runTypeScript(mainOf(name), rest, { show: 'all' });
  process.exitCode = code;
} else {
  process.stderr.write(`--procedure needs one of ${procedures().join(', ')}; got "${name}".\n`);
  process.exitCode = 2;
}
