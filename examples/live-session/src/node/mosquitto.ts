import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A broker of one's own, on a free port of this machine. */
export interface LocalBroker {
  readonly url: string;
  /** Processor time it has taken, s; NaN where the system does not tell. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const PLACES = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/opt/homebrew/sbin/mosquitto'];
/** Clock ticks a second of Linux. */
const TICKS = 100;

/** Starts Mosquitto; undefined where it is not installed. */
export async function startMosquitto(): Promise<LocalBroker | undefined> {
  const program = PLACES.find((path) => spawnSync(path, ['-h']).error === undefined);
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'trocar-broker-'));
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n`);
  const child = spawn(program, ['-c', config], { stdio: 'ignore' });
  return {
    url: `mqtt://127.0.0.1:${port}`,
    cpuSeconds: () => cpuOf(child),
    stop: async () => {
      child.kill();
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

function cpuOf(child: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return Number.NaN;
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
