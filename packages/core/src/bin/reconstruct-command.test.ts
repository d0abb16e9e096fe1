import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { frame } from '../frames/index.js';
import { readVolume } from '../io/index.js';
import { makeTrackedSequence, type SequenceField, writeTrackedSequence } from '../recording/index.js';
import { decodeGreyPng } from './png.js';
import { runVolumeCommand } from './volume-command.js';

const DATA = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data')),
  'tracked-ultrasound',
);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-reconstruct-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runVolumeCommand(['reconstruct', ...args], { out: (l) => out.push(l), error: (l) => error.push(l) });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

async function ask(...args: readonly string[]) {
  const { code, out, error } = await run(...args, '--json');
  return {
    code,
    error,
    json: JSON.parse(out) as Record<string, unknown> & { warnings: { code: string }[]; images: Record<string, unknown> },
  };
}

const read = (path: string) => readVolume(path, { frame: frame('reference') });
let files = 0;
async function file(name: string, content: string | Uint8Array): Promise<string> {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  await writeFile(path, content);
  return path;
}

const SIZE = [24, 20] as const;
/** A picture that is not alike anywhere. */
const pixelsOf = (n: number): Uint8Array => Uint8Array.from({ length: 480 }, (_, k) => 1 + ((k * 31 + n * 17) % 250));

interface Made {
  readonly orientation?: string;
  readonly images?: number;
  readonly times?: readonly number[];
  readonly status?: (n: number) => string;
  readonly pixels?: (n: number) => Uint8Array;
  /** Recorded beside the probe. */
  readonly more?: (n: number) => readonly SequenceField[];
  readonly probe?: (n: number) => string;
}

/** A sweep of planes 1 mm apart along z; the reference is turned a quarter about z and moved. */
async function recording({
  orientation = 'MF',
  images = 8,
  times,
  status,
  pixels = pixelsOf,
  more,
  probe,
}: Made = {}): Promise<string> {
  const numbers = Array.from({ length: images }, (_, n) => n);
  const frames = numbers.map((n) => [
    { key: 'ProbeToTrackerTransform', value: probe?.(n) ?? `1 0 0 0 0 1 0 0 0 0 1 ${n} 0 0 0 1` },
    { key: 'ProbeToTrackerTransformStatus', value: status?.(n) ?? 'OK' },
    { key: 'ReferenceToTrackerTransform', value: '0 -1 0 100 1 0 0 0 0 0 1 0 0 0 0 1' },
    { key: 'ReferenceToTrackerTransformStatus', value: 'OK' },
    ...(more?.(n) ?? []),
    { key: 'Timestamp', value: String(times?.[n] ?? 10 + n / 10) },
    { key: 'ImageStatus', value: 'OK' },
  ]);
  const made = await makeTrackedSequence({
    frames,
    images: { size: SIZE, elementType: 'MET_UCHAR', orientation, bytes: numbers.map(pixels) },
  });
  return file('sweep.igs.mha', writeTrackedSequence(made));
}

/** Half a millimetre a pixel. */
const IMAGE = '<Transform From="Image" To="Probe" Matrix="0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 1"/>';
const deviceSet = (volume: string, transforms = IMAGE): Promise<string> =>
  file('set.xml', `<PlusConfiguration><CoordinateDefinitions>${transforms}</CoordinateDefinitions>${volume}</PlusConfiguration>`);
const VOLUME = (more = ''): string =>
  `<VolumeReconstruction OutputSpacing="0.5 0.5 0.5" Interpolation="NEAREST_NEIGHBOR" CompoundingMode="MEAN" ${more}/>`;
const INTO = (name: string): string => join(folder, name);

describe.skipIf(!existsSync(DATA))("PLUS's volumes, from its recordings and device sets by the command", () => {
  const spine = join(DATA, 'sequences/SpinePhantomFreehand.igs.mha');
  const wires = join(DATA, 'sequences/NwirePhantomFreehand.igs.mha');
  const all: readonly (readonly [string, string, string])[] = [
    ['VolumeReconstructionOnly_SonixRP_TRUS_D70mm_NN_LATE', 'vtkVolumeReconstructorTestNNLATEvolumeRef', spine],
    ['VolumeReconstructionOnly_SonixRP_TRUS_D70mm_LN_MEAN', 'vtkVolumeReconstructorTestLNMEANvolumeRef', spine],
    ['SpinePhantomFreehandReconstructionOnly', 'SpinePhantomFreehandReconstructed', spine],
    ['NwirePhantomFreehand_vtkVolumeReconstructorTest2', 'NwirePhantomFreehandReconstructed', wires],
  ];

  // The rules' own tests go through them all; a minute of whole images is taken where there is time.
  it.each(inject('effort') > 1 ? all : all.slice(0, 1))(
    '%s: no voxel of %s differs',
    async (config, reference, sequence) => {
      const path = INTO(`${config}.mha`);
      const xml = join(DATA, `config/PlusDeviceSet_${config}.xml`);
      const { code, json } = await ask('--sequence', sequence, '--config', xml, '--out', path, '--like-plus');
      expect([code, json['mode']]).toEqual([0, 'like-plus']);
      const ours = await read(path);
      const theirs = await read(join(DATA, `baselines/${reference}.mha`));
      let [differ, extra] = [0, 0];
      const most = [0, 1, 2].map((a) => Math.max(ours.size[a] as number, theirs.size[a] as number)) as [number, number, number];
      const at = (v: typeof ours, i: number, j: number, k: number): number | undefined =>
        i < v.size[0] && j < v.size[1] && k < v.size[2] ? (v.voxels[i + v.size[0] * (j + v.size[1] * k)] as number) : undefined;
      for (let k = 0; k < most[2]; k += 1) {
        for (let j = 0; j < most[1]; j += 1) {
          for (let i = 0; i < most[0]; i += 1) {
            const [a, b] = [at(ours, i, j, k), at(theirs, i, j, k)];
            if (a === undefined || b === undefined) extra += (a ?? 0) + (b ?? 0);
            else if (a !== b) differ += 1;
          }
        }
      }
      // Older volumes have one plane less along an axis: what only one of the two has is empty.
      expect([differ, extra]).toEqual([0, 0]);
      for (const n of [12, 13, 14])
        expect(Math.abs((ours.frameFromIndex[n] as number) - (theirs.frameFromIndex[n] as number))).toBeLessThan(1e-3);
    },
    600_000,
  );
});

describe('trocar-volume reconstruct', () => {
  it('puts every pixel where the transforms put it, in the reference, by either mode', async () => {
    const sequence = await recording();
    const config = await deviceSet(VOLUME());
    for (const mode of [[], ['--like-plus']]) {
      const out = INTO(`place${mode.length}.nrrd`);
      const { code, json } = await ask('--sequence', sequence, '--config', config, '--out', out, ...mode);
      expect([code, json['images']]).toEqual([0, { recorded: 8, used: 8, withoutPose: [], repeated: [] }]);
      const v = await read(out);
      // Tracker (u/2, v/2, n) is reference (v/2, 100 − u/2, n): the reference's axes are the tracker's y, −x and z.
      for (const [u, row, n] of [
        [0, 0, 0],
        [23, 19, 7],
        [5, 11, 3],
      ] as const) {
        const [x, y, z] = [row / 2, 100 - u / 2, n];
        const m = v.frameFromIndex;
        const index = [x, y, z].map((p, r) => Math.round((p - (m[12 + r] as number)) / 0.5)) as [number, number, number];
        const value = v.voxels[index[0] + v.size[0] * (index[1] + v.size[1] * index[2])];
        expect(value).toBe(pixelsOf(n)[row * 24 + u]);
      }
    }
  });

  it('does not depend on the workers, and writes what it knows of each voxel', async () => {
    const sequence = await recording();
    const config = await deviceSet(VOLUME().replace('NEAREST_NEIGHBOR', 'LINEAR'));
    const volumes: string[] = [];
    for (const workers of ['0', '2']) {
      const [out, coverage] = [INTO(`w${workers}.mha`), INTO(`c${workers}.mha`)];
      const { json } = await ask(
        '--sequence',
        sequence,
        '--config',
        config,
        '--out',
        out,
        '--coverage',
        coverage,
        '--workers',
        workers,
        '--fill-gaps',
        '1.5',
      );
      const [v, c] = [await read(out), await read(coverage)];
      const counts = [0, 0, 0];
      for (const kind of c.voxels) counts[kind] = (counts[kind] as number) + 1;
      expect(counts).toEqual([json['unknown'], json['seen'], json['filled']]);
      expect(counts[2]).toBeGreaterThan(100);
      volumes.push(Buffer.from(v.voxels as Uint8Array).toString('base64'));
    }
    expect(volumes[1]).toBe(volumes[0]);
  });

  it('takes place and lag from a calibration: a pose is that of so much later', async () => {
    // Images of time t show the place of t − 50 ms: with the lag of −50 ms they lie half a plane back.
    const sequence = await recording();
    const config = await deviceSet(VOLUME(), '');
    const rows = [
      [0.5, 0, 0, 0],
      [0, 0.5, 0, 0],
      [0, 0, 0.5, 0],
      [0, 0, 0, 1],
    ];
    const calibration = await file(
      'probe.json',
      JSON.stringify({ command: 'probe', outcome: 'ok', probeFromImage: rows, lagMs: -50 }),
    );
    const out = INTO('lag.nrrd');
    const { json } = await ask('--sequence', sequence, '--config', config, '--out', out, '--calibration', calibration);
    expect(json['lagMs']).toBe(-50);
    // Nothing was recorded before the first.
    expect(json.images).toMatchObject({ used: 7, withoutPose: [0] });
    expect(json.warnings.map((w) => w.code)).toEqual(['without-pose']);
    expect((await read(out)).frameFromIndex[14]).toBeCloseTo(0.5, 3);
    const failed = await file('failed.json', JSON.stringify({ outcome: 'failed', probeFromImage: rows }));
    const refused = await run('--sequence', sequence, '--config', config, '--out', out, '--calibration', failed);
    expect([refused.code, refused.error]).toEqual([1, expect.stringContaining('setup/unsupported')]);
  });

  it('turns images that are stored the other way round, and says so', async () => {
    const mirrored = (n: number): Uint8Array => {
      const pixels = pixelsOf(n);
      return pixels.map((_, k) => pixels[24 * Math.floor(k / 24) + 23 - (k % 24)] as number);
    };
    const config = await deviceSet(VOLUME());
    const [a, b] = [INTO('mf.mha'), INTO('uf.mha')];
    await ask('--sequence', await recording(), '--config', config, '--out', a);
    const { json } = await ask(
      '--sequence',
      await recording({ orientation: 'UF', pixels: mirrored }),
      '--config',
      config,
      '--out',
      b,
    );
    expect(json.warnings.map((w) => w.code)).toEqual(['images-turned']);
    expect((await read(b)).voxels).toEqual((await read(a)).voxels);
  });

  it('leaves out what was recorded twice or without a pose, by name', async () => {
    const times = [10, 10.1, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6];
    const sequence = await recording({ times, status: (n) => (n === 5 ? 'INVALID' : 'OK') });
    const { json } = await ask('--sequence', sequence, '--config', await deviceSet(VOLUME()), '--out', INTO('t.mha'));
    expect(json.warnings.map((w) => w.code)).toEqual(['repeated-time', 'without-pose']);
    expect(json.images).toMatchObject({ recorded: 8, used: 6, repeated: [2] });
  });

  it('leaves dark pixels out, in the mean and in the maximum', async () => {
    const sequence = await recording({ images: 2, probe: () => '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1' });
    for (const [compounding, expected] of [
      ['MEAN', (bright: readonly number[]) => Math.round(bright.reduce((s, x) => s + x, 0) / bright.length)],
      ['MAXIMUM', (bright: readonly number[]) => Math.max(...bright)],
    ] as const) {
      const config = await deviceSet(VOLUME('PixelRejectionThreshold="100"').replace('MEAN', compounding));
      const [out, coverage] = [INTO(`dark-${compounding}.nrrd`), INTO(`dark-c-${compounding}.nrrd`)];
      expect((await ask('--sequence', sequence, '--config', config, '--out', out, '--coverage', coverage)).code).toBe(0);
      const [v, c] = [await read(out), await read(coverage)];
      let [seen, dark] = [0, 0];
      for (let row = 0; row < 20; row += 1) {
        for (let u = 0; u < 24; u += 1) {
          const bright = [0, 1].map((n) => pixelsOf(n)[row * 24 + u] as number).filter((value) => value >= 100);
          const m = v.frameFromIndex;
          const index = [row / 2, 100 - u / 2, 0].map((p, r) => Math.round((p - (m[12 + r] as number)) / 0.5)) as [
            number,
            number,
            number,
          ];
          const at = index[0] + v.size[0] * (index[1] + v.size[1] * index[2]);
          if (bright.length === 0) dark += 1;
          else seen += 1;
          expect([c.voxels[at], v.voxels[at]]).toEqual(bright.length === 0 ? [0, 0] : [1, expected(bright)]);
        }
      }
      expect(Math.min(seen, dark)).toBeGreaterThan(30);
    }
    const latest = await deviceSet(VOLUME('PixelRejectionThreshold="100"').replace('MEAN', 'LATEST'));
    expect((await run('--sequence', sequence, '--config', latest, '--out', INTO('x.mha'))).error).toContain('setup/unsupported');
    expect((await run('--sequence', sequence, '--config', latest, '--out', INTO('x.mha'), '--like-plus')).code).toBe(0);
    const [first, second] = [pixelsOf(0), pixelsOf(1)];
    const v = await read(INTO('x.mha'));
    const kept = new Set([...first, ...second].filter((value) => value >= 100));
    expect([...new Set(v.voxels)].filter((value) => value !== 0 && !kept.has(value as number))).toEqual([]);
  });

  it('takes of each image what it fills of a fan, and voxels of which a whole number reach over the images', async () => {
    // Dark on the right of one image, all over in the next.
    const pixels = (n: number): Uint8Array =>
      Uint8Array.from({ length: 480 }, (_, k) => (n === 3 || (n % 2 === 1 && k % 24 > 12) ? 4 : 120));
    const sequence = await recording({ pixels });
    const fan =
      'FanAnglesDeg="-80 80" FanOriginPixel="12 0" FanRadiusStartPixel="2" FanRadiusStopPixel="24" EnableFanAnglesAutoDetect="TRUE" FanAnglesAutoDetectFilterRadiusPixel="1" RecomputeOutputSpacing="TRUE"';
    const config = await deviceSet(VOLUME(fan).replace('OutputSpacing="0.5 0.5 0.5"', 'OutputSpacing="0.5 0.5 0.6"'));
    const seen: number[][] = [];
    for (const mode of [['--like-plus'], []]) {
      const out = INTO(`fan${mode.length}.mha`);
      expect((await ask('--sequence', sequence, '--config', config, '--out', out, ...mode)).code).toBe(0);
      const v = await read(out);
      // 7 mm are eleven voxels of 0.6364 mm; our own box has a plane to spare.
      expect([v.size[2], (v.frameFromIndex[10] as number).toFixed(4)]).toEqual([mode.length === 1 ? 12 : 13, '0.6364']);
      const bright = (mm: number): number => {
        const k = Math.round((mm * 11) / 7);
        const plane = v.size[0] * v.size[1];
        return v.voxels.subarray(k * plane, (k + 1) * plane).filter((value) => (value as number) > 60).length;
      };
      seen.push([0, 1, 3].map(bright));
    }
    for (const [whole, half, dark] of seen as [number, number, number][]) {
      expect(dark).toBe(0);
      expect(whole).toBeGreaterThan(100);
      expect(half).toBeLessThan(0.8 * whole);
      expect(half).toBeGreaterThan(20);
    }
    const latest = await deviceSet(VOLUME(fan).replace('MEAN', 'LATEST'));
    expect((await run('--sequence', sequence, '--config', latest, '--out', INTO('x.mha'))).error).toContain('--like-plus only');
  });

  it('weighs pixels by the mask beside the device set', async () => {
    const sequence = await recording();
    const mask = Uint8Array.from({ length: 480 }, (_, k) => (k % 24 < 12 ? 255 : 0));
    await writeFile(join(folder, 'mask.png'), png(24, 20, mask));
    const config = await deviceSet(VOLUME('ImportanceMaskFilename="mask.png"').replace('"MEAN"', '"IMPORTANCE_MASK"'));
    const { code, json } = await ask('--sequence', sequence, '--config', config, '--out', INTO('masked.mha'));
    expect([code, json['seen']]).toEqual([0, 12 * 20 * 8]);
    const nameless = await deviceSet(VOLUME().replace('"MEAN"', '"Importance_Mask"'));
    const bare = ['--sequence', sequence, '--config', nameless, '--out', INTO('masked.mha')];
    expect((await run(...bare)).error).toContain('setup/missing');
    const given = await ask(...bare, '--importance', join(folder, 'mask.png'), '--like-plus');
    expect(given.code).toBe(0);
    expect((await ask(...bare, '--importance', join(folder, 'mask.png'))).json['seen']).toBe(12 * 20 * 8);
    await writeFile(join(folder, 'mask.png'), png(20, 24, mask));
    expect((await run('--sequence', sequence, '--config', config, '--out', INTO('masked.mha'))).error).toContain(
      'ultrasound/bad-option',
    );
    await rm(join(folder, 'mask.png'));
    expect((await run('--sequence', sequence, '--config', config, '--out', INTO('masked.mha'))).error).toContain('io/not-found');
  });

  it.each<[string, () => Promise<readonly string[]>, string]>([
    [
      'no way from the image',
      async () => ['--sequence', await recording(), '--config', await deviceSet(VOLUME(), '')],
      'sequence/no-path',
    ],
    [
      'no such frame',
      async () => ['--sequence', await recording(), '--config', await deviceSet(VOLUME()), '--reference', 'Table'],
      'sequence/no-path',
    ],
    ['no spacing', async () => ['--sequence', await recording(), '--config', await deviceSet('')], 'setup/missing'],
    [
      'scan lines',
      async () => ['--sequence', await recording({ orientation: 'FM' }), '--config', await deviceSet(VOLUME())],
      'sequence/unsupported',
    ],
    [
      'no pose at all',
      async () => ['--sequence', await recording({ status: () => 'INVALID' }), '--config', await deviceSet(VOLUME())],
      'ultrasound/no-frames',
    ],
    [
      'times that go backwards',
      async () => ['--sequence', await recording({ times: [8, 7, 6, 5, 4, 3, 2, 1] }), '--config', await deviceSet(VOLUME())],
      'ultrasound/bad-times',
    ],
    [
      'a clip outside',
      async () => [
        '--sequence',
        await recording(),
        '--config',
        await deviceSet(VOLUME('ClipRectangleOrigin="90 90" ClipRectangleSize="5 5"')),
      ],
      'ultrasound/bad-clip',
    ],
    [
      'hole filling of another kind, like PLUS',
      async () => [
        '--like-plus',
        '--sequence',
        await recording(),
        '--config',
        await deviceSet(
          VOLUME('FillHoles="ON"').replace(
            '/>',
            '><HoleFilling><HoleFillingElement Type="GUESS"/></HoleFilling></VolumeReconstruction>',
          ),
        ),
      ],
      'setup/unsupported',
    ],
    ['no file', async () => ['--sequence', INTO('none.mha'), '--config', await deviceSet(VOLUME())], 'io/not-found'],
  ])('refuses %s by its code, in one line and in the JSON', async (_, args, code) => {
    const { code: exit, json, error } = await ask(...(await args()), '--out', INTO('refused.mha'));
    expect([exit, json['ok'], (json['error'] as { code: string }).code]).toEqual([1, false, code]);
    expect(error.split('\n')).toHaveLength(1);
    expect(error).toContain(`${code}: `);
  });

  it.each([
    [['--config', 'c', '--out', 'o.mha'], '--sequence'],
    [['--sequence', 's', '--config', 'c'], '--out'],
    [['--sequence', 's', '--config', 'c', '--out', 'o.mha', '--spacing', '-1'], '--spacing'],
    [['--sequence', 's', '--config', 'c', '--out', 'o.mha', '--workers', '1.5'], '--workers'],
    [['--sequence', 's', '--config', 'c', '--out', 'o.mha', '--axes', 'up'], '--axes'],
    [['--sequence', 's', '--config', 'c', '--out', 'o.mha', '--like-plus', '--fill-gaps', '2'], '--fill-gaps'],
  ])('takes %j for wrong usage', async (args, hint) => {
    const { code, error } = await run(...args);
    expect([code, error]).toEqual([2, expect.stringContaining(hint)]);
  });
});

/** A grey PNG, its rows by the filters 0 … 4 in turn. */
function png(columns: number, rows: number, pixels: Uint8Array): Uint8Array {
  const data = new Uint8Array((columns + 1) * rows);
  const at = (row: number, column: number): number => (row < 0 || column < 0 ? 0 : (pixels[row * columns + column] as number));
  for (let row = 0; row < rows; row += 1) {
    data[row * (columns + 1)] = row % 5;
    for (let column = 0; column < columns; column += 1) {
      const [a, b, c] = [at(row, column - 1), at(row - 1, column), at(row - 1, column - 1)];
      const nearest = [a, b, c].reduce((best, x) => (Math.abs(a + b - c - x) < Math.abs(a + b - c - best) ? x : best), a);
      data[row * (columns + 1) + 1 + column] = at(row, column) - ([0, a, b, (a + b) >> 1, nearest][row % 5] as number);
    }
  }
  const chunk = (type: string, body: Uint8Array): Uint8Array => {
    const whole = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), body, Buffer.alloc(4)]);
    whole.writeUInt32BE(body.length, 0);
    whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4);
    return whole;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(columns, 0);
  head.writeUInt32BE(rows, 4);
  head[8] = 8;
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk('IHDR', head), chunk('IDAT', deflateSync(data)), chunk('IEND', new Uint8Array(0))]);
}

describe('a grey PNG', () => {
  it('comes out as it was, whatever its filters', () => {
    const pixels = Uint8Array.from({ length: 31 * 17 }, (_, n) => (n * n * 7 + n) % 256);
    expect(decodeGreyPng(png(31, 17, pixels), 'a.png')).toEqual({ size: [31, 17], pixels });
  });

  it.each([
    ['another file', (b: Uint8Array) => b.fill(0, 0, 4), 'io/unsupported-format'],
    ['colours', (b: Uint8Array) => b.fill(2, 25, 26), 'io/unsupported-format'],
    ['16 bits', (b: Uint8Array) => b.fill(16, 24, 25), 'io/unsupported-format'],
    ['a cut', (b: Uint8Array) => b.subarray(0, b.length - 14), 'io/truncated'],
    ['damage', (b: Uint8Array) => b.fill(0xff, 45, 60), 'io/corrupt'],
    ['a size of its own', (b: Uint8Array) => b.fill(7, 23, 24), 'io/corrupt'],
  ])('with %s is refused', (_, spoil, code) => {
    const bytes = Uint8Array.from(
      png(
        31,
        17,
        new Uint8Array(31 * 17).map((__, n) => n),
      ),
    );
    expect(() => decodeGreyPng(spoil(bytes), 'a.png')).toThrow(expect.objectContaining({ code }));
  });
});
