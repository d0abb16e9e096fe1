import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/**
 * The files that a page needs to read what `path` names: all of a folder and the folders in it, or a file with what shares its stem, as a header
 * and its voxels do. Sorted by name.
 * @throws Error of the file system where there is nothing
 */
export async function filesBehind(path: string): Promise<string[]> {
  const isFolder = (await stat(path)).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const stem = basename(path, extname(path));
  // A DICOM folder may hold its series in folders of their own.
  const entries = await readdir(folder, { withFileTypes: true, recursive: isFolder });
  const wanted = entries.filter(
    (e) => e.isFile() && (isFolder || e.name === basename(path) || basename(e.name, extname(e.name)) === stem),
  );
  return wanted.map((e) => join(e.parentPath, e.name)).sort();
}
