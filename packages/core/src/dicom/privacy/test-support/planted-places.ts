import { type Planter, valueFor } from './planter.js';
import { latin, type RawTags, type RawValue, type Surroundings } from './raw-writer.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';

/** Sequences in sequences, of given and of undefined length, of unknown VR, and the one that keeps what others have removed. */
/** Elements with an identifier of their own, by VR. */
function planters(
  plant: Planter,
): Readonly<Record<'pn' | 'lo' | 'sh' | 'ui' | 'da', (where: string) => readonly [string, RawValue]>> {
  const one =
    (vr: string) =>
    (where: string): readonly [string, RawValue] => [vr, plant.text(where, (n) => valueFor(vr, n))];
  return { pn: one('PN'), lo: one('LO'), sh: one('SH'), ui: one('UI'), da: one('DA') };
}

export function nestedTags(plant: Planter): RawTags {
  const { pn, lo, sh, ui } = planters(plant);
  return {
    '04000561': [
      'SQ',
      [
        {
          '04000550': ['SQ', [{ '00100010': pn('original attributes: name'), '00100020': lo('original attributes: ID') }]],
          '04000563': lo('modifying system'),
          '04000565': ['CS', 'CORRECT'],
        },
      ],
    ],
    '00081140': ['SQ', [{ '00081150': ['UI', CT], '00081155': ui('referenced image') }]],
    '00082112': [
      'SQ',
      [{ '00081150': ['UI', CT], '00081155': ui('source image'), '00081199': ['SQ', [{ '00081155': ui('three deep') }]] }],
    ],
    '00081115': ['SQ', [{ '0020000E': ui('referenced series'), '0008103E': lo('description of a referenced series') }]],
    '00081120': ['SQ', [{ '00081155': ui('referenced patient') }]],
    '00081110': ['SQ', [{ '00081155': ui('referenced study') }]],
    '00081111': ['SQ', [{ '00081155': ui('referenced step') }]],
    '00101002': ['SQ', [{ '00100020': lo('other patient ID'), '00100021': lo('issuer of the other patient ID') }]],
    '00400275': [
      'SQ',
      [{ '00401001': sh('requested procedure ID'), '00321060': lo('requested procedure'), '00400007': lo('scheduled step') }],
    ],
    ...nestedCodes(plant),
  };
}

function nestedCodes(plant: Planter): RawTags {
  const { pn, lo, sh, ui, da } = planters(plant);
  return {
    '00081072': [
      'SQ',
      [
        {
          '00401101': [
            'SQ',
            [
              {
                '00080100': sh('code of an operator'),
                '00080102': ['SH', '99STAFF'],
                '00080104': lo('name of an operator as a code'),
              },
            ],
          ],
        },
      ],
    ],
    '00400260': [
      'SQ',
      [{ '00080100': sh('code of a local scheme'), '00080102': ['SH', '99LOCAL'], '00080104': lo('meaning of a local code') }],
    ],
    '00089092': [
      'SQ',
      [
        {
          '00081155': ui('evidence'),
          '0040A170': [
            'SQ',
            [{ '00080100': ['SH', '121320'], '00080102': ['SH', 'DCM'], '00080104': ['LO', 'Uncompressed predecessor'] }],
          ],
        },
      ],
    ],
    '00540016': [
      'SQ',
      [
        {
          '00181078': ['DT', plant.text('radiopharmaceutical start', (n) => valueFor('DT', n))],
          '00181072': ['TM', plant.text('radiopharmaceutical time', (n) => `1${n % 10}4455.${100000 + n}`)],
        },
      ],
    ],
    '00321064': [
      'UN',
      [{ '00080104': lo('code meaning in a sequence of unknown VR'), '00080100': ['SH', 'L1'], '00080102': ['SH', 'L'] }],
    ],
    '00120064': ['SQ', [{ '00080100': ['SH', '1'], '00080102': ['SH', '99X'], '00080104': lo('an earlier method') }]],
    '0040A07A': [
      'SQ',
      [{ '0040A123': pn('participant'), '0040A082': ['DT', plant.text('participation', (n) => valueFor('DT', n))] }],
    ],
    '00380100': ['SQ', [{ '00100030': da('birth date in a nested item'), '00100010': pn('name in a nested item') }]],
    '00020103': ['UN', Buffer.from(plant.text('group 2 in the data set', (n) => valueFor('LO', n)))],
  };
}

/** Vendors' elements, at the top and in items, as text, numbers and sequences, with and without a creator. */
export function privateTags(plant: Planter): RawTags {
  const lo = (where: string): string => plant.text(where, (n) => valueFor('LO', n));
  return {
    '00090010': ['LO', 'ACME 1.0'],
    '00091001': ['PN', plant.text('private name', (n) => valueFor('PN', n))],
    '00091002': ['LO', lo('private text')],
    '00091003': ['UN', Buffer.from(lo('private, unknown VR'))],
    '00091004': ['OB', Buffer.concat([Buffer.alloc(6), Buffer.from(lo('private bytes'), 'utf16le')])],
    '00091005': [
      'SQ',
      [
        {
          '00091006': ['LO', lo('private in a private sequence')],
          '00100010': ['PN', plant.text('name in a private sequence', (n) => valueFor('PN', n))],
        },
      ],
    ],
    '00091007': ['UI', plant.text('private UID', (n) => valueFor('UI', n))],
    '00091008': ['DA', plant.text('private date', (n) => valueFor('DA', n))],
    '00290010': ['LO', lo('private creator')],
    '00291010': ['OW', Buffer.from(lo('private words'), 'utf16le').swap16()],
    '00191001': ['LO', lo('private without a creator')],
    '00091010': ['UN', [{ '00091011': ['LO', lo('private in a sequence of unknown VR')] }]],
    '00081199': [
      'SQ',
      [
        {
          '00090010': ['LO', 'ACME 1.0'],
          '00091001': ['LO', lo('private in a standard item')],
          '00081155': ['UI', plant.text('beside it', (n) => valueFor('UI', n))],
        },
      ],
    ],
  };
}

/** Places outside of ordinary elements, and text in several encodings. */
export function oddPlaces(plant: Planter): {
  around: Surroundings;
  overlay: RawTags;
  encodings: RawTags;
  japanese: RawTags;
} {
  return {
    around: surroundings(plant),
    overlay: wrongPlaces(plant),
    encodings: encodedTexts(plant),
    japanese: japaneseName(plant),
  };
}

function surroundings(plant: Planter): Surroundings {
  const lo = (where: string): string => plant.text(where, (n) => valueFor('LO', n));
  return {
    preamble: latin(lo('preamble')),
    meta: {
      '00020013': ['SH', plant.text('implementation version', (n) => valueFor('SH', n))],
      '00020016': ['AE', plant.text('source AE in the meta information', (n) => valueFor('AE', n))],
      '00020100': ['UI', plant.text('private creator of the meta information', (n) => valueFor('UI', n))],
      '00020102': ['OB', latin(lo('private meta information'))],
    } as RawTags,
    trailing: latin(lo('bytes behind the last element')),
  };
}

function wrongPlaces(plant: Planter): RawTags {
  const lo = (where: string): string => plant.text(where, (n) => valueFor('LO', n));
  return {
    '50000005': ['US', Uint8Array.of(0, 0)],
    '50000022': ['LO', lo('curve description')],
    '50003000': ['OW', latin(lo('curve data'))],
    '60000010': ['US', Uint8Array.of(2, 0)],
    '60000022': ['LO', lo('overlay description')],
    '60001500': ['LO', lo('overlay label')],
    '60003000': ['OW', latin(lo('overlay data'))],
    '60004000': ['LT', lo('overlay comments')],
    '00420011': ['OB', latin(`%PDF-1.4 ${lo('encapsulated document')}`)],
    '40000010': ['LT', lo('arbitrary')],
    '40004000': ['LT', lo('text comments')],
    FFFCFFFC: ['OB', latin(lo('data set trailing padding'))],
    '0008FFFE': ['LO', lo('an element that no dictionary knows')],
    '00280106': ['PN', plant.text('a name where a number belongs', (n) => valueFor('PN', n))],
    '00200013': ['IS', plant.text('a name in a number string', (n) => valueFor('SH', n))],
    '00180015': ['CS', plant.text('a name in a code string', (n) => valueFor('SH', n))],
    '00180060': ['DS', plant.text('a name in a decimal string', (n) => valueFor('SH', n))],
  };
}

function encodedTexts(plant: Planter): RawTags {
  return {
    '00104000': [
      'LT',
      Buffer.from(
        `Born ${plant.text('date inside text', () => '17.04.1953')} in ${plant.text('UTF-8 text', () => 'Żółć-Łódź 4711')}`,
        'utf8',
      ),
    ],
    '001021B0': ['LT', Buffer.from(`Übertrag ${plant.text('Latin-1 text', () => 'Weißenböck 0815')}`, 'latin1')],
    '00204000': [
      'LT',
      Buffer.from(
        plant.text('UTF-16 text', () => 'Papadopoulou 3347'),
        'utf16le',
      ),
    ],
    '00081080': [
      'LO',
      Buffer.from(
        `since ${plant.text('year in text', () => 'April-1987')}; ${plant.text('phone in text', () => '+49 30 901820')}`,
        'utf8',
      ),
    ],
  };
}

function japaneseName(plant: Planter): RawTags {
  plant.text('Japanese name by escapes: the bytes of 山田', () => '\u001b$B;3ED');
  plant.text('Latin part of the Japanese name', () => 'Yamada^Tarou');
  return {
    '00081070': [
      'PN',
      Buffer.concat([
        latin('Yamada^Tarou='),
        Buffer.of(0x1b),
        latin('$B;3ED'),
        Buffer.of(0x1b),
        latin('(B^'),
        Buffer.of(0x1b),
        latin('$BB@O:'),
        Buffer.of(0x1b),
        latin('(B'),
      ]),
    ],
  };
}
