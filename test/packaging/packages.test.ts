import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeVolume } from '@trocar/core/io';
import { headPhantom } from '@trocar/core/testing';
import { transform } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { distFiles, PACKAGES, publicEntries } from '../../scripts/lib/entries.mjs';
import { findBrowser, ROOT } from '../../scripts/lib/host.mjs';
import { type Outcome, run } from '../../scripts/lib/run.mjs';
import { checkTarball, packAll, type Tarball } from '../../scripts/lib/tarballs.mjs';
import { ballNifti, ballNrrd } from './_ball.js';
import { emptyFolder, installInto, put } from './_consumer.js';
import { brightFraction, type Served, serveFolder, startScript, type Visit, visit } from './_pages.js';
import { FIXED_FROM_MOVING, FIXED_POINTS, MOVING_POINTS } from './_register.js';

/**
 * What npm would publish, in an empty project: the packed packages install, type-check, load in Node, and the embed
 * example runs from Vite's dev server, a Vite build and a webpack page, with every foreign request blocked.
 */

const NO_BROWSER = findBrowser() === undefined;
const EMBED = join(ROOT, 'examples/embed');
const MAIN = readFileSync(join(EMBED, 'main.ts'), 'utf8');
/** The same with a volume that only a WebAssembly decoder reads. */
const MAIN_NRRD = MAIN.replaceAll('volume.nii', 'volume.nrrd');
const PAGE = readFileSync(join(EMBED, 'index.html'), 'utf8');

const packs = emptyFolder();
const project = emptyFolder();
let tarballs: readonly Tarball[] = [];
let installed: Awaited<ReturnType<typeof installInto>>;

/** Runs a tool that the consumer has installed. */
const consumerTool = (script: string, ...args: string[]): Promise<Outcome> =>
  run(process.execPath, [join(project, 'node_modules', script), ...args], { cwd: project });

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, v, k) => sum + v * (b[k] as number), 0);

function must(outcome: Outcome): string {
  if (outcome.code !== 0) throw new Error(outcome.output);
  return outcome.output;
}

beforeAll(async () => {
  tarballs = await packAll(packs);
  installed = await installInto(project, tarballs);
  put(project, 'index.html', PAGE);
  put(project, 'main.ts', MAIN);
  put(project, 'public/volume.nii', ballNifti(32, 2));
  put(project, 'public/volume.nrrd', ballNrrd(32, 2));
});
afterAll(() => {
  for (const folder of [packs, project]) rmSync(folder, { recursive: true, force: true });
});

it('the README shows the embed example that is run here', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(MAIN);
});

describe('the tarballs', () => {
  it.each(PACKAGES)('%s holds what its package.json names, and no source, test or cache', (name) => {
    const files = tarballs.find((tarball) => tarball.name === `@trocar/${name}`)?.files ?? [];
    const named = distFiles(name);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((path) => !files.includes(path))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    expect(files.filter((file) => /[.]test[.]|tsbuildinfo|^src\//.test(file))).toEqual([]);
  });

  it.each(PACKAGES)('%s satisfies publint and attw', async (name) => {
    const { publint, attw } = await checkTarball(tarballs.find((one) => one.name === `@trocar/${name}`) as Tarball);
    expect(publint.output).toContain('All good');
    expect(attw.code, attw.output).toBe(0);
  });
});

describe('in an empty project', () => {
  beforeEach((context) => {
    context.skip(installed === 'offline', 'npm could not reach its registry');
    expect(installed).toBeUndefined();
  });

  it('every entry point loads in Node, and no optional peer is needed but where it is used', async () => {
    const names = PACKAGES.flatMap((name) =>
      Object.keys(publicEntries(name)).map((subpath) => `@trocar/${name}${subpath.slice(1)}`),
    );
    put(
      project,
      'load.mjs',
      `for (const name of ${JSON.stringify(names)}) {
         try { console.log(name, Object.keys(await import(name)).length > 0 ? 'loads' : 'is empty'); }
         catch (error) { console.log(name, error.message.replace(/ imported from.*/, '')); }
       }`,
    );
    const lines = must(await run(process.execPath, ['load.mjs'], { cwd: project }))
      .trim()
      .split('\n');
    // vtk.js and serialport are not installed here.
    const expected = (name: string): string => (name === '@trocar/core/vtk' ? "Cannot find package '@kitware/vtk.js'" : 'loads');
    expect(lines).toEqual(names.map((name) => `${name} ${expected(name)}`));
  });

  it('one class is one object, whichever entry point it came through', async () => {
    put(
      project,
      'same.mjs',
      `import { NavError, frame } from '@trocar/core';
       import { volume } from '@trocar/core/volume';
       try { volume({ frame: frame('ct'), voxels: new Int16Array(1), size: [2, 2, 2], frameFromIndex: [] }); }
       catch (error) { console.log(error instanceof NavError, error.code); }`,
    );
    expect(must(await run(process.execPath, ['same.mjs'], { cwd: project })).trim()).toBe('true volume/bad-voxels');
  });

  it('trocar-register registers there, refuses there, and leaves standard output to its answer', () => {
    put(project, 'fixed.csv', FIXED_POINTS);
    put(project, 'moving.csv', MOVING_POINTS);
    const script = join(project, 'node_modules/@trocar/registration/dist/bin/trocar-register.js');
    const register = (...args: string[]): SpawnSyncReturns<string> =>
      spawnSync(process.execPath, [script, ...args], { cwd: project, encoding: 'utf8', timeout: 60_000 });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/registration/package.json'), 'utf8')) as { version: string };
    expect(register('--version').stdout).toContain(version);
    const pair = ['--moving', 'moving.csv', '--json'];
    const found = JSON.parse(register('points', '--fixed', 'fixed.csv', ...pair, '--out', 'found.h5').stdout) as {
      outcome: string;
      fixedFromMoving: number[][];
    };
    expect(found.outcome).toBe('ok');
    found.fixedFromMoving.flat().forEach((v, k) => {
      expect(v).toBeCloseTo(FIXED_FROM_MOVING.flat()[k] as number, 9);
    });
    expect(readFileSync(join(project, 'found.h5')).subarray(1, 4).toString()).toBe('HDF');
    const missing = register('points', '--fixed', 'nowhere.csv', ...pair);
    expect([missing.status, (JSON.parse(missing.stdout) as { outcome: string }).outcome]).toEqual([1, 'refused']);
    const nonsense = register('nonsense');
    expect([nonsense.status, nonsense.stdout]).toEqual([2, '']);
  });

  it('trocar-register registers images there: in its workers, and through elastix', async () => {
    // A turn of 0.15 rad about the long axis, and a shift.
    const [c, s] = [Math.cos(0.15), Math.sin(0.15)];
    const pose = Float64Array.of(c, s, 0, 0, -s, c, 0, 0, 0, 0, 1, 0, 6, -8, 5, 1);
    const head = { spacingMm: 5, seed: 1 };
    await writeVolume(headPhantom({ ...head, contrast: 'ct' }).volume, join(project, 'fixed.nrrd'));
    await writeVolume(headPhantom({ ...head, contrast: 'mr', frameFromBody: pose }).volume, join(project, 'moving.nii.gz'));
    const script = join(project, 'node_modules/@trocar/registration/dist/bin/trocar-register.js');
    for (const how of [
      ['--threads', '2'],
      ['--metric', 'elastix'],
    ]) {
      const args = ['image', '--fixed', 'fixed.nrrd', '--moving', 'moving.nii.gz', '--out', 'image.tfm', '--json', ...how];
      const { stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
        cwd: project,
        encoding: 'utf8',
        timeout: 120_000,
      });
      expect(stdout, stderr).toMatch(/^\{/);
      const { outcome, fixedFromMoving } = JSON.parse(stdout) as { outcome: string; fixedFromMoving: number[][] };
      expect([how, outcome]).toEqual([how, 'ok']);
      // The pose is moving-from-fixed: what it does must be undone.
      const back = fixedFromMoving.flatMap((row) => [0, 1, 2, 3].map((c) => dot(row, pose.subarray(4 * c, 4 * c + 4))));
      back.forEach((v, k) => {
        expect(Math.abs(v - (k % 5 === 0 ? 1 : 0))).toBeLessThan(k % 4 === 3 ? 2 : 0.02);
      });
      expect(readFileSync(join(project, 'image.tfm'), 'utf8')).toContain('#Insight Transform File');
    }
  }, 240_000);

  it('the embed example type-checks, our declarations too', async () => {
    const options = { target: 'es2022', lib: ['es2023', 'dom', 'dom.iterable'], module: 'esnext', moduleResolution: 'bundler' };
    const compilerOptions = { ...options, strict: true, noEmit: true, types: [], skipLibCheck: false };
    put(project, 'tsconfig.json', JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    const { output } = await consumerTool('typescript/bin/tsc', '-p', '.', '--pretty', 'false');
    // What third parties declare is theirs to mend: an application sets skipLibCheck for that.
    const ours = output.split('\n').filter((line) => /^(main[.]ts|node_modules\/@trocar\/)/.test(line));
    expect(ours).toEqual([]);
    must(await consumerTool('typescript/bin/tsc', '-p', '.', '--skipLibCheck'));
  });

  it('a wrong frame does not type-check there', async () => {
    const wrong = MAIN.replace('bytes }], { frame: ct })', 'bytes }], { frame: tracker })');
    expect(wrong).not.toBe(MAIN);
    put(project, 'wrong.ts', wrong);
    put(project, 'tsconfig.wrong.json', JSON.stringify({ extends: './tsconfig.json', files: ['wrong.ts'] }));
    const { output } = await consumerTool('typescript/bin/tsc', '-p', 'tsconfig.wrong.json');
    expect(output).toMatch(/'"tracker"' is not assignable to type '"ct"'|'"ct"' is not assignable to type '"tracker"'/);
  });
});

describe.skipIf(NO_BROWSER)('the embed example in a page', () => {
  beforeAll(async () => {
    if (installed !== undefined) return;
    must(await consumerTool('@trocar/core/dist/bin/trocar-volume.js', 'assets', 'public/trocar'));
    cpSync(join(ROOT, 'test/packaging/fixtures'), project, { recursive: true });
  });
  beforeEach((context) => {
    context.skip(installed === 'offline', 'npm could not reach its registry');
    expect(installed).toBeUndefined();
  });

  /** Opens the page with a bridge of its own, waits until the stylus is live in its place, and looks for the ball: an eighth of this picture. */
  async function seeItLive(served: Served): Promise<Visit> {
    const bridge = await startScript(project, 'bridge.mjs', [new URL(served.url).origin]);
    try {
      return await visit(`${served.url}?bridge=${bridge.url}`, bridge.url, async (page) => {
        await page.waitForFunction(() => document.title === 'ok 4 -6 8', undefined, { timeout: 60_000 });
        expect(await brightFraction(page)).toBeGreaterThan(0.08);
      });
    } finally {
      await Promise.all([bridge.close(), served.close()]);
    }
  }

  it.each([
    ['a NIfTI file', MAIN],
    ['a volume for the WebAssembly decoder', MAIN_NRRD],
  ])('runs on Vite’s dev server with %s', async (_, main) => {
    put(project, 'main.ts', main);
    expect(await seeItLive(await startScript(project, 'dev.mjs'))).toEqual({ offOrigin: [], errors: [] });
  });

  it('runs from a Vite build', async () => {
    put(project, 'main.ts', MAIN_NRRD);
    must(await consumerTool('vite/bin/vite.js', 'build', '--outDir', 'out-vite', '--logLevel', 'warn'));
    expect(await seeItLive(await serveFolder(join(project, 'out-vite')))).toEqual({ offOrigin: [], errors: [] });
  });

  it('runs from a webpack page', async () => {
    await webpackPage(MAIN_NRRD);
    expect(await seeItLive(await serveFolder(join(project, 'out-webpack')))).toEqual({ offOrigin: [], errors: [] });
  });

  it.each([
    ['without setAssetsBase', "setAssetsBase('/trocar');", '', 'assets/not-configured'],
    ['with assets never copied', "setAssetsBase('/trocar');", "setAssetsBase('/nowhere');", 'assets/missing'],
  ])('%s it says so, and asks no content network', async (_, line, instead, code) => {
    expect(MAIN_NRRD).toContain(line);
    await webpackPage(MAIN_NRRD.replace(line, instead));
    const served = await serveFolder(join(project, 'out-webpack'));
    let codes: unknown;
    const { offOrigin } = await visit(served.url, undefined, async (page) => {
      await page.waitForFunction(() => (globalThis as { failures?: unknown[] }).failures?.length, undefined, { timeout: 60_000 });
      codes = await page.evaluate(() => (globalThis as { failures?: unknown[] }).failures);
    });
    await served.close();
    expect(codes).toEqual([code]);
    expect(offOrigin).toEqual([]);
  });

  it('a page that asks elsewhere is caught, and gets nothing', async () => {
    const folder = emptyFolder();
    const ask = "fetch('https://example.org/a').catch(() => new Worker('/w.js')); new Image().src = 'http://127.0.0.1:9/b';";
    put(folder, 'index.html', '<!doctype html><title>x</title><script src="/ask.js"></script>');
    put(folder, 'ask.js', ask);
    put(folder, 'w.js', "fetch('https://example.org/c').finally(() => { throw new Error('asked'); });");
    const served = await serveFolder(folder, "default-src * 'unsafe-inline'");
    const { offOrigin } = await visit(served.url, undefined, (page) => page.waitForTimeout(1500));
    await served.close();
    rmSync(folder, { recursive: true });
    expect([...offOrigin].sort()).toEqual(['http://127.0.0.1:9/b', 'https://example.org/a', 'https://example.org/c']);
  });

  /** A webpack build of the example's own source; webpack itself reads JavaScript only. */
  async function webpackPage(source: string): Promise<void> {
    put(project, 'webpack-main.js', (await transform(source, { loader: 'ts' })).code);
    rmSync(join(project, 'out-webpack'), { recursive: true, force: true });
    must(await run(process.execPath, ['webpack.mjs'], { cwd: project }));
    put(project, 'out-webpack/index.html', PAGE.replace('./main.ts', './main.js'));
  }
});
