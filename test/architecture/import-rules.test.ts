import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../../.dependency-cruiser.mjs';
import { PACKAGES } from '../../scripts/lib/entries.mjs';
import { ROOT } from '../../scripts/lib/host.mjs';
import { tool } from '../../scripts/lib/run.mjs';

/**
 * Each import rule is broken on purpose, once, in a small copy of the house: a rule that does not fire is no rule.
 * The house itself is cruised by `npm run check`.
 */

interface Breach {
  readonly rule: string;
  readonly file: string;
  readonly imports: string;
  /** Rules that the same line breaks too. */
  readonly also?: readonly string[];
}

const breach = (rule: string, file: string, imports: string, ...also: string[]): Breach => ({
  rule,
  file: `packages/${file}`,
  imports,
  also,
});

const BREACHES: readonly Breach[] = [
  breach('core-base', 'core/src/base/bad.ts', '../math/index.js'),
  breach('core-math', 'core/src/math/bad.ts', '../time/index.js'),
  breach('core-text', 'core/src/text/bad.ts', '../math/index.js'),
  breach('core-time', 'core/src/time/bad.ts', '../frames/index.js'),
  breach('core-frames', 'core/src/frames/bad.ts', '../volume/index.js'),
  breach('core-volume', 'core/src/volume/bad.ts', '../recording/index.js'),
  breach('core-recording', 'core/src/recording/bad.ts', '../volume/index.js'),
  breach('core-io', 'core/src/io/bad.ts', '../guidance/index.js'),
  breach('core-guidance', 'core/src/guidance/bad.ts', '../render/index.js'),
  breach('core-ultrasound', 'core/src/ultrasound/bad.ts', '../io/index.js'),
  breach('core-analysis', 'core/src/analysis/bad.ts', '../io/index.js'),
  breach('core-dicom', 'core/src/dicom/bad.ts', '../session/index.js'),
  breach('core-session', 'core/src/session/bad.ts', '../render/index.js'),
  breach('core-render', 'core/src/render/bad.ts', '../vtk/index.js'),
  breach('core-vtk', 'core/src/vtk/bad.ts', '../render/index.js'),
  breach('core-root', 'core/src/index.ts', './volume/index.js'),
  breach('core-stands-alone', 'core/src/io/bad-package.ts', '@trocar/registration'),
  breach('registration-on-core', 'registration/src/points/bad.ts', '@trocar/core/io'),
  breach('registration-files-on-core', 'registration/src/itk/bad.ts', '@trocar/core/render'),
  breach('registration-not-device-bridge', 'registration/src/points/bad-bridge.ts', '@trocar/device-bridge'),
  breach('device-bridge-on-core', 'device-bridge/src/codec/bad.ts', '@trocar/core/io'),
  breach('device-bridge-tests-on-core', 'device-bridge/src/codec/bad.test.ts', '@trocar/core/render'),
  breach('device-bridge-not-registration', 'device-bridge/src/codec/bad-registration.ts', '@trocar/registration'),
  breach('sibling-by-name', 'device-bridge/src/codec/bad-relative.ts', '../../../core/src/volume/index.js'),
  { rule: 'sibling-by-name', file: 'examples/app/src/bad.ts', imports: '../../../packages/core/src/index.js' },
  { rule: 'bench-by-name', file: 'bench/bad.ts', imports: '../packages/core/src/index.js' },
  breach('packages-know-no-application', 'core/src/testing/bad-application.ts', '../../../../scripts/tool.mjs'),
  breach('three-in-render', 'core/src/guidance/bad-three.ts', 'three'),
  breach('vtk-in-vtk', 'core/src/render/bad-vtk.ts', '@kitware/vtk.js/Common/DataModel/ImageData.js'),
  breach('meshoptimizer-in-vtk', 'core/src/volume/bad-simplifier.ts', 'meshoptimizer'),
  breach('itk-wasm-at-the-edges', 'registration/src/points/bad-itk.ts', '@itk-wasm/elastix'),
  breach('gl-matrix-in-math', 'core/src/frames/bad-gl.ts', 'gl-matrix'),
  breach('mcap-in-recording', 'core/src/io/bad-mcap.ts', '@mcap/core'),
  breach('dcmjs-in-dicom', 'core/src/io/bad-dcmjs.ts', 'dcmjs'),
  breach('mqtt-in-node', 'device-bridge/src/browser/bad-mqtt.ts', 'mqtt'),
  breach('yaml-in-node', 'device-bridge/src/drivers/bad-yaml.ts', 'yaml'),
  breach('serialport-in-node', 'device-bridge/src/codec/bad-serial.ts', 'serialport'),
  breach('node-built-ins-at-home', 'core/src/io/bad-node.ts', 'node:fs'),
  breach('node-half-by-condition', 'core/src/io/bad-half.ts', './node/platform.js'),
  breach('no-cycles', 'core/src/guidance/cycle-a.ts', './cycle-b.js'),
  breach('testing-is-for-tests', 'core/src/index-of-testing.ts', './testing/index.js'),
  breach('no-test-imported', 'core/src/volume/bad-test.ts', './some.test.js'),
  breach('resolvable', 'core/src/volume/bad-nowhere.ts', './nowhere.js'),
];

/** What must stay allowed: a rule that refuses everything would pass the breaches. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'packages/core/src/render/good.ts': ['three', '../guidance/index.js', '../volume/index.js', '../frames/index.js'],
  'packages/core/src/vtk/good.ts': ['@kitware/vtk.js/Common/DataModel/ImageData.js', '../volume/index.js'],
  'packages/core/src/io/good.ts': ['itk-wasm', '@itk-wasm/elastix', '../volume/index.js', '#io/platform'],
  'packages/core/src/io/node/good.ts': ['node:fs', '../index.js', './platform.js'],
  'packages/core/src/math/good.ts': ['gl-matrix', '../base/index.js'],
  'packages/core/src/bin/good.ts': ['node:fs', '../io/index.js', '../guidance/index.js'],
  'packages/core/src/volume/good.test.ts': ['node:fs', '../testing/index.js', '../frames/index.js'],
  'packages/registration/src/points/good.ts': ['@trocar/core', '@trocar/core/math', '@trocar/core/volume'],
  'packages/registration/src/itk/good.ts': ['@itk-wasm/elastix', '@trocar/core/io'],
  'packages/registration/src/points/good.test.ts': ['@trocar/core/testing', 'node:fs'],
  'packages/device-bridge/src/codec/good.ts': ['@trocar/core', '@trocar/core/volume'],
  'packages/device-bridge/src/node/good.ts': ['serialport', 'node:net'],
  'examples/app/src/good.ts': ['@trocar/core', '@trocar/registration', '@trocar/device-bridge', 'three'],
};

const ROOMS = [
  'base',
  'math',
  'time',
  'frames',
  'volume',
  'recording',
  'io',
  'guidance',
  'ultrasound',
  'dicom',
  'session',
].concat('analysis', 'text', 'render', 'vtk', 'testing');
const LIBRARIES = [
  'three',
  '@kitware/vtk.js',
  'itk-wasm',
  '@itk-wasm/elastix',
  'gl-matrix',
  'serialport',
  '@mcap/core',
  'yaml',
].concat('meshoptimizer', 'dcmjs', 'mqtt');

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function copyOfTheHouse(root: string): void {
  write(root, 'package.json', JSON.stringify({ private: true, type: 'module', workspaces: ['packages/*', 'examples/*'] }));
  for (const file of ['.dependency-cruiser.mjs', 'tsconfig.base.json', 'tsconfig.test.json'])
    cpSync(join(ROOT, file), join(root, file));
  write(root, 'scripts/tool.mjs', 'export {};\n');
  write(root, 'examples/app/package.json', JSON.stringify({ name: 'app', type: 'module' }));
  for (const library of LIBRARIES) {
    write(root, `node_modules/${library}/package.json`, JSON.stringify({ name: library, version: '1.0.0', main: 'index.js' }));
    write(root, `node_modules/${library}/index.js`, '');
  }
  write(root, 'node_modules/@kitware/vtk.js/Common/DataModel/ImageData.js', '');
  mkdirSync(join(root, 'node_modules/@trocar'), { recursive: true });
  for (const name of PACKAGES) {
    const rooms = name === 'core' ? ROOMS : ['points', 'itk', 'codec', 'node', 'browser', 'testing'];
    const subpaths = rooms.map((room) => [`./${room}`, { '@trocar/source': `./src/${room}/index.ts` }]);
    const manifest = {
      name: `@trocar/${name}`,
      type: 'module',
      exports: { '.': { '@trocar/source': './src/index.ts' }, ...Object.fromEntries(subpaths) },
      imports: { '#io/platform': { '@trocar/source': './src/io/node/platform.ts' } },
    };
    write(root, `packages/${name}/package.json`, JSON.stringify(manifest));
    write(root, `packages/${name}/src/index.ts`, 'export {};\n');
    for (const room of rooms) write(root, `packages/${name}/src/${room}/index.ts`, 'export {};\n');
    symlinkSync(`../../packages/${name}`, join(root, 'node_modules/@trocar', name), 'dir');
  }
  write(root, 'packages/core/src/io/node/platform.ts', 'export {};\n');
  write(root, 'packages/core/src/volume/some.test.ts', 'export {};\n');
  write(root, 'packages/core/src/guidance/cycle-b.ts', "import './cycle-a.js';\n");
}

const importing = (modules: readonly string[]): string => modules.map((module) => `import '${module}';\n`).join('');

describe('the import rules', () => {
  let root = '';
  let violations: { readonly from: string; readonly rule: { readonly name: string } }[] = [];

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'trocar-rules-')));
    copyOfTheHouse(root);
    for (const { file, imports } of BREACHES) write(root, file, importing([imports]));
    for (const [file, imports] of Object.entries(ALLOWED)) write(root, file, importing(imports));
    const { output } = await tool(
      'dependency-cruiser/bin/dependency-cruise.mjs',
      ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'packages', 'examples', 'bench'],
      { cwd: root },
    );
    violations = JSON.parse(output).summary.violations;
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.each(BREACHES.map((one) => [one.rule, one] as const))('%s fires, and alone', (rule, { file, also = [] }) => {
    const fired = violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name);
    expect([...new Set(fired)].sort()).toEqual([rule, ...also].sort());
  });

  it.each(Object.keys(ALLOWED))('%s breaks no rule', (file) => {
    expect(violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name)).toEqual([]);
  });

  it('is every rule of the configuration', () => {
    expect((config.forbidden ?? []).map((rule) => rule.name).sort()).toEqual(
      [...new Set(BREACHES.map((one) => one.rule))].sort(),
    );
  });
});
