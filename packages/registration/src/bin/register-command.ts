import { isNavError } from '@trocar/core';
import { Arguments, type OptionKinds, UsageError } from './arguments.js';
import { type CommandOutput, jsonOf, linesOf, type Report, refusalJson, refusalLines } from './report.js';
import { USAGE } from './usage.js';

interface Command {
  readonly options: OptionKinds;
  readonly run: (args: Arguments) => Promise<Report>;
}

/** Each is loaded when it is called: reading the programs of all takes longer than most of what they do. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  points: async () => {
    const { POINTS_OPTIONS: options, pointsCommand: run } = await import('./points-command.js');
    return { options, run };
  },
  surface: async () => {
    const { SURFACE_OPTIONS: options, surfaceCommand: run } = await import('./surface-command.js');
    return { options, run };
  },
  image: async () => {
    const { IMAGE_OPTIONS: options, imageCommand: run } = await import('./image-command.js');
    return { options, run };
  },
  pivot: async () => {
    const { PIVOT_OPTIONS: options, pivotCommand: run } = await import('./pivot-command.js');
    return { options, run };
  },
  spin: async () => {
    const { SPIN_OPTIONS: options, spinCommand: run } = await import('./spin-command.js');
    return { options, run };
  },
  'hand-eye': async () => {
    const { HAND_EYE_OPTIONS: options, handEyeCommand: run } = await import('./hand-eye-command.js');
    return { options, run };
  },
  probe: async () => {
    const { PROBE_OPTIONS: options, probeCommand: run } = await import('./probe-command.js');
    return { options, run };
  },
  temporal: async () => {
    const { TEMPORAL_OPTIONS: options, temporalCommand: run } = await import('./temporal-command.js');
    return { options, run };
  },
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
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined) throw new UsageError(`"${name}" is no command of trocar-register.`);
    const command = await load();
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
