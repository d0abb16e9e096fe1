import { NavError } from '../base/index.js';

declare const frameBrand: unique symbol;

/** What every frame is once its name is only known at run time. */
export interface AnyFrame {
  readonly name: string;
}

/**
 * A coordinate frame: right-handed, Cartesian, millimetres. Its name is part of its type, so `Point<'ct'>` and
 * `Point<'tracker'>` do not mix. Patient frames are LPS inside Trocar.
 */
export interface Frame<in out N extends string> extends AnyFrame {
  readonly name: N;
  readonly [frameBrand]: (name: N) => N;
}

/**
 * A frame of that name. Two frames are the same where their names are.
 * @param name letters, digits, `-` and `_`, beginning with a letter; at most 64 characters
 * @throws NavError `frame/bad-name`
 */
export function frame<const N extends string>(name: N): Frame<N> {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new NavError(
      'frame/bad-name',
      `"${name}" cannot name a frame. Use a letter followed by at most 63 letters, digits, "-" or "_".`,
      { detail: { name } },
    );
  }
  return Object.freeze({ name }) as Frame<N>;
}

/**
 * Refuses to go on where two frames that must be one are not.
 * @throws NavError `frame/mismatch` naming both and what was being done
 */
export function requireSameFrame(expected: AnyFrame, actual: AnyFrame, doing: string): void {
  if (expected.name !== actual.name) {
    throw new NavError(
      'frame/mismatch',
      `${doing} needs frame "${expected.name}" but was given "${actual.name}". Transform it there first.`,
      { detail: { expected: expected.name, actual: actual.name } },
    );
  }
}
