import { parseArgs } from 'node:util';
import type { Note } from './report.js';

/** What was typed makes no sense: said with the usage, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The options of a command by name: whether they take a text. */
export type OptionKinds = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

/** `--level -300` as `--level=-300`: a number below zero is no option. */
function withNegatives(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const arg of args) {
    const before = out.at(-1);
    if (/^-[\d.]/.test(arg) && before !== undefined && /^--[a-z0-9-]+$/.test(before)) out[out.length - 1] = `${before}=${arg}`;
    else out.push(arg);
  }
  return out;
}

/** The options that were given to one command. */
export class Arguments {
  /** What was done to the files read so far: told even where the command then refuses. */
  readonly notes: Note[] = [];
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  /** @throws UsageError for an option that the command does not have, one without its value, or a stray word */
  constructor(args: readonly string[], options: OptionKinds) {
    try {
      const { values } = parseArgs({
        args: withNegatives(args),
        options: { ...options, json: { type: 'boolean' } },
        strict: true,
      });
      this.#values = values as Record<string, string | boolean | undefined>;
    } catch (cause) {
      throw new UsageError(cause instanceof Error ? cause.message : String(cause));
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === '') throw new UsageError(`--${name} is empty.`);
    return typeof value === 'string' ? value : undefined;
  }

  /** @throws UsageError */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} is missing.`);
    return value;
  }

  /** A finite number. @throws UsageError */
  number(name: string, rule: { readonly above?: number; readonly whole?: boolean } = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) throw new UsageError(`--${name} is "${text}", which is no number.`);
    if (rule.above !== undefined && !(value > rule.above))
      throw new UsageError(`--${name} must be above ${rule.above}, not ${text}.`);
    if (rule.whole === true && !Number.isSafeInteger(value))
      throw new UsageError(`--${name} must be a whole number, not ${text}.`);
    return value;
  }

  /** One of some words. @throws UsageError */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text || word === text.toUpperCase());
    if (found === undefined) throw new UsageError(`--${name} is one of ${words.join(', ')}, not "${text}".`);
    return found;
  }
}
