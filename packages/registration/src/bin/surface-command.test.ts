import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { frame, type NavErrorCode } from '@trocar/core';
import { writeVolume } from '@trocar/core/io';
import { invertRigid, multiply4, Random } from '@trocar/core/math';
import { type Mesh, volume } from '@trocar/core/volume';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { randomPose } from '../testing/layouts.js';
import { cap, disturbance, errorAt, phantomHeadMesh, SurfaceSampler, seenBy, touched } from '../testing/surfaces.js';
import { ask, DATA, Folder, matrixOf, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const seed = inject('seed');
const DEEP = [5, 10, 20] as const;

/** A mesh as an ASCII PLY, with the axes said in a comment. */
function ply({ positions, triangles }: Pick<Mesh<'ct'>, 'positions' | 'triangles'>, comment = 'test'): string {
  const rows = (values: ArrayLike<number>, lead: string): string =>
    Array.from(
      { length: values.length / 3 },
      (_, k) => `${lead}${values[3 * k]} ${values[3 * k + 1]} ${values[3 * k + 2]}\n`,
    ).join('');
  const head = `ply\nformat ascii 1.0\ncomment ${comment}\nelement vertex ${positions.length / 3}\nproperty double x\nproperty double y\nproperty double z\nelement face ${triangles.length / 3}\nproperty list uchar int vertex_indices\nend_header\n`;
  return `${head}${rows(positions, '')}${rows(triangles, '3 ')}`;
}

async function refused(code: NavErrorCode, ...args: readonly string[]): Promise<string> {
  const { code: exit, json } = await ask('surface', ...args);
  expect([exit, json.outcome, json.code]).toEqual([1, 'refused', code]);
  return json['message'] as string;
}

const head = phantomHeadMesh(12);
const random = new Random(seed);
const truth = randomPose(random);
const sampler = new SurfaceSampler(head, cap([0, 0, 20], [0, -0.8, 0.6], 70));
const skin = touched(random, sampler, { count: 100, noiseMm: 0.3, outliers: 0.05 });
const cloud = seenBy(truth, skin).map((p) => p.xyz);
let fixed = '';
let moving = '';
/** Not far from the truth: a search of the whole surface takes its seconds, and is tried once. */
let near = '';
beforeAll(() => {
  fixed = folder.write('head.ply', ply(head));
  moving = folder.points('cloud.csv', cloud);
  near = folder.write('near.json', rowsAsJson(multiply4(new Float64Array(16), disturbance(random, DEEP, 5, 5), truth)));
});

function rowsAsJson(m: ArrayLike<number>): string {
  return JSON.stringify({ fixedFromMoving: [0, 1, 2, 3].map((r) => [0, 4, 8, 12].map((c) => m[c + r])) });
}

/** Four rows within so many mm of the truth at a deep target, which is where it matters. */
const off = (rows: number[][] | undefined): number => (rows === undefined ? Number.NaN : errorAt(matrixOf(rows), truth, DEEP));

describe('trocar-register surface', () => {
  it('lays a cloud on a mesh with no start, and says what to expect deep inside', async () => {
    const targets = folder.points('t.csv', [DEEP], ['deep']);
    const { code, json } = await ask('surface', '--fixed', fixed, '--moving', moving, '--targets', targets);
    expect([code, json.outcome, json.code]).toEqual([0, 'ok', null]);
    expect(off(json.fixedFromMoving)).toBeLessThan(1);
    expect(json.tre95Mm).toHaveLength(1);
    expect(off(json.fixedFromMoving)).toBeLessThan(2 * (json.tre95Mm[0] as number));
    expect(json.residuals).toHaveLength(100);
    expect(json.residuals.filter((r) => !r.inlier).length).toBeGreaterThan(3);
    expect([json['points'], json.freMm < 1, json.fleMm < 2]).toEqual([100, true, true]);
    const { out } = await run('surface', '--fixed', fixed, '--moving', moving, '--targets', targets, '--initial', near);
    for (const words of ['surface: ok', 'fixed from moving (LPS, mm)', 'not how accurate', 'deep']) expect(out).toContain(words);
  });

  it('starts from an ITK file, which maps fixed to moving, or from JSON, and writes the same', async () => {
    const start = multiply4(new Float64Array(16), disturbance(random, DEEP, 10, 10), truth);
    const inverse = invertRigid(new Float64Array(16), start);
    // Six digits, as many programs write.
    const parameters = [0, 1, 2].flatMap((r) => [0, 4, 8].map((c) => (inverse[c + r] as number).toFixed(6)));
    const tfm = `#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: ${[...parameters, inverse[12], inverse[13], inverse[14]].join(' ')}\nFixedParameters: 0 0 0\n`;
    const out = join(folder.path, 'out.h5');
    for (const initial of [folder.write('start.tfm', tfm), folder.write('start.json', rowsAsJson(start))]) {
      const { code, json } = await ask('surface', '--fixed', fixed, '--moving', moving, '--initial', initial, '--out', out);
      expect([code, json.outcome]).toEqual([0, 'ok']);
      expect(off(json.fixedFromMoving)).toBeLessThan(1);
    }
    const again = await ask('surface', '--fixed', fixed, '--moving', moving, '--initial', out);
    expect([again.json.code, again.error]).toEqual([null, '']);
    expect(off(again.json.fixedFromMoving)).toBeLessThan(1);
    // The start the other way round puts the points elsewhere.
    const wrong = folder.write(
      'wrong.tfm',
      tfm.replace(
        /Parameters: .*/,
        `Parameters: ${[0, 1, 2].flatMap((r) => [0, 4, 8].map((c) => start[c + r])).join(' ')} ${start[12]} ${start[13]} ${start[14]}`,
      ),
    );
    const outcome = await ask('surface', '--fixed', fixed, '--moving', moving, '--initial', wrong);
    expect(outcome.code).toBe(1);
    await refused('transform/corrupt', '--fixed', fixed, '--moving', moving, '--initial', folder.write('x.json', '{}'));
    await refused('transform/corrupt', '--fixed', fixed, '--moving', moving, '--initial', folder.write('x.tfm', 'hello'));
    await refused(
      'frame/not-rigid',
      '--fixed',
      fixed,
      '--moving',
      moving,
      '--initial',
      folder.write(
        's.json',
        JSON.stringify({
          fixedFromMoving: [
            [2, 0, 0, 0],
            [0, 2, 0, 0],
            [0, 0, 2, 0],
            [0, 0, 0, 1],
          ],
        }),
      ),
    );
  });

  it('a mesh in RAS is turned at the door; the same answer comes out', async () => {
    const positions = head.positions.map((x, i) => (i % 3 === 2 ? x : -x));
    const ras = folder.write('ras.ply', ply({ positions, triangles: head.triangles }, '3D Slicer output. SPACE=RAS'));
    const { json } = await ask('surface', '--fixed', ras, '--moving', moving, '--initial', near);
    expect(json.warnings.map((w) => w.code)).toContain('ras-converted');
    expect(off(json.fixedFromMoving)).toBeLessThan(1);
    const untold = [
      '--fixed',
      folder.write('untold.ply', ply({ positions, triangles: head.triangles })),
      '--moving',
      moving,
      '--initial',
      near,
    ];
    expect(off((await ask('surface', ...untold, '--fixed-space', 'RAS')).json.fixedFromMoving)).toBeLessThan(1);
    const flipped = await ask('surface', ...untold);
    expect([flipped.code, flipped.json.outcome === 'ok']).toEqual([1, false]);
  });

  it('takes the surface of a volume at a level', async () => {
    // An egg with a nose: distance to it as values.
    const size = [55, 65, 60] as const;
    const spacing = 4;
    const inside = (x: number, y: number, z: number): number =>
      100 *
      Math.max(
        1 - Math.hypot(x / 75, y / 95, z / 85),
        (1 - Math.hypot((x - 8) / 18, (y + 95) / 22, (z + 5) / 30)) / 3,
        (1 - Math.hypot((x - 70) / 20, y / 25, (z - 20) / 15)) / 3,
      );
    const voxels = new Float32Array(size[0] * size[1] * size[2]);
    const origin = [-108, -130, -118] as const;
    for (let k = 0, n = 0; k < size[2]; k += 1)
      for (let j = 0; j < size[1]; j += 1)
        for (let i = 0; i < size[0]; i += 1, n += 1)
          voxels[n] = -300 + inside(origin[0] + spacing * i, origin[1] + spacing * j, origin[2] + spacing * k);
    const path = join(folder.path, 'egg.nii.gz');
    const egg = volume({
      frame: frame('ct'),
      voxels,
      size: [...size],
      frameFromIndex: [spacing, 0, 0, 0, 0, spacing, 0, 0, 0, 0, spacing, 0, ...origin, 1],
    });
    await writeVolume(egg, path);
    const places: number[][] = [];
    while (places.length < 200) {
      const d = [random.normal(), random.normal(), random.normal()].map((x, _, all) => x / Math.hypot(...all)) as [
        number,
        number,
        number,
      ];
      let [near, far] = [20, 200];
      for (let n = 0; n < 50; n += 1) {
        const r = (near + far) / 2;
        if (inside(r * d[0], r * d[1], r * d[2]) > 0) near = r;
        else far = r;
      }
      places.push(d.map((x) => x * near + 0.7 * random.normal()));
    }
    const seen = seenBy(truth, places).map((p) => p.xyz);
    const { json, code } = await ask(
      'surface',
      '--fixed',
      path,
      '--level',
      '-300',
      '--moving',
      folder.points('egg.csv', seen),
      '--initial',
      near,
    );
    expect([code, json.outcome, json['message']]).toEqual([0, 'ok', null]);
    expect(off(json.fixedFromMoving)).toBeLessThan(3);
    expect(json['surface']).toMatchObject({ format: 'volume at -300' });
    expect(await refused('mesh/unsupported', '--fixed', path, '--moving', moving)).toContain('--level');
    expect(await refused('io/not-found', '--fixed', folder.path, '--moving', moving)).toContain('--level');
    await refused('mesh/empty', '--fixed', path, '--level', '1e6', '--moving', moving);
  });

  it('refuses the usual mistakes by name', async () => {
    await refused(
      'registration/units',
      '--fixed',
      fixed,
      '--moving',
      folder.points(
        'm.csv',
        cloud.map((p) => Array.from(p, (x) => x / 1000)),
      ),
    );
    await refused('registration/too-few-points', '--fixed', fixed, '--moving', folder.points('few.csv', cloud.slice(0, 4)));
    await refused('mesh/empty', '--fixed', folder.write('empty.stl', ''), '--moving', moving);
    await refused('mesh/damaged', '--fixed', folder.write('cut.stl', new Uint8Array(90).fill(1)), '--moving', moving);
    await refused('io/not-found', '--fixed', fixed, '--moving', '/no/such/file');
    expect((await run('surface', '--fixed', fixed)).code).toBe(2);
    expect((await run('surface', '--fixed', fixed, '--moving', moving, '--sigma', '0')).code).toBe(2);
  });

  const stl = join(DATA, 'tracked-ultrasound/config/fCal_3.1.stl');
  it.skipIf(!existsSync(stl))('reads a real STL with a binary header that begins with "solid" (TROCAR_DATA)', async () => {
    const { json } = await ask('surface', '--fixed', stl, '--moving', folder.points('few.csv', cloud.slice(0, 12)));
    expect(json['message'] ?? '').not.toContain('STL');
    expect(json.code?.startsWith('mesh/') ?? false).toBe(false);
  });
});
