import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Row, table } from './_report.js';

/**
 * Runs every benchmark of this folder in a process of its own, one after the other, and prints one table.
 * A file that begins with `_` is shared code. A first line `// node: --expose-gc` gives its process those flags.
 *
 *   npm run bench              all
 *   npm run bench -- bridge    those whose name holds "bridge"
 */

const folder = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const rowsFolder = mkdtempSync(join(tmpdir(), 'trocar-bench-'));

const benchmarks = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('_') && name !== 'run.ts')
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();

const rows: Row[] = [];
const failed: string[] = [];
for (const name of benchmarks) {
  console.log(`\n── ${name}`);
  const file = join(rowsFolder, `${name}.rows`);
  const flags = /^\/\/ node: (.*)$/m.exec(readFileSync(join(folder, name), 'utf8').split('\n', 1)[0] ?? '')?.[1];
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...(flags?.split(' ') ?? []), join(folder, name)], {
    stdio: 'inherit',
    env: { ...process.env, TROCAR_BENCH_ROWS: file },
  });
  if (status !== 0) failed.push(name);
  if (existsSync(file)) {
    const lines = readFileSync(file, 'utf8').split('\n');
    rows.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row));
  }
}
rmSync(rowsFolder, { recursive: true });

const memory = Math.round(totalmem() / 2 ** 30);
console.log(`\nNode ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, ${memory} GiB`);
console.log(`${table(rows)}\n`);
for (const name of failed) console.log(`${name} failed: its message is above.`);
if (benchmarks.length === 0) console.log('No benchmark matches.');
process.exitCode = failed.length > 0 || benchmarks.length === 0 ? 1 : 0;
