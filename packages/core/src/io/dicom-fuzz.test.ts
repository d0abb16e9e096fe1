import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { Random } from '../math/index.js';
import { cornersOf, type Volume } from '../volume/index.js';
import { readPicture, readVolume, type VolumeFile } from './index.js';
import {
  COLUMNS,
  dicomSeries,
  dicomSlice,
  EXPLICIT_BE,
  IMPLICIT_LE,
  ROWS,
  rleFrame,
  type Tags,
} from './test-support/dicom-writer.js';
import { MUTATORS, type Mutator } from './test-support/mutate.js';
import { type PlainFrame, plainFrames, plainParse, shortOf, textOf } from './test-support/plain-parser.js';
import { dataPath } from './test-support/real-data.js';

const anywhere = frame('anywhere');

/** What a slice may lie off its even grid without a refusal, and what rounded cosines may do to a corner, mm. */
const TOLERANCE_MM = 0.15;
/** A file that takes longer than this hangs, for a person who waits. */
const LONGEST_MS = 10_000;
/** More memory than this for files of half a megabyte was taken on a damaged header's word. */
const MOST_BYTES = 400e6;

interface Subject {
  readonly name: string;
  readonly files: readonly VolumeFile[];
  /** How often it is drawn: small files are quicker. */
  readonly weight: number;
}

const turned = { orientation: [0.8, 0.6, 0, 0, 0, -1], tags: {} } as const;

function enhancedFile(): VolumeFile {
  const pixels = new Uint8Array(2 * ROWS * COLUMNS * 4);
  const measures: Tags = { '00280030': ['DS', '0.7\\0.5'], '00180050': ['DS', '2'] };
  const tags: Tags = {
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.4.1'],
    '00080060': ['CS', 'MR'],
    '00200032': undefined,
    '00200037': undefined,
    '00280008': ['IS', '4'],
    '00280030': undefined,
    '52009229': ['SQ', [{ '00209116': ['SQ', [{ '00200037': ['DS', '1\\0\\0\\0\\1\\0'] }]], '00289110': ['SQ', [measures]] }]],
    '52009230': ['SQ', [0, 2, 4, 6].map((z): Tags => ({ '00209113': ['SQ', [{ '00200032': ['DS', `-10\\20\\${z}`] }]] }))],
    '7FE00010': ['OW', pixels],
  };
  return { name: 'enhanced.dcm', bytes: dicomSlice({ tags }) };
}

const synthetic: Subject[] = [
  { name: 'axial', files: dicomSeries(5, { start: [-12.5, 7.25, 101.5] }), weight: 12 },
  {
    name: 'turned',
    files: dicomSeries(5, { step: [-1.5, 2, 0], each: () => turned }),
    weight: 6,
  },
  { name: 'implicit', files: dicomSeries(4, { each: () => ({ syntax: IMPLICIT_LE }) }), weight: 6 },
  { name: 'big endian', files: dicomSeries(4, { each: () => ({ syntax: EXPLICIT_BE }) }), weight: 4 },
  { name: 'tilted', files: dicomSeries(4, { step: [0, 0.7, 2] }), weight: 3 },
  { name: 'enhanced', files: [enhancedFile()], weight: 8 },
];

const REAL = [
  ['syntaxes/CTImage.dcm', 3],
  ['syntaxes/TestPattern_Palette.dcm', 2],
  ['syntaxes/US-YBR_FULL_422-EVRLE.dcm', 2],
  ['syntaxes/no-pixel-spacing.dcm', 2],
  ['enhanced/liver.dcm', 2],
  ['enhanced/emri_small.dcm', 2],
  ['enhanced/US1_UNCI.dcm', 1],
  ['syntaxes/CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm', 1],
  ['syntaxes/CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm', 0.4],
  ['syntaxes/CTImage.dcm_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm', 0.4],
  ['syntaxes/CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm', 0.4],
  ['syntaxes/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm', 0.2],
  ['enhanced/bad_sequence.dcm', 0.3],
] as const;

const root = dataPath('dicom');

function realSubjects(): Subject[] {
  if (root.absent) return [];
  return REAL.map(([name, weight]) => ({
    name,
    weight,
    files: [{ name, bytes: new Uint8Array(readFileSync(join(root.path, name))) }],
  }));
}

interface Outcome {
  readonly volume?: Volume<'anywhere'>;
  readonly code?: string;
}

async function outcomeOf(files: readonly VolumeFile[]): Promise<Outcome> {
  try {
    return { volume: await readVolume(files, { frame: anywhere }) };
  } catch (error) {
    if (!isNavError(error)) throw error;
    return { code: error.code };
  }
}

/** Why a volume's geometry is not that of its files, by a parser and an equation of the test's own; undefined where it is. */
function silentError(
  v: Volume<'anywhere'>,
  files: readonly VolumeFile[],
  intact: Volume<'anywhere'> | undefined,
): string | undefined {
  const same =
    intact !== undefined &&
    v.size.join() === intact.size.join() &&
    Array.from(v.frameFromIndex).every((x, n) => Math.abs(x - (intact.frameFromIndex[n] as number)) < 1e-9);
  if (same) return undefined;
  const ignored = (v.warnings.find((w) => w.code === 'ignored-files')?.detail?.['files'] ?? []) as string[];
  const sets = files.filter((f) => !ignored.includes(f.name)).map((f) => plainParse(f.bytes));
  if (sets.some((set) => set === undefined)) return 'an irregular file gave another geometry than the intact one';
  const frames: PlainFrame[] = [];
  for (const set of sets) {
    const found = set && plainFrames(set);
    if (found === undefined) return 'a file without a readable geometry gave a volume';
    frames.push(...found);
  }
  return mismatch(v, frames);
}

function mismatch(v: Volume<'anywhere'>, frames: readonly PlainFrame[]): string | undefined {
  const [ni, nj, nk] = v.size;
  const { normal } = frames[0] as PlainFrame;
  const depth = (f: PlainFrame): number => (f.corners[0] as number[]).reduce((sum, x, r) => sum + x * (normal[r] as number), 0);
  const sorted = [...frames].sort((a, b) => depth(a) - depth(b));
  if (sorted.length !== nk) return `${nk} slices of ${sorted.length} frames`;
  const m = v.frameFromIndex;
  for (const [k, f] of sorted.entries()) {
    if (f.columns !== ni || f.rows !== nj) return `size ${ni}×${nj}, where frame ${k} has ${f.columns}×${f.rows}`;
    for (const [n, corner] of f.corners.entries()) {
      const [i, j] = [n & 1 ? ni - 1 : 0, n & 2 ? nj - 1 : 0];
      const at = [0, 1, 2].map(
        (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
      );
      const miss = Math.hypot(...at.map((x, r) => x - (corner[r] as number)));
      if (!(miss <= TOLERANCE_MM)) return `corner ${n} of slice ${k} is ${miss.toFixed(3)} mm off`;
    }
  }
  return undefined;
}

/** A picture's size must be what its tags say, and its frames times its size what its pixels are. */
async function pictureError(file: VolumeFile): Promise<string | undefined> {
  try {
    const p = await readPicture(file);
    const samples = p.kind === 'rgb' ? 3 : 1;
    if (p.pixels.length !== p.rows * p.columns * p.frames * samples) return 'a picture with another number of pixels';
    const set = plainParse(file.bytes);
    if (set === undefined) return undefined;
    const wanted = [shortOf(set, 0x00280010), shortOf(set, 0x00280011), Number(textOf(set, 0x00280008) || '1')];
    return wanted.join() === [p.rows, p.columns, p.frames].join() ? undefined : `a picture of ${p.columns}×${p.rows}×${p.frames}`;
  } catch (error) {
    if (!isNavError(error)) throw error;
    return undefined;
  }
}

function drawn<T extends { readonly weight: number }>(list: readonly T[], random: Random): T {
  let at = random.uniform() * list.reduce((sum, s) => sum + s.weight, 0);
  for (const s of list) {
    at -= s.weight;
    if (at < 0) return s;
  }
  return list[0] as T;
}

interface Tally {
  volumes: number;
  refused: Map<string, number>;
  readonly wrong: string[];
  slowestMs: number;
  slowest: string;
  mostBytes: number;
}

async function fuzz(subjects: readonly Subject[], count: number, seed: number): Promise<Tally> {
  const random = new Random(seed);
  const kinds = Object.entries(MUTATORS);
  const intact = new Map<Subject, Volume<'anywhere'> | undefined>();
  for (const s of subjects) intact.set(s, (await outcomeOf(s.files)).volume);
  const tally: Tally = { volumes: 0, refused: new Map(), wrong: [], slowestMs: 0, slowest: '', mostBytes: 0 };
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < count; n += 1) {
    const subject = drawn(subjects, random);
    const [kind, mutate] = kinds[random.below(kinds.length)] as [string, Mutator];
    const which = random.below(subject.files.length);
    const files = subject.files.map((f, k) => (k === which ? { name: f.name, bytes: mutate(f.bytes, random) } : f));
    const label = `${subject.name}, file ${which}, ${kind}, seed ${seed}, case ${n}`;
    const started = performance.now();
    const { volume, code } = await outcomeOf(files).catch((cause: unknown) => {
      throw new Error(`crashed: ${label}`, { cause });
    });
    const wrong = volume && silentError(volume, files, intact.get(subject));
    const alsoWrong = await pictureError(files[which] as VolumeFile).catch((cause: unknown) => {
      throw new Error(`crashed as a picture: ${label}`, { cause });
    });
    const ms = performance.now() - started;
    tally.mostBytes = Math.max(tally.mostBytes, process.memoryUsage().arrayBuffers - before);
    if (ms > tally.slowestMs) Object.assign(tally, { slowestMs: ms, slowest: label });
    if (volume !== undefined) tally.volumes += 1;
    else tally.refused.set(code as string, (tally.refused.get(code as string) ?? 0) + 1);
    for (const what of [wrong, alsoWrong]) if (what !== undefined) tally.wrong.push(`${label}: ${what}`);
  }
  return tally;
}

function summary(t: Tally): string {
  const refused = [...t.refused].sort((a, b) => b[1] - a[1]).map(([code, n]) => `${code} ${n}`);
  return `${t.volumes} volumes; refused: ${refused.join(', ')}; slowest ${t.slowestMs.toFixed(0)} ms (${t.slowest}); ${(t.mostBytes / 1e6).toFixed(0)} MB`;
}

describe('mutated DICOM', () => {
  it('the oracle agrees with every intact file', async () => {
    for (const s of [...synthetic, ...realSubjects()]) {
      const { volume } = await outcomeOf(s.files);
      if (volume !== undefined) expect([s.name, silentError(volume, s.files, undefined)]).toEqual([s.name, undefined]);
      expect([s.name, await pictureError(s.files[0] as VolumeFile)]).toEqual([s.name, undefined]);
    }
  }, 180_000);

  it('the oracle sees a volume of another place or size', async () => {
    const s = synthetic[0] as Subject;
    const v = (await outcomeOf(s.files)).volume as Volume<'anywhere'>;
    const moved = Float64Array.from(v.frameFromIndex);
    moved[13] = (moved[13] as number) + 0.2;
    expect(silentError({ ...v, frameFromIndex: moved }, s.files, v)).toContain('mm off');
    expect(silentError({ ...v, size: [8, 6, 4] }, s.files, v)).toContain('slices');
    expect(cornersOf(v)).toHaveLength(8);
  });

  it('gives no crash, no hang and no silent wrong geometry: small files', async () => {
    const tally = await fuzz(synthetic, 400 * inject('effort'), inject('seed'));
    expect(tally.wrong).toEqual([]);
    expect([tally.slowest, tally.slowestMs < LONGEST_MS]).toEqual([tally.slowest, true]);
    expect(tally.volumes).toBeGreaterThan(0);
    if (inject('effort') > 1) process.stdout.write(`${summary(tally)}\n`);
  }, 3_600_000);

  it.skipIf(root.absent)(
    'nor do real files',
    async () => {
      const tally = await fuzz(realSubjects(), 40 * inject('effort'), inject('seed') + 1);
      expect(tally.wrong).toEqual([]);
      expect([tally.slowest, tally.slowestMs < LONGEST_MS]).toEqual([tally.slowest, true]);
      expect(tally.mostBytes).toBeLessThan(MOST_BYTES);
      if (inject('effort') > 1) process.stdout.write(`${summary(tally)}\n`);
    },
    3_600_000,
  );

  it.each([
    ['Rows and Columns of 65535', { '00280010': ['US', 65_535], '00280011': ['US', 65_535] }],
    ['two thousand million frames', { '00280008': ['IS', '2000000000'] }],
  ] as const)('that claim %s take no memory for it, compressed or not', async (_, claim) => {
    const before = process.memoryUsage().arrayBuffers;
    for (const rle of [false, true]) {
      const bytes = dicomSlice({ rle, tags: claim as unknown as Tags });
      expect((await outcomeOf([{ name: 'huge.dcm', bytes }])).code).toMatch(/^(dicom|io)[/]/);
      expect(await pictureError({ name: 'huge.dcm', bytes })).toBeUndefined();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
    expect(rleFrame([1]).length).toBeGreaterThan(64);
  });
});
