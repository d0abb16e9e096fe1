import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { frame, type NavErrorCode } from '@trocar/core';
import { invertRigid, Random } from '@trocar/core/math';
import fc from 'fast-check';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { readTransformFile } from '../itk/index.js';
import { headLayout, localised, moved, randomPose } from '../testing/layouts.js';
import { ask, DATA, differenceMm, Folder, labelOf, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const seed = inject('seed');

/** Moving places, and where they are in the fixed space. */
function scene(n: number, of: number, noise = 0) {
  const random = new Random(seed + of);
  const moving = headLayout(random, n);
  const truth = randomPose(random);
  const fixed = localised(random, moved(truth, moving), [noise, noise, noise]);
  const target = Float64Array.of(10, -20, 30);
  return { random, moving, truth, fixed, target, targetInFixed: moved(truth, [target])[0] as Float64Array };
}

const flipped = (places: readonly ArrayLike<number>[]): number[][] =>
  places.map((p) => [-(p[0] as number), -(p[1] as number), p[2] as number]);
const csv = (rows: readonly (readonly (string | number)[])[]): string => rows.map((r) => `${r.join(',')}\n`).join('');
const named = (places: readonly ArrayLike<number>[]): (string | number)[][] =>
  places.map((p, k) => [labelOf(k), ...Array.from(p)]);

async function refused(code: NavErrorCode, ...args: readonly string[]): Promise<string> {
  const { code: exit, json, error } = await ask('points', ...args);
  expect([exit, json.outcome, json.code]).toEqual([1, 'refused', code]);
  expect(error).toContain(`${code}: `);
  expect(json['message']).toEqual(expect.stringMatching(/.{40}/));
  return json['message'] as string;
}

describe('trocar-register points', () => {
  it('finds the pose whatever the formats, the order of the points and the axes of the files (property)', async () => {
    const formats = fc.constantFrom('a.csv', 'a.json', 'a.fcsv', 'a.mrk.json');
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 1000 }), formats, fc.boolean(), async (of, format, ras) => {
        const { moving, truth, fixed, random } = scene(random4to9(of), of);
        const order = fixed.map((_, k) => k);
        for (let k = order.length - 1; k > 0; k -= 1) {
          const other = random.below(k + 1);
          [order[k], order[other]] = [order[other] as number, order[k] as number];
        }
        const a = ras
          ? folder.write('f.csv', `# space=RAS\n${csv(named(flipped(fixed)))}`)
          : folder.points(`f.${format.slice(2)}`, fixed);
        const b = folder.points(
          format,
          order.map((k) => moving[k] as Float64Array),
          order.map(labelOf),
        );
        const { code, json } = await ask('points', '--fixed', a, '--moving', b);
        expect([code, json.outcome, json.code]).toEqual([0, 'ok', null]);
        expect(differenceMm(json.fixedFromMoving, truth)).toBeLessThan(1e-6);
        expect(json.residuals.map((r) => r.label)).toEqual(fixed.map((_, k) => labelOf(k)));
        expect(json.warnings.map((w) => w.code)).toEqual(ras ? ['ras-converted'] : []);
      }),
      { numRuns: 30 * inject('effort') },
    );
  });

  it('says what may be expected at the targets, in either space', async () => {
    const { moving, fixed, target, targetInFixed } = scene(6, 1, 0.4);
    const [a, b] = [folder.points('f.csv', fixed), folder.points('m.csv', moving)];
    const t = folder.points('t.csv', [targetInFixed, fixed[0] as Float64Array], ['tumour', 'A']);
    const { json } = await ask('points', '--fixed', a, '--moving', b, '--targets', t);
    expect(json.tre95Mm).toHaveLength(2);
    const targets = json['targets'] as { label: string; atMm: number[]; tre95Mm: number; rmsMm: number }[];
    expect(targets.map((x) => x.label)).toEqual(['tumour', 'A']);
    expect(targets.map((x) => x.tre95Mm)).toEqual(json.tre95Mm);
    expect(json.tre95Mm[0]).toBeGreaterThan(targets[0]?.rmsMm as number);
    const { json: other } = await ask(
      'points',
      '--fixed',
      a,
      '--moving',
      b,
      '--targets',
      folder.points('t2.csv', [target]),
      '--targets-in',
      'moving',
    );
    expect(other.tre95Mm[0]).toBeCloseTo(json.tre95Mm[0] as number, 1);
    const { json: both } = await ask('points', '--fixed', a, '--moving', b, '--targets', t, '--target-fle', '3');
    expect(both.tre95Mm[0]).toBeGreaterThan(3);
    expect((await ask('points', '--fixed', a, '--moving', b)).json.tre95Mm).toEqual([]);
  });

  it('takes the noise from --fle, from sd columns of either side, or from the residuals', async () => {
    const { moving, fixed } = scene(8, 2, 0.5);
    const bare = folder.points('m.csv', moving);
    const fle = async (...args: readonly string[]): Promise<number> => (await ask('points', ...args)).json.fleMm;
    const plain = folder.points('f.csv', fixed);
    expect(await fle('--fixed', plain, '--moving', bare)).toBeLessThan(2);
    expect(await fle('--fixed', plain, '--moving', bare, '--fle', '0.7')).toBeCloseTo(0.7, 9);
    const spread = (places: readonly ArrayLike<number>[], sd: number): string => csv(named(places).map((row) => [...row, sd]));
    const f = folder.write('fsd.csv', spread(fixed, 0.3));
    const m = folder.write('msd.csv', spread(moving, 0.4));
    expect(await fle('--fixed', f, '--moving', bare)).toBeCloseTo(0.3 * Math.sqrt(3), 9);
    expect(await fle('--fixed', f, '--moving', m)).toBeCloseTo(0.5 * Math.sqrt(3), 9);
    const overruled = await ask('points', '--fixed', f, '--moving', m, '--fle', '0.7');
    expect(overruled.json.warnings.map((w) => w.code)).toEqual(['spread-ignored']);
    const some = folder.write('some.csv', csv(named(fixed).map((row, k) => [...row, k === 3 ? '' : 0.3])));
    expect(await refused('registration/bad-weights', '--fixed', some, '--moving', bare)).toContain('"D"');
    const covariance = [0.09, 0, 0, 0, 0.09, 0, 0, 0, 0.09];
    const json = folder.write(
      'cov.json',
      JSON.stringify({ points: fixed.map((p, k) => ({ label: labelOf(k), position: [...p], covariance })) }),
    );
    expect(await fle('--fixed', json, '--moving', m)).toBeCloseTo(0.5 * Math.sqrt(3), 9);
  });

  it('leaves points out by weight, label by label or in order, and by itself with --robust', async () => {
    const { moving, fixed, truth } = scene(8, 3);
    const wrong = fixed.map((p, k) => (k === 2 ? Float64Array.of(...p).map((x) => x + 9) : p));
    const args = ['--fixed', folder.points('w.csv', wrong), '--moving', folder.points('m.csv', moving)];
    const loud = await ask('points', ...args);
    expect([loud.code, loud.json.outcome, loud.json.code]).toEqual([1, 'failed', 'outlier']);
    for (const more of [
      ['--weights', 'C=0'],
      ['--weights', '1,1,0,1,1,1,1,1'],
      ['--robust', 'tukey'],
    ]) {
      const { code, json } = await ask('points', ...args, ...more);
      expect([more, code, json['inliers']]).toEqual([more, 0, 7]);
      expect(json.residuals.filter((r) => !r.inlier).map((r) => r.label)).toEqual(['C']);
      expect(differenceMm(json.fixedFromMoving, truth)).toBeLessThan(1e-6);
    }
    for (const weights of ['1,1', 'Z=0', 'C=x', 'C=-1', 'C='])
      expect((await run('points', ...args, '--weights', weights)).code).toBe(2);
  });

  it('pairs by label where labels are shared, else by order, and says what it left out', async () => {
    const { moving, fixed, truth } = scene(6, 4);
    const unplaced = { label: 'B', defined: false };
    const list = moving.map((p, k) => (k === 1 ? unplaced : { label: labelOf(k), position: [...p] }));
    const m = folder.write('m.json', JSON.stringify({ points: [{ label: 'extra', position: [0, 0, 0] }, ...list] }));
    const { json, code } = await ask('points', '--fixed', folder.points('f.csv', fixed), '--moving', m);
    expect([code, json['pairs'], json['matchedBy']]).toEqual([0, 5, 'label']);
    expect(json.warnings.map((w) => w.code)).toEqual(['undefined-points', 'unpaired', 'not-placed']);
    expect(json.warnings[1]?.message).toContain('"extra" (moving)');
    expect(differenceMm(json.fixedFromMoving, truth)).toBeLessThan(1e-6);
    const renamed = folder.points('r.csv', moving, ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
    const byOrder = await ask('points', '--fixed', folder.points('f.csv', fixed), '--moving', renamed);
    expect([byOrder.json['matchedBy'], byOrder.json.warnings.map((w) => w.code)]).toEqual(['order', ['paired-by-order']]);
    const quiet = await ask('points', '--fixed', folder.points('f.csv', fixed), '--moving', renamed, '--match', 'order');
    expect(quiet.json.warnings).toEqual([]);
    await refused('registration/no-match', '--fixed', folder.points('f.csv', fixed), '--moving', renamed, '--match', 'label');
    await refused(
      'registration/count-mismatch',
      '--fixed',
      folder.points('f.csv', fixed),
      '--moving',
      folder.points('s.csv', moving.slice(1)),
      '--match',
      'order',
    );
    const half = folder.points('h.csv', moving, ['A', 'B', 'm3', 'm4', 'm5', 'm6']);
    expect(await refused('registration/no-match', '--fixed', folder.points('f.csv', fixed), '--moving', half)).toContain(
      'only 2',
    );
    const twice = folder.points('d.csv', moving, ['A', 'B', 'C', 'C', 'E', 'F']);
    expect(await refused('registration/no-match', '--fixed', folder.points('f.csv', fixed), '--moving', twice)).toContain(
      '"C" stands twice',
    );
  });

  it('fits a similarity or an affine map where asked', async () => {
    const { moving, truth } = scene(9, 5);
    const larger = truth.map((x, i) => (i < 12 ? x * 1.05 : x));
    const args = ['--fixed', folder.points('f.csv', moved(larger, moving)), '--moving', folder.points('m.csv', moving)];
    await refused('registration/scale', ...args);
    for (const model of ['similarity', 'affine']) {
      const { code, json } = await ask('points', ...args, '--model', model, '--targets', folder.points('t.csv', [[1, 2, 3]]));
      expect([code, json['model']]).toEqual([0, model]);
      expect(json['scale']).toBeCloseTo(1.05, 9);
      expect(differenceMm(json.fixedFromMoving, larger)).toBeLessThan(1e-6);
    }
    expect((await run('points', ...args, '--model', 'affine', '--robust', 'tukey')).code).toBe(2);
  });
});

describe('points of unknown order (--match unknown)', () => {
  const { moving, fixed, truth, random } = scene(7, 20, 0.3);
  // Two of the fixed points are missing on the other side, which has two of its own; labels say nothing.
  const places = [4, 2, 6, 0, 5].map((k) => moving[k] as Float64Array);
  const others = [
    [310, 20, 40],
    [-200, 150, 90],
  ];
  const m = folder.points(
    'unknown.csv',
    [others[0] as number[], ...places, others[1] as number[]],
    ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'],
  );
  const f = folder.points('known.csv', fixed);

  it('are matched by their distances; what has no partner is named', async () => {
    const { code, json } = await ask('points', '--fixed', f, '--moving', m, '--match', 'unknown', '--fle', '0.6');
    expect([code, json.outcome, json['matchedBy']]).toEqual([0, 'ok', 'distances']);
    expect(json['correspondence']).toEqual([
      ['A', 'm5'],
      ['C', 'm3'],
      ['E', 'm2'],
      ['F', 'm6'],
      ['G', 'm4'],
    ]);
    expect(json['unmatched']).toEqual({ fixed: ['B', 'D'], moving: ['m1', 'm7'] });
    expect(differenceMm(json.fixedFromMoving, truth)).toBeLessThan(3);
    const unsaid = await ask('points', '--fixed', f, '--moving', m, '--match', 'unknown');
    expect(unsaid.json.warnings.map((w) => w.code)).toEqual(['fle-assumed']);
    expect(unsaid.json['correspondence']).toEqual(json['correspondence']);
  });

  it('in a symmetric layout are ambiguous, never silently one answer', async () => {
    const square = [
      [0, 0, 0],
      [100, 0, 0],
      [100, 100, 0],
      [0, 100, 0],
    ];
    const { code, json } = await ask(
      'points',
      '--fixed',
      folder.points('sq.csv', moved(truth, square)),
      '--moving',
      folder.points('sq2.csv', square),
      '--match',
      'unknown',
      '--fle',
      '0.5',
      '--out',
      join(folder.path, 'sq.tfm'),
    );
    expect([code, json.outcome, json.code, json['out']]).toEqual([1, 'ambiguous', 'rival', null]);
    expect((json['rivals'] as unknown[]).length).toBeGreaterThan(0);
  });

  it('that do not match at all are refused; options of other matches are wrong usage', async () => {
    const elsewhere = headLayout(random, 6).map((p) => p.map((x) => x * 1.31));
    const { code } = await ask(
      'points',
      '--fixed',
      f,
      '--moving',
      folder.points('e.csv', elsewhere),
      '--match',
      'unknown',
      '--fle',
      '0.2',
    );
    expect(code).toBe(1);
    for (const more of [
      ['--weights', '1'],
      ['--robust', 'tukey'],
      ['--model', 'affine'],
    ])
      expect((await run('points', '--fixed', f, '--moving', m, '--match', 'unknown', ...more)).code).toBe(2);
  });
});

const random4to9 = (of: number): number => 4 + (of % 6);

describe('the usual mistakes are refused by name', () => {
  const { moving, fixed } = scene(7, 6, 0.3);
  const f = folder.points('mistakes.csv', fixed);

  it.each([
    ['registration/mirrored', moving.map((p) => [-(p[0] as number), p[1] as number, p[2] as number])],
    ['registration/units', moving.map((p) => Array.from(p, (x) => x / 1000))],
    ['registration/scale', moving.map((p) => Array.from(p, (x) => x * 1.06))],
    ['registration/swapped', moving.map((_, k) => moving[k < 2 ? 1 - k : k] as Float64Array)],
    ['registration/too-few-points', moving.slice(0, 2)],
    ['registration/duplicate-points', moving.map((_, k) => moving[k === 4 ? 3 : k] as Float64Array)],
    ['registration/collinear', moving.map((_, k) => [10 * k, 5 * k, -3 * k])],
  ] as const)('%s', async (code, places) => {
    await refused(code, '--fixed', f, '--moving', folder.points('x.csv', places));
  });

  it('registration/ras-lps: a half-turn between two patients’ spaces, which --allow half-turn lets through', async () => {
    const random = new Random(seed + 7);
    const head = headLayout(random, 7);
    const args = ['--fixed', folder.points('lps.csv', head), '--moving', folder.points('ras.csv', flipped(head))];
    await refused('registration/ras-lps', ...args);
    expect((await ask('points', ...args, '--allow', 'half-turn')).json.outcome).toBe('ok');
    const said = folder.write('ras2.csv', `# space=RAS\n${csv(named(flipped(head)))}`);
    const twice = await ask('points', '--fixed', said, '--moving', args[1] as string, '--moving-space', 'RAS');
    expect([twice.json.code, twice.json.warnings.map((w) => w.code)]).toEqual([
      'registration/ras-lps',
      ['ras-converted', 'space-overridden', 'ras-converted'],
    ]);
    const right = await ask('points', '--fixed', args[1] as string, '--moving', said);
    expect(differenceMm(right.json.fixedFromMoving, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])).toBeLessThan(1e-6);
    const told = await ask('points', '--fixed', args[1] as string, '--moving', args[3] as string, '--moving-space', 'RAS');
    expect(told.json.outcome).toBe('ok');
  });

  it('files that are none', async () => {
    for (const bad of ['/no/such/file.csv', folder.path, '/dev/zero'])
      await refused('io/not-found', '--fixed', bad, '--moving', f);
    await refused('points/empty', '--fixed', folder.write('empty.csv', ''), '--moving', f);
    await refused('points/not-a-point-list', '--fixed', folder.write('zero.csv', new Uint8Array(100)), '--moving', f);
    expect(await refused('points/bad-row', '--fixed', folder.write('row.csv', 'A,1,2,3\nB,1,x,3\n'), '--moving', f)).toContain(
      'line 2',
    );
    await refused('points/bad-row', '--fixed', f, '--moving', f, '--targets', folder.write('t.csv', 'A,1,2\nB,1\n'));
    await refused('transform/unsupported', '--fixed', f, '--moving', f, '--out', join(folder.path, 'x.csv'));
    await refused('io/not-writable', '--fixed', f, '--moving', f, '--out', '/no/such/folder/x.tfm');
  });
});

describe('what is written', () => {
  const { moving, fixed, truth } = scene(6, 8, 0.2);
  const args = ['--fixed', folder.points('wf.csv', fixed), '--moving', folder.points('wm.csv', moving)];

  it.each(['t.tfm', 't.h5', 't.mat', 't.txt'])(
    '%s holds the map from fixed to moving, the inverse of the JSON, and says so',
    async (name) => {
      const path = join(folder.path, name);
      const { json, code } = await ask('points', ...args, '--out', path);
      expect([code, json['out']]).toEqual([0, { path, holds: 'movingFromFixed' }]);
      const stored = await readTransformFile(
        { name, bytes: new Uint8Array(readFileSync(path)) },
        { to: frame('moving'), from: frame('fixed') },
      );
      if (stored.kind !== 'linear') throw new Error('not linear');
      const inverse = invertRigid(new Float64Array(16), stored.edge.matrix);
      expect(differenceMm(json.fixedFromMoving, inverse)).toBeLessThan(1e-9);
      expect(differenceMm(json.fixedFromMoving, stored.edge.matrix)).toBeGreaterThan(1);
      // The file carries a fixed point to where it is in the moving space.
      expect(
        Math.hypot(
          ...(moved(stored.edge.matrix, [fixed[0] as Float64Array])[0] as Float64Array).map(
            (x, i) => x - (moving[0]?.[i] as number),
          ),
        ),
      ).toBeLessThan(2);
      expect(differenceMm(json.fixedFromMoving, truth)).toBeLessThan(2);
      if (/tfm|txt/.test(name)) expect(readFileSync(path, 'utf8').split('\n')[1]).toContain('inverse of fixedFromMoving');
      expect((await run('points', ...args, '--out', path)).out).toContain(
        'the map from fixed to moving, the inverse of the above',
      );
    },
  );

  it('is nothing where the result is not trusted, unless it is forced', async () => {
    const bad = [
      '--fixed',
      args[1] as string,
      '--moving',
      folder.points(
        'off.csv',
        moving.map((p, k) => (k === 0 ? p.map((x) => x + 6) : p)),
      ),
    ];
    const path = join(folder.path, 'never.tfm');
    const { json, code } = await ask('points', ...bad, '--out', path);
    expect([code, json.outcome, json['out'], existsSync(path)]).toEqual([1, 'failed', null, false]);
    expect(json.warnings.map((w) => w.code)).toEqual(['not-written']);
    expect(((await ask('points', ...bad, '--out', path, '--force')).json['out'] as { path: string }).path).toBe(path);
    expect(existsSync(path)).toBe(true);
  });
});

describe('for a person', () => {
  it('it prints a table with units, and the words that FRE is no accuracy', async () => {
    const { moving, fixed } = scene(5, 9, 0.3);
    const t = folder.points('t.csv', [[0, 0, 0]], ['tumour']);
    const { code, out, error } = await run(
      'points',
      '--fixed',
      folder.points('f.csv', fixed),
      '--moving',
      folder.points('m.csv', moving),
      '--targets',
      t,
    );
    expect([code, error]).toEqual([0, '']);
    expect(out.split('\n')[0]).toBe('points: ok');
    for (const words of ['fixed from moving (LPS, mm', 'not how accurate', 'Residuals, mm', 'tumour', '95 % below'])
      expect(out).toContain(words);
    expect(out.split('\n').filter((l) => /^[A-E] /.test(l))).toHaveLength(5);
  });

  it('wrong usage is told on standard error, with exit code 2 and nothing on standard output', async () => {
    const f = folder.points('f.csv', headLayout(new Random(1), 4));
    for (const args of [
      ['pionts'],
      ['points'],
      ['points', '--fixed', f],
      ['points', '--fixed', f, '--moving', f, '--fle', 'x'],
      ['points', '--fixed', f, '--moving', f, '--fle', '-1'],
      ['points', '--fixed', f, '--moving', f, '--match', 'colour'],
      ['points', '--fixed', f, '--moving', f, '--wieghts', '1'],
      ['points', '--fixed', f, '--moving', f, 'stray'],
      ['points', '--fixed', f, '--moving', f, '--model', 'spline'],
      ['points', '--fixed', '/no/such/file', '--moving', f, '--model', 'spline'],
      ['points', '--fixed', f, '--moving', f, '--allow', 'everything'],
      ['points', '--fixed', f, '--moving', '--json'],
    ]) {
      const { code, out, error } = await run(...args);
      expect([args, code, out]).toEqual([args, 2, '']);
      expect(error).toContain('trocar-register --help');
    }
    expect((await run('--help')).out).toContain('Exit code');
    expect((await run()).code).toBe(0);
    expect(await run('--version')).toEqual({ code: 0, out: '9.9.9', error: '' });
    expect((await run('points', '--help')).code).toBe(0);
  });
});

const landmarks = join(DATA, 'brain-mr-us/landmarks');
describe.skipIf(!existsSync(landmarks))('RESECT landmarks (TROCAR_DATA/brain-mr-us/landmarks)', () => {
  it('one file for both sides leaves the known 1.12 mm, and 1.29 mm leave-one-out, over 21 cases', async () => {
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const fitted: number[] = [];
    const left: number[] = [];
    const files = readdirSync(landmarks).filter((f) => f.endsWith('.tag'));
    for (const file of files) {
      const path = join(landmarks, file);
      const { json } = await ask('points', '--fixed', path, '--moving', path, '--allow', 'scale');
      expect(json.warnings.map((w) => w.code)).toContain('ras-converted');
      fitted.push(mean(json.residuals.map((r) => r.mm)));
      left.push(mean(json.residuals.map((r) => r.leaveOneOutMm)));
      expect((await ask('points', '--fixed', path, '--allow', 'scale')).json.fixedFromMoving).toEqual(json.fixedFromMoving);
    }
    expect(files).toHaveLength(21);
    expect(mean(fitted)).toBeCloseTo(1.12, 2);
    expect(mean(left)).toBeCloseTo(1.29, 2);
  });
});
