import { isNavError } from '@trocar/core';
import { Arguments, type OptionKinds, UsageError } from './arguments.js';
import { HAND_EYE_OPTIONS, handEyeCommand } from './hand-eye-command.js';
import { IMAGE_OPTIONS, imageCommand } from './image-command.js';
import { PIVOT_OPTIONS, pivotCommand } from './pivot-command.js';
import { POINTS_OPTIONS, pointsCommand } from './points-command.js';
import { type CommandOutput, jsonOf, linesOf, type Report, refusalJson, refusalLines } from './report.js';
import { SPIN_OPTIONS, spinCommand } from './spin-command.js';
import { SURFACE_OPTIONS, surfaceCommand } from './surface-command.js';
import { USAGE } from './usage.js';

interface Command {
  readonly options: OptionKinds;
  readonly run: (args: Arguments) => Promise<Report>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  points: { options: POINTS_OPTIONS, run: pointsCommand },
  surface: { options: SURFACE_OPTIONS, run: surfaceCommand },
  image: { options: IMAGE_OPTIONS, run: imageCommand },
  pivot: { options: PIVOT_OPTIONS, run: pivotCommand },
  spin: { options: SPIN_OPTIONS, run: spinCommand },
  'hand-eye': { options: HAND_EYE_OPTIONS, run: handEyeCommand },
};

/** What the command is told beside its arguments. */
export interface CommandContext extends CommandOutput {
  readonly version: string;
}

/**
 * Runs `trocar-register` with its arguments. The answer is the exit code: 0 where the outcome is `ok`, 1 where it is not
 * (`ambiguous`, `failed`, `refused`), 2 for wrong usage. Never throws a NavError.
 */
export async function runRegisterCommand(args: readonly string[], to: CommandContext): Promise<0 | 1 | 2> {
  const [name = '', ...rest] = args;
  if (name === '' || name === '--help' || name === '-h' || rest.includes('--help')) {
    to.out(USAGE);
    return 0;
  }
  if (name === '--version') {
    to.out(to.version);
    return 0;
  }
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new UsageError(`"${name}" is no command of trocar-register.`);
    const given = new Arguments(rest, command.options);
    return await perform(name, command, given, to);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    to.error(error.message);
    to.error('Try "trocar-register --help".');
    return 2;
  }
}

async function perform(name: string, command: Command, args: Arguments, to: CommandOutput): Promise<0 | 1> {
  let report: Report;
  try {
    report = await command.run(args);
  } catch (error) {
    if (!isNavError(error)) throw error;
    to.error(`${error.code}: ${error.message}`);
    if (args.flag('json')) to.out(refusalJson(name, error, args.notes));
    else for (const line of refusalLines(name, args.notes)) to.out(line);
    return 1;
  }
  if (args.flag('json')) to.out(jsonOf(name, report));
  else for (const line of linesOf(name, report)) to.out(line);
  return report.outcome === 'ok' ? 0 : 1;
}
