import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isNavError, type NavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import type { Volume } from '../../volume/index.js';
import { type ReadVolumeOptions, readVolume, type VolumeFile } from '../index.js';
import { dicomSeries, dicomSlice, EXPLICIT_LE } from '../test-support/dicom-writer.js';

/** Folders as archives and media hand them over, where the wanted series is one thing among others. */
const ct = frame('ct');
const read = (files: VolumeFile[], options: Partial<ReadVolumeOptions<'ct'>> = {}): Promise<Volume<'ct'>> =>
  readVolume(files, { frame: ct, ...options });

async function refusal(files: VolumeFile[], options: Partial<ReadVolumeOptions<'ct'>> = {}): Promise<NavError> {
  const outcome = await read(files, options).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}

const WANTED = '1.2.3.2';
const screen: VolumeFile = {
  name: '000-screen.dcm',
  bytes: dicomSlice({
    tags: {
      '00080060': ['CS', 'OT'],
      '0008103E': ['LO', 'Screen'],
      '0020000E': ['UI', '5.6'],
      '00200032': undefined,
      '00200037': undefined,
      '00280002': ['US', 3],
      '00280004': ['CS', 'RGB'],
      '00280030': undefined,
    },
  }),
};
const damaged: VolumeFile = {
  name: '001-cut.dcm',
  bytes: dicomSlice({ tags: { '0020000E': ['UI', '7.8'] } }).slice(0, -20),
};

describe('a series beside things that are no volume', () => {
  it('is offered for choice, with those beside it, whatever file comes first', async () => {
    const error = await refusal([screen, ...dicomSeries(3)]);
    expect(error.code).toBe('dicom/mixed-series');
    expect(error.detail['series']).toEqual([
      { uid: '5.6', description: 'Screen', modality: 'OT', slices: 1 },
      { uid: WANTED, description: 'Synthetic', modality: 'CT', slices: 3 },
    ]);
    expect((await read([screen, ...dicomSeries(3)], { seriesUid: WANTED })).size[2]).toBe(3);
    expect((await refusal([screen, ...dicomSeries(3)], { seriesUid: '5.6' })).code).toBe('dicom/missing-geometry');
    expect((await refusal([screen, ...dicomSeries(3)], { seriesUid: '9' })).detail['series']).toHaveLength(2);
  });

  it('is read where another series is damaged, and refused where it is itself', async () => {
    const files = [damaged, ...dicomSeries(3)];
    expect((await refusal(files)).code).toBe('dicom/mixed-series');
    expect((await read(files, { seriesUid: WANTED })).size[2]).toBe(3);
    expect((await refusal(files, { seriesUid: '7.8' })).code).toBe('dicom/truncated');
    const own = { name: 'cut.dcm', bytes: dicomSlice({ position: [0, 0, 6] }).slice(0, -20) };
    for (const options of [{}, { seriesUid: WANTED }]) {
      expect((await refusal([...dicomSeries(3), own], options)).code).toBe('dicom/truncated');
    }
  });

  it('is not read where a damaged file does not even say what it belongs to', async () => {
    const unknown = { name: 'u.dcm', bytes: dicomSlice().slice(0, 200) };
    expect((await refusal([...dicomSeries(3), unknown], { seriesUid: WANTED })).code).toBe('dicom/truncated');
  });
});

it('calls copies of an image copies', async () => {
  const twice = [...dicomSeries(3), { name: 'copy/s001.dcm', bytes: dicomSlice({ position: [0, 0, 2] }) }];
  const copied = await refusal(twice);
  expect([copied.code, copied.detail['copies']]).toEqual(['dicom/duplicate-position', true]);
  const other = dicomSlice({ position: [0, 0, 2], tags: { '00080018': ['UI', '1.2.9'] } });
  expect((await refusal([...dicomSeries(3), { name: 'again.dcm', bytes: other }])).detail['copies']).toBe(false);
});

it('takes no mosaic for a slice: where its pixels are, its tags do not say', async () => {
  const mosaic = dicomSlice({ tags: { '00080008': ['CS', 'ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC '] } });
  expect((await refusal([{ name: 'm.dcm', bytes: mosaic }])).code).toBe('dicom/unsupported-object');
});

it('assumes no sign for pixels whose file does not tell it', async () => {
  const error = await refusal(dicomSeries(3, { each: (k) => (k === 1 ? { tags: { '00280103': undefined } } : {}) }));
  expect([error.code, error.detail['file'], error.detail['tag']]).toEqual(['io/corrupt', 's001.dcm', '(0028,0103)']);
});

it('reads a deflated file whose packed bytes look like an element of a sequence', async () => {
  const plain = dicomSlice();
  const meta = plain.subarray(0, 144 + new DataView(plain.buffer).getUint32(140, true));
  for (const [tail, first] of [
    [deflateRawSync(plain.subarray(meta.length)), [0, 1, 2, 3]],
    [Buffer.from(LOOKS_LIKE_A_SEQUENCE, 'base64'), [2243, -867, 1225, 2446]],
  ] as const) {
    const v = await read([{ name: 'd.dcm', bytes: asDeflated(meta, tail) }]);
    expect(Array.from(v.voxels.subarray(0, 4))).toEqual(first);
  }
});

/** What pydicom wrote behind the meta information of a 7 × 5 image: bytes 4 and 5 read "SQ". */
const LOOKS_LIKE_A_SEQUENCE =
  'hVJNa1NREJ2Xr95Uqy8IJbh6GyELe5m533cjhkTtkyQvvLSoEESRgC60YMGtbkVw6c6/4kJX/RddCGJdKrix1HmNLe6yuJczc2aGM/dcAQIGs00oyvxO' +
  'PumP5tMyH/fLB/P+/bw/ErAJu/lVIKlkMCgJEYO0kqThw1nu7nLFzWWFcpJrpHYB0WgZpIlBRjRRW+0pWK2s8sYYpzEaq6L3FG1AQmUEZDDsC1CokBMk' +
  'AGFn3ALiEFHAFGbbNaBMwCPWW4PBjoAb6ahowf7i5bPFfgopTCcChnuLh3f3nr5Ied6oqMGUutw7nDVYIWYZbKxQS8S6lEZy3nllvQoeHTlSignjAtmg' +
  'lc7g0oo53gf05KIlHxzvHauE86S15UmonItK2YxVL/fKoAP5bImunCPFylPY4meXOLfVpfnKwHO+W200x//Ov5j7ylWe2MgOGK8iOoOKrbGcipoCL2jI' +
  'eoMUXA9qsMtKEuhBg1/9IoyLSTHYLovxLZX1WHvFNpntnKI1RsjK2DsZWA1xDSQVkzKTnKPaKbrMqJ6czS/Tqm+r+gq8QQ9m6Zlnh69TKO4B3AaAL+Lj' +
  'n4PG+/bzZqd91Dhqj5qf4HvrV/tVvbxwTbwV707eJK3Gz+Q3/Kj32o/Xvybf6odrn2sH6xvHzePryYf64uRJ6y8=';

/** The meta information with the deflated syntax named, and what follows it. */
function asDeflated(meta: Uint8Array, tail: Uint8Array): Uint8Array {
  const text = (s: string): number[] => Array.from(s, (c) => c.charCodeAt(0));
  const at = Buffer.from(meta).indexOf(EXPLICIT_LE);
  const name = text('1.2.840.10008.1.2.1.99');
  const head = [...meta.subarray(0, at - 2), name.length, 0, ...name];
  head[140] = (meta[140] as number) + name.length - ((meta[at - 2] as number) | ((meta[at - 1] as number) << 8));
  return Uint8Array.from([...head, ...tail]);
}
