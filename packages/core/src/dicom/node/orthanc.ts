import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { NavError } from '../../base/index.js';

/**
 * Starts an installed Orthanc with its DICOMweb plugin, for tests, measurements and demonstrations on one machine. It listens on the
 * loopback alone, without TLS: Debian's build of Orthanc 1.10.1 ends with a segmentation fault at the first TLS connection, and its own
 * manual puts a server in front of it. An archive of a hospital is somebody else's: this is none.
 */

/** How to start it. */
export interface OrthancOptions {
  /** Where it keeps what it is given. Default a new temporary folder, removed when it is stopped. */
  readonly folder?: string;
  /** Default a free one. */
  readonly port?: number;
  /** Names and passwords; without any, everybody on this machine may do everything. */
  readonly users?: Readonly<Record<string, string>>;
}

/** An Orthanc that answers. */
export interface RunningOrthanc {
  /** The DICOMweb root. */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** Ends it, waits until it has ended, and removes its folder where that was a temporary one. A second time does nothing. */
  stop(): Promise<void>;
}

interface Installed {
  readonly program: string;
  readonly plugin: string;
}

/** How long it may take to answer, or to end. */
const PATIENCE_MS = 20_000;

/** Where Orthanc and its plugin are, or undefined where one of them is not installed. Debian: `orthanc`, `orthanc-dicomweb`. */
export function findOrthanc(): Installed | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const program = [...folders, '/usr/sbin'].map((folder) => join(folder, 'Orthanc')).find((path) => existsSync(path));
  const plugin = ['/usr/share/orthanc/plugins', '/usr/local/share/orthanc/plugins', '/usr/lib/orthanc']
    .map((folder) => join(folder, 'libOrthancDicomWeb.so'))
    .find((path) => existsSync(path));
  return program !== undefined && plugin !== undefined ? { program, plugin } : undefined;
}

/**
 * Starts Orthanc and waits until it answers.
 * @throws NavError `archive/unreachable` where it is not installed, or does not come up; its last words are in the message
 */
export async function startOrthanc(options: OrthancOptions = {}): Promise<RunningOrthanc> {
  const installed = findOrthanc();
  if (installed === undefined) {
    throw new NavError(
      'archive/unreachable',
      'Orthanc is not installed here. On Debian: apt-get install orthanc orthanc-dicomweb.',
    );
  }
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'trocar-orthanc-')));
  await mkdir(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const file = join(folder, 'trocar-orthanc.json');
  await writeFile(file, JSON.stringify(configuration(options, installed.plugin, folder, port)), { mode: 0o600 });
  const child = spawn(installed.program, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = once(async () => {
    await end(child);
    process.removeListener('exit', kill);
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  });
  try {
    await answers(child, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://localhost:${port}/dicom-web`, port, folder, stop };
}

function configuration(options: OrthancOptions, plugin: string, folder: string, port: number): Record<string, unknown> {
  const users = options.users ?? {};
  return {
    Name: 'Trocar',
    StorageDirectory: join(folder, 'files'),
    IndexDirectory: join(folder, 'index'),
    Plugins: [plugin],
    HttpPort: port,
    DicomServerEnabled: false,
    // Whoever asks from another machine is refused.
    RemoteAccessAllowed: false,
    AuthenticationEnabled: Object.keys(users).length > 0,
    RegisteredUsers: users,
    HttpCompressionEnabled: false,
    // A second object with a UID that is there must not replace the first.
    OverwriteInstances: false,
    DicomWeb: { Enable: true, Root: '/dicom-web/' },
  };
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until it says that it has started, which it does once it listens. */
async function answers(child: ChildProcess, port: number): Promise<void> {
  let said = '';
  const wrong = (what: string): NavError =>
    new NavError('archive/unreachable', `Orthanc ${what} on port ${port}. Its last words: ${said.slice(-600).trim()}`);
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(wrong(`did not start within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    const hear = (text: Buffer): void => {
      said = (said + text.toString()).slice(-4000);
      if (!said.includes('Orthanc has started')) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', (error) => reject(wrong(`could not be run (${error.message})`)));
    child.once('exit', (code) => {
      clearTimeout(late);
      reject(wrong(`ended with code ${code}`));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(hard);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
