import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../scripts/lib/host.mjs';

/**
 * A TypeScript program over the packages' sources with the project's own flags.
 * @param files paths below the root
 * @param virtual sources that need not be on disk, by path below the root
 */
export function programOf(files: readonly string[], virtual: ReadonlyMap<string, string> = new Map()): ts.Program {
  const config = ts.parseJsonConfigFileContent(
    JSON.parse(readFileSync(join(ROOT, 'tsconfig.base.json'), 'utf8')),
    { ...ts.sys, readDirectory: () => [] },
    ROOT,
  );
  const options: ts.CompilerOptions = { ...config.options, noEmit: true, types: ['node'] };
  const host = ts.createCompilerHost(options);
  const onDisk = { fileExists: host.fileExists, readFile: host.readFile, getSourceFile: host.getSourceFile };
  const texts = new Map([...virtual].map(([path, text]) => [join(ROOT, path), text]));
  host.fileExists = (path) => texts.has(path) || onDisk.fileExists(path);
  host.readFile = (path) => texts.get(path) ?? onDisk.readFile(path);
  host.getSourceFile = (path, target, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? onDisk.getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target);
  };
  return ts.createProgram(
    [...files, ...virtual.keys()].map((path) => join(ROOT, path)),
    options,
    host,
  );
}
