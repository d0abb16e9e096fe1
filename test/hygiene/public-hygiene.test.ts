import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingPlatformEntries } from '../../scripts/complete-lock.mjs';
import { ROOT } from '../../scripts/lib/host.mjs';
import { trackedFiles } from '../_tracked-files.js';

/** What must not stand in a public repository, nor load from a network in an operating room. */

/** Put together from parts, so that this file does not find itself. */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a folder of one machine',
    new RegExp(String.raw`(^|[\s"'\`(=:])/(${['work', 'root', 'home', 'Users'].join('|')})/[\w.]`, 'm'),
  ],
  ['a folder of one machine (Windows)', new RegExp(String.raw`[A-Z]:\\+${'Users'}`)],
  [
    'a content network',
    new RegExp(['jsdelivr', 'unpkg[.]com', 'cdnjs', 'esm[.]sh', 'skypack', 'cdn[.]\\w+[.]\\w+'].join('|'), 'i'),
  ],
  ['a package registry', new RegExp(['registry[.]npmjs', 'npmmirror', 'artifactory', 'verdaccio', 'pypi[.]org'].join('|'), 'i')],
  ['a private address', /\bhttps?:\/\/(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d/],
];

/** Bytes rather than text: images, recordings. */
const isText = (bytes: Buffer): boolean => !bytes.subarray(0, 8192).includes(0);

describe('every file of the project', () => {
  const files = trackedFiles()
    .filter((path) => path !== 'test/hygiene/public-hygiene.test.ts')
    .map((path) => ({ path, bytes: readFileSync(join(ROOT, path)) }))
    .filter(({ bytes }) => isText(bytes))
    .map(({ path, bytes }) => ({ path, text: bytes.toString('utf8') }));

  it.each(FORBIDDEN)('names no %s', (_, pattern) => {
    const found = files.flatMap(({ path, text }) => {
      const match = pattern.exec(text);
      return match === null ? [] : [`${path}:${text.slice(0, match.index + 1).split('\n').length}: ${match[0]}`];
    });
    expect(found).toEqual([]);
  });

  it('is small enough to be read: no data beyond 1 MiB', () => {
    const big = trackedFiles().filter((path) => readFileSync(join(ROOT, path)).length > 2 ** 20);
    expect(big).toEqual([]);
  });
});

describe('what the patterns find', () => {
  const hit = (text: string): string[] => FORBIDDEN.filter(([, pattern]) => pattern.test(text)).map(([what]) => what);

  it.each([
    [`read "/${'home'}/me/x"`, 'a folder of one machine'],
    [`C:\\${'Users'}\\me`, 'a folder of one machine (Windows)'],
    [`https://${'cdn'}.${'jsdelivr'}.net/npm/x`, 'a content network'],
    [`https://${'registry'}.${'npmjs'}.org/x`, 'a package registry'],
    ['http://192.168.1.7/', 'a private address'],
  ])('%s', (text, what) => expect(hit(text)).toEqual([what]));

  it.each(['a/work/b', '../shared/data', 'http://127.0.0.1:8080/', 'https://www.w3.org/', 'homework/'])('not %s', (text) =>
    expect(hit(text)).toEqual([]),
  );
});

describe('package-lock.json', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));

  it('names no host: whoever installs uses their own registry', () => {
    const resolved = Object.values(lock.packages as Record<string, { resolved?: string; link?: boolean }>)
      .filter((entry) => !entry.link)
      .flatMap((entry) => entry.resolved ?? []);
    expect(resolved).toEqual([]);
  });

  it('holds every platform’s optional binaries (npm run lock)', () => {
    expect(Object.keys(missingPlatformEntries(lock))).toEqual([]);
  });

  it('knows a missing platform when it sees one', () => {
    const packages = { 'node_modules/tool': { optionalDependencies: { '@tool/linux-x64-musl': '1.2.3', extra: '1.0.0' } } };
    expect(missingPlatformEntries({ packages })).toEqual({
      'node_modules/@tool/linux-x64-musl': { version: '1.2.3', cpu: ['x64'], libc: ['musl'], optional: true, os: ['linux'] },
    });
  });
});
