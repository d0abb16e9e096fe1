import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { Random } from '../../math/index.js';
import { type DicomArchive, dicomArchive, openStudyStore, openWriteQueue, type WriteQueue } from '../archive/index.js';
import { findOrthanc, type RunningOrthanc, startOrthanc, studyFolder } from './index.js';
import { type BadLink, badLink } from './test-support/bad-link.js';
import { type SyntheticSeries, syntheticSeries } from './test-support/series.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-queue-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** 30 kills where tests are run in full. */
const KILLS = Math.min(30, 3 * inject('effort'));
/** Some dependencies ask for Node's own modules by `require`, which a bundled module has not. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** As after a restart: from the folder alone. */
async function opened(name: string): Promise<WriteQueue> {
  return openWriteQueue(await openStudyStore(await studyFolder(join(root, name))));
}

describe.skipIf(findOrthanc() === undefined)('writes for an archive that is away', () => {
  let orthanc: RunningOrthanc;
  let link: BadLink;
  let archive: DicomArchive;

  beforeAll(async () => {
    orthanc = await startOrthanc({ folder: join(root, 'orthanc') });
    link = await badLink(orthanc.url);
    archive = dicomArchive({ url: link.url, retryDelayMs: 5, retries: 1 });
  }, 30_000);
  afterEach(() => {
    link.fault = () => undefined;
    link.passed.length = 0;
  });
  afterAll(async () => {
    await link?.close();
    await orthanc?.stop();
  });

  const posts = (): number => link.passed.filter((p) => p.method === 'POST').length;
  async function inArchive(series: SyntheticSeries): Promise<string[]> {
    const uids: string[] = [];
    for await (const one of archive.findInstances(series.studyUid, series.seriesUid)) uids.push(one.sopInstanceUid);
    return uids.sort();
  }

  it('go out once, in order, when it is back: over a restart of this program and of the archive', async () => {
    const ct = syntheticSeries({ count: 5, root: 41 });
    const { port } = orthanc;
    await orthanc.stop();
    const away = dicomArchive({ url: orthanc.url, retryDelayMs: 5, retries: 1 });
    const queue = await opened('away');
    await queue.add(ct.files);
    await queue.add(ct.files.slice(0, 2));
    const failed = await queue.flush(away);
    expect(failed).toMatchObject({ objects: [], waiting: 5, endedBy: { code: 'archive/unreachable' } });
    const restarted = await opened('away');
    expect(restarted.objects.map((o) => o.sopInstanceUid)).toEqual(ct.sopInstanceUids);
    orthanc = await startOrthanc({ folder: join(root, 'orthanc'), port });
    const flushed = await Promise.all([restarted.flush(archive), restarted.flush(archive)]);
    expect(flushed[0]?.objects).toEqual(ct.sopInstanceUids.map((sopInstanceUid) => ({ sopInstanceUid, outcome: 'sent' })));
    expect(flushed[1]).toEqual({ objects: [], waiting: 0 });
    expect(posts()).toBe(5);
    expect(await inArchive(ct)).toEqual([...ct.sopInstanceUids].sort());
    expect((await opened('away')).objects).toEqual([]);
  }, 30_000);

  it('one whose answer was lost is not sent again', async () => {
    const ct = syntheticSeries({ count: 3, root: 42 });
    const queue = await opened('lost');
    await queue.add(ct.files);
    let lost = 0;
    link.fault = ({ method }) => (method === 'POST' && lost++ === 0 ? { loseAnswer: true } : undefined);
    const first = await queue.flush(archive);
    expect(first.objects.map((o) => o.outcome)).toEqual(['waiting', 'sent', 'sent']);
    expect(queue.objects).toMatchObject([{ sopInstanceUid: ct.sopInstanceUids[0], state: 'sending', attempts: 1 }]);
    const restarted = await opened('lost');
    expect((await restarted.flush(archive)).objects).toEqual([{ sopInstanceUid: ct.sopInstanceUids[0], outcome: 'sent' }]);
    expect(posts()).toBe(3);
    expect(await inArchive(ct)).toHaveLength(3);
  });

  it('one that fails holds up no other; its reason is told, and kept', async () => {
    const ct = syntheticSeries({ count: 4, root: 43 });
    const queue = await opened('failing');
    await queue.add(ct.files);
    let n = 0;
    const refusal = JSON.stringify({
      '00081198': {
        vr: 'SQ',
        Value: [{ '00081155': { vr: 'UI', Value: [ct.sopInstanceUids[1]] }, '00081197': { vr: 'US', Value: [0x0122] } }],
      },
    });
    link.fault = ({ method }) => {
      if (method !== 'POST') return undefined;
      n += 1;
      if (n === 1) return { status: 500 };
      return n === 2 ? { status: 409, body: refusal, contentType: 'application/dicom+json' } : undefined;
    };
    const told: string[] = [];
    const flushed = await queue.flush(archive, { onObject: (o) => told.push(o.outcome) });
    expect(told).toEqual(['waiting', 'refused', 'sent', 'sent']);
    expect(flushed.objects[1]?.reason).toBe('the archive does not take this SOP class (0x0122)');
    const restarted = await opened('failing');
    expect(restarted.objects).toMatchObject([
      { state: 'sending' },
      { state: 'refused', reason: expect.stringContaining('0x0122') },
    ]);
    expect((await restarted.flush(archive)).objects).toEqual([{ sopInstanceUid: ct.sopInstanceUids[0], outcome: 'sent' }]);
    await restarted.retry(ct.sopInstanceUids[1] as string);
    expect((await restarted.flush(archive)).objects).toEqual([{ sopInstanceUid: ct.sopInstanceUids[1], outcome: 'sent' }]);
    expect(await inArchive(ct)).toHaveLength(4);
  });

  it('ends at once where nobody is let in, and knows what was there before', async () => {
    const ct = syntheticSeries({ count: 2, root: 44 });
    await archive.store(ct.files.slice(0, 1));
    const queue = await opened('in');
    await queue.add(ct.files);
    link.fault = () => ({ status: 401 });
    expect(await queue.flush(archive)).toMatchObject({ objects: [], waiting: 2, endedBy: { code: 'archive/unauthorised' } });
    link.fault = () => undefined;
    expect((await queue.flush(archive)).objects.map((o) => o.outcome)).toEqual(['already-there', 'sent']);
  });

  it('a damaged note of it is no reason to lose an object', async () => {
    const ct = syntheticSeries({ count: 1, root: 45 });
    const queue = await opened('note');
    await queue.add(ct.files);
    writeFileSync(join(root, 'note', 'queue', `000000000001-${ct.sopInstanceUids[0]}.json`), '{');
    expect((await (await opened('note')).flush(archive)).objects.map((o) => o.outcome)).toEqual(['sent']);
  });

  it(`${KILLS} kills at random moments while sending: each object is in the archive once, and the queue is empty in the end`, async () => {
    const program = join(root, 'flushing.mjs');
    const entryPoints = [fileURLToPath(new URL('./flushing.probe.mjs', import.meta.url))];
    await build({
      entryPoints,
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['@trocar/source'],
      banner: { js: REQUIRE },
    });
    const ct = syntheticSeries({ count: 12, root: 46 });
    const queue = await opened('killed');
    await queue.add(ct.files);
    const random = new Random(inject('seed') + 5);
    const said: string[] = [];
    // The archive takes an object, and its answer comes late: many a kill falls in between.
    link.fault = ({ method }) => (method === 'POST' ? { delayMs: 10 } : undefined);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = spawn(process.execPath, [program, join(root, 'killed'), link.url], { stdio: ['ignore', 'pipe', 'inherit'] });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.stdout.on('data', (text: Buffer) => {
          said.push(...text.toString().split('\n'));
          resolve();
        });
      });
      await new Promise((resolve) => setTimeout(resolve, random.uniform() * 120));
      child.kill('SIGKILL');
      await gone;
    }
    expect(said).toContain('open');
    const restarted = await opened('killed');
    const last = await restarted.flush(archive);
    expect(last.waiting).toBe(0);
    expect(last.objects.every(({ outcome }) => outcome === 'sent')).toBe(true);
    const told = [
      ...said.filter((line) => line.startsWith('sent ')).map((line) => line.slice(5)),
      ...last.objects.map((o) => o.sopInstanceUid),
    ];
    expect(await inArchive(ct)).toEqual([...ct.sopInstanceUids].sort());
    expect(new Set(told).size).toBeLessThanOrEqual(12);
    expect((await opened('killed')).objects).toEqual([]);
  }, 60_000);
});
