import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { isNavError, NavError } from '../../base/index.js';
import { imageFrom, pipelineFailed } from '../pipeline-result.js';
import type { PipelineCall, PipelineImage, Platform } from '../platform.js';
import { baseName, throwIfAborted, type VolumeFile } from '../source.js';

/** Files read at the same time: enough to keep a disk busy, few enough for the descriptor limit. */
const PARALLEL_READS = 16;

const require = createRequire(import.meta.url);

/** The folder of a package's pipelines, wherever the package manager put it. @throws NavError `assets/missing` */
export function pipelinesFolder(packageName: string): string {
  try {
    return join(dirname(require.resolve(packageName)), 'pipelines');
  } catch (cause) {
    throw new NavError('assets/missing', `The package "${packageName}" is not installed beside @trocar/core.`, { cause });
  }
}

async function readPath(path: string, signal: AbortSignal | undefined): Promise<readonly VolumeFile[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [{ name: baseName(path), bytes: await readBytes(path) }];
    const names = await namesBelow(path);
    const files: VolumeFile[] = new Array(names.length);
    let next = 0;
    const readSome = async (): Promise<void> => {
      while (next < names.length) {
        throwIfAborted(signal);
        const n = next;
        next += 1;
        const name = names[n] as string;
        files[n] = { name: name.split(sep).join('/'), bytes: await readBytes(join(path, name)) };
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_READS }, readSome));
    return files;
  } catch (cause) {
    if (isNavError(cause)) throw cause;
    throw new NavError('io/not-found', `"${path}" could not be read: ${reason(cause)}.`, { detail: { path }, cause });
  }
}

async function readOne(path: string): Promise<VolumeFile> {
  try {
    const about = await stat(path);
    // A device such as /dev/zero has no end; a pipe has one.
    if (!about.isFile() && !about.isFIFO()) throw new Error(about.isDirectory() ? 'it is a folder' : 'it is no file');
    return { name: baseName(path), bytes: await readBytes(path) };
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" could not be read: ${reason(cause)}.`, { detail: { path }, cause });
  }
}

/** All files below a folder, as paths relative to it, sorted. Links to files count, links to folders do not (loops). */
async function namesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const names: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() || (entry.isSymbolicLink() && (await stat(path)).isFile())) names.push(relative(folder, path));
  }
  return names.sort();
}

async function readBytes(path: string): Promise<Uint8Array> {
  const buffer = await readFile(path);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

async function readSibling(path: string, name: string): Promise<VolumeFile | undefined> {
  try {
    return { name, bytes: await readBytes(join(dirname(path), name)) };
  } catch {
    return undefined;
  }
}

async function writePath(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (cause) {
    throw new NavError('io/not-writable', `"${path}" could not be written: ${reason(cause)}.`, { detail: { path }, cause });
  }
}

/** The pipeline runs on this thread: Node's WASM modules are synchronous once started, so abort acts between calls. */
async function run(call: PipelineCall, signal: AbortSignal | undefined): Promise<PipelineImage> {
  throwIfAborted(signal);
  const module = join(pipelinesFolder(call.package), call.pipeline);
  // Asked for when it is needed: a command that reads no such file starts without it, some 60 ms sooner.
  const { InterfaceTypes, runPipelineNode } = await import('itk-wasm');
  const inputs = call.files.map((f) => ({ type: InterfaceTypes.BinaryFile, data: { path: f.name, data: f.bytes } }));
  const outputs = Array.from({ length: call.outputCount }, (_, n) => ({
    type: n === call.imageOutput ? InterfaceTypes.Image : InterfaceTypes.JsonCompatible,
  }));
  try {
    return imageFrom(call, await runPipelineNode(module, [...call.args], outputs, inputs));
  } catch (cause) {
    throw isNavError(cause) ? cause : pipelineFailed(call, cause);
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/^[A-Z]+: /, '').replace(/,.*$/s, '') : String(cause);
}

/** Node: files through node:fs, pipelines out of the installed packages. */
export const platform: Platform = { readPath, readFile: readOne, readSibling, writePath, requireAssets: () => {}, run };
