#!/usr/bin/env node
import { createInterface } from 'node:readline';
import { runBridgeCommand } from './commands.js';

const end = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort());

// Whoever reads the answer may have read enough (`trocar-bridge decode … | head -3`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  end.abort();
});

process.exitCode = await runBridgeCommand(process.argv.slice(2), {
  out: (line) =>
    new Promise((resolve) => {
      process.stdout.write(`${line}\n`, () => resolve());
    }),
  error: (line) => void process.stderr.write(`${line}\n`),
  env: process.env,
  signal: end.signal,
  lines: () => createInterface({ input: process.stdin }),
});
// Timers and sockets of devices may still hold the process; what was said has been written.
process.exit();
