import { expect, it } from 'vitest';
import { dicomSlice } from '../../io/test-support/dicom-writer.js';
import { signToken, verifyToken } from '../../session/index.js';
import { deidentify, openPseudonyms, sealPseudonyms } from './index.js';

const KEY = new Uint8Array(32).fill(5);

it('de-identifies in a browser, seals the way back and checks tokens', async () => {
  const bytes = dicomSlice({ tags: { '00091001': ['LO', 'Doe^Jane private'] } });
  const { files, pseudonyms, report } = await deidentify([{ name: 'Doe.dcm', bytes }], { key: KEY });
  const text = new TextDecoder('latin1').decode(files[0]?.bytes);
  expect(text).not.toMatch(/Doe|Jane|ID-1|Synthetic/);
  expect(text).toContain('P-');
  expect(files[0]?.name).toMatch(/^2\.25\.\d+\.dcm$/);
  expect(report.totals.private).toBe(1);
  for (const secret of [KEY, 'correct horse battery']) {
    expect(await openPseudonyms(await sealPseudonyms(pseudonyms, secret), secret)).toEqual(pseudonyms);
  }
  const key = { id: 'h', algorithm: 'HS256', bytes: KEY } as const;
  const claims = { subject: 'a', roles: ['observer'] as const, audience: 'x', notBefore: 1000, expires: 2000 };
  expect(await verifyToken(await signToken(claims, key), [key], { audience: 'x', nowMs: 1_500_000 })).toMatchObject({
    subject: 'a',
  });
});
