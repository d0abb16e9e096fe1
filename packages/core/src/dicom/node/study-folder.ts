import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type StoreFolder, storeWriteFailed } from '../archive/folder.js';

/**
 * A folder on a disk for a study store. A file is written beside its place, flushed to the disk and then renamed, so that a crash or a
 * power cut leaves the old file or the new one. Only this user may read it.
 * @param path made where it is not there
 * @throws NavError `store/write-failed`
 */
export async function studyFolder(path: string): Promise<StoreFolder> {
  const root = resolve(path);
  const label = `"${path}"`;
  const attempt = async <T>(write: () => Promise<T>): Promise<T> => {
    try {
      return await write();
    } catch (cause) {
      throw storeWriteFailed(label, cause);
    }
  };
  await attempt(() => mkdir(root, { recursive: true, mode: 0o700 }));
  return {
    label,
    // What a crash left half written ends in .part and is nobody's.
    list: async (folder) => (await readdir(join(root, folder)).catch(absent))?.filter((name) => !name.endsWith('.part')) ?? [],
    read: async (file) => {
      const bytes = await readFile(join(root, file)).catch(absent);
      return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    write: (file, bytes) => attempt(() => replace(join(root, file), bytes)),
    remove: (file) => attempt(() => rm(join(root, file), { force: true })),
  };
}

async function replace(file: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const part = `${file}.${randomUUID()}.part`;
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await flushFolder(folder);
}

/** Makes the new name itself last. Not every system lets a folder be opened: then its own way must do. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
