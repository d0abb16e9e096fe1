import { parseArgs } from 'node:util';
import { NavError } from '@trocar/core';

/** Where a command reads and writes. */
export interface Io {
  /** A line of the answer. Resolves when more may follow: an answer is never kept in memory for a slow reader. */
  out(line: string): Promise<void>;
  /** A line for people and logs. */
  error(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the command is to end: Ctrl-C, or whoever reads the answer has gone. */
  readonly signal: AbortSignal;
  /** Lines that are typed, where a command takes any. */
  lines(): AsyncIterable<string>;
}

/** An option of a command line. */
export interface OptionSpec {
  /** What stands behind it, as `FILE`; none for a switch. */
  readonly value?: string;
  /** It may be given again. */
  readonly many?: boolean;
  /** A word that may stand behind a switch: `--simulate ultrasound` is `--simulate-ultrasound`. */
  readonly word?: string;
  readonly help: string;
}

/** A command of `trocar-bridge`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What stands behind the name, beside options: `FILE`; empty for nothing. */
  readonly takes: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Command lines that work, without the program's name. */
  readonly examples: readonly string[];
  /** One or two paragraphs more. */
  readonly about?: string;
  /** @returns the exit code */
  run(parsed: Parsed, io: Io): Promise<number>;
}

/** A command line that was understood. */
export interface Parsed {
  /** What stands behind the name; empty where nothing is taken. */
  readonly operand: string;
  has(option: string): boolean;
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
  /** @throws NavError `bridge/bad-option` where it is no whole number of this range */
  whole(option: string, low: number, high: number): number | undefined;
  /** @throws NavError `bridge/bad-option` where it is no number of this range */
  number(option: string, low: number, high: number): number | undefined;
}

export function usageError(message: string): NavError {
  return new NavError('bridge/bad-option', message);
}

/**
 * Reads the arguments of a command; undefined where help was asked for.
 * @throws NavError `bridge/bad-option` with a sentence that says what is wrong
 */
export function parseCommandLine(command: Command, args: readonly string[]): Parsed | undefined {
  const { values, positionals } = parse(command, args);
  if (values['help'] === true) return undefined;
  if (command.takes === '' && positionals.length > 0)
    throw usageError(`${command.name} takes options only, got "${positionals[0]}".`);
  if (command.takes !== '' && positionals.length !== 1) {
    throw usageError(
      `${command.name} needs one ${command.takes}, got ${positionals.length}. Try trocar-bridge ${command.name} --help.`,
    );
  }
  const text = (option: string): string | undefined => (typeof values[option] === 'string' ? values[option] : undefined);
  const number = (option: string, low: number, high: number, whole: boolean): number | undefined => {
    const given = text(option);
    if (given === undefined) return undefined;
    const value = given.trim() === '' ? Number.NaN : Number(given);
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    throw usageError(`--${option} needs a ${whole ? 'whole ' : ''}number from ${low} to ${high}, got "${given}".`);
  };
  return {
    operand: positionals[0] ?? '',
    has: (option) => values[option] !== undefined && values[option] !== false,
    text,
    texts: (option) => (Array.isArray(values[option]) ? (values[option] as string[]) : []),
    whole: (option, low, high) => number(option, low, high, true),
    number: (option, low, high) => number(option, low, high, false),
  };
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

function parse(command: Command, args: readonly string[]): { values: Values; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const [name, { value, many }] of Object.entries(command.options)) {
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(many === true && { multiple: true }) };
  }
  try {
    return parseArgs({ args: joinWords(command, args), options, allowPositionals: true });
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('. ')[0] as string) : String(cause);
    throw usageError(`${why}. Try trocar-bridge ${command.name} --help.`);
  }
}

/** Switches with the word behind them as the switches that they mean. */
function joinWords(command: Command, args: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] as string;
    const word = arg.startsWith('--') ? command.options[arg.slice(2)]?.word : undefined;
    const joins = word !== undefined && args[i + 1] === word;
    out.push(joins ? `${arg}-${word}` : arg);
    if (joins) i += 1;
  }
  return out;
}

/** The text of `--help` of a command. */
export function helpOf(command: Command): string {
  const left = ({ value }: OptionSpec, name: string): string => `  --${name}${value === undefined ? '' : ` ${value}`}`;
  const options = Object.entries({ ...command.options, help: { help: 'this text' } });
  const width = Math.max(...options.map(([name, spec]) => left(spec, name).length)) + 2;
  const takes = command.takes === '' ? '' : ` ${command.takes}`;
  return [
    `trocar-bridge ${command.name}${takes} [options]: ${command.summary}`,
    '',
    ...(command.about === undefined ? [] : [command.about, '']),
    ...options.map(
      ([name, spec]) => `${left(spec, name).padEnd(width)}${spec.help}${'many' in spec ? '; may be given again' : ''}`,
    ),
    '',
    ...command.examples.map((example) => `  trocar-bridge ${example}`),
  ].join('\n');
}
