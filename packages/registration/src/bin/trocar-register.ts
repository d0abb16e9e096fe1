#!/usr/bin/env node
import { createRequire } from 'node:module';
import { runRegisterCommand } from './register-command.js';

// The decoders' runtime writes to the console where a file is damaged: standard output holds the answer and nothing else.
globalThis.console.log = (...words: unknown[]): void => globalThis.console.error(...words);

// Whoever reads the answer may have read enough (`trocar-register points … | head -3`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

process.exitCode = await runRegisterCommand(process.argv.slice(2), {
  version,
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
});
