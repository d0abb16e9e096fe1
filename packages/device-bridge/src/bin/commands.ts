import { isNavError } from '@trocar/core';
import { check } from './check.js';
import { type Command, helpOf, type Io, parseCommandLine } from './command.js';
import { decode } from './decode.js';
import { devices } from './devices.js';
import { replay } from './replay.js';
import { record, serve, simulate } from './serve.js';

const COMMANDS: readonly Command[] = [serve, simulate, record, replay, devices, check, decode];

const overview = (): string => {
  const names = COMMANDS.map(({ name, takes }) => `${name}${takes === '' ? '' : ` ${takes}`}`);
  const width = Math.max(...names.map((name) => name.length)) + 2;
  return [
    'trocar-bridge COMMAND [options]: tracked devices for browsers and programs.',
    '',
    ...COMMANDS.map(({ summary }, i) => `  ${(names[i] as string).padEnd(width)}${summary}`),
    '',
    'Without a command it serves: trocar-bridge --simulate',
    'trocar-bridge COMMAND --help says more, with examples. Exit code: 0 done, 1 refused or failed (the code of the',
    'error on standard error), 2 wrong usage.',
  ].join('\n');
};

/** Runs a command line. @returns the exit code: 0 done, 1 refused or failed, 2 wrong usage */
export async function runBridgeCommand(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args;
  try {
    if (first === '--help' || first === '-h' || first === 'help') return await say(helpFor(rest[0]), io);
    const command = COMMANDS.find(({ name }) => name === first);
    if (command === undefined && first !== undefined && !first.startsWith('-')) {
      io.error(`bridge/bad-option: There is no command "${first}". There are ${COMMANDS.map(({ name }) => name).join(', ')}.`);
      return 2;
    }
    const chosen = command ?? serve;
    const parsed = parseCommandLine(chosen, command === undefined ? args : rest);
    return parsed === undefined ? await say(helpOf(chosen), io) : await chosen.run(parsed, io);
  } catch (error) {
    const code = isNavError(error) ? error.code : 'error';
    io.error(`${code}: ${error instanceof Error ? error.message : String(error)}`);
    if (args.includes('--json'))
      await io.out(JSON.stringify({ error: code, message: error instanceof Error ? error.message : String(error) }));
    return code === 'bridge/bad-option' || code === 'bridge/bad-config' ? 2 : 1;
  }
}

function helpFor(name: string | undefined): string {
  const command = COMMANDS.find((one) => one.name === name);
  return command === undefined ? overview() : helpOf(command);
}

async function say(text: string, io: Io): Promise<number> {
  await io.out(text);
  return 0;
}
