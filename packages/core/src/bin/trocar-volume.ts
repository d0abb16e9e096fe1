#!/usr/bin/env node
import { terminal } from './terminal.js';
import { runVolumeCommand } from './volume-command.js';

// The decoders' runtime writes to the console where a file is damaged: standard output holds the answer and nothing else.
globalThis.console.log = (...words: unknown[]): void => globalThis.console.error(...words);

process.exitCode = await runVolumeCommand(process.argv.slice(2), terminal());
