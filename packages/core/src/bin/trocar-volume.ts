#!/usr/bin/env node
import { runVolumeCommand } from './volume-command.js';

process.exitCode = await runVolumeCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
});
