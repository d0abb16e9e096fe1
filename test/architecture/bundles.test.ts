import { writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { PACKAGES, publicEntries } from '../../scripts/lib/entries.mjs';
import { ROOT } from '../../scripts/lib/host.mjs';
import sizes from './sizes.json' with { type: 'json' };

/** What an import pulls in, and how many bytes it costs: measured on a bundle, not on what files say they import. */

/** Bytes recorded when they were last looked at; `TROCAR_RECORD_SIZES=1 npx vitest run test/architecture` records anew. */
const RECORDED: Readonly<Record<string, number>> = sizes.gzipBytes;
const RECORD = process.env['TROCAR_RECORD_SIZES'] === '1';
/** A change beyond this is looked at in review. */
const TOLERANCE = 0.1;

interface Bundle {
  readonly gzipBytes: number;
  /** Modules outside our sources: `three`, `node:fs`, `@itk-wasm/dicom`. */
  readonly foreign: readonly string[];
}

async function bundle(entry: string, external: boolean): Promise<Bundle> {
  const result = await build({
    stdin: { contents: `export * from './${entry}';`, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@trocar/source'],
    metafile: true,
    logLevel: 'silent',
    // Third parties count for the root, which has to stay small altogether; elsewhere only our own bytes do.
    external: [
      'node:*',
      ...(external
        ? [
            'three',
            '@kitware/*',
            '@itk-wasm/*',
            'itk-wasm',
            'gl-matrix',
            '@mcap/core',
            'meshoptimizer',
            'ws',
            'serialport',
            'yaml',
            'dcmjs',
            'mqtt',
          ]
        : []),
    ],
    absWorkingDir: ROOT,
  });
  const [output] = result.outputFiles;
  return {
    gzipBytes: gzipSync(output?.contents ?? new Uint8Array(), { level: 9 }).length,
    foreign: foreignModules(result.metafile),
  };
}

function foreignModules(metafile: Metafile): string[] {
  const found = new Set<string>();
  for (const [path, input] of Object.entries(metafile.inputs)) {
    const inPackage = path.split('node_modules/').at(-1);
    if (path.includes('node_modules/') && inPackage)
      found.add(
        inPackage
          .split('/')
          .slice(0, inPackage.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    for (const used of input.imports) if (used.external) found.add(used.path);
  }
  return [...found].sort();
}

const ENTRIES = PACKAGES.flatMap((name) =>
  Object.entries(publicEntries(name)).map(([subpath, file]) => ({
    name: `@trocar/${name}${subpath.slice(1)}`,
    file,
    runsInBrowsers: !subpath.endsWith('/node'),
  })),
);

describe('what an import pulls in', () => {
  it('the root of core is our own code and nothing else but gl-matrix', async () => {
    const { foreign } = await bundle('packages/core/src/index.ts', false);
    expect(foreign.filter((name) => name !== 'gl-matrix')).toEqual([]);
  });

  it.each(ENTRIES.filter((entry) => entry.runsInBrowsers))(
    '$name bundles for a browser without any Node module',
    async ({ file }) => {
      const { foreign } = await bundle(file, true);
      expect(foreign.filter((name) => name.startsWith('node:') || builtinModules.includes(name))).toEqual([]);
    },
  );

  it.each([
    ['three', '@trocar/core/render'],
    ['@kitware/vtk.js', '@trocar/core/vtk'],
    ['meshoptimizer', '@trocar/core/vtk'],
  ])('%s comes with %s alone', async (library, home) => {
    for (const { name, file } of ENTRIES.filter((entry) => entry.runsInBrowsers)) {
      const { foreign } = await bundle(file, true);
      const pulled = foreign.some((one) => one === library || one.startsWith(`${library}/`));
      expect([name, pulled]).toEqual([name, name === home]);
    }
  });
});

describe('bytes of our own code, minified and gzipped', () => {
  const measured: Record<string, number> = {};

  it.each(ENTRIES.filter((entry) => entry.runsInBrowsers))('$name weighs what is recorded', async ({ name, file }) => {
    const { gzipBytes } = await bundle(file, true);
    measured[name] = gzipBytes;
    if (RECORD) return;
    const recorded = RECORDED[name] ?? 0;
    expect(gzipBytes, `${name}: recorded in test/architecture/sizes.json`).toBeLessThanOrEqual(recorded * (1 + TOLERANCE));
    // Far below is good news, but a record that is too high lets the next mistake through unseen.
    expect(gzipBytes, `${name} became smaller: record it`).toBeGreaterThanOrEqual(recorded * (1 - TOLERANCE));
  });

  afterAll(() => {
    if (!RECORD) return;
    const file = new URL('./sizes.json', import.meta.url);
    writeFileSync(file, `${JSON.stringify({ gzipBytes: measured }, null, 2)}\n`);
  });
});
