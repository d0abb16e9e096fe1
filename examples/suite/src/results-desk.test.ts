import { NavError } from '@trocar/core';
import {
  type DicomArchive,
  encodeKeyImage,
  memoryFolder,
  openStudyStore,
  type StoreOutcome,
  type StudyReference,
} from '@trocar/core/dicom';
import { describe, expect, it } from 'vitest';
import { ResultsDesk, type ResultsView } from './node/results-desk.js';
import type { StudyPlace } from './node/study-options.js';

const STUDY: StudyReference = { studyUid: '2.25.100', patient: { id: 'P-1', name: 'Sen^Ira' } };
const ORIGIN = { study: STUDY, frameOfReferenceUid: '2.25.101', images: [], slices: undefined };

function picture(study: StudyReference, uid: string): Uint8Array {
  return encodeKeyImage({
    study,
    instance: { uid },
    equipment: { manufacturer: 'Trocar', model: 'test', serialNumber: '1', softwareVersions: ['1'] },
    provenance: { method: 'picture', version: '1', createdAt: '2026-11-27T10:00:00+00:00' },
    ...{ width: 1, height: 1, pixels: Uint8Array.of(1, 2, 3, 255), burnedInAnnotation: false, derivation: 'a dot' },
  }).bytes;
}

type Answer = Pick<StoreOutcome, 'outcome' | 'reason'> | NavError;

/** An archive that answers as it is told, and knows what it took. */
function archiveThat(answers: readonly Answer[]): { readonly archive: DicomArchive; readonly sent: string[] } {
  const sent: string[] = [];
  const left = [...answers];
  const archive = {
    has: async () => false,
    store: async ([bytes]: readonly Uint8Array[]) => {
      sent.push(/2\.25\.2\d\d/.exec(new TextDecoder('latin1').decode(bytes))?.[0] ?? '?');
      const answer = left.shift() ?? { outcome: 'stored' };
      if (answer instanceof NavError) throw answer;
      return [{ identity: {}, ...answer }];
    },
  } as unknown as DicomArchive;
  return { archive, sent };
}

async function deskWith(
  archive: DicomArchive | undefined,
  store?: StudyPlace['store'],
): Promise<{ desk: ResultsDesk; store: StudyPlace['store'] }> {
  const own = store ?? (await openStudyStore(memoryFolder()));
  return { desk: await ResultsDesk.open({ place: { store: own, archive }, origin: ORIGIN, retryMs: 3_600_000 }), store: own };
}

const states = ({ objects }: ResultsView): string[] => objects.map(({ state }) => state);
const REASON = { code: 0x0122, words: 'the archive does not take this SOP class (0x0122)', mayPass: false };

describe('a desk for results', () => {
  it('keeps what there is no archive for, over a restart', async () => {
    const { desk, store } = await deskWith(undefined);
    await desk.take('picture', picture(STUDY, '2.25.201'));
    await desk.take('picture', picture(STUDY, '2.25.201'));
    await desk.send();
    expect(desk.view()).toEqual({ archive: false, others: 0, objects: [{ uid: '2.25.201', kind: 'picture', state: 'kept' }] });
    const { archive, sent } = archiveThat([]);
    const { desk: later } = await deskWith(archive, store);
    await expect.poll(() => states(later.view())).toEqual(['stored']);
    expect(sent).toEqual(['2.25.201']);
    expect(states((await deskWith(undefined, store)).desk.view())).toEqual(['stored']);
  });

  it('says of each what the archive said, and sends again only what was refused or lost', async () => {
    const lost = new NavError('archive/cut-off', 'The connection ended before the answer did.');
    const { archive, sent } = archiveThat([
      { outcome: 'stored-changed', reason: { ...REASON, words: 'coerced' } } as Answer,
      { outcome: 'refused', reason: REASON } as Answer,
      lost,
      { outcome: 'stored' },
    ]);
    const { desk, store } = await deskWith(archive);
    for (const n of [1, 2, 3, 4]) await desk.take('picture', picture(STUDY, `2.25.20${n}`));
    await desk.send();
    expect(states(desk.view())).toEqual(['stored-changed', 'refused', 'unknown', 'stored']);
    expect(desk.view().objects[1]?.reason).toContain('SOP class');
    const { desk: again } = await deskWith(undefined, store);
    expect(states(again.view())).toEqual(['stored-changed', 'refused', 'unknown', 'stored']);
    await desk.send();
    expect(states(desk.view())).toEqual(['stored-changed', 'stored', 'stored', 'stored']);
    expect(sent).toEqual(['2.25.201', '2.25.202', '2.25.203', '2.25.204', '2.25.202', '2.25.203']);
  });

  it('asks again by itself an archive that is away, and none that lets nobody in', async () => {
    for (const [code, again] of [
      ['archive/unreachable', true],
      ['archive/unauthorised', false],
    ] as const) {
      let asked = 0;
      const has = async (): Promise<boolean> => {
        asked += 1;
        throw new NavError(code, 'No.');
      };
      const store = await openStudyStore(memoryFolder());
      const archive = { has } as unknown as DicomArchive;
      const desk = await ResultsDesk.open({ place: { store, archive }, origin: ORIGIN, retryMs: 5 });
      await desk.take('picture', picture(STUDY, '2.25.201'));
      await desk.send();
      const before = asked;
      if (again) await expect.poll(() => asked).toBeGreaterThan(before + 2);
      else {
        // As many turns as the other one needed, and more.
        for (let n = 0; n < 10; n += 1) await new Promise((resolve) => setTimeout(resolve, 5));
        expect(asked).toBe(before);
      }
      expect(desk.view()).toMatchObject({ objects: [{ state: 'kept' }], trouble: { code } });
      await desk.close();
    }
  });

  it('takes nothing of another patient or study, and nothing that is no result', async () => {
    const { desk, store } = await deskWith(undefined);
    const other = { ...STUDY, patient: { ...STUDY.patient, id: 'P-2' } };
    await expect(desk.take('picture', picture(other, '2.25.202'))).rejects.toMatchObject({ code: 'guidance/wrong-patient' });
    const elsewhere = { ...STUDY, studyUid: '2.25.109' };
    await expect(desk.take('picture', picture(elsewhere, '2.25.202'))).rejects.toMatchObject({ code: 'guidance/wrong-patient' });
    await expect(desk.take('picture', Uint8Array.of(1, 2, 3))).rejects.toThrow();
    expect(store.find()).toEqual([]);
  });

  it('shows of another study in the same folder only that something waits', async () => {
    const { desk, store } = await deskWith(undefined);
    await desk.take('picture', picture(STUDY, '2.25.201'));
    const origin = { ...ORIGIN, study: { ...STUDY, studyUid: '2.25.110' } };
    const next = await ResultsDesk.open({ place: { store, archive: undefined }, origin, retryMs: 3_600_000 });
    expect(next.view()).toEqual({ archive: false, objects: [], others: 1 });
  });
});
