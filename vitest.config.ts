import { playwright } from '@vitest/browser-playwright';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { findBrowser } from './scripts/lib/host.mjs';

/** Sources instead of built files; the defaults stay, because `imports` choose between Node and browser by them. */
const source = '@trocar/source';
const chromium = findBrowser();
const countsFile = process.env['TROCAR_TEST_COUNTS'];

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

/** Tests that build, pack and install first: one at a time, after the others, so that nothing is timed beside them. */
const packaging = 'test/packaging/**/*.test.ts';

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
          environment: 'node',
          include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts', packaging, '**/node_modules/**', '**/dist/**'],
          testTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      ...(chromium === undefined
        ? []
        : [
            {
              extends: true as const,
              test: {
                name: 'browser',
                include: ['packages/*/src/**/*.browser.test.ts', 'test/**/*.browser.test.ts', 'examples/**/*.browser.test.ts'],
                testTimeout: 60_000,
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
          name: 'packaging',
          environment: 'node',
          include: [packaging],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
