/** How every package is built: ES modules with shared chunks, nothing bundled in that npm installs. */
import { entriesOf } from './entries.mjs';

/**
 * Declarations come from `tsc -b`, one file per source: bundled ones repeat brands per entry point, and then two
 * entry points of one package do not fit each other.
 * @param {string} name folder below packages/
 * @returns {import('tsup').Options}
 */
export function buildOptions(name) {
  return {
    entry: entriesOf(name),
    format: ['esm'],
    platform: 'neutral',
    target: 'es2022',
    splitting: true,
    sourcemap: true,
    dts: false,
    clean: false,
    silent: true,
    // The halves behind a # import stay apart: the consumer's resolver picks one.
    external: [/^node:/, /^#/],
  };
}
