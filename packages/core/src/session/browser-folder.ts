import { inUse, type SessionStorage, writeFailed } from './storage.js';

const JOURNAL = 'journal.jsonl';
const HEAD = 'head.json';

/**
 * A session in a folder of a browser: one of the origin's private files (`navigator.storage.getDirectory()` and a folder in
 * it), or one that a person has chosen. The files are those of a session on a disk.
 *
 * Each write goes to a copy that takes the file's place when it is complete, so a crash of the page or of the browser leaves
 * the old file or the new one. No browser promises that a file has reached the disk: a power cut may take the last lines, and
 * the head then says so. Ask for `navigator.storage.persist()`, or the browser may clear private files when space is short.
 * @throws NavError `session/write-failed`
 */
export async function browserFolder(folder: FileSystemDirectoryHandle): Promise<SessionStorage> {
  const label = `the folder "${folder.name}" of this browser`;
  const attempt = async <T>(write: () => Promise<T>): Promise<T> => {
    try {
      return await write();
    } catch (error) {
      throw writeFailed(label, error);
    }
  };
  const journal = await attempt(() => folder.getFileHandle(JOURNAL, { create: true }));
  return {
    label,
    load: async () => ({
      journal: new Uint8Array(await (await journal.getFile()).arrayBuffer()),
      head: await readText(folder, HEAD),
    }),
    append: async (bytes, at) => {
      const { size } = await attempt(() => journal.getFile());
      if (size !== at) throw inUse(label, at, size);
      await attempt(() => replace(journal, true, (file) => file.write({ type: 'write', position: at, data: bytes.slice() })));
    },
    cut: (length) => attempt(() => replace(journal, true, (file) => file.truncate(length))),
    keepHead: (text) =>
      attempt(async () => replace(await folder.getFileHandle(HEAD, { create: true }), false, (file) => file.write(text))),
    close: async () => undefined,
  };
}

/** Changes a copy of a file, which takes the file's place once it is complete. */
async function replace(
  handle: FileSystemFileHandle,
  keepExistingData: boolean,
  change: (file: FileSystemWritableFileStream) => Promise<void>,
): Promise<void> {
  const file = await handle.createWritable({ keepExistingData });
  try {
    await change(file);
  } catch (error) {
    await file.abort().catch(() => undefined);
    throw error;
  }
  await file.close();
}

async function readText(folder: FileSystemDirectoryHandle, name: string): Promise<string | undefined> {
  let handle: FileSystemFileHandle;
  try {
    handle = await folder.getFileHandle(name);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
  const text = await (await handle.getFile()).text();
  // Made by a browser that stopped before it was written: there is no head yet.
  return text === '' ? undefined : text;
}
