import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { PACKAGES, publicEntries } from '../../scripts/lib/entries.mjs';
import { ROOT } from '../../scripts/lib/host.mjs';
import { programOf } from '../_program.js';

/**
 * The public names of every entry point, recorded beside this test: a name that appears or disappears is seen in
 * review. After a wanted change: `npx vitest run --project node test/api --update`.
 */

/** What enters core's root: only what a headless pose logger needs. */
const MAX_ROOT_NAMES = 40;

const ENTRIES = PACKAGES.flatMap((name) =>
  Object.entries(publicEntries(name)).map(([subpath, file]) => ({ name: `@trocar/${name}${subpath.slice(1)}`, file })),
);
const program = programOf(ENTRIES.map((entry) => entry.file));
const checker = program.getTypeChecker();

function kindOf(symbol: ts.Symbol): string {
  const flags = (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol).flags;
  if (flags & ts.SymbolFlags.Class) return 'class';
  if (flags & ts.SymbolFlags.Function) return 'function';
  if (flags & ts.SymbolFlags.Variable) return 'const';
  if (flags & ts.SymbolFlags.Interface) return 'interface';
  if (flags & ts.SymbolFlags.TypeAlias) return 'type';
  return 'unresolved';
}

function namesOf(file: string): string[] {
  const source = program.getSourceFile(join(ROOT, file));
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) return [];
  return checker
    .getExportsOfModule(module)
    .map((symbol) => `${symbol.name}: ${kindOf(symbol)}`)
    .sort();
}

const recordOf = (name: string): string => `${name.replace('@trocar/', '').replaceAll('/', '.')}.txt`;

describe('public names', () => {
  it.each(ENTRIES)('$name', async ({ name, file }) => {
    const names = namesOf(file);
    expect(names.filter((line) => line.endsWith(': unresolved'))).toEqual([]);
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(`names/${recordOf(name)}`);
  });

  it('are recorded for these entry points and no other', () => {
    expect(readdirSync(new URL('./names', import.meta.url)).sort()).toEqual(ENTRIES.map(({ name }) => recordOf(name)).sort());
  });

  it(`core's root has at most ${MAX_ROOT_NAMES}`, () => {
    const names = namesOf('packages/core/src/index.ts');
    expect(names).toContain('FrameGraph: class');
    expect(names.length).toBeLessThanOrEqual(MAX_ROOT_NAMES);
  });

  it('no entry point is empty', () => {
    expect(ENTRIES.filter((entry) => namesOf(entry.file).length === 0).map((entry) => entry.name)).toEqual([]);
  });
});
