import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, NavError } from '../../base/index.js';
import { PoseSample } from '../../frames/index.js';
import { fromQuaternion, identity4, Random } from '../../math/index.js';
import {
  bytesInput,
  makeTrackedSequence,
  memoryOutput,
  PoseTable,
  posesOfSequence,
  poseTableOf,
  Recording,
  readPoseCsv,
  readTrackedSequence,
  recordPoseTable,
  type SequenceFrame,
  sequenceImages,
  sequenceOfPoses,
  type TrackedSequence,
  writePoseCsv,
  writeTrackedSequence,
} from '../index.js';
import { poseText } from '../test-support/poses.js';

/** Recordings of PLUS (PlusLibData), found through TROCAR_DATA. Where they are absent these tests are skipped, and counted so. */
const FOLDER = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../shared/data')),
  'tracked-ultrasound/sequences',
);
const FILES = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => file.endsWith('.igs.mha')) : [];
const load = (file: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, file)));

async function allImages(sequence: TrackedSequence): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  for await (const image of sequenceImages(sequence)) images.push(image);
  return images;
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
  return 'nothing';
};

function textsOf(table: PoseTable): string[] {
  const sample = new PoseSample();
  return Array.from({ length: table.count }, (_, i) => {
    table.read(i, sample);
    return `${table.tools[table.tool(i)]} ${table.flushed(i)} ${poseText(0, sample, table.frame(i))}`;
  });
}

const statusCounts = (frames: readonly SequenceFrame[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { transforms } of frames)
    for (const t of transforms) counts[`${t.name} ${t.status}`] = (counts[`${t.name} ${t.status}`] ?? 0) + 1;
  return counts;
};

describe.skipIf(FILES.length === 0)("PLUS's recordings", () => {
  it.each(FILES)('%s is read and written again to the same bytes, and every image comes out of it', async (file) => {
    const bytes = load(file);
    const sequence = readTrackedSequence(bytes, file);
    expect(Buffer.compare(writeTrackedSequence(sequence), bytes)).toBe(0);
    const images = await allImages(sequence);
    expect(images.length).toBe(sequence.bytesPerFrame === 0 ? 0 : sequence.frames.length);
    for (const image of images) expect(image.length).toBe(sequence.bytesPerFrame);
    const { table, notRigid, withoutTime } = posesOfSequence(sequence);
    expect([notRigid, withoutTime]).toEqual([0, 0]);
    expect(table.count).toBe(sequence.frames.reduce((sum, f) => sum + f.transforms.length, 0));
  });

  it.each([
    [
      'NwirePhantomFreehand',
      [820, 616],
      97,
      'MFA',
      { 'ProbeToTracker ok': 97, 'ReferenceToTracker ok': 97, 'StylusToTracker missing': 97 },
    ],
    [
      'BoneUltrasound_L14',
      [820, 616],
      21,
      'MF',
      { 'ProbeToTracker ok': 21, 'ReferenceToTracker ok': 21, 'StylusToTracker ok': 21 },
    ],
    [
      'TransformInterpolationTest',
      [1, 1],
      500,
      'MFA',
      { 'ProbeToTracker ok': 499, 'ProbeToTracker missing': 1, 'ReferenceToTracker unknown': 500 },
    ],
    ['UltrasonixCurvilinearBrightnessData', [3640, 96], 5, 'FM', {}],
    ['ReferenceToRASCalibration', [0, 0], 93, 'XX', { 'ReferenceToTracker ok': 93, 'StylusToTracker ok': 93 }],
  ])('%s has what its header says', (file, size, frames, orientation, statuses) => {
    const sequence = readTrackedSequence(load(`${file}.igs.mha`));
    expect([sequence.size, sequence.frames.length, sequence.orientation]).toEqual([size, frames, orientation]);
    expect(statusCounts(sequence.frames)).toEqual(statuses);
  });

  it('a matrix is read row by row: the translation is the fourth column', () => {
    const { frames } = readTrackedSequence(load('NwirePhantomFreehand.igs.mha'));
    const probe = frames[0]?.transforms[0];
    expect(probe?.name).toBe('ProbeToTracker');
    expect([...(probe?.matrix ?? [])]).toEqual([
      0.956683, 0.269031, -0.111264, 0, -0.263308, 0.962616, 0.0635588, 0, 0.124204, -0.0315089, 0.991756, 0, -190.886, -98.0911,
      -1949.07, 1,
    ]);
    expect(frames[0]?.timestamp).toBe(345.627957);
  });

  it('keeps unfiltered times and frame numbers', () => {
    const { frames } = readTrackedSequence(load('TransformInterpolationTest.igs.mha'));
    expect(frames.slice(0, 3).map((f) => [f.frameNumber, f.timestamp, f.unfilteredTimestamp])).toEqual([
      [3, 1898165.1, 1898165.1],
      [5, 1898165.121, 1898165.121],
      [7, frames[2]?.timestamp, frames[2]?.unfilteredTimestamp],
    ]);
  });

  it.each(FILES)(
    '%s into a recording, CSV and back: poses to the last bit, matrices as near as the file has rounded them',
    async (file) => {
      const sequence = readTrackedSequence(load(file));
      const { table } = posesOfSequence(sequence);
      if (table.count === 0) return;
      const output = memoryOutput();
      expect(await recordPoseTable(table, output, { device: 'plus', facts: { origin: file } })).toBe(true);
      const recording = new Recording(bytesInput(output.bytes()));
      const back = await poseTableOf(recording);
      expect(textsOf(back)).toEqual(textsOf(table));
      expect(recording.facts?.all.get('origin')).toBe(file);
      expect(recording.facts?.baseUtc).toBe('');
      expect(textsOf(readPoseCsv(writePoseCsv(back, { arrived: true })).table)).toEqual(textsOf(table));
      const again = await sequenceOfPoses(back);
      expect(again.frames.length).toBe(sequence.frames.length);
      let worstMm = 0;
      let worstTurn = 0;
      for (const [i, frame] of again.frames.entries()) {
        const original = sequence.frames[i] as SequenceFrame;
        expect(frame.timestamp).toBeCloseTo(original.timestamp, 9);
        for (const [k, transform] of frame.transforms.entries()) {
          const truth = original.transforms[k];
          expect(transform.name).toBe(truth?.name);
          expect(transform.status).toBe(truth?.status === 'ok' ? 'ok' : 'missing');
          if (truth?.status !== 'ok') continue;
          for (let n = 0; n < 16; n += 1) {
            const off = Math.abs((transform.matrix[n] as number) - (truth.matrix[n] as number));
            if (n >= 12) worstMm = Math.max(worstMm, off);
            else worstTurn = Math.max(worstTurn, off);
          }
        }
      }
      expect(worstMm).toBe(0);
      // One was measured by a tracker that sends 16-bit numbers: its rotations are 5e-4 from orthogonal.
      expect(worstTurn).toBeLessThan(file.startsWith('EightLandmark') ? 5e-4 : 5e-6);
    },
  );
});

const FRAME = (at: number, matrix = '1 0 0 10 0 1 0 20 0 0 1 30 0 0 0 1', status = 'OK'): string =>
  `Seq_Frame000${at}_ProbeToTrackerTransform = ${matrix}\nSeq_Frame000${at}_ProbeToTrackerTransformStatus = ${status}\nSeq_Frame000${at}_Timestamp = ${at}.5\n`;
const file = (frames: string, head = 'DimSize = 0 0 2\nCompressedData = False', end = 'ElementDataFile = LOCAL\n'): Uint8Array =>
  new TextEncoder().encode(
    `ObjectType = Image\nNDims = 3\nKinds = domain domain list\nElementType = MET_UCHAR\n${head}\n${frames}${end}`,
  );

describe('a tracked sequence', () => {
  it('made here is read again, with its images', async () => {
    const random = new Random(1);
    const bytes = Array.from({ length: 5 }, () => Uint8Array.from({ length: 12 * 7 }, () => random.below(256)));
    const frames = bytes.map((_, i) => [
      { key: 'Timestamp', value: String(i / 10) },
      { key: 'ImageStatus', value: 'OK' },
    ]);
    const images = { size: [12, 7] as const, elementType: 'MET_UCHAR', orientation: 'UF', bytes };
    const made = await makeTrackedSequence({ frames, images, fields: [{ key: 'UltrasoundImageType', value: 'BRIGHTNESS' }] });
    const back = readTrackedSequence(writeTrackedSequence(made));
    expect(await allImages(back)).toEqual(bytes);
    expect([back.size, back.orientation, back.frames.length]).toEqual([[12, 7], 'UF', 5]);
    await expect(makeTrackedSequence({ frames, images: { ...images, bytes: bytes.slice(1) } })).rejects.toThrow(/as many images/);
  });

  it('of poses is what PLUS writes: rows, statuses, and the identity where there is no pose', async () => {
    const table = new PoseTable();
    const sample = new PoseSample();
    const half = Math.SQRT1_2;
    sample.values.set([1500.25, 1502, 0.1, 10, 20, 30, 0, 0, half, half]);
    sample.status = 'ok';
    table.add(table.toolNumber('stylus-1'), sample, 42, false);
    sample.status = 'outOfVolume';
    table.add(table.toolNumber('ProbeToTracker'), sample, 42, false);
    sample.status = 'missing';
    table.add(table.toolNumber('ref'), sample, 42, true);
    const sequence = await sequenceOfPoses(table);
    const text = new TextDecoder().decode(writeTrackedSequence(sequence));
    expect(text).toContain('DimSize = 0 0 1\n');
    expect(text).toContain(
      'Seq_Frame0000_FrameNumber = 42\nSeq_Frame0000_Timestamp = 1.50025\nSeq_Frame0000_UnfilteredTimestamp = 1.502\n',
    );
    const turned = fromQuaternion(identity4(), [0, 0, half, half], [10, 20, 30]);
    expect([...(sequence.frames[0]?.transforms[0]?.matrix ?? [])]).toEqual([...turned]);
    // A quarter turn about z: the first row is 0 −1 0, and would be 0 1 0 were rows taken for columns.
    expect(text).toMatch(/Stylus1ToTrackerTransform = \S+ -1\.?0*\d? 0 10 1\.?0*\d? /);
    expect(text).toContain('Stylus1ToTrackerTransformStatus = OK\n');
    expect(text).toContain('ProbeToTrackerTransformStatus = INVALID\n');
    expect(text).toContain('RefToTrackerTransform = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n');
    const tools = new PoseTable();
    tools.toolNumber('a-b');
    tools.toolNumber('ab');
    expect(() => sequenceOfPoses(tools)).toThrow(/cannot be told apart/);
  });

  it('calls what is no rotation missing and counts it; a word it does not know is unknown', () => {
    const sheared = '1 0.5 0 10 0 1 0 20 0 0 1 30 0 0 0 1';
    const words = ['OK', 'Invalid', 'TOOL_OUT_OF_VOLUME', 'ButtonIsOn', 'OutOfView'];
    const text = words.map((word, i) => FRAME(i, undefined, word)).join('');
    const { frames } = readTrackedSequence(file(text, 'DimSize = 0 0 5'));
    expect(frames.map((f) => f.transforms[0]?.status)).toEqual(['ok', 'missing', 'outOfVolume', 'unknown', 'missing']);
    const { table, notRigid } = posesOfSequence(readTrackedSequence(file(FRAME(0, sheared) + FRAME(1))));
    expect([notRigid, table.status(0), table.status(1)]).toEqual([1, 'missing', 'ok']);
    const timeless = readTrackedSequence(file(FRAME(0) + FRAME(1).replace(/Seq_Frame0001_Timestamp.*\n/, '')));
    expect(posesOfSequence(timeless).withoutTime).toBe(1);
    const CRLF = readTrackedSequence(
      new TextEncoder().encode(new TextDecoder().decode(file(FRAME(0) + FRAME(1))).replaceAll('\n', '\r\n')),
    );
    expect(CRLF.frames[1]?.timestamp).toBe(1.5);
  });

  it.each([
    ['neither MetaImage nor NRRD', new TextEncoder().encode('GIF89a\n'), 'sequence/not-a-sequence'],
    [
      'a single volume',
      file('', 'DimSize = 0 0 2').map((b, i, all) => (i === new TextDecoder().decode(all).indexOf('list') ? 0x6d : b)),
      'sequence/not-a-sequence',
    ],
    ['no end of the header', file(FRAME(0), undefined, ''), 'sequence/truncated'],
    ['images elsewhere', file(FRAME(0), undefined, 'ElementDataFile = a.raw\n'), 'sequence/unsupported'],
    ['a line that is none', file('what\n'), 'sequence/corrupt'],
    ['fewer frames', file(FRAME(0)), 'sequence/corrupt'],
    ['more frames', file(FRAME(0) + FRAME(1) + FRAME(2)), 'sequence/corrupt'],
    ['a short matrix', file(FRAME(0, '1 2 3') + FRAME(1)), 'sequence/corrupt'],
    ['a matrix of words', file(FRAME(0, '1 0 0 x 0 1 0 0 0 0 1 0 0 0 0 1') + FRAME(1)), 'sequence/corrupt'],
    ['a size that cannot be', file(FRAME(0) + FRAME(1), 'DimSize = -1 0 2'), 'sequence/corrupt'],
    ['pixels of no type', file(FRAME(0) + FRAME(1), 'ElementType = MET_OTHER\nDimSize = 4 4 2').slice(0), 'sequence/truncated'],
    ['images that are too few', file(FRAME(0) + FRAME(1), 'DimSize = 4 4 2'), 'sequence/truncated'],
    ['more than images', Buffer.concat([file(FRAME(0) + FRAME(1)), Buffer.from('x')]), 'sequence/corrupt'],
    ['a time of words', file(FRAME(0) + FRAME(1).replace('1.5', 'noon')), 'sequence/corrupt'],
  ])('with %s is refused', (_, bytes, code) => {
    expect(codeOf(() => readTrackedSequence(bytes))).toBe(code);
  });

  it('whose packed images are damaged, too few or too many says so', async () => {
    const frames = [0, 1].map((i) => [{ key: 'Timestamp', value: String(i) }]);
    const bytes = [new Uint8Array(400).fill(1), Uint8Array.from({ length: 400 }, (_, i) => (i * 7919) % 251)];
    const made = await makeTrackedSequence({
      frames,
      images: { size: [20, 20], elementType: 'MET_UCHAR', orientation: 'MF', bytes },
    });
    const packed = made.data.bytes;
    const code = async (sequence: TrackedSequence): Promise<string> => {
      try {
        await allImages(sequence);
      } catch (error) {
        if (!isNavError(error)) throw error;
        return error.code;
      }
      return 'nothing';
    };
    const damaged = packed.slice();
    damaged[packed.length >> 1] = (damaged[packed.length >> 1] as number) ^ 0xff;
    expect(await code({ ...made, data: { bytes: damaged, compressed: true } })).toBe('sequence/corrupt');
    expect(await code({ ...made, data: { bytes: packed.subarray(0, packed.length - 20), compressed: true } })).toBe(
      'sequence/corrupt',
    );
    expect(await code({ ...made, bytesPerFrame: 500 })).toBe('sequence/truncated');
    expect(await code({ ...made, bytesPerFrame: 300 })).toBe('sequence/corrupt');
  });

  it('keeps its fields as they are, whatever they are', () => {
    const key = fc
      .stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,20}$/)
      .filter(
        (k) =>
          !/Transform$|Timestamp$|^Seq_|^ElementDataFile$|^(NDims|DimSize|Kinds|CompressedData|ElementType|ElementNumberOfChannels)/.test(
            k,
          ),
      );
    const value = fc.stringMatching(/^[ -~]{0,40}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, value), { maxLength: 8 }),
        fc.array(fc.tuple(key, value), { maxLength: 8 }),
        (head, own) => {
          const bytes = file(
            [0, 1].map((i) => FRAME(i) + own.map(([k, v]) => `Seq_Frame000${i}_${k} = ${v}\n`).join('')).join(''),
            ['DimSize = 0 0 2', ...head.map(([k, v]) => `${k} = ${v}`)].join('\n'),
          );
          expect(Buffer.compare(writeTrackedSequence(readTrackedSequence(bytes)), bytes)).toBe(0);
        },
      ),
    );
  });

  it('mutated in any way is read or refused, never worse', async () => {
    const random = new Random(inject('seed'));
    const frames = [0, 1].map((i) => [
      { key: 'ProbeToTrackerTransform', value: '1 0 0 10 0 1 0 20 0 0 1 30 0 0 0 1 ' },
      { key: 'ProbeToTrackerTransformStatus', value: 'OK' },
      { key: 'Timestamp', value: String(i) },
    ]);
    const bytes = [0, 1].map((i) => new Uint8Array(64).fill(i));
    const whole = writeTrackedSequence(
      await makeTrackedSequence({ frames, images: { size: [8, 8], elementType: 'MET_UCHAR', orientation: 'MF', bytes } }),
    );
    let read = 0;
    for (let round = 0; round < 100_000 * inject('effort'); round += 1) {
      let mutated = whole.slice();
      for (let k = random.below(4); k >= 0; k -= 1) mutated[random.below(mutated.length)] = random.below(256);
      if (random.below(5) === 0) mutated = mutated.subarray(0, random.below(mutated.length));
      try {
        const sequence = readTrackedSequence(mutated);
        posesOfSequence(sequence);
        // A header that claims more than a few images is believed only as far as the data go; each costs its size.
        if (round % 20 === 0 && sequence.bytesPerFrame < 100_000) await allImages(sequence);
        read += 1;
      } catch (error) {
        if (!(error instanceof NavError)) throw error;
      }
    }
    expect(read).toBeGreaterThan(100);
  });
});
