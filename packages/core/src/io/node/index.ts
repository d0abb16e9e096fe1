export { type CopiedAssets, copyAssets } from './copy-assets.js';
