import { PACKAGES, publicEntries } from './scripts/lib/entries.mjs';

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'Trocar',
  entryPoints: PACKAGES.flatMap((name) => Object.values(publicEntries(name))),
  tsconfig: 'tsconfig.test.json',
  out: 'out/api',
  readme: 'README.md',
  exclude: ['**/*.test.ts'],
  excludePrivate: true,
  skipErrorChecking: true,
  gitRevision: 'main',
  disableSources: true,
  hideGenerator: true,
  githubPages: false,
};
