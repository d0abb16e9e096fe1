import { describe, expect, it } from 'vitest';
import { frame, point } from '../../frames/index.js';
import { straightPlan } from '../../guidance/index.js';
import { readVolume, type VolumeFile } from '../../io/index.js';
import { memoryOutput, Recorder } from '../../recording/index.js';
import { auditMessageXml, beginSession, eventsOfSession, memoryStorage, verifyAudit } from '../../session/index.js';
import { manualClock } from '../../testing/index.js';
import { deidentify } from './deidentify.js';
import { found, plantedStudy } from './test-support/planted-study.js';

/**
 * What leaves the program without being asked for: messages, logs, recordings. UIDs may stand there: they tell series apart, and
 * lead to a person only through the archive. Names of files are the caller's own words.
 */
const { files, identifiers } = plantedStudy();
const personal = identifiers.filter(({ text }) => !/^[\d.]+$/.test(text));
const neutral = files.map(({ bytes }, n) => ({ name: `f${n}.dcm`, bytes }));
const MR = [1, 3, 5, 7].map((n) => neutral[n] as VolumeFile);

/** Everything that an error says, and those below it. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  return [error.message, JSON.stringify(error), 'cause' in error ? saidBy(error.cause) : ''].join('\n');
}

async function messageOf(run: () => Promise<unknown>): Promise<string> {
  return run().then(() => '', saidBy);
}

/** The same bytes with one text put for another of its length. */
function replaced({ name, bytes }: VolumeFile, from: string, to: string): VolumeFile {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.indexOf(from), 'latin1');
  return { name, bytes: new Uint8Array(copy) };
}

describe('messages of the reader', () => {
  const read = (source: readonly VolumeFile[], more = {}): Promise<unknown> =>
    readVolume(source, { frame: frame('mr'), ...more });
  const first = MR[0] as VolumeFile;

  it.each([
    ['a missing slice', () => read([MR[0], MR[1], MR[3]] as VolumeFile[]), 'apart'],
    ['another patient', () => read([replaced(first, 'MRN-8841', 'MRN-0000'), ...MR.slice(1)]), 'another patient'],
    ['several series', () => read(neutral.slice(1)), 'series'],
    ['a series that is not there', () => read(MR, { seriesUid: '1.2' }), 'series'],
    ['a slice twice', () => read([...MR, { ...first, name: 'again.dcm' }]), 'f1.dcm'],
    ['bad spacing', () => read([replaced(first, '0.7\\0.5', 'X.7\\0.5'), ...MR.slice(1)]), 'f1.dcm'],
    ['no image', () => read([neutral[9] as VolumeFile]), 'f9.dcm'],
  ])('%s: name nobody', async (_, run, holds) => {
    const said = await messageOf(run);
    expect(said).toContain(holds);
    expect(found(personal, Buffer.from(said))).toEqual([]);
  });

  it('of cut files, wherever they are cut, name nobody', async () => {
    let refused = 0;
    for (const file of MR.slice(0, 1)) {
      for (let at = 0; at < file.bytes.length; at += 37) {
        const said = await messageOf(() => read([{ name: 'cut.dcm', bytes: file.bytes.subarray(0, at) }]));
        if (said !== '') refused += 1;
        expect(found(personal, Buffer.from(said))).toEqual([]);
      }
    }
    expect(refused).toBeGreaterThan(20);
  });

  it('of de-identification name nobody either, with the names that files have', async () => {
    for (const file of files) {
      const cut = { ...file, bytes: file.bytes.subarray(0, file.bytes.length - 200) };
      const said = await messageOf(() => deidentify([cut]));
      expect(found(personal, Buffer.from(said))).toEqual([]);
      expect(said).not.toContain(file.name);
    }
  });
});

describe('what is kept of a procedure', () => {
  it("holds the images' names for themselves, and nobody's: log, audit events, recording", async () => {
    const image = await readVolume(MR, { frame: frame('mr') });
    expect(image.patient.id).toBe('MRN-8841-20417');
    const storage = memoryStorage();
    const session = await beginSession({ storage, clock: manualClock(1000), image, software: 'test', by: 'a.b' });
    const mr = frame('mr');
    const { frameOfReferenceUid } = image;
    const ends = { entry: point(mr, [0, 0, 50]), target: point(mr, [0, 0, 0]) };
    await session.acceptPlan(straightPlan({ ...ends, ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }) }), 'a.b');
    await session.close('a.b');
    const { journal } = await storage.load();
    const { entries } = verifyAudit(journal);
    expect(entries.map(({ action }) => action)).toEqual(['session/begun', 'plan/accepted', 'session/closed']);
    const context = { source: { id: 'x' }, studyUid: '1.2', patient: { id: 'P-1' } };
    const events = eventsOfSession(entries, context).map(auditMessageXml).join('\n');
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock: manualClock(1000) });
    recorder.event('images', { seriesUid: image.series.seriesUid });
    await recorder.close();
    for (const bytes of [Buffer.from(journal), Buffer.from(events), Buffer.from(output.bytes())])
      expect(found(personal, bytes)).toEqual([]);
  });
});
