import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPseudonyms } from '../dicom/privacy/index.js';
import { found, plantedStudy } from '../dicom/privacy/test-support/planted-study.js';
import { runVolumeCommand } from './volume-command.js';

let folder = '';
const { files, identifiers } = plantedStudy();
const at = (...parts: string[]): string => join(folder, ...parts);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trocar-anonymize-'));
  mkdirSync(at('Okonkwo'));
  for (const { name, bytes } of files) writeFileSync(at('Okonkwo', name), bytes);
  writeFileSync(at('Okonkwo', 'notes.txt'), 'no DICOM');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: [string[], string[]] = [[], []];
  const code = await runVolumeCommand(['anonymize', ...args], {
    out: (line) => void out.push(line),
    error: (line) => void error.push(line),
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

describe('trocar-volume anonymize', () => {
  it('writes files, a key and a table, and shows no identifier', async () => {
    const done = await run(
      at('Okonkwo'),
      '--out',
      at('out'),
      '--key-file',
      at('key'),
      '--table',
      at('table'),
      '--reviewed-by',
      'me',
      '--json',
    );
    expect(done).toMatchObject({ code: 0, error: '' });
    const told = JSON.parse(done.out) as { ok: boolean; passedOver: number; newKey: boolean; patients: number };
    expect(told).toMatchObject({ ok: true, passedOver: 1, newKey: true, patients: 1 });
    expect(readdirSync(at('out'))).toHaveLength(files.length);
    for (const name of readdirSync(at('out'))) expect(found(identifiers, readFileSync(at('out', name)))).toEqual([]);
    expect(found(identifiers, Buffer.from(done.out))).toEqual([]);
    expect(found(identifiers, readFileSync(at('table')))).toEqual([]);
    expect(statSync(at('key')).mode & 0o777).toBe(0o600);
    const key = new Uint8Array(Buffer.from(readFileSync(at('key'), 'latin1').trim(), 'hex'));
    expect(done.out).not.toContain(Buffer.from(key).toString('hex'));
    const table = await openPseudonyms(new Uint8Array(readFileSync(at('table'))), key);
    expect(table.patients).toMatchObject([{ id: 'MRN-8841-20417', birthDate: expect.any(String) }]);
  });

  it('gives the same names with the same key on another day, and adds to the table', async () => {
    const common = ['--key-file', at('key'), '--table', at('table'), '--reviewed-by', 'me'];
    expect((await run(at('Okonkwo', 'mr0.dcm'), '--out', at('a'), ...common)).code).toBe(0);
    expect((await run(at('Okonkwo'), '--out', at('b'), ...common)).code).toBe(0);
    expect(readdirSync(at('b'))).toEqual(expect.arrayContaining(readdirSync(at('a'))));
  });

  it('refuses images with text in them, without their names, and leaves nothing behind', async () => {
    const done = await run(at('Okonkwo'), '--out', at('out'));
    expect(done.code).toBe(1);
    expect(done.error).toContain('dicom/burned-in');
    expect(found(identifiers, Buffer.from(done.error))).toEqual([]);
    expect(existsSync(at('out'))).toBe(false);
  });

  it('refuses a folder that is not empty, and another key than the table was sealed with', async () => {
    expect((await run(at('Okonkwo'), '--out', at('Okonkwo'), '--reviewed-by', 'me')).error).toContain('io/not-writable');
    const common = ['--table', at('table'), '--reviewed-by', 'me'];
    expect((await run(at('Okonkwo'), '--out', at('a'), '--key-file', at('key'), ...common)).code).toBe(0);
    expect((await run(at('Okonkwo'), '--out', at('b'), '--key-file', at('other'), ...common)).error).toContain(
      'privacy/wrong-key',
    );
    expect(existsSync(at('b'))).toBe(false);
  });

  it.each([
    [['--out', 'o']],
    [['a']],
    [['a', '--out', 'o', '--profile', 'other']],
    [['a', '--out', 'o', '--retain', 'names']],
    [['a', '--out', 'o', '--table', 't']],
    [['a', '--out', 'o', '--key-file', 'k', '--table', 'o/t']],
    [['a', '--out', 'o', '--key-file', 'o/k']],
    [['a', '--out', 'o', '--mask', '1,2,3']],
    [['a', '--out', 'o', '--mask', '1,2,3,4', '--reviewed-by', 'me']],
  ])('%j is wrong usage', async (args) => {
    expect((await run(...args)).code).toBe(2);
  });
});
