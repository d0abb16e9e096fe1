export { type AssetLocation, requireAsset, requireAssetLocation, setAssetsBase } from './assets.js';
export type { SeriesChoice } from './dicom/series.js';
export { readVolume } from './read.js';
export type { ReadVolumeOptions, VolumeFile, VolumeSource } from './source.js';
export { encodeVolume, writeVolume } from './write.js';
