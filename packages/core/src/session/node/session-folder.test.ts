import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { Random } from '../../math/index.js';
import { systemClock } from '../../time/index.js';
import { beginSession, type Restored, restoreSession, type SessionStorage, verifyAudit } from '../index.js';
import { sessionFolder } from './index.js';
import { type JournalFile, storageIn } from './session-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'trocar-session-'));
const program = join(folder, 'accepting.mjs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const image = {
  frame: frame('ct'),
  frameOfReferenceUid: '1.2.3',
  patient: {},
  series: {},
  size: [2, 2, 2] as const,
  frameFromIndex: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
};
const parts = { clock: systemClock(), image, by: 'test' };

/** 50 kills where the soak is run in full: `TROCAR_EFFORT=9`. */
const KILLS = Math.min(50, 6 * inject('effort'));

/** Starts the accepting program, kills it a random while after its first words, and returns what it said was accepted. */
async function acceptAndKill(path: string, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const first = new Promise<void>((resolve) =>
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      resolve();
    }),
  );
  const gone = new Promise<string | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  const closed = new Promise<void>((resolve) => child.stdout.on('close', () => resolve()));
  await Promise.race([first, gone]);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  expect(await gone).toBe('SIGKILL');
  await closed;
  return said.split('\n').slice(0, -1);
}

const opened: SessionStorage[] = [];
afterEach(() => Promise.all(opened.splice(0).map((storage) => storage.close())));
const openFolder = async (path: string): Promise<SessionStorage> => {
  const storage = await sessionFolder(path);
  opened.push(storage);
  return storage;
};

const restore = async (path: string): Promise<Restored<'ct'>> => restoreSession({ ...parts, storage: await openFolder(path) });

describe('kill -9 while accepting', () => {
  beforeAll(async () => {
    const entryPoints = [fileURLToPath(new URL('./accepting.probe.mjs', import.meta.url))];
    // Bundled once: each of the programs starts in a tenth of the time that compiling its sources takes.
    await build({ entryPoints, outfile: program, bundle: true, platform: 'node', format: 'esm', conditions: ['@trocar/source'] });
  });

  it(
    `${KILLS} times at random moments, in one session after another: everything that was said to be accepted is restored`,
    async () => {
      const random = new Random(inject('seed') + 3);
      for (let kill = 0; kill < KILLS; kill += 1) {
        // Every third session is killed, restored, gone on with and killed again.
        const path = join(folder, `killed-${kill - (kill % 3)}`);
        const said = await acceptAndKill(path, random.uniform() * 60);
        expect(said.length).toBeGreaterThan(0);
        const { session } = await restore(path);
        const { plan, records, events } = session.state;
        const kept = { plan: plan?.plan.target.xyz[0], cores: records.map((r) => r.id), notes: events.map((e) => e.message) };
        const last = (what: string): number => Number(said.findLast((line) => line.startsWith(what))?.split(' ')[1] ?? -1);
        const cores = new Set(kept.cores);
        const notes = new Set(kept.notes);
        const lost = said.filter((line) => {
          const [what, n] = line.split(' ') as [string, string];
          return (what === 'core' && !cores.has(n)) || (what === 'note' && !notes.has(n));
        });
        expect(lost).toEqual([]);
        // The plan is the last that was accepted, or one that was being accepted; with the same bits as it was made with.
        const n = Math.round((kept.plan as number) * 3);
        expect(kept.plan).toBe(n / 3);
        expect(n).toBeGreaterThanOrEqual(last('plan'));
        for (const { id, value } of records) expect(value).toEqual({ at: [Number(id) / 7, -0] });
        expect((await session.audit()).head).toEqual(session.head);
      }
    },
    30_000 + KILLS * 6000,
  );
});

describe('a session in a folder', () => {
  it('is found out where a byte of its file is another, and where its end is missing', async () => {
    const path = join(folder, 'altered');
    const session = await beginSession({ ...parts, storage: await openFolder(path), software: 'test' });
    await session.enterStep('one', 'test');
    await session.close('test');
    const journal = join(path, 'journal.jsonl');
    const good = readFileSync(journal);
    writeFileSync(journal, Uint8Array.from(good).fill(0x32, 40, 41));
    await expect(restore(path)).rejects.toMatchObject({ code: 'session/damaged', detail: { line: 1 } });
    writeFileSync(journal, good.subarray(0, good.lastIndexOf(10, -2) + 1));
    await expect(restore(path)).rejects.toMatchObject({ code: 'session/cut-off', detail: { line: 3 } });
    writeFileSync(journal, good);
    expect((await restore(path)).session.state.step).toBe('one');
    expect(verifyAudit(readFileSync(journal)).entries.map((e) => e.action)).toContain('session/restored');
  });

  it('removes what a full disk left of a line, and refuses everything where it cannot', async () => {
    const path = join(folder, 'full');
    await openFolder(path);
    const file = await open(join(path, 'journal.jsonl'), 'r+');
    const full = { write: false, truncate: false };
    const disk: JournalFile = {
      read: file.read.bind(file) as JournalFile['read'],
      stat: file.stat.bind(file) as JournalFile['stat'],
      datasync: () => file.datasync(),
      close: () => file.close(),
      truncate: (length) => (full.truncate ? Promise.reject(new Error('I/O error')) : file.truncate(length)),
      write: (async (bytes: Uint8Array, at: number, length: number, position: number) => {
        const part = full.write ? Math.floor(length / 2) : length;
        if (full.write && part === 0) throw new Error('no space left on device');
        return file.write(bytes, at, part, position);
      }) as JournalFile['write'],
    };
    const session = await beginSession({ ...parts, storage: storageIn(disk, path), software: 'test' });
    const { size } = await file.stat();
    full.write = true;
    await expect(session.enterStep('one', 'test')).rejects.toMatchObject({ code: 'session/write-failed' });
    expect((await file.stat()).size).toBe(size);
    full.write = false;
    await session.enterStep('two', 'test');
    full.write = full.truncate = true;
    await expect(session.enterStep('three', 'test')).rejects.toMatchObject({ code: 'session/write-failed' });
    full.write = full.truncate = false;
    await expect(session.enterStep('four', 'test')).rejects.toMatchObject({ code: 'session/write-failed' });
    await file.close();
    const { session: again, givenUpBytes } = await restore(path);
    expect(again.state.step).toBe('two');
    expect(givenUpBytes).toBeGreaterThan(0);
  });
});
