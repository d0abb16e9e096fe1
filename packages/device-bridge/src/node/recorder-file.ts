import { type FileHandle, open } from 'node:fs/promises';
import { NavError } from '@trocar/core';
import { Recording, type RecordingInput, type RecordingOutput } from '@trocar/core/recording';

/** How a recording's file is written. */
export interface RecordingFileOptions {
  /**
   * When the system is made to put the bytes onto the disk. `chunk`, the default: after every chunk, so that a power cut
   * loses about as much as a kill. `close`: only at the end, for slow cards; a kill of the process loses no more, but a
   * power cut what the system had not written yet.
   */
  readonly sync?: 'chunk' | 'close';
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * A new file for a Recorder. What has been appended survives the death of the process. Where an append fails, the file
 * is cut back to the chunks that are whole.
 * @throws NavError `recording/exists` where there is a file of that name, which is never written over;
 *   `recording/write-failed`, `recording/disk-full`
 */
export async function recordingFile(path: string, options: RecordingFileOptions = {}): Promise<RecordingOutput> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new NavError('recording/exists', `"${path}" exists and is not written over. Choose another name.`, { cause: error });
    }
    throw failure(path, error);
  }
  return outputTo(file, path, options.sync ?? 'chunk');
}

/** What {@link recordingFile} needs of a file. */
export type AppendFile = Pick<FileHandle, 'write' | 'datasync' | 'truncate' | 'close'>;

/** An output onto a file that is open and empty. Apart, so that a test can hand in a disk that fails. */
export function outputTo(file: AppendFile, path: string, sync: 'chunk' | 'close'): RecordingOutput {
  let length = 0;
  let broken: NavError | undefined;
  return {
    append: async (bytes) => {
      if (broken !== undefined) throw broken;
      try {
        await writeAll(file, bytes, length);
        if (sync === 'chunk') await file.datasync();
        length += bytes.length;
      } catch (error) {
        const failed = failure(path, error);
        try {
          await file.truncate(length);
        } catch {
          // Half a chunk stays behind: readers give it up, but nothing may follow it.
          broken = failed;
        }
        throw failed;
      }
    },
    close: async () => {
      try {
        if (broken === undefined) await file.datasync();
      } catch (error) {
        throw failure(path, error);
      } finally {
        await file.close();
      }
    },
  };
}

async function writeAll(file: AppendFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

function failure(path: string, error: unknown): NavError {
  const why = error instanceof Error ? error.message : String(error);
  if (FULL.has(codeOf(error))) {
    return new NavError('recording/disk-full', `There is no space left for "${path}" (${why}).`, { cause: error });
  }
  return new NavError('recording/write-failed', `"${path}" could not be written: ${why}.`, { cause: error });
}

const PIECE = 1024 * 1024;

/** A recording's file as an input, read in pieces. */
export function fileInput(path: string): RecordingInput {
  return {
    label: path,
    async *open() {
      let file: FileHandle;
      try {
        file = await open(path, 'r');
      } catch (error) {
        throw new NavError('io/not-found', `"${path}" cannot be opened: ${error instanceof Error ? error.message : error}.`, {
          cause: error,
        });
      }
      try {
        for (;;) {
          // A buffer for each piece: what has been decoded may still point into it.
          const buffer = new Uint8Array(PIECE);
          const { bytesRead } = await file.read(buffer, 0, PIECE, null);
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await file.close();
      }
    },
  };
}

/** A recording in a file. */
export function openRecording(path: string): Recording {
  return new Recording(fileInput(path));
}
