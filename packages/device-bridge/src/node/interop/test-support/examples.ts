import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Debian's example programs for libOpenIGTLink, as sources (packages libopenigtlink-dev and openigtlink-examples). */
const SOURCES = '/usr/share/doc/openigtlink-examples/examples';
/** Where they are built, once for every test run. */
const BUILT = fileURLToPath(new URL('../../../../../../node_modules/.cache/trocar/igtl-examples/', import.meta.url));
const LOCK = `${BUILT.slice(0, -1)}.lock`;
/** A lock this old was left by a process that died. */
const STALE_LOCK_MS = 180_000;

const COMPILER = process.env['CXX'] ?? 'g++';

/** The test images that come with them: 256 × 256 bytes each. */
export const IMAGES = join(SOURCES, 'Imager/img');

/** Why the programs cannot be built here; undefined where they can. */
export const examplesMissing: string | undefined = ((): string | undefined => {
  if (!existsSync(SOURCES)) return 'openigtlink-examples is not installed';
  if (spawnSync('cmake', ['--version']).status !== 0) return 'cmake is not installed';
  return spawnSync(COMPILER, ['--version']).status === 0 ? undefined : 'there is no C++ compiler';
})();

/** Builds the programs where that has not been done; two test files at once build them one after the other. */
export async function buildExamples(): Promise<void> {
  const done = join(BUILT, 'done');
  while (!existsSync(done)) {
    if (!takeLock()) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    try {
      if (existsSync(done)) return;
      mkdirSync(BUILT, { recursive: true });
      execFileSync('cmake', ['-S', SOURCES, '-B', BUILT], { stdio: 'pipe' });
      execFileSync('cmake', ['--build', BUILT, '-j2'], { stdio: 'pipe' });
      // Its build file leaves one server out.
      const bind = [join(SOURCES, 'Bind/BindServer.cxx'), '-o', join(BUILT, 'Bind/BindServer')];
      execFileSync(COMPILER, ['-I/usr/include/openigtlink', ...bind, '-lOpenIGTLink', '-pthread'], { stdio: 'pipe' });
      writeFileSync(done, '');
    } finally {
      rmSync(LOCK, { recursive: true, force: true });
    }
  }
}

function takeLock(): boolean {
  mkdirSync(join(LOCK, '..'), { recursive: true });
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    if (Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_LOCK_MS) {
      rmSync(LOCK, { recursive: true, force: true });
    }
    return false;
  }
}

/** A program that runs. */
export interface Running {
  /** Everything that it wrote so far, both streams. */
  output(): string;
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
}

/** Starts one of the programs, by its folder and name: `Tracker/TrackerServer`. */
export function run(program: string, ...args: readonly (string | number)[]): Running {
  const child: ChildProcess = spawn(join(BUILT, program), args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const add = (data: Buffer): void => {
    // Those that print every matrix must not fill the memory.
    if (text.length < 1_000_000) text += data.toString('latin1');
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  child.on('error', (error) => add(Buffer.from(String(error))));
  const exited = new Promise<number | null>((resolve) => {
    child.on('exit', resolve);
    child.on('error', () => resolve(null));
  });
  return {
    output: () => text,
    exited,
    signal: (name) => void child.kill(name),
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
