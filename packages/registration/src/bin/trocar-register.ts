#!/usr/bin/env node
import { createRequire } from 'node:module';
import { runRegisterCommand } from './register-command.js';
import { refusalJson } from './report.js';

// The decoders' runtime writes to the console where a file is damaged: standard output holds the answer and nothing else.
globalThis.console.log = (...words: unknown[]): void => globalThis.console.error(...words);

// Whoever reads the answer may have read enough (`trocar-register points … | head -3`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const out = (text: string): void => void process.stdout.write(`${text}\n`);
const error = (text: string): void => void process.stderr.write(`${text}\n`);
const args = process.argv.slice(2);
try {
  process.exitCode = await runRegisterCommand(args, { version, out, error });
} catch (defect) {
  // Nobody at an operating table is helped by a stack; who asked for JSON gets JSON.
  const message = `trocar-register has a defect: ${defect instanceof Error ? defect.message : String(defect)}`;
  error(message);
  if (args.includes('--json')) out(refusalJson(args[0] ?? '', { code: 'defect', message, detail: {} }, []));
  process.exitCode = 1;
}
