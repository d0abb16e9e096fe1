import { platform } from '#io/platform';
import { filesInMemory, type VolumeFile } from './source.js';

/** One file: in Node a path; everywhere a name with bytes, or a `File` that a browser hands out. */
export type FileSource = string | VolumeFile | File;

/** The file's name and bytes. @throws NavError `io/not-found`, `io/unsupported-format` (a path, in a browser) */
export async function fileOf(source: FileSource): Promise<VolumeFile> {
  if (typeof source === 'string') return platform.readFile(source);
  const [file] = await filesInMemory([source], undefined);
  return file as VolumeFile;
}
