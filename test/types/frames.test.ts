import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/lib/host.mjs';
import { programOf } from '../_program.js';

/**
 * Frames the compiler checks. Each snippet is compiled with the project's own flags; the message is part of the
 * promise, because it is what a person reads who has just composed the wrong frames.
 */

const PRELUDE = `
import { apply, compose, type Clock, type Frame, frame, type Instant, invert, type Point, point, PoseSample, type Transform } from '@trocar/core';
export {};
declare const ctFromTracker: Transform<'ct', 'tracker'>;
declare const trackerFromStylus: Transform<'tracker', 'stylus'>;
declare const ctFromAnything: Transform<'ct', string>;
declare const tipInStylus: Point<'stylus'>;
declare const clock: Clock;
`;

interface Refusal {
  readonly what: string;
  readonly code: string;
  /** What the message must say. */
  readonly says: RegExp;
}

const REFUSED: readonly Refusal[] = [
  {
    what: 'a wrong inner frame',
    code: 'compose(ctFromTracker, invert(trackerFromStylus));',
    says: /'"stylus"' is not assignable to type '"tracker"'/,
  },
  {
    what: 'a wrong result frame',
    code: "export const t: Transform<'ct', 'tracker'> = compose(ctFromTracker, trackerFromStylus);",
    says: /'"stylus"' is not assignable to type '"tracker"'|'"tracker"' is not assignable to type '"stylus"'/,
  },
  {
    what: 'a point of the wrong frame',
    code: 'apply(ctFromTracker, tipInStylus);',
    says: /'"stylus"' is not assignable to type '"tracker"'/,
  },
  {
    what: 'a transform of a frame only known at run time, passed as a named one',
    code: "export const t: Transform<'ct', 'tracker'> = ctFromAnything;",
    says: /'string' is not assignable to type '"tracker"'/,
  },
  {
    what: 'a named frame, passed as one only known at run time',
    code: 'export const f: Frame<string> = frame("ct");',
    says: /'string' is not assignable to type '"ct"'/,
  },
  {
    what: 'a bare Float64Array as a point',
    code: 'apply(ctFromTracker, new Float64Array(3));',
    says: /'Float64Array<ArrayBuffer>' is not assignable to parameter of type 'Point<"tracker">'/,
  },
  {
    what: 'a bare matrix as a transform',
    code: 'apply(new Float64Array(16), tipInStylus);',
    says: /'Float64Array<ArrayBuffer>' is not assignable to parameter of type 'AffineTransform/,
  },
  {
    what: 'a look-alike object as a point',
    code: "export const p: Point<'ct'> = { frame: frame('ct'), xyz: [1, 2, 3] };",
    says: /Property '\[pointBrand\]' is missing/,
  },
  {
    what: "a device's time stamp as an Instant",
    code: 'const deviceMs = 1234.5; export const at: Instant = deviceMs;',
    says: /'number' is not assignable to type 'Instant'/,
  },
  {
    what: 'a wall-clock time in a pose sample',
    code: 'new PoseSample().measuredAt = Date.now();',
    says: /'number' is not assignable to type 'Instant'/,
  },
  {
    what: 'writing to a point',
    code: 'tipInStylus.xyz = [1, 2, 3];',
    says: /read-only property/,
  },
];

const ACCEPTED: Readonly<Record<string, string>> = {
  'neighbours cancel': "export const t: Transform<'ct', 'stylus'> = compose(ctFromTracker, trackerFromStylus);",
  'an inverse turns round': "export const t: Transform<'tracker', 'ct'> = invert(ctFromTracker);",
  'a point goes along': "export const p: Point<'tracker'> = apply(trackerFromStylus, tipInStylus);",
  'a literal names its frame': "export const p: Point<'ct'> = point(frame('ct'), [1, 2, 3]);",
  'a clock makes an Instant': 'export const at: Instant = clock.plus(clock.now(), 5);',
};

const file = (kind: string, index: number): string => `test/types/__${kind}-${index}.ts`;
const snippets = new Map<string, string>([
  ...REFUSED.map(({ code }, index) => [file('refused', index), PRELUDE + code] as const),
  ...Object.values(ACCEPTED).map((code, index) => [file('accepted', index), PRELUDE + code] as const),
]);
const program = programOf([], snippets);

/** Errors of one snippet, but for names of the prelude that it does not use. */
function errorsOf(path: string): string[] {
  const unused = [6133, 6192, 6196];
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(join(ROOT, path)))
    .filter((diagnostic) => !unused.includes(diagnostic.code))
    .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}

describe('what does not compile', () => {
  it.each(REFUSED.map((refusal, index) => ({ ...refusal, index })))('$what', ({ index, says }) => {
    const errors = errorsOf(file('refused', index));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(says);
  });
});

describe('what does', () => {
  it.each(Object.keys(ACCEPTED).map((what, index) => ({ what, index })))('$what', ({ index }) => {
    expect(errorsOf(file('accepted', index))).toEqual([]);
  });
});
