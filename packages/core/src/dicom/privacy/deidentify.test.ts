import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { codeOfAsync } from '../../test-support/error-code.js';
import { deidentify } from './deidentify.js';
import type { RawElement } from './elements.js';
import { readElements } from './read-elements.js';
import { charsetOf, textAt } from './survey.js';
import { found, openBytes, plantedStudy } from './test-support/planted-study.js';
import { FORMS, type Form } from './test-support/raw-writer.js';
import { textsOf } from './values.js';

const KEY = new Uint8Array(32).fill(7);
const LOOKED = { burnedIn: { reviewedBy: 'tester' } } as const;
const forms = Object.keys(FORMS) as Form[];

/** All UIDs of a tag, in all sequences. */
function uidsAt(elements: readonly RawElement[], tag: number): string[] {
  return elements.flatMap((element) => [
    ...(element.tag === tag ? textsOf(element, 'UI', ['']) : []),
    ...(element.items ?? []).flatMap((item) => uidsAt(item.elements, tag)),
  ]);
}

async function elementsOf(bytes: Uint8Array): Promise<readonly RawElement[]> {
  return (await readElements(bytes, 'a file')).elements;
}

describe('a study with planted identifiers', () => {
  it.each(forms)('holds 200 before and none afterwards (%s)', async (form) => {
    const { files, identifiers } = plantedStudy(form);
    const before = found(identifiers, Buffer.concat(files.map(({ bytes }) => openBytes(bytes, form))));
    expect(identifiers.filter((one) => !before.includes(one))).toEqual([]);
    expect(new Set(identifiers.map(({ text }) => text.toLowerCase())).size).toBe(identifiers.length);
    expect(identifiers.length).toBeGreaterThanOrEqual(200);

    const made = await deidentify(files, { key: KEY, ...LOOKED });
    for (const { name, bytes } of made.files) {
      expect(found(identifiers, openBytes(bytes, form)), name).toEqual([]);
      expect(found(identifiers, Buffer.from(name)), name).toEqual([]);
    }
    expect(found(identifiers, Buffer.from(JSON.stringify(made.report)))).toEqual([]);
  });

  it('holds none under options that keep no identity either', async () => {
    const { files, identifiers } = plantedStudy();
    const clean = ['descriptors', 'graphics', 'structured-content'] as const;
    const { files: out } = await deidentify(files, {
      key: KEY,
      retain: ['characteristics', 'longitudinal-modified'],
      clean,
      ...LOOKED,
    });
    // Times of day stay and so does the ethnic group; dates have moved.
    const kept = ['radiopharmaceutical time', '00102160 SH'];
    for (const { bytes } of out)
      expect(found(identifiers, Buffer.from(bytes)).filter(({ where }) => !kept.includes(where))).toEqual([]);
  });

  it.each(forms)('still reads as the same volumes, in one frame of reference (%s)', async (form) => {
    const { files } = plantedStudy(form);
    const { files: out } = await deidentify(files, { key: KEY, ...LOOKED });
    const uids = new Set<string | undefined>();
    // CT and MR hold the same; a planted CT has bytes behind its end that no reader takes for DICOM.
    const before = await readModality(files, 'MR');
    for (const modality of ['CT', 'MR']) {
      const after = await readModality(out, modality);
      expect(after.frameFromIndex).toEqual(before.frameFromIndex);
      expect(after.voxels).toEqual(before.voxels);
      expect(after.size).toEqual([6, 5, 4]);
      uids.add(after.frameOfReferenceUid);
    }
    expect(uids.size).toBe(1);
    expect([...uids][0]).toMatch(/^2\.25\.\d+$/);
  });

  it('keeps every reference pointing at the object it pointed at', async () => {
    const { files } = plantedStudy();
    const { files: out, pseudonyms } = await deidentify(files, { key: KEY, ...LOOKED });
    const news = new Map(pseudonyms.uids.map(({ original, pseudonym }) => [original, pseudonym]));
    for (const tag of [0x0008_1155, 0x0020_0052, 0x3006_0024, 0x0020_000e, 0x0020_000d, 0x0008_0018]) {
      for (const n of files.keys()) {
        const before = uidsAt(await elementsOf(files[n]?.bytes as Uint8Array), tag);
        const after = new Set(uidsAt(await elementsOf(out[n]?.bytes as Uint8Array), tag));
        for (const uid of after) expect([...news.values()]).toContain(uid);
        // What is removed is gone; what is left is what the original said.
        expect([...after].every((uid) => before.some((original) => news.get(original) === uid))).toBe(true);
      }
    }
    const instances = await Promise.all(out.map(async ({ bytes }) => textAt(await elementsOf(bytes), 0x0008_0018)));
    const structureSet = await elementsOf(out[8]?.bytes as Uint8Array);
    const referenced = uidsAt(structureSet, 0x0008_1155).filter((uid) => uid !== textAt(structureSet, 0x0020_000d));
    expect(referenced).toHaveLength(9);
    for (const uid of referenced) expect(instances).toContain(uid);
    const report = await elementsOf(out[9]?.bytes as Uint8Array);
    expect(uidsAt(report, 0x0008_1155).filter((uid) => instances.includes(uid))).toHaveLength(2);
  });

  it('gives the same on another day with the same key, and another with another', async () => {
    const { files } = plantedStudy();
    const [a, b, c] = await Promise.all([
      deidentify(files, { key: KEY, ...LOOKED }),
      deidentify(files.slice(0, 3), { key: KEY, ...LOOKED }),
      deidentify(files, { key: new Uint8Array(32).fill(8), ...LOOKED }),
    ]);
    expect(b.files.map(({ name }) => name)).toEqual(a.files.slice(0, 3).map(({ name }) => name));
    expect(b.files[1]?.bytes).toEqual(a.files[1]?.bytes);
    expect(c.files.map(({ name }) => name).filter((name) => a.files.some((f) => f.name === name))).toEqual([]);
    expect(c.pseudonyms.patients[0]?.pseudonym).not.toBe(a.pseudonyms.patients[0]?.pseudonym);
  });

  it('says in every file what was done', async () => {
    const { files } = plantedStudy();
    const { files: out } = await deidentify(files, {
      retain: ['device', 'longitudinal-full'],
      clean: ['descriptors'],
      ...LOOKED,
    });
    for (const { bytes } of out) {
      const elements = await elementsOf(bytes);
      expect(textAt(elements, 0x0012_0062)).toBe('YES');
      expect(textAt(elements, 0x0012_0063)).not.toBe('');
      expect(textAt(elements, 0x0028_0303)).toBe('UNMODIFIED');
      const codes = elements.find(({ tag }) => tag === 0x0012_0064)?.items?.map((item) => textAt(item.elements, 0x0008_0100));
      expect(codes?.sort()).toEqual(['113100', '113105', '113106', '113109']);
    }
  });
});

async function readModality(files: Parameters<typeof deidentify>[0], modality: string) {
  const chosen = [];
  for (const file of files) if (textAt(await elementsOf(file.bytes), 0x0008_0060) === modality) chosen.push(file);
  return readVolume(chosen, { frame: frame('image') });
}

describe('options', () => {
  const one = async (options: Parameters<typeof deidentify>[1]): Promise<readonly RawElement[]> => {
    const { files } = plantedStudy();
    return elementsOf((await deidentify([files[0] as (typeof files)[0]], options)).files[0]?.bytes as Uint8Array);
  };
  const original = async (): Promise<readonly RawElement[]> => elementsOf(plantedStudy().files[0]?.bytes as Uint8Array);

  it('uids keeps them all', async () => {
    for (const tag of [0x0008_0018, 0x0020_000d, 0x0020_000e, 0x0020_0052]) {
      expect(textAt(await one({ retain: ['uids'] }), tag)).toBe(textAt(await original(), tag));
    }
  });

  it('longitudinal-full keeps dates, but never that of birth', async () => {
    const { files } = plantedStudy();
    const { files: out } = await deidentify(files, { retain: ['longitudinal-full'], ...LOOKED });
    let kept = 0;
    for (const [n, { bytes }] of out.entries()) {
      const [before, after] = [await elementsOf(files[n]?.bytes as Uint8Array), await elementsOf(bytes)];
      expect(textAt(after, 0x0010_0030)).toBe('');
      for (const tag of [0x0008_0020, 0x0008_0021, 0x0008_0022, 0x0008_0023, 0x0008_002a]) {
        expect(textAt(after, tag)).toBe(textAt(before, tag));
        if (textAt(after, tag) !== '') kept += 1;
      }
    }
    expect(kept).toBe(5);
  });

  it.each([false, true])('longitudinal-modified moves all dates of a patient alike (whole weeks: %s)', async (keepWeekday) => {
    const { files } = plantedStudy();
    const { files: out, pseudonyms } = await deidentify(files, {
      key: KEY,
      retain: ['longitudinal-modified'],
      keepWeekday,
      ...LOOKED,
    });
    const days = pseudonyms.patients[0]?.shiftDays as number;
    expect(pseudonyms.patients).toHaveLength(1);
    expect(days).toBeLessThanOrEqual(-28);
    expect(days).toBeGreaterThanOrEqual(-3650);
    if (keepWeekday) expect(Math.abs(days % 7)).toBe(0);
    let moved = 0;
    for (const [n, { bytes }] of out.entries()) {
      const [before, after] = [await elementsOf(files[n]?.bytes as Uint8Array), await elementsOf(bytes)];
      for (const tag of [0x0008_0020, 0x0008_0021, 0x0008_0022, 0x0040_0244]) {
        const [from, to] = [textAt(before, tag), textAt(after, tag)];
        if (from === '') continue;
        const day = (text: string): number => Date.UTC(+text.slice(0, 4), +text.slice(4, 6) - 1, +text.slice(6, 8)) / 86_400_000;
        expect(day(to) - day(from)).toBe(days);
        moved += 1;
      }
    }
    expect(moved).toBe(4);
  });

  it('descriptors keep words of the list and lose all others', async () => {
    const { files } = plantedStudy();
    const file = files[1] as (typeof files)[0];
    const text = 'AXIAL T2 Okonkwo liver, Dr. Abernathy';
    const described = { name: 'a', bytes: replaceText(file.bytes, text) };
    const { files: out } = await deidentify([described], { clean: ['descriptors'] });
    expect(textAt(await elementsOf(out[0]?.bytes as Uint8Array), 0x0008_103e)).toBe('AXIAL T2 liver');
  });

  it('safe-private keeps the listed elements of the creator, and nothing beside them', async () => {
    const safe = { creator: 'ACME 1.0', group: 9, element: 1 };
    const elements = await one({ retain: ['safe-private'], safePrivate: [safe] });
    expect(elements.filter(({ tag }) => ((tag >>> 16) & 1) === 1).map(({ tag }) => tag)).toEqual([0x0009_0010, 0x0009_1001]);
    expect(charsetOf(elements, [])).toEqual(['ISO_IR 192']);
  });

  it.each([
    ['two about time', { retain: ['longitudinal-full', 'longitudinal-modified'] as const }],
    ['a short key', { key: new Uint8Array(31) }],
    ['a short identifier', { identifiers: ['ab'] }],
    ['safe elements without the option', { safePrivate: [{ creator: 'A', group: 9, element: 1 }] }],
    ['the option without safe elements', { retain: ['safe-private'] as const }],
    ['an empty mask', { burnedIn: { mask: [] } }],
    ['nobody who looked', { burnedIn: { reviewedBy: ' ' } }],
    ['an unknown option', { retain: ['everything' as 'uids'] }],
  ])('%s is refused', async (_, options) => {
    expect(await codeOfAsync(() => deidentify(plantedStudy().files, options))).toBe('privacy/bad-option');
  });
});

/** An explicit file with a Series Description put in front of its modality's neighbour, by hand. */
function replaceText(bytes: Uint8Array, text: string): Uint8Array {
  const whole = Buffer.from(bytes);
  const at = whole.indexOf(Buffer.from([0x10, 0x00, 0x10, 0x00, 0x50, 0x4e]));
  const value = Buffer.from(text.length % 2 === 0 ? text : `${text} `);
  const head = Buffer.from([0x08, 0x00, 0x3e, 0x10, 0x4c, 0x4f, value.length & 0xff, value.length >> 8]);
  return new Uint8Array(Buffer.concat([whole.subarray(0, at), head, value, whole.subarray(at)]));
}

describe('images that may have text in their pixels', () => {
  const ultrasound = () => plantedStudy().files.slice(-1);

  it('are refused, by number and not by name', async () => {
    const error = await deidentify([{ name: 'Okonkwo.dcm', bytes: ultrasound()[0]?.bytes as Uint8Array }]).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'dicom/burned-in' });
    expect(String((error as Error).message)).toContain('File 1');
    expect(String((error as Error).message)).not.toContain('Okonkwo');
  });

  it('are painted over where asked, and say so', async () => {
    const { files, report } = await deidentify(ultrasound(), { burnedIn: { mask: [{ x: 1, y: 0, width: 3, height: 2 }] } });
    const elements = await elementsOf(files[0]?.bytes as Uint8Array);
    expect(textAt(elements, 0x0028_0301)).toBe('NO');
    expect(report.files[0]?.burnedIn).toBe('masked');
    const pixels = elements.find(({ tag }) => tag === 0x7fe0_0010)?.bytes as Uint8Array;
    const values = Array.from({ length: 30 }, (_, n) => pixels[2 * n]);
    const expected = values.map((_, n) => (n % 6 >= 1 && n % 6 <= 3 && n < 12 ? 0 : (n % 6) + 10 * Math.floor(n / 6)));
    expect(values).toEqual(expected);
  });

  it('are not painted over outside of their edges', async () => {
    const mask = [{ x: 4, y: 0, width: 3, height: 2 }];
    expect(await codeOfAsync(() => deidentify(ultrasound(), { burnedIn: { mask } }))).toBe('dicom/burned-in');
  });
});
