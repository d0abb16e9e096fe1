import { data } from 'dcmjs';
import { describe, expect, it } from 'vitest';
import { attributeOf } from './dictionary.js';
import { Needles } from './needles.js';
import { profileAction } from './table.js';

describe('Table E.1-1', () => {
  it.each([
    [0x0010_0010, 'Z'],
    [0x0010_0020, 'Z/D'],
    [0x0008_0018, 'U'],
    [0x0008_103e, 'X'],
    [0x0008_1140, 'X/Z/U*'],
    [0x0008_1070, 'X/Z/D'],
    [0x0018_1030, 'X/D'],
    [0x0008_0022, 'X/Z'],
    [0x0040_a730, 'D'],
    [0x0040_e004, 'X'],
    [0x0016_008e, 'X'],
    [0x5012_0022, 'X'],
    [0x6002_3000, 'X'],
    [0x6002_0010, undefined],
    [0xfffc_fffc, 'X'],
    [0x0020_0032, undefined],
  ] as const)('%d: %s', (tag, action) => {
    expect(profileAction(tag)).toBe(action);
  });

  it('has 617 rows; PS3.6 as we have it lacks two of them, which go as unknown', () => {
    const known = Object.values(data.DicomMetaDictionary.dictionary).filter((entry) => {
      const digits = entry?.tag.replace(/[(),]/g, '') ?? '';
      if (!/^[0-9A-F]{8}$/.test(digits) || !String(entry?.version).startsWith('DICOM')) return false;
      return profileAction(Number.parseInt(digits, 16)) !== undefined;
    });
    expect(known.length + 2).toBe(617);
    for (const tag of [0x0070_1101, 0x0070_1102]) expect([profileAction(tag), attributeOf(tag)]).toEqual(['U', undefined]);
  });
});

describe('needles', () => {
  const needles = new Needles(['REMOVED']);
  for (const text of ['Müller^Anna', 'MRN-8841', 'Lee', '0000000001', 'removed']) needles.add(text);

  it.each([
    ['UTF-8', Buffer.from('xx MÜLLER^anna', 'utf8')],
    ['Latin-1', Buffer.from('\x00\x00müller^ANNA', 'latin1')],
    ['UTF-16, little endian, at an odd place', Buffer.concat([Buffer.of(1), Buffer.from('mrn-8841', 'utf16le')])],
    ['UTF-16, big endian', Buffer.from('MRN-8841', 'utf16le').swap16()],
    ['the very end', Buffer.from('......MRN-8841')],
    ['the very beginning', Buffer.from('mrn-8841')],
  ])('are found in bytes: %s', (_, bytes) => {
    expect(needles.inBytes(bytes)).toBe(true);
  });

  it('are not found where they are not, too short or too even', () => {
    for (const text of ['MRN-884', 'Lee', '00000000010000', 'REMOVED', ''])
      expect(needles.inBytes(Buffer.from(text))).toBe(false);
  });

  it('are found in texts, short ones as whole words', () => {
    for (const text of ['seen by Lee', 'x-mrn-8841-y', 'LEE^A']) expect(needles.inText(text)).toBe(true);
    for (const text of ['sleeve', 'removed', 'Mueller']) expect(needles.inText(text)).toBe(false);
  });
});
