import { frame } from '@trocar/core';
import { type DicomArchive, dicomArchive, retrieveVolume } from '@trocar/core/dicom';
import { findOrthanc, startOrthanc } from '@trocar/core/dicom/node';
import { type Row, report, row } from './_report.js';
import { option, progress } from './_rounds.js';

/**
 * A synthetic CT of 512 × 512 × 300 from a real Orthanc on this machine: time to the first slice, decoded, and to the complete, checked
 * volume, beside a bare `fetch` of the same bytes: the series as one answer, read into memory and not looked at. The contenders take
 * turns, the order changing; what comes is compared with what was stored. `--runs N` (default 7), `--slices N` (default 300).
 *
 * Orthanc runs on the same cores as the client, so its own work counts in all of them.
 */

const RUNS = option('--runs', 7);
const SLICES = option('--slices', 300);
const EDGE = 512;
const STUDY = '2.25.4711.1';
const SERIES = '2.25.4711.2';
const started = performance.now();

/** Value of a pixel: a pattern in which no two slices are alike. */
const valueAt = (i: number, j: number, k: number): number => ((i * 7 + j * 13 + k * 101) % 3000) - 1000;

function element(tag: string, vr: string, value: string | Uint8Array): Buffer {
  const raw =
    typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value.buffer, value.byteOffset, value.length);
  const bytes = raw.length % 2 === 0 ? raw : Buffer.concat([raw, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
  const long = vr === 'OW' || vr === 'OB';
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

const word = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >> 8);

/** One CT image, explicit VR little endian. */
function slice(k: number): Uint8Array {
  const pixels = new Int16Array(EDGE * EDGE);
  for (let j = 0; j < EDGE; j += 1) for (let i = 0; i < EDGE; i += 1) pixels[j * EDGE + i] = valueAt(i, j, k);
  const [ct, uid] = ['1.2.840.10008.5.1.4.1.1.2', `2.25.4711.3.${k + 1}`];
  const meta = Buffer.concat([
    element('00020001', 'OB', word(256)),
    element('00020002', 'UI', ct),
    element('00020003', 'UI', uid),
    element('00020010', 'UI', '1.2.840.10008.1.2.1'),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element('00020000', 'UL', length),
    meta,
    element('00080008', 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'),
    element('00080016', 'UI', ct),
    element('00080018', 'UI', uid),
    element('00080060', 'CS', 'CT'),
    element('00100010', 'PN', 'Phantom^Bench'),
    element('00100020', 'LO', 'BENCH'),
    element('00180050', 'DS', '1'),
    element('0020000D', 'UI', STUDY),
    element('0020000E', 'UI', SERIES),
    element('00200013', 'IS', String(k + 1)),
    element('00200032', 'DS', `-179.5\\-179.5\\${k}`),
    element('00200037', 'DS', '1\\0\\0\\0\\1\\0'),
    element('00200052', 'UI', '2.25.4711.4'),
    element('00280002', 'US', word(1)),
    element('00280004', 'CS', 'MONOCHROME2'),
    element('00280010', 'US', word(EDGE)),
    element('00280011', 'US', word(EDGE)),
    element('00280030', 'DS', '0.703125\\0.703125'),
    element('00280100', 'US', word(16)),
    element('00280101', 'US', word(16)),
    element('00280102', 'US', word(15)),
    element('00280103', 'US', word(1)),
    element('00281052', 'DS', '0'),
    element('00281053', 'DS', '1'),
    element('7FE00010', 'OW', new Uint8Array(pixels.buffer)),
  ]);
}

async function bare(url: string): Promise<{ first: number; whole: number; bytes: number }> {
  const from = performance.now();
  const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
  const response = await fetch(`${url}/studies/${STUDY}/series/${SERIES}`, { headers: { accept } });
  const first = performance.now() - from;
  const { byteLength } = await response.arrayBuffer();
  return { first, whole: performance.now() - from, bytes: byteLength };
}

async function ours(archive: DicomArchive, order: 'as-sent' | 'middle-first'): Promise<{ first: number; whole: number }> {
  const from = performance.now();
  let first = Number.NaN;
  const v = await retrieveVolume(archive, {
    study: STUDY,
    series: SERIES,
    frame: frame('ct'),
    order,
    onFirst: async (arrived) => {
      await arrived.values();
      first = performance.now() - from;
    },
  });
  const whole = performance.now() - from;
  if (v.size[2] !== SLICES) throw new Error(`the volume has ${v.size[2]} slices`);
  for (let n = 0; n < 20_000; n += 1) {
    const [i, j, k] = [(n * 37) % EDGE, (n * 91) % EDGE, (n * 17) % SLICES];
    if (v.voxels[(k * EDGE + j) * EDGE + i] !== valueAt(i, j, k)) throw new Error(`voxel ${i}, ${j}, ${k} is another`);
  }
  return { first, whole };
}

async function measure(url: string): Promise<Row[]> {
  const archive = dicomArchive({ url });
  const taken = {
    bare: [] as number[],
    first: [] as number[],
    whole: [] as number[],
    middleFirst: [] as number[],
    middleWhole: [] as number[],
  };
  let bytes = 0;
  const turns = [
    async () => {
      const one = await bare(url);
      taken.bare.push(one.whole);
      bytes = one.bytes;
    },
    async () => {
      const one = await ours(archive, 'as-sent');
      taken.first.push(one.first);
      taken.whole.push(one.whole);
    },
    async () => {
      const one = await ours(archive, 'middle-first');
      taken.middleFirst.push(one.first);
      taken.middleWhole.push(one.whole);
    },
  ];
  for (let run = 0; run <= RUNS; run += 1) {
    for (let n = 0; n < turns.length; n += 1) await (turns[(n + run) % turns.length] as () => Promise<void>)();
    // The first round warms all of them, Orthanc's cache and this program's code.
    if (run === 0) for (const list of Object.values(taken)) list.length = 0;
    progress(started, `round ${run} of ${RUNS}`);
  }
  const ratio = taken.whole.map((ms, n) => ms / (taken.bare[n] as number));
  const middle = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] as number;
  const name = `CT ${EDGE}² × ${SLICES} from Orthanc (${(bytes / 1e6).toFixed(0)} MB)`;
  return [
    row(`${name}: bare fetch`, 'ms', taken.bare),
    row(`${name}: first slice, decoded`, 'ms', taken.first, { text: 'at most 1000 ms', met: middle(taken.first) <= 1000 }),
    row(`${name}: complete volume, checked`, 'ms', taken.whole),
    row(`${name}: complete, of the bare fetch in the same round`, '×', ratio, {
      text: 'at most 1.5 ×',
      met: middle(ratio) <= 1.5,
    }),
    row(`${name}: middle slice first, metadata before it`, 'ms', taken.middleFirst, {
      text: 'at most 1000 ms',
      met: middle(taken.middleFirst) <= 1000,
    }),
    row(`${name}: complete, from the middle outwards, slice by slice`, 'ms', taken.middleWhole),
  ];
}

if (findOrthanc() === undefined)
  console.log('Orthanc is not installed (Debian: orthanc, orthanc-dicomweb): nothing is measured.');
else {
  const orthanc = await startOrthanc();
  try {
    const archive = dicomArchive({ url: orthanc.url });
    for (let k = 0; k < SLICES; k += 20) {
      const outcomes = await archive.store(Array.from({ length: Math.min(20, SLICES - k) }, (_, n) => slice(k + n)));
      if (outcomes.some(({ outcome }) => outcome !== 'stored')) throw new Error('a slice was not stored');
    }
    progress(started, 'stored');
    report(await measure(orthanc.url));
  } finally {
    await orthanc.stop();
  }
}
