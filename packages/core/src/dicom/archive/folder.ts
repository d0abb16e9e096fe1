import { NavError } from '../../base/index.js';

/**
 * A place for files: a folder on a disk (`studyFolder` of `@trocar/core/dicom/node`), a browser's private files, memory. Paths are
 * relative, with `/`, of names that hold letters, digits, dots, dashes and underscores.
 */
export interface StoreFolder {
  /** For people. */
  readonly label: string;
  /** Names of what lies in a folder; none where there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces a file wholly, or leaves what was there. Once it has resolved, the file outlives the program and, where the medium can, a
   * power cut.
   * @throws NavError `store/write-failed`
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file; where there is none, nothing. @throws NavError `store/write-failed` */
  remove(path: string): Promise<void>;
}

/** What could not be written, and why. */
export function storeWriteFailed(label: string, cause: unknown): NavError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NavError(
    'store/write-failed',
    `The studies in ${label} could not be written: ${why}. Is there space left, and the right to write?`,
    {
      cause,
    },
  );
}

/** A folder that lives as long as the program. */
export function memoryFolder(): StoreFolder {
  const files = new Map<string, Uint8Array>();
  return {
    label: 'memory',
    list: async (path) => {
      const start = path === '' ? '' : `${path}/`;
      const below = [...files.keys()].filter((name) => name.startsWith(start));
      return [...new Set(below.map((name) => name.slice(start.length).split('/')[0] as string))];
    },
    read: async (path) => files.get(path)?.slice(),
    write: async (path, bytes) => {
      files.set(path, bytes.slice());
    },
    remove: async (path) => {
      files.delete(path);
    },
  };
}

/**
 * A folder of a browser: one of the origin's private files (`navigator.storage.getDirectory()`), or one that a person has chosen.
 * A file is written to a copy that takes its place when it is complete. Ask for `navigator.storage.persist()`, or the browser may clear
 * private files when space is short; no browser promises that a file has reached the disk when a power cut comes.
 */
export function browserStudyFolder(root: FileSystemDirectoryHandle): StoreFolder {
  const label = `the folder "${root.name || 'private files'}" of this browser`;
  const enter = async (parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle | undefined> => {
    let folder = root;
    for (const part of parts) {
      const next = await folder.getDirectoryHandle(part, { create }).catch(absent);
      if (next === undefined) return undefined;
      folder = next;
    }
    return folder;
  };
  const split = (path: string): { parts: string[]; name: string } => {
    const parts = path.split('/').filter((part) => part !== '');
    return { parts: parts.slice(0, -1), name: parts[parts.length - 1] ?? '' };
  };
  return {
    label,
    list: async (path) => {
      const folder = await enter(
        path.split('/').filter((part) => part !== ''),
        false,
      );
      const names: string[] = [];
      // `keys` of a folder is not yet among the DOM types that TypeScript ships.
      const keys = folder && (folder as unknown as { keys(): AsyncIterable<string> }).keys();
      if (keys !== undefined) for await (const name of keys) names.push(name);
      return names;
    },
    read: async (path) => {
      const { parts, name } = split(path);
      const file = await (await enter(parts, false))?.getFileHandle(name).catch(absent);
      return file === undefined ? undefined : new Uint8Array(await (await file.getFile()).arrayBuffer());
    },
    write: async (path, bytes) => {
      const { parts, name } = split(path);
      try {
        const file = await (await enter(parts, true))?.getFileHandle(name, { create: true });
        await replace(file as FileSystemFileHandle, bytes);
      } catch (cause) {
        throw storeWriteFailed(label, cause);
      }
    },
    remove: async (path) => {
      const { parts, name } = split(path);
      try {
        await (await enter(parts, false))?.removeEntry(name).catch(absent);
      } catch (cause) {
        throw storeWriteFailed(label, cause);
      }
    },
  };
}

async function replace(handle: FileSystemFileHandle, bytes: Uint8Array): Promise<void> {
  const file = await handle.createWritable();
  try {
    await file.write(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    await file.abort().catch(() => undefined);
    throw error;
  }
  await file.close();
}

function absent(error: unknown): undefined {
  if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
  throw error;
}
