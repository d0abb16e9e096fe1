import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { inUse, type SessionStorage, writeFailed } from '../storage.js';

const JOURNAL = 'journal.jsonl';
const HEAD = 'head.json';
const { O_CREAT, O_RDWR } = constants;

/**
 * A session in a folder of its own: `journal.jsonl`, the audit log, and `head.json`, where it ends. Both are synced to the
 * disk before a promise resolves. The folder is made where it is not there.
 * @throws NavError `session/write-failed`
 */
export async function sessionFolder(path: string): Promise<SessionStorage> {
  let file: FileHandle;
  try {
    await mkdir(path, { recursive: true });
    file = await open(join(path, JOURNAL), O_RDWR | O_CREAT);
    await syncFolder(path);
  } catch (error) {
    throw writeFailed(path, error);
  }
  return storageIn(file, path);
}

/** What a storage needs of the journal's file: apart, so that a test can hand in a disk that fails. */
export type JournalFile = Pick<FileHandle, 'read' | 'write' | 'stat' | 'datasync' | 'truncate' | 'close'>;

/** @param file the journal, open for reading and writing */
export function storageIn(file: JournalFile, path: string): SessionStorage {
  let broken: Error | undefined;
  const attempt = async <T>(write: () => Promise<T>): Promise<T> => {
    if (broken !== undefined) throw broken;
    try {
      return await write();
    } catch (error) {
      throw writeFailed(path, error);
    }
  };
  return {
    label: path,
    load: async () => {
      const journal = await readAll(file);
      return { journal, head: await readHead(path) };
    },
    append: async (bytes, at) => {
      const { size } = await attempt(() => file.stat());
      if (size !== at) throw inUse(path, at, size);
      try {
        await attempt(() => writeAll(file, bytes, at));
      } catch (error) {
        // Half a line must not be followed by another: where it cannot be removed, nothing more is written.
        await file.truncate(at).catch((cause) => {
          broken ??= writeFailed(path, cause);
        });
        throw error;
      }
    },
    cut: (length) =>
      attempt(async () => {
        await file.truncate(length);
        await file.datasync();
      }),
    keepHead: (text) => attempt(() => replaceHead(path, text)),
    close: () => file.close(),
  };
}

/** From the first byte, wherever the file was read or written last. */
async function readAll(file: JournalFile): Promise<Uint8Array> {
  const { size } = await file.stat();
  const whole = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(whole, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return whole.subarray(0, length);
}

async function writeAll(file: JournalFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
  await file.datasync();
}

async function readHead(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(path, HEAD), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written beside and renamed: a reader finds the old head or the new one. */
async function replaceHead(path: string, text: string): Promise<void> {
  const beside = join(path, `${HEAD}.new`);
  const file = await open(beside, 'w');
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(beside, join(path, HEAD));
  await syncFolder(path);
}

/** A name that was made or changed is on the disk only with its folder. Windows knows no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
