import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dicomSlice, Fragments } from '../../packages/core/src/io/test-support/dicom-writer.js';
import { ROOT } from '../../scripts/lib/host.mjs';

/**
 * Where compressed pixels are damaged, the decoders' runtime writes to `console.log`. `trocar-volume info --json` printed
 * that before its object, and no program could read its answer any more.
 */
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trocar-repro-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('info --json prints one JSON object and nothing else where compressed pixels are damaged', async () => {
  const rubbish = new Uint8Array(64).fill(0xa5);
  const path = join(folder, 'damaged.dcm');
  writeFileSync(path, dicomSlice({ rle: true, tags: { '7FE00010': ['OB', new Fragments([rubbish])] } }));
  const args = [
    '--conditions=@trocar/source',
    '--import',
    pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href,
    join(ROOT, 'packages/core/src/bin/trocar-volume.ts'),
    'info',
    path,
    '--json',
  ];
  const { code, out } = await new Promise<{ code: unknown; out: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT }, (error, stdout) => resolve({ code: error?.code, out: stdout }));
  });
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, error: { code: 'io/corrupt' } });
});
