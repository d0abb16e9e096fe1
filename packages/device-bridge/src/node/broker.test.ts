import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NavError } from '@trocar/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerObserver, type BrokerPublisher, observeBroker, publishToBroker } from './broker.js';
import { Closing, clock, until } from './test-support/bridges.js';

const MOSQUITTO = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/opt/homebrew/sbin/mosquitto'].find(
  (path) => spawnSync(path, ['-h']).error === undefined,
);

/** Makes a certificate, and keeps passwords as Mosquitto reads them. */
const PASSWORDS = 'mosquitto_passwd';
const TOOLS = ['openssl', PASSWORDS].every((tool) => spawnSync(tool, ['--help']).error === undefined);

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

let folder = '';
let port = 0;
let broker: ChildProcess | undefined;

async function startBroker(): Promise<void> {
  broker = spawn(MOSQUITTO as string, ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
  const deadline = performance.now() + 5000;
  while (performance.now() < deadline) {
    try {
      const probe = await observeBroker({
        url: `mqtt://127.0.0.1:${port}`,
        room: 'probe',
        clock,
        name: 'probe',
        message: () => undefined,
      });
      await probe.close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('The broker does not answer.');
}

async function stopBroker(): Promise<void> {
  const child = broker;
  broker = undefined;
  if (child === undefined) return;
  child.kill();
  await new Promise((resolve) => child.once('exit', resolve));
}

describe.skipIf(MOSQUITTO === undefined)('through a broker', () => {
  const closing = new Closing();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trocar-broker-'));
    port = await freePort();
    writeFileSync(join(folder, 'mosquitto.conf'), `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
    await startBroker();
  });

  afterAll(async () => {
    await closing.all();
    await stopBroker();
    rmSync(folder, { recursive: true });
  });

  const options = (room: string) => ({ url: `mqtt://127.0.0.1:${port}`, room, clock, reconnectMs: 50 });

  async function pair(room: string): Promise<{
    operator: BrokerPublisher;
    asks: { count: number };
    notes: Array<readonly [string, number]>;
    guest: (got: number[], lost?: () => void) => Promise<BrokerObserver>;
  }> {
    const asks = { count: 0 };
    const notes: Array<readonly [string, number]> = [];
    const operator = await publishToBroker({
      ...options(room),
      ask: () => {
        asks.count += 1;
      },
      note: (bytes, by) => notes.push([by, bytes[0] as number]),
    });
    closing.add(() => operator.close());
    const guest = async (got: number[], lost?: () => void): Promise<BrokerObserver> => {
      const one = await observeBroker({
        ...options(room),
        name: 'Dr. A',
        message: (b) => got.push(b[0] as number),
        ...(lost && { lost }),
      });
      closing.add(() => one.close());
      return one;
    };
    return { operator, asks, notes, guest };
  }

  it('a state and what follows it arrive, and who comes late gets the state that is kept', async () => {
    const { operator, asks, guest } = await pair('one');
    expect(asks.count).toBe(1);
    const early: number[] = [];
    const one = await guest(early);
    await until(() => one.publisher, 2000);
    operator.send('snapshot', Uint8Array.of(1));
    operator.send('change', Uint8Array.of(2));
    operator.send('motion', Uint8Array.of(3));
    await until(() => early.length === 3, 2000);
    const late: number[] = [];
    await guest(late);
    await until(() => late.length === 1, 2000);
    expect([early, late]).toEqual([[1, 2, 3], [1]]);
  });

  it('questions and notes reach the operator', async () => {
    const { asks, notes, guest } = await pair('two');
    const one = await guest([]);
    await until(() => one.publisher, 2000);
    await new Promise((resolve) => setTimeout(resolve, 550));
    one.ask();
    one.ask();
    await until(() => asks.count === 2, 2000);
    expect(one.note(Uint8Array.of(9))).toBe(true);
    await until(() => notes.length === 1, 2000);
    expect(notes).toEqual([['Dr. A', 9]]);
    expect(one.note(new Uint8Array(5000))).toBe(false);
  });

  it('who closes takes the kept state away, and observers are told', async () => {
    const { operator, guest } = await pair('three');
    let lost = 0;
    const one = await guest([], () => {
      lost += 1;
    });
    operator.send('snapshot', Uint8Array.of(1));
    await until(() => one.publisher, 2000);
    await operator.close();
    await until(() => lost === 1, 2000);
    expect(one.publisher).toBe(false);
    const late: number[] = [];
    await guest(late);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(late).toEqual([]);
  });

  it('a broker that goes and comes back is connected to again, and a whole state is asked for', async () => {
    const { operator, asks, guest } = await pair('four');
    const got: number[] = [];
    let lost = 0;
    const one = await guest(got, () => {
      lost += 1;
    });
    await until(() => one.publisher, 2000);
    await stopBroker();
    await until(() => lost > 0 && !operator.connected, 3000);
    expect(operator.send('motion', Uint8Array.of(1))).toBe(false);
    await startBroker();
    await until(() => operator.connected && one.connected && asks.count >= 2, 5000);
    operator.send('snapshot', Uint8Array.of(5));
    await until(() => got.includes(5), 2000);
  });

  it('what cannot be read is let go, and the next is taken', async () => {
    const { operator } = await pair('six');
    const got: number[] = [];
    const one = await observeBroker({
      ...options('six'),
      name: 'a',
      message: (bytes) => {
        if (bytes[0] === 9) throw new NavError('live/malformed', 'It is none.');
        got.push(bytes[0] as number);
      },
    });
    closing.add(() => one.close());
    await until(() => one.publisher, 2000);
    for (const n of [9, 1]) operator.send('change', Uint8Array.of(n));
    await until(() => got.length === 1, 2000);
  });

  it.skipIf(!TOOLS)(
    'with TLS and a password: a wrong one, a wrong authority and a plain connection are refused, and the right ones carry a state',
    async () => {
      const secure = await freePort();
      const at = (name: string): string => join(folder, name);
      const made = spawnSync('openssl', [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
          '-subj',
          '/CN=localhost',
        ],
        ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', at('key.pem'), '-out', at('cert.pem')],
      ]);
      expect(made.status).toBe(0);
      chmodSync(at('key.pem'), 0o644);
      writeFileSync(at('users'), 'theatre:sesame-sesame\n');
      expect(spawnSync(PASSWORDS, ['-U', at('users')]).status).toBe(0);
      chmodSync(at('users'), 0o644);
      const lines = [
        `listener ${secure} 127.0.0.1`,
        `certfile ${at('cert.pem')}`,
        `keyfile ${at('key.pem')}`,
        `password_file ${at('users')}`,
      ];
      writeFileSync(at('secure.conf'), `${lines.join('\n')}\nallow_anonymous false\npersistence false\nuser root\n`);
      const child = spawn(MOSQUITTO as string, ['-c', at('secure.conf')], { stdio: 'ignore' });
      closing.add(() => child.kill());
      const got: number[] = [];
      const ca = readFileSync(at('cert.pem'), 'utf8');
      const good = { ...options('tls'), url: `mqtts://localhost:${secure}`, ca, username: 'theatre', password: 'sesame-sesame' };
      const guest = { ...good, name: 'a', message: (bytes: Uint8Array) => got.push(bytes[0] as number) };
      let operator: BrokerPublisher | undefined;
      await until(() => child.pid !== undefined, 1000);
      for (let n = 0; operator === undefined && n < 40; n += 1) {
        operator = await publishToBroker({ ...good, ask: () => undefined }).catch(() => undefined);
        if (operator === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
      }
      closing.add(() => operator?.close());
      const failed = { code: 'broker/connect-failed' };
      await expect(observeBroker({ ...guest, password: 'wrong' })).rejects.toMatchObject(failed);
      const { ca: _, ...distrusting } = guest;
      await expect(observeBroker(distrusting)).rejects.toMatchObject(failed);
      await expect(observeBroker({ ...guest, url: `mqtt://localhost:${secure}` })).rejects.toMatchObject(failed);
      const one = await observeBroker(guest);
      closing.add(() => one.close());
      operator?.send('snapshot', Uint8Array.of(3));
      await until(() => got.length === 1, 3000);
    },
    30_000,
  );

  it('that is not there is an error that says so', async () => {
    const nowhere = { ...options('five'), url: `mqtt://127.0.0.1:${await freePort()}`, name: 'a', message: () => undefined };
    await expect(observeBroker(nowhere)).rejects.toMatchObject({ code: 'broker/connect-failed' });
  });
});

it.each([
  ['a foreign address without TLS', { url: 'mqtt://broker.example:1883' }],
  ['a password in the address', { url: 'mqtts://user:secret@broker.example' }],
  ['another protocol', { url: 'https://broker.example' }],
  ['no address', { url: 'broker' }],
  ['a wildcard for a room', { room: '+' }],
  ['a wildcard for a prefix', { prefix: 'a/#' }],
])('refuses %s', async (_, change) => {
  const options = { url: 'mqtt://127.0.0.1:1', room: 'a', clock, name: 'a', message: () => undefined, ...change };
  await expect(observeBroker(options)).rejects.toMatchObject({ code: 'broker/bad-option' });
});
