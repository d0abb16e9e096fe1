import { data } from 'dcmjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOfAsync } from '../../test-support/error-code.js';
import { deidentify } from './deidentify.js';
import { found, plantedStudy } from './test-support/planted-study.js';
import { type Form, type RawTags, rawFile } from './test-support/raw-writer.js';

const RUNS = 30 * Number(process.env['TROCAR_EFFORT'] ?? 1);
const REFUSALS = [
  undefined,
  'dicom/not-dicom',
  'dicom/truncated',
  'io/corrupt',
  'dicom/identity-left',
  'dicom/burned-in',
  'dicom/unsupported-object',
];

describe('damaged files', () => {
  it.each(['explicit', 'implicit', 'big', 'deflated'] as const)(
    'are refused by name or written, never crash or hang (%s)',
    async (form: Form) => {
      const { files } = plantedStudy(form);
      await fc.assert(
        fc.asyncProperty(
          fc.nat(files.length - 1),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
          fc.nat(),
          async (which, changes, cut) => {
            const bytes = (files[which] as (typeof files)[0]).bytes.slice();
            for (const [at, value] of changes) bytes[132 + (at % (bytes.length - 132))] = value;
            const short = cut % 5 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
            expect(REFUSALS).toContain(
              await codeOfAsync(() => deidentify([{ name: 'x', bytes: short }], { burnedIn: { reviewedBy: 'x' } })),
            );
          },
        ),
        { numRuns: RUNS },
      );
    },
  );
});

/** Attributes of PS3.6 by VR, with a single group where groups repeat; not those of files and commands. */
function attributesOf(vrs: readonly string[]): readonly (readonly [tag: string, vr: string])[] {
  return Object.values(data.DicomMetaDictionary.dictionary).flatMap((entry) => {
    if (entry === undefined || !String(entry.version).startsWith('DICOM') || !vrs.includes(entry.vr)) return [];
    const tag = entry.tag.replace(/[(),]/g, '').replace(/-[0-9A-F]{2,4}/, '');
    return /^[0-9A-F]{8}$/.test(tag) && tag > '00080000' && tag !== '00080005' ? [[tag, entry.vr] as const] : [];
  });
}

/** A CT slice of the study, with more elements. */
function fileWith(more: RawTags): { name: string; bytes: Uint8Array } {
  const needed: RawTags = {
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
    '00080018': ['UI', '1.2.3.4.5.6'],
    '00080060': ['CS', 'CT'],
  };
  return { name: 'x', bytes: new Uint8Array(rawFile({ ...more, ...needed }, 'explicit', (b) => b)) };
}

describe('every attribute of PS3.6 with an identifier of its own', () => {
  const number = (n: number): string => `Zq${String(n).padStart(4, '0')}kxWvTs`;

  it('that holds text keeps none, but for the technical texts', async () => {
    const attributes = attributesOf(['AE', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);
    expect(attributes.length).toBeGreaterThan(750);
    const planted = attributes.map(([tag], n) => ({ text: number(n), where: tag }));
    const tags = Object.fromEntries(attributes.map(([tag, vr], n) => [tag, [vr, number(n)] as const]));
    const { files } = await deidentify([fileWith(tags)]);
    const left = found(planted, Buffer.from(files[0]?.bytes as Uint8Array)).map(({ where }) => where);
    expect(left.sort()).toEqual(
      (
        '00080070 00080100 00080102 00080103 00080104 00080119 00081090 00180024 00180031 00180034 00180085 00181016 00181018 00181019 ' +
        '00181020 00181070 00181160 00181180 00181210 00181250 00181251 00189005 00281054 00281055 00283003 00283004 00541101 ' +
        '00541103 00541105'
      ).split(' '),
    );
  });

  it('that holds dates, times, ages, numbers or UIDs keeps none of text', async () => {
    const attributes = attributesOf(['AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'US', 'SS', 'xs', 'UL', 'FD', 'FL', 'UI']);
    const planted = attributes.map(([tag], n) => ({ text: number(n), where: tag }));
    const tags = Object.fromEntries(attributes.map(([tag, vr], n) => [tag, [vr === 'xs' ? 'US' : vr, number(n)] as const]));
    const { files } = await deidentify([fileWith(tags)]);
    const left = found(planted, Buffer.from(files[0]?.bytes as Uint8Array)).map(({ where }) => where);
    // Lists of binary numbers without a limit, and UIDs that name kinds: neither can be told from others.
    const numbers = attributesOf(['US', 'SS', 'xs', 'UL', 'FD', 'FL']).map(([tag]) => tag);
    expect(left.filter((tag) => !numbers.includes(tag)).sort()).toEqual([
      '0008001A',
      '0008001B',
      '00080062',
      '00081150',
      '0008115A',
      '04000010',
    ]);
    expect(left.length).toBeLessThan(120);
  });

  it('that is a sequence keeps no name and nothing private in its items', async () => {
    const attributes = attributesOf(['SQ']);
    expect(attributes.length).toBeGreaterThan(1000);
    const item = (n: number): RawTags => ({
      '00100010': ['PN', number(n)],
      '00090010': ['LO', 'ACME'],
      '00091001': ['LO', number(n)],
      '00081048': ['PN', number(n)],
    });
    const planted = attributes.map(([tag], n) => ({ text: number(n), where: tag }));
    const { files } = await deidentify([
      fileWith(Object.fromEntries(attributes.map(([tag], n) => [tag, ['SQ', [item(n)]] as const]))),
    ]);
    expect(found(planted, Buffer.from(files[0]?.bytes as Uint8Array))).toEqual([]);
  });
});
