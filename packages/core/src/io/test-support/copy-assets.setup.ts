import { join } from 'node:path';
import { copyAssets } from '../node/copy-assets.js';

/** Once before the browser tests: the decoders go where an application would put them. vitest.config.ts serves them. */
export default async function setup(): Promise<void> {
  await copyAssets(join(import.meta.dirname, '../../../../../node_modules/.cache/trocar-assets'));
}
