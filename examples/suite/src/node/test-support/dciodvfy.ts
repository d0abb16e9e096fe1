import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether dicom3tools' validator is installed: what needs it is left out without. */
export const HAS_DCIODVFY: boolean = spawnSync('which', ['dciodvfy']).status === 0;

/** The errors that dciodvfy (dicom3tools) finds in an object. */
export function dciodvfyErrors(bytes: Uint8Array): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-dciodvfy-'));
  try {
    const path = join(folder, 'object.dcm');
    writeFileSync(path, bytes);
    const { stdout, stderr } = spawnSync('dciodvfy', [path], { encoding: 'latin1' });
    const lines = `${stdout}\n${stderr}`.split('\n');
    // It names what it took the object for, or it has judged nothing.
    const known = lines.some((line) => /^[A-Z]\w+$/.test(line.trim()));
    return [...lines.filter((line) => line.startsWith('Error')), ...(known ? [] : ['dciodvfy did not recognise the object'])];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
