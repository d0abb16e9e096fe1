import { createReadStream, existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defaultClientConditions, defaultServerConditions, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { findBrowser } from './scripts/lib/host.mjs';

/** Sources instead of built files; the defaults stay, because `imports` choose between Node and browser by them. */
const source = '@trocar/source';
const chromium = findBrowser();
const countsFile = process.env['TROCAR_TEST_COUNTS'];

/** How hard tests try, and the seed that properties and fuzz tests draw from. */
const effort = Math.max(1, Math.round(Number(process.env['TROCAR_EFFORT'] || 1)));
const givenSeed = process.env['TROCAR_SEED'] || '1';
const seed = givenSeed === 'random' ? Date.now() % 2 ** 31 : Number(givenSeed);
if (Number.isNaN(effort) || !Number.isInteger(seed)) {
  throw new Error('TROCAR_EFFORT must be a number, TROCAR_SEED a whole number or "random".');
}
if (givenSeed === 'random') process.stderr.write(`TROCAR_SEED=${seed}\n`);
const tries = { provide: { effort, seed }, setupFiles: ['test/support/properties.setup.ts'] };

/** Software WebGL, and nothing that looks for a network. */
const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-swiftshader',
];

/** Tests that hold deadlines or count garbage collections: one file at a time, so that none of ours disturbs another. */
const timed = [
  'packages/**/allocation.test.ts',
  'packages/device-bridge/src/{node,bin}/**/*.test.ts',
  'packages/device-bridge/src/{drivers,testing}/**/!(*fuzz).test.ts',
  'examples/**/node/**/*.test.ts',
];

/** Tests of whole programs, built or installed first: one at a time, after the others, so that nothing is timed beside them. */
const whole = ['test/packaging/**/*.test.ts', 'test/e2e/**/*.test.ts'];

/** Where the browser tests' set-up puts the decoders, and the address the test server serves them under. */
const assets = fileURLToPath(new URL('node_modules/.cache/trocar-assets', import.meta.url));
const ASSETS_URL = '/trocar-assets/';

/** Serves the copied decoders as an application's own server would, under the strictest policy they must live with. */
const servedAssets: Plugin = {
  name: 'trocar-assets',
  configureServer: ({ middlewares }) => {
    middlewares.use((request, response, next) => {
      const path = (request.url ?? '').split('?')[0] as string;
      if (!path.startsWith(ASSETS_URL)) return next();
      const file = join(assets, normalize(`/${path.slice(ASSETS_URL.length)}`));
      if (!existsSync(file)) return response.writeHead(404).end();
      response.setHeader('content-type', file.endsWith('.js') ? 'text/javascript' : 'application/octet-stream');
      response.setHeader(
        'content-security-policy',
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'",
      );
      createReadStream(file).pipe(response);
    });
  },
};

/** Dependencies that only a worker or one test asks for: found in the middle of a run, they would load the page anew. */
const bundledBeforehand = [
  ...['itk-wasm', 'dicom-parser', 'gl-matrix', 'fast-check', 'three', 'iwer', 'meshoptimizer/simplifier', '@mcap/core', 'dcmjs'],
  '@kitware/vtk.js/Common/DataModel/PolyData.js',
  '@kitware/vtk.js/Filters/General/ImageMarchingCubes.js',
  '@kitware/vtk.js/Filters/General/WindowedSincPolyDataFilter.js',
];

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  test: {
    reporters: countsFile ? ['default', ['./scripts/lib/counts-reporter.mjs', { outputFile: countsFile }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          ...tries,
          environment: 'node',
          include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts', ...timed, ...whole, '**/node_modules/**', '**/dist/**'],
          testTimeout: 60_000 * effort,
          maxWorkers: 2,
          // Modules are loaded once a worker, not once a file: short tests take a quarter less processor time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      ...(chromium === undefined
        ? []
        : [
            {
              extends: true as const,
              plugins: [servedAssets],
              // Found late, these would make the server bundle anew and the page reload in the middle of a test.
              optimizeDeps: { include: bundledBeforehand },
              test: {
                name: 'browser',
                ...tries,
                globalSetup: ['packages/core/src/io/test-support/copy-assets.setup.ts'],
                include: ['packages/*/src/**/*.browser.test.ts', 'test/**/*.browser.test.ts', 'examples/**/*.browser.test.ts'],
                testTimeout: 60_000 * effort,
                sequence: { groupOrder: 1 },
                browser: {
                  enabled: true,
                  headless: true,
                  screenshotFailures: false,
                  provider: playwright({ launchOptions: { executablePath: chromium, args: chromiumFlags } }),
                  instances: [{ browser: 'chromium' as const }],
                },
              },
            },
          ]),
      {
        extends: true,
        test: {
          name: 'timed',
          ...tries,
          environment: 'node',
          include: timed,
          testTimeout: 120_000 * effort,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          ...tries,
          environment: 'node',
          include: whole,
          // What a page is asked for is there some pictures later, and these come slowly where there is no GPU.
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
