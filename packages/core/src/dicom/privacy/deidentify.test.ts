import { describe, expect, it } from 'vitest';
import { deidentify } from './deidentify.js';
import { found, openBytes, plantedStudy } from './test-support/planted-study.js';
import { FORMS, type Form } from './test-support/raw-writer.js';

const KEY = new Uint8Array(32).fill(7);
const LOOKED = { burnedIn: { reviewedBy: 'tester' } } as const;

describe('a study with planted identifiers', () => {
  const forms = Object.keys(FORMS) as Form[];

  it.each(forms)('holds all 200 of them before (%s)', (form) => {
    const { files, identifiers } = plantedStudy(form);
    const all = Buffer.concat(files.map(({ bytes }) => openBytes(bytes, form)));
    expect(identifiers.filter((i) => !found(identifiers, all).includes(i))).toEqual([]);
    expect(new Set(identifiers.map(({ text }) => text.toLowerCase())).size).toBe(identifiers.length);
    expect(identifiers.length).toBeGreaterThanOrEqual(200);
  });

  it.each(forms)('holds none afterwards (%s)', async (form) => {
    const { files, identifiers } = plantedStudy(form);
    const made = await deidentify(files, { key: KEY, ...LOOKED });
    for (const { name, bytes } of made.files) {
      expect(found(identifiers, openBytes(bytes, form)), name).toEqual([]);
      expect(found(identifiers, Buffer.from(name)), name).toEqual([]);
    }
    expect(found(identifiers, Buffer.from(JSON.stringify(made.report)))).toEqual([]);
  });
});
