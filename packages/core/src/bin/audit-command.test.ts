import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { Random } from '../math/index.js';
import { type AuditHead, beginSession, headText, parseHead, restoreSession } from '../session/index.js';
import { sessionFolder } from '../session/node/index.js';
import { image, REFERENCE, CT as SCAN, wildAccuracy, wildEdge, wildPlan } from '../session/test-support/procedure.js';
import { codeOfAsync } from '../test-support/error-code.js';
import { manualClock } from '../testing/index.js';
import { runAuditCommand } from './audit-command.js';

let root = '';
/** A session that was kept, and a copy of it that each test may damage. */
let whole = '';
let copy = '';
let lines: Uint8Array[] = [];
let head: AuditHead;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'trocar-audit-'));
  whole = join(root, 'whole');
  copy = join(root, 'copy');
  const random = new Random(inject('seed') + 41);
  const parts = { storage: await sessionFolder(whole), clock: manualClock(1000), image: image() };
  const session = await beginSession({ ...parts, by: 'R. Okafor', software: 'test 1' });
  await session.acceptPlan(wildPlan(random), 'R. Okafor');
  await session.acceptRegistration(wildEdge(REFERENCE, SCAN, random), wildAccuracy(random), 'R. Okafor');
  await session.note('alarm', 'structure/near', 'Near \u001b[31mred\u001b[0m \u202eemas', 'monitor', { distanceMm: 3.1 });
  head = await session.close('R. Okafor');
  const journal = new Uint8Array(await readFile(join(whole, 'journal.jsonl')));
  lines = [];
  for (let at = 0; at < journal.length; ) {
    const end = journal.indexOf(0x0a, at) + 1;
    lines.push(journal.subarray(at, end));
    at = end;
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

beforeEach(async () => {
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy);
  for (const name of ['journal.jsonl', 'head.json']) await copyFile(join(whole, name), join(copy, name));
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runAuditCommand(args, { out: (line) => out.push(line), error: (line) => error.push(line) });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

const writeJournal = (...parts: readonly Uint8Array[]): Promise<void> =>
  writeFile(join(copy, 'journal.jsonl'), Buffer.concat(parts));

/** What a restore of the copy says, the program's own judge of the same files. */
const restoreCode = (): Promise<string | undefined> =>
  codeOfAsync(async () => {
    const storage = await sessionFolder(copy);
    await restoreSession({ storage, clock: manualClock(0), image: image(), by: 'x' }).finally(() => storage.close());
  });

describe('trocar-audit verify', () => {
  it('finds a session good that is as it was written, and says what it held it to', async () => {
    const { code, out, error } = await run('verify', copy);
    expect([code, error]).toEqual([0, '']);
    expect(out).toContain(`good. ${lines.length} lines`);
    expect(out).toContain('held to    head.json');
    expect(out).toContain(headText(head));
    expect(out).not.toContain('note');
  });

  it('finds changed bytes of the journal and of the head, as a restore does', async () => {
    const random = new Random(inject('seed') + 42);
    const journal = Buffer.concat(lines);
    for (let n = 0; n < 40; n += 1) {
      const changed = Uint8Array.from(journal);
      const at = random.below(changed.length);
      changed[at] = (changed[at] as number) ^ (1 + random.below(255));
      await writeJournal(changed);
      const line = lines.findIndex((_, k) => at < Buffer.concat(lines.slice(0, k + 1)).length) + 1;
      const { code, out } = await run('verify', copy, '--json');
      expect([code, (JSON.parse(out) as { finding: { line: number } }).finding.line]).toEqual([1, line]);
      expect(await restoreCode()).toMatch(/session\/(damaged|cut-off)/);
    }
    await writeJournal(journal);
    for (const text of ['', '{}', headText({ ...head, hash: head.hash.replace(/^./, (c) => (c === '0' ? '1' : '0')) })]) {
      await writeFile(join(copy, 'head.json'), text);
      expect((await run('verify', copy)).code).toBe(1);
      expect(await restoreCode()).toBe('session/damaged');
    }
    await rm(join(copy, 'head.json'));
    expect((await run('verify', copy)).error).toContain('head.json is missing');
    expect(await restoreCode()).toBe('session/damaged');
  });

  it('finds lines that were removed at the end, by the head; and with the head rewritten too, by one kept elsewhere', async () => {
    await writeJournal(...lines.slice(0, -1));
    expect((await run('verify', copy)).error).toContain(`The head counts ${head.count} lines and the log has ${head.count - 1}`);
    const { out } = await run('verify', join(copy, 'journal.jsonl'), '--json');
    const shorter = (JSON.parse(out) as { head: AuditHead }).head;
    await writeFile(join(copy, 'head.json'), headText(shorter));
    expect((await run('verify', copy)).code).toBe(0);
    const kept = join(root, 'kept.json');
    await writeFile(kept, `${headText(head)}\n`);
    for (const with_ of [
      ['--head', kept],
      ['--head-text', headText(head)],
      ['--head-text', `${head.count} ${head.hash.replace(/(.{8})(?=.)/g, '$1 ')}`],
    ]) {
      expect((await run('verify', copy, ...with_)).error).toContain('altered');
      expect((await run('verify', whole, ...with_)).code).toBe(0);
    }
  });

  it('tells a line that was being written, and lines that are not yet said to be accepted, and finds no fault in these', async () => {
    const torn = lines[2]?.subarray(0, 50) as Uint8Array;
    await writeJournal(...lines, torn);
    const { code, out } = await run('verify', copy);
    expect(code).toBe(0);
    expect(out).toContain('50 bytes at the end are a line that was being written');
    expect(await restoreCode()).toBeUndefined();
    // The same of a journal alone is not known to be behind the head.
    await writeJournal(...lines, torn);
    expect((await run('verify', join(copy, 'journal.jsonl'))).code).toBe(1);
    // One line behind an older head.
    const before = JSON.parse(new TextDecoder().decode(lines.at(-2))) as { hash: string };
    await writeJournal(...lines);
    await writeFile(join(copy, 'head.json'), headText({ count: head.count - 1, hash: before.hash }));
    expect(await run('verify', copy)).toMatchObject({ code: 0, out: expect.stringContaining('1 whole lines stand behind') });
    // A head from elsewhere still holds behind the folder's own, whole or torn.
    const other = { ...head, hash: 'a'.repeat(64) };
    expect((await run('verify', copy, '--head-text', headText(other))).error).toContain('kept head names');
    await writeJournal(...lines.slice(0, -1), torn);
    expect((await run('verify', copy)).code).toBe(0);
    expect((await run('verify', copy, '--head-text', headText(head))).code).toBe(1);
  });

  it('says of a journal alone what cannot be known, and of an empty one that there is nothing', async () => {
    const { code, out } = await run('verify', join(whole, 'journal.jsonl'));
    expect(code).toBe(0);
    expect(out).toContain('held to    no head');
    expect(out).toContain('cannot be known');
    await writeJournal();
    for (const path of [copy, join(copy, 'journal.jsonl')]) expect((await run('verify', path)).code).toBe(1);
  });
});

describe('trocar-audit print', () => {
  it('gives one line an entry: who did what, when, and no character that could move the cursor', async () => {
    const { code, out } = await run('print', copy);
    const rows = out.split('\n');
    expect([code, rows.length]).toEqual([0, lines.length]);
    expect(rows[0]).toMatch(/^1 {2}\S+ \S+Z {2}session\/begun +R\. Okafor {2}.*software test 1/);
    expect(rows[2]).toMatch(/tre95Mm \d\.\d+, findings \[.*…$/);
    expect(rows[3]).toContain('distanceMm 3.1');
    expect(rows[3]).toContain('\\u001b[31mred');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    const full = await run('print', copy, '--full');
    expect(full.out).toContain('{"$double":"-0"}');
    expect(full.out.split('\n')).toHaveLength(lines.length);
  });

  it('stops at the first bad line, and says so', async () => {
    const bad = Uint8Array.from(lines[3] as Uint8Array);
    bad[40] = (bad[40] as number) ^ 1;
    await writeJournal(...lines.with(3, bad));
    const { code, out, error } = await run('print', copy);
    expect([code, out.split('\n').length]).toEqual([1, 3]);
    expect(error).toContain('altered: Line 4 of the audit log');
    const { entries, ok } = JSON.parse((await run('print', copy, '--json')).out) as { entries: unknown[]; ok: boolean };
    expect([ok, entries.length]).toEqual([false, 3]);
  });
});

it.each([
  [['frobnicate', 'x'], 'no command'],
  [['verify'], 'one path'],
  [['verify', 'a', 'b'], 'one path'],
  [['verify', 'a', '--full'], '--full'],
  [['verify', 'a', '--colour'], '--colour'],
  [['verify', 'nowhere/at/all'], 'session/not-found'],
  [['verify', '.', '--head', 'nowhere/at/all'], 'session/not-found'],
])('%j is wrong usage: 2', async (args, says) => {
  const { code, error, out } = await run(...args);
  expect([code, out]).toEqual([2, '']);
  expect(error).toContain(says);
});

it('a head that is none is wrong usage, and no verdict on the log', async () => {
  for (const text of ['12', '12 abc', `x ${head.hash}`, `1.5 ${head.hash}`]) {
    const { code, out } = await run('verify', whole, '--head-text', text, '--json');
    expect([code, JSON.parse(out)]).toMatchObject([2, { outcome: 'refused', error: { code: 'session/damaged' } }]);
  }
  expect(parseHead(headText(head))).toEqual(head);
});

it('helps', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Exit code') });
});
