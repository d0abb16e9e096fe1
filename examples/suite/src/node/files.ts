import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** Where a MetaImage or NRRD header names the file of its voxels. */
const DATA_FILE = /^(?:ElementDataFile\s*=|data ?file:)\s*(\S.*?)\s*$/im;
/** A header is shorter; what a named file may hold beyond is not looked at. */
const HEADER_BYTES = 65_536;

/**
 * The files that a page needs to read what `path` names: all of a folder and of the folders in it; or a file, and the one
 * that holds its voxels where it is but a header. Sorted by name.
 * @throws Error of the file system where there is nothing
 */
export async function filesBehind(path: string): Promise<string[]> {
  if ((await stat(path)).isDirectory()) {
    // A DICOM folder may hold its series in folders of their own.
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    return entries
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .sort();
  }
  const found = [path];
  for (const other of await partners(path)) if (await isFile(other)) found.push(other);
  return found.sort();
}

/** Files that may belong to a file: the other half of a NIfTI pair, or what its header names in its folder or below. */
async function partners(path: string): Promise<string[]> {
  const folder = resolve(dirname(path));
  const half = /^(.*)\.(hdr|img)(?:\.gz)?$/i.exec(basename(path));
  if (half !== null) {
    const other = half[2]?.toLowerCase() === 'hdr' ? 'img' : 'hdr';
    return ['', '.gz'].map((end) => join(folder, `${half[1]}.${other}${end}`));
  }
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const named = DATA_FILE.exec(Buffer.from(buffer.subarray(0, bytesRead)).toString('latin1'))?.[1];
    if (named === undefined || /^local$/i.test(named)) return [];
    const at = resolve(folder, named);
    return at.startsWith(folder + sep) ? [at] : [];
  } finally {
    await file.close();
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isFile(),
    () => false,
  );
}
