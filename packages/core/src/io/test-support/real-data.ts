import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Real data for tests: under TROCAR_DATA, else beside the checkout. Tests that need it are skipped, and counted, without. */
export const DATA: string = resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../shared/data'));

/** A path under the data, and whether it is there. */
export function dataPath(...parts: readonly string[]): { readonly path: string; readonly absent: boolean } {
  const path = join(DATA, ...parts);
  return { path, absent: !existsSync(path) };
}

/** An archive unpacked into a temporary folder, at `inside`. Call the second half when done. */
export function unpack(archive: string, inside: string): { readonly folder: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'trocar-data-'));
  execFileSync('tar', ['xzf', archive, '-C', root]);
  return { folder: join(root, inside), remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** The system's Python, or the one TROCAR_PYTHON names, where it has the module: other people's readers, to compare with. */
export function pythonWith(module: string): ((script: string, ...args: readonly string[]) => unknown) | undefined {
  const python = process.env['TROCAR_PYTHON'] ?? '/usr/bin/python3';
  try {
    execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return (script, ...args) =>
    JSON.parse(execFileSync(python, ['-c', script, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }));
}

/** The files of a folder, sorted. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

/** Whether two arrays hold the same bytes: far quicker than comparing millions of elements one by one. */
export function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = (v: ArrayBufferView): Buffer => Buffer.from(v.buffer as ArrayBuffer, v.byteOffset, v.byteLength);
  return Buffer.compare(bytes(a), bytes(b)) === 0;
}
