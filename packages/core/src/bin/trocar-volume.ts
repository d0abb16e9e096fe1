#!/usr/bin/env node
import { runVolumeCommand } from './volume-command.js';

// The decoders' runtime writes to the console where a file is damaged: standard output holds the answer and nothing else.
globalThis.console.log = (...words: unknown[]): void => globalThis.console.error(...words);

// Whoever reads the answer may have read enough (`trocar-volume info … | head -3`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runVolumeCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
});
