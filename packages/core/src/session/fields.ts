import { NavError } from '../base/index.js';
import type { ExactValue } from './exact-json.js';

/**
 * Reads an object that was kept, field by field. What is not there, is of another kind or was not asked for is refused: a
 * session of a later version must not be half understood.
 */
export class Fields {
  readonly #object: Readonly<Record<string, ExactValue | undefined>>;
  readonly #what: string;
  readonly #asked = new Set<string>();

  /** @throws NavError `session/unsupported` where the value is no object */
  constructor(value: ExactValue | undefined, what: string) {
    this.#what = what;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float64Array);
    if (!isObject) throw this.#refuse('it is no object');
    this.#object = value as Readonly<Record<string, ExactValue>>;
  }

  /** The value of a field; undefined where it is not there. */
  get(key: string): ExactValue | undefined {
    this.#asked.add(key);
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  text(key: string): string {
    const value = this.get(key);
    if (typeof value !== 'string') throw this.#refuse(`"${key}" is no text`);
    return value;
  }

  optionalText(key: string): string | undefined {
    return this.get(key) === undefined ? undefined : this.text(key);
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T {
    const value = this.text(key);
    const word = words.find((w) => w === value);
    if (word === undefined) throw this.#refuse(`"${key}" is none of ${words.join(', ')}`);
    return word;
  }

  number(key: string): number {
    const value = this.get(key);
    if (typeof value !== 'number') throw this.#refuse(`"${key}" is no number`);
    return value;
  }

  optionalNumber(key: string): number | undefined {
    return this.get(key) === undefined ? undefined : this.number(key);
  }

  flag(key: string): boolean {
    const value = this.get(key);
    if (typeof value !== 'boolean') throw this.#refuse(`"${key}" is neither true nor false`);
    return value;
  }

  list(key: string): readonly ExactValue[] {
    const value = this.get(key);
    if (!Array.isArray(value)) throw this.#refuse(`"${key}" is no list`);
    return value;
  }

  /** @param length how many numbers there must be */
  numbers(key: string, length: number): readonly number[] {
    const value = this.list(key);
    if (value.length !== length || !value.every((v) => typeof v === 'number')) {
      throw this.#refuse(`"${key}" is no list of ${length} numbers`);
    }
    return value as readonly number[];
  }

  optionalNumbers(key: string, length: number): readonly number[] | undefined {
    return this.get(key) === undefined ? undefined : this.numbers(key, length);
  }

  /** Refuses what was not asked for. */
  end(): void {
    const unknown = Object.keys(this.#object).find((key) => !this.#asked.has(key));
    if (unknown !== undefined) throw this.#refuse(`"${unknown}" is not known to this version`);
  }

  #refuse(why: string): NavError {
    return new NavError('session/unsupported', `${this.#what} cannot be used: ${why}. Read it with the version that wrote it.`);
  }
}
