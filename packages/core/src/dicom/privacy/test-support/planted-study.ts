import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { VolumeFile } from '../../../io/index.js';
import { nestedTags, oddPlaces, privateTags } from './planted-places.js';
import { type Planted, Planter, valueFor } from './planter.js';
import { type Form, type RawTags, type RawValue, rawFile, us } from './raw-writer.js';

/**
 * A study of one invented patient in which 200 identifiers are planted: CT and MR that share a Frame of Reference, a structure set
 * and a report that refer to both, and ultrasound with text in its pictures. Not one may be left after de-identification.
 */
export interface PlantedStudy {
  readonly files: readonly VolumeFile[];
  /** The 200, each with the bytes that it may stand in. */
  readonly identifiers: readonly Planted[];
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const US = '1.2.840.10008.5.1.4.1.1.6.1';
const RT = '1.2.840.10008.5.1.4.1.1.481.3';
const SR = '1.2.840.10008.5.1.4.1.1.88.33';
const SLICES = 4;
export const COLUMNS = 6;
export const ROWS = 5;

/** Attributes of the top level, by VR, each of which gets an identifier of its own. */
const HEADERS: Readonly<Record<string, string>> = {
  PN: '00080090 0008009C 00081048 00081050 00081060 00081070 00101001 00101005 00101060 00102297 00321032 00402008 00401010 00404037 00700084',
  LO: '00080080 00081040 0008103E 00081030 00081080 00100021 00101000 00101081 00101090 00102000 00102110 00102152 00102299 00120010 00120020 00120021 00120031 00120040 00180010 00181000 00181004 00181005 00181008 00181030 00321033 00321060 00380010 00380011 00380300 00380500 00400012 00181400 00181010',
  SH: '00080050 00081010 00080094 00102154 00102160 00102180 00200010 00400009 00400010 00400242 00400243 00400253 00401001',
  LT: '001021B0 00104000 00184000 00204000 00400280 00284000 00401400 00402400',
  ST: '00080081 00080092 00101040 00082111 00400310',
  UT: '0040A160 00720070',
  AE: '00080055 00080054 00400001 00400241 21000140',
  DA: '00080012 00080020 00080021 00080022 00080023 00100030 001021D0 00181012 00181200 00321000 00321010 00380020 00400002 00400244 00400250 00700082',
  DT: '0008002A 00080015 00189074 00189151 00404050 00181078',
  UC: '00189908_X',
  UR: '00081190 00720071',
  UI: '00080014 00083010 00181002 00200200 00880140 00209164 00081195 00209161 0040A124',
};

function shared(form: Form): RawTags {
  return {
    '00080005': ['CS', 'ISO_IR 192'],
    '00280002': ['US', us(1, form)],
    '00280004': ['CS', 'MONOCHROME2'],
    '00280010': ['US', us(ROWS, form)],
    '00280011': ['US', us(COLUMNS, form)],
    '00280030': ['DS', '0.7\\0.5'],
    '00280100': ['US', us(16, form)],
    '00280101': ['US', us(16, form)],
    '00280102': ['US', us(15, form)],
    '00280103': ['US', us(0, form)],
  };
}

/** Everything once: the patient and the study, the UIDs that join the files, and the attributes of {@link HEADERS}. */
export function plantedStudy(form: Form = 'explicit'): PlantedStudy {
  const plant = new Planter();
  const joined = joinedUids(plant);
  const patient = patientTags(plant);
  const headers = headerTags(plant);
  const nested = nestedTags(plant);
  const vendor = privateTags(plant);
  const odd = oddPlaces(plant);
  const burned = odd.overlay;
  const files: VolumeFile[] = [];
  const keys = Object.keys(headers);
  const add = (name: string, tags: RawTags, around = {}): void => {
    files.push({ name, bytes: new Uint8Array(rawFile(tags, form, (b) => deflateRawSync(b), around)) });
  };
  for (let k = 0; k < SLICES; k += 1) {
    // Each slice has a quarter of the headers, so that no file is a list of everything.
    const part = Object.fromEntries(
      keys.filter((_, n) => n % SLICES === k).map((tag) => [tag, headers[tag] as readonly [string, RawValue]]),
    );
    const image = imageTags({ form, k, modality: 'CT', sopClass: CT, uids: joined });
    add(
      `Okonkwo_CT_${k}.dcm`,
      { ...shared(form), ...patient, ...part, ...image, ...(k === 0 && { ...nested, ...vendor, ...burned }) },
      k === 0 ? odd.around : {},
    );
    add(`mr${k}.dcm`, {
      ...shared(form),
      ...patient,
      ...imageTags({ form, k, modality: 'MR', sopClass: MR, uids: joined }),
      ...(k === 1 && odd.encodings),
    });
  }
  add('rtss.dcm', {
    '00080005': ['CS', 'ISO 2022 IR 6\\ISO 2022 IR 87'],
    ...patient,
    ...structureSet(joined, plant),
    ...odd.japanese,
  });
  add('report.dcm', { '00080005': ['CS', 'ISO_IR 100'], ...patient, ...report(joined, plant) });
  add('us.dcm', {
    ...shared(form),
    ...patient,
    ...imageTags({ form, k: 0, modality: 'US', sopClass: US, uids: joined }),
    '00280301': ['CS', 'YES'],
    '00081010': ['SH', plant.text('station of the ultrasound', (n) => `Echo-${5000 + n}`)],
  });
  while (plant.planted.length < 200) throw new Error(`only ${plant.planted.length} identifiers are planted`);
  return { files, identifiers: plant.planted };
}

interface Joined {
  readonly study: string;
  readonly frame: string;
  readonly series: Readonly<Record<string, string>>;
  readonly instance: (modality: string, k: number) => string;
}

function joinedUids(plant: Planter): Joined {
  const uid = (where: string): string => plant.text(where, (n) => `1.2.826.0.1.3680043.8.${n}.${n * 104729}`);
  const instances = new Map<string, string>();
  for (const modality of ['CT', 'MR', 'US', 'RTSTRUCT', 'SR']) {
    for (let k = 0; k < (modality === 'CT' || modality === 'MR' ? SLICES : 1); k += 1) {
      instances.set(`${modality}${k}`, uid(`SOP Instance UID of ${modality} ${k}`));
    }
  }
  const series = Object.fromEntries(['CT', 'MR', 'US', 'RTSTRUCT', 'SR'].map((m) => [m, uid(`Series Instance UID of ${m}`)]));
  return {
    study: uid('Study Instance UID'),
    frame: uid('Frame of Reference UID'),
    series,
    instance: (modality, k) => instances.get(`${modality}${k}`) as string,
  };
}

function patientTags(plant: Planter): RawTags {
  const name = plant.text("Patient's Name", () => 'Okonkwo-Müller^Adaeze^Obi');
  return {
    '00100010': ['PN', Buffer.from(name, 'utf8')],
    '00100020': ['LO', plant.text('Patient ID', () => 'MRN-8841-20417')],
    '00100040': ['CS', 'F'],
  };
}

function headerTags(plant: Planter): RawTags {
  const tags: Record<string, readonly [string, RawValue]> = {};
  for (const [vr, list] of Object.entries(HEADERS)) {
    for (const tag of list.split(' ').filter((word) => /^[0-9A-F]{8}$/.test(word))) {
      tags[tag] = [vr, plant.text(`${tag} ${vr}`, (n) => valueFor(vr, n))];
    }
  }
  return tags;
}

interface ImageSpec {
  readonly form: Form;
  readonly k: number;
  readonly modality: string;
  readonly sopClass: string;
  readonly uids: Joined;
}

/** Slice k: 2 mm apart, values i + 10 j + 100 k. */
function imageTags({ form, k, modality, sopClass, uids }: ImageSpec): RawTags {
  const pixels = Buffer.alloc(2 * ROWS * COLUMNS);
  for (let n = 0; n < ROWS * COLUMNS; n += 1) {
    const value = (n % COLUMNS) + 10 * Math.floor(n / COLUMNS) + 100 * k;
    if (form === 'big') pixels.writeUInt16BE(value, 2 * n);
    else pixels.writeUInt16LE(value, 2 * n);
  }
  return {
    '00080008': ['CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    '00080016': ['UI', sopClass],
    '00080018': ['UI', uids.instance(modality, k)],
    '00080060': ['CS', modality],
    '00080070': ['LO', 'ACME'],
    '00180050': ['DS', '2'],
    '00185100': ['CS', 'HFS'],
    '0020000D': ['UI', uids.study],
    '0020000E': ['UI', uids.series[modality] as string],
    '00200032': ['DS', `-10\\20\\${2 * k}`],
    '00200037': ['DS', '1\\0\\0\\0\\1\\0'],
    '00200052': ['UI', uids.frame],
    '00281052': ['DS', '0'],
    '00281053': ['DS', '1'],
    '7FE00010': ['OW', pixels],
  };
}

function structureSet(uids: Joined, plant: Planter): RawTags {
  const lo = (where: string): readonly [string, RawValue] => ['LO', plant.text(where, (n) => valueFor('LO', n))];
  const image = (modality: string, k: number): RawTags => ({
    '00081150': ['UI', modality === 'CT' ? CT : MR],
    '00081155': ['UI', uids.instance(modality, k)],
  });
  const series = ['CT', 'MR'].map(
    (m) =>
      ({ '0020000E': ['UI', uids.series[m] as string], '30060016': ['SQ', [0, 1, 2, 3].map((k) => image(m, k))] }) as RawTags,
  );
  return {
    '00080016': ['UI', RT],
    '00080018': ['UI', uids.instance('RTSTRUCT', 0)],
    '00080060': ['CS', 'RTSTRUCT'],
    '0020000D': ['UI', uids.study],
    '0020000E': ['UI', uids.series['RTSTRUCT'] as string],
    '30060002': ['SH', plant.text('structure set label', (n) => valueFor('SH', n))],
    '30060004': lo('structure set name'),
    '30060006': ['ST', plant.text('structure set description', (n) => valueFor('ST', n))],
    '30060008': ['DA', plant.text('structure set date', (n) => valueFor('DA', n))],
    '30060010': [
      'SQ',
      [{ '00200052': ['UI', uids.frame], '30060012': ['SQ', [{ '00081155': ['UI', uids.study], '30060014': ['SQ', series] }]] }],
    ],
    '30060020': [
      'SQ',
      [
        {
          '30060022': ['IS', '1'],
          '30060024': ['UI', uids.frame],
          '30060026': lo('ROI name'),
          '30060028': ['ST', plant.text('ROI description', (n) => valueFor('ST', n))],
        },
      ],
    ],
    '30060039': [
      'SQ',
      [
        {
          '30060084': ['IS', '1'],
          '30060040': [
            'SQ',
            [
              {
                '30060016': ['SQ', [image('CT', 0)]],
                '30060042': ['CS', 'CLOSED_PLANAR'],
                '30060046': ['IS', '1'],
                '30060050': ['DS', '0\\0\\0'],
              },
            ],
          ],
        },
      ],
    ],
    '30060080': [
      'SQ',
      [{ '30060082': ['IS', '1'], '300600A6': ['PN', plant.text('ROI interpreter', (n) => valueFor('PN', n))] }],
    ],
    '300E0008': ['PN', plant.text('reviewer', (n) => valueFor('PN', n))],
  };
}

function report(uids: Joined, plant: Planter): RawTags {
  const code = (value: string, meaning: string): RawTags => ({
    '00080100': ['SH', value],
    '00080102': ['SH', 'DCM'],
    '00080104': ['LO', meaning],
  });
  const item = (type: string, tags: RawTags): RawTags => ({
    '0040A010': ['CS', 'CONTAINS'],
    '0040A040': ['CS', type],
    '0040A043': ['SQ', [code('121071', 'Finding')]],
    ...tags,
  });
  const latin1 = plant.text('Latin-1 text of a report', () => 'Grüßauer Anna 5512');
  return {
    '00080016': ['UI', SR],
    '00080018': ['UI', uids.instance('SR', 0)],
    '00080060': ['CS', 'SR'],
    '0020000D': ['UI', uids.study],
    '0020000E': ['UI', uids.series['SR'] as string],
    '0040A040': ['CS', 'CONTAINER'],
    '0040A073': [
      'SQ',
      [
        {
          '0040A027': ['LO', plant.text('verifying organisation', (n) => valueFor('LO', n))],
          '0040A030': ['DT', plant.text('verification', (n) => valueFor('DT', n))],
          '0040A075': ['PN', plant.text('verifying observer', (n) => valueFor('PN', n))],
          '0040A088': [
            'SQ',
            [
              code(
                plant.text('code of the observer', (n) => valueFor('SH', n)),
                'x',
              ),
            ],
          ],
        },
      ],
    ],
    '0040A730': [
      'SQ',
      [
        item('TEXT', { '0040A160': ['UT', Buffer.from(`Seen: ${latin1}`, 'latin1')] }),
        item('PNAME', { '0040A123': ['PN', plant.text('person in a report', (n) => valueFor('PN', n))] }),
        item('DATETIME', { '0040A120': ['DT', plant.text('date in a report', (n) => valueFor('DT', n))] }),
        item('UIDREF', { '0040A124': ['UI', plant.text('UID in a report', (n) => valueFor('UI', n))] }),
        item('IMAGE', { '00081199': ['SQ', [{ '00081150': ['UI', CT], '00081155': ['UI', uids.instance('CT', 0)] }]] }),
        item('IMAGE', { '00081199': ['SQ', [{ '00081150': ['UI', MR], '00081155': ['UI', uids.instance('MR', 1)] }]] }),
        item('CONTAINER', {
          '0040A730': ['SQ', [item('TEXT', { '0040A160': ['UT', plant.text('text two deep', (n) => valueFor('UT', n))] })]],
        }),
      ],
    ],
  };
}

/** The bytes of a file, inflated where they were deflated: what a search must go through. */
export function openBytes(bytes: Uint8Array, form: Form): Buffer {
  const whole = Buffer.from(bytes);
  if (form !== 'deflated') return whole;
  const metaEnd = 144 + whole.readUInt32LE(140);
  return Buffer.concat([whole, inflateRawSync(whole.subarray(metaEnd))]);
}

const fold = (b: Buffer): Buffer => Buffer.from(b.map((x) => (x >= 65 && x <= 90 ? x + 32 : x)));

/** Which of the identifiers stand anywhere in the bytes, in any of the encodings, in any case. */
export function found(identifiers: readonly Planted[], bytes: Buffer): Planted[] {
  const folded = fold(bytes);
  return identifiers.filter(({ text }) =>
    [text, text.toLowerCase(), text.toUpperCase()].some((cased) => {
      const wide = Buffer.from(cased, 'utf16le');
      const forms = [Buffer.from(cased, 'utf8'), Buffer.from(cased, 'latin1'), wide, Buffer.from(wide).swap16()];
      return forms.some((form) => folded.includes(fold(form)));
    }),
  );
}
