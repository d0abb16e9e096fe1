import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Other people's programs that judge what we write. Tests that need one are skipped, and counted, where it is absent. */
function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

export const HAS_DCIODVFY: boolean = has('dciodvfy');
export const HAS_DCMTK: boolean = has('dcmdump') && has('dsrdump');

/** Runs `judge` on the bytes as a file. */
export function withFile<T>(bytes: Uint8Array, judge: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-dicom-'));
  try {
    const path = join(folder, 'object.dcm');
    writeFileSync(path, bytes);
    return judge(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The errors that dciodvfy (dicom3tools) finds. It must have understood which object it is. */
export function dciodvfyErrors(bytes: Uint8Array): readonly string[] {
  const lines = dciodvfy(bytes);
  const recognised = lines.some((line) => /^[A-Z]\w+$/.test(line.trim()));
  return [...lines.filter((line) => line.startsWith('Error')), ...(recognised ? [] : ['dciodvfy did not recognise the object'])];
}

/** All that dciodvfy says. */
export function dciodvfy(bytes: Uint8Array): readonly string[] {
  return withFile(bytes, (path) => {
    const { stdout, stderr } = spawnSync('dciodvfy', [path], { encoding: 'latin1' });
    return `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '');
  });
}

/** dcmtk's reading of a file; it throws where dcmtk reports an error. */
export function dcmdump(bytes: Uint8Array, ...options: readonly string[]): string {
  return withFile(bytes, (path) => execFileSync('dcmdump', ['-q', ...options, path], { encoding: 'utf8', maxBuffer: 1 << 28 }));
}

/** dcmtk's reading of a structured report; it throws where dcmtk reports an error. */
export function dsrdump(bytes: Uint8Array): string {
  return withFile(bytes, (path) => execFileSync('dsrdump', ['-q', path], { encoding: 'utf8', maxBuffer: 1 << 28 }));
}
