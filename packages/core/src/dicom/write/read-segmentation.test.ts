import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { pythonWith } from '../../io/test-support/real-data.js';
import { identity4 } from '../../math/index.js';
import { STRUCTURE } from './codes.js';
import { decodeSegmentation, labelVolume } from './read-segmentation.js';
import { encodeSegmentation, type SegmentInit } from './segmentation.js';
import { CT_FRAME, SAMPLE_INIT } from './test-support/sample.js';
import { HAS_DCMTK } from './test-support/validators.js';

/** Segmentations in the encodings of others: pydicom and dcmtk turn ours into them. */
const pydicom = pythonWith('pydicom');
const folder = mkdtempSync(join(tmpdir(), 'trocar-seg-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = [9, 7, 4] as const;
const AREA = SIZE[0] * SIZE[1];
/** 0, 1 and 2 in no order that any axis has; 63 voxels a slice, so that frames of bits do not start on bytes. */
const LABELS: Uint8Array = Uint8Array.from({ length: AREA * SIZE[2] }, (_, n) => (Math.imul(n + 1, 2654435761) >>> 9) % 3);
const geometry = { size: SIZE, frameFromIndex: Float64Array.from(identity4(), (x, n) => (n === 10 ? 2 : x)) };

const segment = (label: string): Omit<SegmentInit, 'voxels'> => ({
  label,
  category: STRUCTURE.anatomical,
  type: STRUCTURE.liver,
  algorithm: { type: 'MANUAL' },
});

function ours(kind: 'BINARY' | 'PROBABILITY'): Uint8Array {
  const voxels = (n: number): SegmentInit['voxels'] =>
    kind === 'BINARY' ? LABELS.map((x) => (x === n ? 1 : 0)) : Float32Array.from(LABELS, (x) => (x === n ? 0.8 : 0.2));
  const segments = [1, 2].map((n) => ({ ...segment(`Segment ${n}`), voxels: voxels(n) }));
  return encodeSegmentation({ ...SAMPLE_INIT, kind, geometry, frameOfReferenceUid: CT_FRAME, segments }).bytes;
}

function file(name: string, bytes?: Uint8Array): string {
  const path = join(folder, name);
  if (bytes !== undefined) writeFileSync(path, bytes);
  return path;
}

const read = (path: string) => decodeSegmentation(new Uint8Array(readFileSync(path)), { onto: geometry });

describe('a compressed Segmentation', () => {
  const expected = async (): Promise<Uint8Array> =>
    (await decodeSegmentation(ours('PROBABILITY'), { onto: geometry })).voxelsOf(2);

  it.skipIf(!HAS_DCMTK).each(['dcmcrle', 'dcmcjpls', 'dcmcjpeg'])('of fractions by %s has the same voxels', async (program) => {
    const [from, to] = [file('fractions.dcm', ours('PROBABILITY')), file(`${program}.dcm`)];
    execFileSync(program, [from, to], { stdio: 'ignore' });
    const { kind, voxelsOf } = await read(to);
    expect(kind).toBe('PROBABILITY');
    expect(voxelsOf(2)).toEqual(await expected());
  });

  it.skipIf(!HAS_DCMTK).each(['BINARY', 'PROBABILITY'] as const)('in big endian (%s) has the same voxels', async (kind) => {
    const [from, to] = [file('little.dcm', ours(kind)), file('big.dcm')];
    execFileSync('dcmconv', ['+tb', from, to]);
    const own = await decodeSegmentation(ours(kind), { onto: geometry });
    expect((await read(to)).voxelsOf(1)).toEqual(own.voxelsOf(1));
  });

  const DEFLATE = `
import sys, zlib, numpy as np, pydicom
from pydicom.encaps import encapsulate
d = pydicom.dcmread(sys.argv[1])
area = d.Rows * d.Columns
if d.BitsAllocated == 1: a = [np.packbits(f.ravel(), bitorder='little').tobytes() for f in d.pixel_array]
else: a = [f.tobytes() for f in d.pixel_array]
def pack(b):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(b) + c.flush()
if sys.argv[3] == 'cut': a[1] = a[1][:4]
if sys.argv[3] == 'bomb': a[1] = bytes(50_000_000)
d.PixelData = encapsulate([pack(b) for b in a])
d['PixelData'].is_undefined_length = True
d['PixelData'].VR = 'OB'
d.file_meta.TransferSyntaxUID = '1.2.840.10008.1.2.4.50'
d.is_little_endian, d.is_implicit_VR = True, False
pydicom.dcmwrite(sys.argv[2], d)
# pydicom 2 does not know the syntax: it is written over one of the same length.
b = open(sys.argv[2], 'rb').read()
open(sys.argv[2], 'wb').write(b.replace(b'1.2.840.10008.1.2.4.50', b'1.2.840.10008.1.2.8.1\\0', 1))
print('0')`;

  it.skipIf(pydicom === undefined).each(['BINARY', 'PROBABILITY'] as const)(
    'whose frames are deflated one by one (%s) has the same voxels',
    async (kind) => {
      pydicom?.(DEFLATE, file('plain.dcm', ours(kind)), file('deflated.dcm'), '');
      const own = await decodeSegmentation(ours(kind), { onto: geometry });
      expect((await read(file('deflated.dcm'))).voxelsOf(2)).toEqual(own.voxelsOf(2));
    },
  );

  it.skipIf(pydicom === undefined).each(['cut', 'bomb'])('with a frame that is a %s is refused', async (what) => {
    pydicom?.(DEFLATE, file('plain.dcm', ours('BINARY')), file('wrong.dcm'), what);
    await expect(read(file('wrong.dcm'))).rejects.toMatchObject({
      code: 'io/corrupt',
      message: expect.stringContaining('frame 2'),
    });
  });

  it.skipIf(pydicom === undefined)('of bits in another syntax is refused by that', async () => {
    pydicom?.(
      DEFLATE.replaceAll('1.2.840.10008.1.2.8.1', '1.2.840.10008.1.2.9.9'),
      file('plain.dcm', ours('BINARY')),
      file('bits.dcm'),
      '',
    );
    await expect(read(file('bits.dcm'))).rejects.toMatchObject({ code: 'dicom/unsupported-syntax' });
  });
});

describe.skipIf(pydicom === undefined)('a Label Map Segmentation', () => {
  /** Ours of bits as a label map of one frame a slice; its background has the number 250. */
  const LABEL_MAP = `
import sys, numpy as np, pydicom
d = pydicom.dcmread(sys.argv[1])
bits = int(sys.argv[3])
background = 250
planes = {}
for n, g in enumerate(d.PerFrameFunctionalGroupsSequence):
    z = float(g.PlanePositionSequence[0].ImagePositionPatient[2])
    s = g.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    a, _ = planes.setdefault(z, (np.full((d.Rows, d.Columns), background, dtype='u%d' % (bits // 8)), g))
    a[d.pixel_array[n] == 1] = {1: 7, 2: 9}[s]
for s in d.SegmentSequence: s.SegmentNumber = {1: 7, 2: 9}[s.SegmentNumber]
groups = []
for z in sorted(planes):
    g = planes[z][1]
    if 'SegmentIdentificationSequence' in g: del g.SegmentIdentificationSequence
    groups.append(g)
d.PerFrameFunctionalGroupsSequence = groups
d.NumberOfFrames = len(groups)
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.66.7'
d.SegmentationType = sys.argv[4]
d.add_new(0x00280120, 'US', background)
d.BitsAllocated = d.BitsStored = bits
d.HighBit = bits - 1
d.PixelData = b''.join(planes[z][0].tobytes() for z in sorted(planes)) + (b'' if bits == 16 or len(planes) * d.Rows * d.Columns % 2 == 0 else b'\\0')
d['PixelData'].VR = 'OW'
pydicom.dcmwrite(sys.argv[2], d)
print('0')`;
  const make = (bits: 8 | 16, type = 'LABELMAP'): string => {
    const to = file(`map${bits}.dcm`);
    pydicom?.(LABEL_MAP, file('bits-of-map.dcm', ours('BINARY')), to, String(bits), type);
    return to;
  };

  it.each([8, 16] as const)('of %i bits has each segment, and all of them at once', async (bits) => {
    const map = await read(make(bits));
    expect([map.kind, map.segments.map((s) => s.number)]).toEqual(['LABELMAP', [7, 9]]);
    expect(map.voxelsOf(7)).toEqual(LABELS.map((x) => (x === 1 ? 1 : 0)));
    expect(map.voxelsOf(9)).toEqual(LABELS.map((x) => (x === 2 ? 1 : 0)));
    expect(() => map.voxelsOf(250)).toThrow('no segment 250');
    const volume = labelVolume(map, frame('ct'));
    expect(Array.from(volume.voxels)).toEqual(Array.from(LABELS, (x) => [0, 7, 9][x]));
  });

  it.skipIf(!HAS_DCMTK).each([
    ['dcmcrle', 8],
    ['dcmcrle', 16],
    ['dcmcjpls', 16],
  ] as const)('packed by %s, %i bits, is the same', async (program, bits) => {
    const to = file(`packed-${program}.dcm`);
    execFileSync(program, [make(bits), to], { stdio: 'ignore' });
    expect((await read(to)).labels?.()).toEqual(Uint16Array.from(LABELS, (x) => [0, 7, 9][x] as number));
  });

  it('that calls itself binary is refused', async () => {
    await expect(read(make(8, 'BINARY'))).rejects.toMatchObject({ code: 'io/corrupt' });
  });
});
