import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOfAsync } from '../../test-support/error-code.js';
import {
  mergePseudonyms,
  openPseudonyms,
  originalUid,
  type PseudonymTable,
  patientOfPseudonym,
  sealPseudonyms,
} from './pseudonyms.js';

const KEY = Uint8Array.from({ length: 32 }, (_, n) => n);
const patient = {
  id: 'MRN 8841',
  issuer: 'Ward 7',
  name: '山田^太郎',
  birthDate: '19530417',
  pseudonym: 'P-ABCDEFGHJKMN',
  shiftDays: -77,
};
const table: PseudonymTable = { patients: [patient], uids: [{ original: '1.2.3', pseudonym: '2.25.9' }] };

describe('a sealed pseudonym table', () => {
  it('opens with its secret only, and is another file each time', async () => {
    for (const secret of [KEY, 'correct horse battery']) {
      const [a, b] = [await sealPseudonyms(table, secret), await sealPseudonyms(table, secret)];
      expect(Buffer.compare(a, b)).not.toBe(0);
      expect(await openPseudonyms(a, secret)).toEqual(table);
    }
    const sealed = await sealPseudonyms(table, KEY);
    expect(await codeOfAsync(() => openPseudonyms(sealed, new Uint8Array(32)))).toBe('privacy/wrong-key');
    expect(await codeOfAsync(() => openPseudonyms(sealed, 'correct horse battery'))).toBe('privacy/wrong-key');
  });

  it('shows nothing of what it holds', async () => {
    const text = Buffer.from(await sealPseudonyms(table, KEY)).toString('latin1');
    for (const word of ['8841', 'MRN', '1953', '1.2.3', 'P-ABC']) {
      expect(text).not.toContain(word);
      expect(text).not.toContain(Buffer.from(word).toString('base64').replace(/=+$/, ''));
    }
  });

  it('is refused where any byte of it was changed', async () => {
    const sealed = await sealPseudonyms(table, KEY);
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 2), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = sealed.slice();
        changed[at] = (changed[at] as number) ^ by;
        const code = await codeOfAsync(() => openPseudonyms(changed, KEY));
        expect(['privacy/bad-table', 'privacy/wrong-key']).toContain(code);
      }),
      { numRuns: 150 },
    );
  });

  it('takes no short secret, and no file that asks for endless rounds', async () => {
    expect(await codeOfAsync(() => sealPseudonyms(table, 'short'))).toBe('privacy/bad-option');
    expect(await codeOfAsync(() => sealPseudonyms(table, new Uint8Array(16)))).toBe('privacy/bad-option');
    const sealed = JSON.parse(Buffer.from(await sealPseudonyms(table, 'correct horse battery')).toString()) as Record<
      string,
      unknown
    >;
    for (const iterations of [1, 2e9]) {
      const changed = Buffer.from(JSON.stringify({ ...sealed, iterations }));
      expect(await codeOfAsync(() => openPseudonyms(changed, 'correct horse battery'))).toBe('privacy/bad-table');
    }
  });
});

describe('tables', () => {
  it('lead back from pseudonyms', () => {
    expect(patientOfPseudonym(table, 'P-ABCDEFGHJKMN')).toBe(patient);
    expect(patientOfPseudonym(table, 'P-OTHER')).toBeUndefined();
    expect(originalUid(table, '2.25.9')).toBe('1.2.3');
    expect(originalUid(table, '2.25.8')).toBeUndefined();
  });

  it('become one, unless they contradict each other', async () => {
    const more: PseudonymTable = {
      patients: [{ ...patient, id: 'other', pseudonym: 'P-2' }],
      uids: [{ original: '1.2.4', pseudonym: '2.25.10' }],
    };
    expect(mergePseudonyms(table, more).patients).toHaveLength(2);
    expect(mergePseudonyms(table, table)).toEqual(table);
    const against: PseudonymTable = { patients: [], uids: [{ original: '1.2.3', pseudonym: '2.25.11' }] };
    expect(await codeOfAsync(async () => mergePseudonyms(table, against))).toBe('privacy/other-pseudonym');
  });
});
