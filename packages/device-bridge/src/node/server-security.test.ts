import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNavError } from '@trocar/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { connectBridge } from '../browser/index.js';
import { CLOSE, encodeCommand, encodeHello, encodePing } from '../codec/bridge/index.js';
import { FailedAttempts, TokenSet, tokenOf } from './auth.js';
import { nodeSocketWith, readTls, startBridge } from './index.js';
import { addressKey } from './server-door.js';
import { bridgeOf, Closing, clientOf, clock, handDriver, socketOf, until, wait } from './test-support/bridges.js';

const closing = new Closing();
afterEach(() => closing.all());

const OBSERVE = 'observe-observe-observe-observe';
const CONTROL = 'control-control-control-control';
const tokens = [
  { token: OBSERVE, role: 'observe' },
  { token: CONTROL, role: 'control' },
] as const;

const statusOf = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetch(url.replace('ws', 'http'), { headers })).status;

/** What an attempt to connect ends with: the HTTP status, or 101. */
function attempt(url: string, headers: Record<string, string> = {}, protocols: string[] = []): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols, { headers });
    closing.add(() => socket.terminate());
    socket.on('error', () => undefined);
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (asked, response) => {
      asked.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

describe('tokens', () => {
  it('let in those who have one, from a header or a subprotocol, and nobody else', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens });
    const carried = `trocar.token.${Buffer.from(OBSERVE).toString('base64url')}`;
    expect(await attempt(bridge.url)).toBe(401);
    expect(await attempt(bridge.url, { authorization: `Bearer ${OBSERVE}x` })).toBe(401);
    expect(await attempt(`${bridge.url}/?token=${OBSERVE}`)).toBe(401);
    expect(await attempt(bridge.url, { authorization: `Bearer ${OBSERVE}` })).toBe(101);
    expect(await attempt(bridge.url, {}, ['trocar', carried])).toBe(101);
  });

  it('are asked for by /metrics and /healthz too', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens });
    for (const path of ['/metrics', '/healthz', '/']) expect(await statusOf(`${bridge.url}${path}`)).toBe(401);
    expect(await statusOf(`${bridge.url}/metrics`, { authorization: `Bearer ${OBSERVE}` })).toBe(200);
  });

  it('are compared whole: neither a prefix nor another case is one', () => {
    const set = new TokenSet(tokens);
    expect(set.roleOf(OBSERVE)).toBe('observe');
    expect(set.roleOf(CONTROL)).toBe('control');
    for (const wrong of ['', OBSERVE.slice(1), OBSERVE.toUpperCase(), `${OBSERVE} `, 'x'.repeat(100_000)])
      expect(set.roleOf(wrong)).toBeUndefined();
  });

  it.each([['short'], ['has a space has a space has a space'], ['ümläuteümläuteümläuteümläute'], ['x'.repeat(513)]])(
    'that are weak are refused: %s',
    (token) => {
      expect(() => new TokenSet([{ token, role: 'observe' }])).toThrowError(
        expect.toSatisfy((e: unknown) => isNavError(e, 'bridge/bad-option')),
      );
    },
  );

  it('are found in headers, and only there', () => {
    expect(tokenOf({ authorization: 'bearer  abc' })).toBe('abc');
    expect(tokenOf({ authorization: 'Basic abc' })).toBeUndefined();
    expect(tokenOf({ 'sec-websocket-protocol': 'trocar, trocar.token.YWJj' })).toBe('abc');
    expect(tokenOf({})).toBeUndefined();
  });

  it('that are wrong make an address wait, twice as long each time, and nobody else', () => {
    const attempts = new FailedAttempts();
    for (let i = 0; i < 4; i += 1) attempts.failed('a', 0);
    expect(attempts.mustWait('a', 0)).toBe(false);
    attempts.failed('a', 0);
    expect([attempts.mustWait('a', 999), attempts.mustWait('a', 1000), attempts.mustWait('b', 0)]).toEqual([true, false, false]);
    attempts.failed('a', 1000);
    expect([attempts.mustWait('a', 2999), attempts.mustWait('a', 3000)]).toEqual([true, false]);
    for (let i = 0; i < 50; i += 1) attempts.failed('a', 5000);
    expect([attempts.mustWait('a', 64_999), attempts.mustWait('a', 65_000)]).toEqual([true, false]);
    attempts.succeeded('a');
    expect(attempts.mustWait('a', 5000)).toBe(false);
    for (let i = 0; i < 5000; i += 1) attempts.failed(`n${i}`, 0);
  });

  it('that are wrong again and again are not looked at for a while', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens });
    for (let i = 0; i < 5; i += 1) expect(await attempt(bridge.url, { authorization: 'Bearer wrong' })).toBe(401);
    expect(await attempt(bridge.url, { authorization: `Bearer ${OBSERVE}` })).toBe(429);
    await wait(1050);
    expect(await attempt(bridge.url, { authorization: `Bearer ${OBSERVE}` })).toBe(101);
  });

  it('a client with a wrong one says so and does not come back', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens });
    const client = clientOf(closing, bridge.url, { token: 'wrong' });
    await expect(client.ready).rejects.toSatisfy((e) => isNavError(e, 'bridge/unauthorised'));
    expect(client.state.link).toBe('refused');
    const right = clientOf(closing, bridge.url, { token: OBSERVE });
    await right.ready;
    expect(right.role).toBe('observe');
  });

  it('a page carries one as a subprotocol, to which the bridge agrees without repeating it', async () => {
    vi.stubGlobal('WebSocket', WebSocket);
    try {
      const bridge = await bridgeOf(closing, {
        driver: handDriver(['a']),
        tokens: [{ token: 'a+/~'.repeat(8), role: 'control' }],
      });
      const client = connectBridge({ url: bridge.url, clock, token: 'a+/~'.repeat(8) });
      closing.add(() => client.close());
      await client.ready;
      expect(client.role).toBe('control');
      const socket = new WebSocket(bridge.url, ['trocar', `trocar.token.${Buffer.from('a+/~'.repeat(8)).toString('base64url')}`]);
      closing.add(() => socket.terminate());
      await new Promise((resolve) => socket.once('open', resolve));
      expect(socket.protocol).toBe('trocar');
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('addresses are counted by host: IPv4, or the first half of IPv6', () => {
    expect(addressKey('::ffff:10.0.0.7')).toBe('10.0.0.7');
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
    expect(addressKey('2001:db8::9')).toBe('2001:db8:0:0');
    expect(addressKey('::1')).toBe('0:0:0:0');
  });
});

describe('roles', () => {
  it('control may send commands, and hears what became of them; everybody hears a mark', async () => {
    const beeps: unknown[] = [];
    const commands = {
      beep: (args: unknown) => void beeps.push(args),
      jam: () => {
        throw new Error('it is jammed');
      },
    };
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens, commands });
    const control = clientOf(closing, bridge.url, { token: CONTROL });
    const observe = clientOf(closing, bridge.url, { token: OBSERVE });
    await Promise.all([control.ready, observe.ready]);
    await control.command('beep', { times: 2 });
    expect(beeps).toEqual([{ times: 2 }]);
    await expect(control.command('jam')).rejects.toSatisfy((e) => isNavError(e, 'bridge/command-failed'));
    await expect(control.command('toString')).rejects.toSatisfy((e) => isNavError(e, 'bridge/unknown-command'));
    await expect(observe.command('beep')).rejects.toSatisfy((e) => isNavError(e, 'bridge/not-allowed'));
    const heard: string[] = [];
    observe.marks.subscribe(({ text, at }) => heard.push(`${text} ${Math.abs(at - clock.now()) < 1000}`));
    await control.command('mark', { text: 'entry point' });
    await until(() => heard.length === 1, 1000);
    expect(heard).toEqual(['entry point true']);
  });

  it('observe is answered "not allowed" by the bridge itself, and goes on', async () => {
    let beeps = 0;
    const bridge = await bridgeOf(closing, {
      driver: handDriver(['a']),
      commands: {
        beep: () => {
          beeps += 1;
        },
      },
    });
    const socket = await socketOf(closing, bridge.url);
    const events: string[] = [];
    socket.on('message', (data: Buffer) => data[0] === 5 && events.push(data.subarray(8).toString()));
    socket.send(encodeHello({}));
    socket.send(encodePing(1, 0));
    socket.send(encodeCommand(9, { command: 'beep' }));
    await until(() => events.some((event) => event.includes('answer')), 1000);
    expect(JSON.parse(events.find((event) => event.includes('answer')) as string)).toMatchObject({
      id: 9,
      code: 'bridge/not-allowed',
    });
    expect([beeps, socket.readyState]).toEqual([0, socket.OPEN]);
  });

  it('a command that is none is malformed', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), tokens });
    for (const command of [{}, { command: '' }, { command: 'mark', args: [] }, { command: 'mark', args: { text: {} } }]) {
      const socket = await socketOf(closing, bridge.url, { authorization: `Bearer ${CONTROL}` });
      socket.send(encodeHello({}));
      socket.send(encodeCommand(1, command));
      expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(CLOSE.malformed);
    }
  });
});

describe('metrics and health', () => {
  it('count poses in and out, clients and faults', async () => {
    const driver = handDriver(['a "quoted"', 'b']);
    const bridge = await bridgeOf(closing, { driver });
    const clients = [clientOf(closing, bridge.url), clientOf(closing, bridge.url)];
    await Promise.all(clients.map((client) => client.ready));
    for (let n = 1; n <= 10; n += 1) driver.frame(n);
    driver.frame(11, [1]);
    driver.sink?.fault({ code: 'device/alarm', message: 'bumped' });
    driver.connection('disconnected');
    driver.connection('connected');
    const text = await (await fetch(`${bridge.url.replace('ws', 'http')}/metrics`)).text();
    const value = (name: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`trocar_${name} `))
          ?.split(' ')
          .at(-1),
      );
    const ofTool = (name: string, tool: string): number => value(`${name}{device="by hand",tool="${tool}"}`);
    expect(ofTool('poses_in_total', 'b')).toBe(11);
    const quoted = text.split('\n').find((line) => line.startsWith('trocar_poses_in_total') && line.includes('quoted'));
    expect(quoted).toBe('trocar_poses_in_total{device="by hand",tool="a \\"quoted\\""} 10');
    expect(ofTool('poses_out_total', 'b')).toBe(22);
    expect(value('clients{role="observe"}')).toBe(2);
    expect(value('faults_total{code="device/alarm"}')).toBe(1);
    expect(value('device_losses_total{device="by hand"}')).toBe(1);
    expect(ofTool('pose_age_milliseconds', 'b')).toBeLessThan(1000);
    expect(value('client_clock_bound_milliseconds')).toBeGreaterThan(0);
    // Every line is a comment, or a name, labels and one number.
    const line =
      /^(# (HELP|TYPE) trocar_\w+ .+|trocar_\w+(\{\w+="([^"\\\n]|\\.)*"(,\w+="([^"\\\n]|\\.)*")*\})? (NaN|[+-]Inf|-?[\d.e+-]+))$/;
    expect(
      text
        .trimEnd()
        .split('\n')
        .filter((one) => !line.test(one)),
    ).toEqual([]);
  });

  it('are well only while the device is connected and poses flow', async () => {
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, { driver, healthyWithinMs: 200 });
    const health = async (): Promise<{ status: number; reason: string }> => {
      const response = await fetch(`${bridge.url.replace('ws', 'http')}/healthz`);
      return { status: response.status, reason: ((await response.json()) as { reason: string }).reason };
    };
    expect(await health()).toMatchObject({ status: 503, reason: expect.stringContaining('No pose') });
    driver.frame(1);
    expect(await health()).toEqual({ status: 200, reason: '' });
    driver.connection('disconnected', 'pulled');
    expect(await health()).toMatchObject({ status: 503, reason: expect.stringContaining('pulled') });
    driver.connection('connected');
    driver.frame(2);
    await wait(250);
    expect((await health()).status).toBe(503);
  });

  it('are for the pages that may connect, and for nobody who comes under another name', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']), allowedOrigins: ['http://127.0.0.1:5173'] });
    const url = `${bridge.url.replace('ws', 'http')}/metrics`;
    expect((await fetch(url, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
    const allowed = await fetch(url, { headers: { origin: 'http://127.0.0.1:5173' } });
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([200, 'http://127.0.0.1:5173']);
  });
});

describe('beyond loopback', () => {
  const remote = { host: '0.0.0.0', allowRemote: true, allowedHosts: ['nav.example'] };
  it.each([
    ['without TLS', { ...remote, tokens }, /TLS/],
    ['without saying so', { host: '0.0.0.0', tokens }, /allowRemote/],
  ])('a bridge does not start %s', async (_, options, words) => {
    await expect(startBridge({ clock, driver: handDriver(['a']), ...options })).rejects.toThrowError(words);
  });
});

const openssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!openssl)('TLS (needs openssl)', () => {
  let folder = '';
  const cert = (): string => join(folder, 'cert.pem');
  const key = (): string => join(folder, 'key.pem');
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trocar-tls-'));
    const make = (days: string, out: string, outKey: string): void => {
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      const args = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        days,
        ...subject,
      ];
      const { status, stderr } = spawnSync('openssl', [...args, '-keyout', outKey, '-out', out]);
      if (status !== 0) throw new Error(stderr.toString());
    };
    make('2', cert(), key());
    make('2', join(folder, 'other.pem'), join(folder, 'other-key.pem'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const identity = () => readTls({ cert: cert(), key: key() }, new Date());

  it('carries poses over wss to a client that trusts the certificate, and to no other', async () => {
    const driver = handDriver(['a']);
    const tls = await identity();
    const bridge = await bridgeOf(closing, { driver, tls, tokens, host: '127.0.0.1' });
    expect(bridge.url).toMatch(/^wss:/);
    const trusting = clientOf(closing, bridge.url, { createSocket: nodeSocketWith({ ca: tls.cert }), token: OBSERVE });
    await trusting.ready;
    for (let n = 1; n <= 20; n += 1) driver.frame(n);
    await until(() => trusting.counts.poses === 20, 2000);
    const wary = clientOf(closing, bridge.url, { token: OBSERVE });
    await until(() => /self.signed/i.test(wary.state.reason), 2000);
    expect(wary.counts.connections).toBe(0);
  });

  it('serves /healthz over https, under a name that was allowed', async () => {
    const tls = await identity();
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, {
      driver,
      tls,
      tokens,
      host: '0.0.0.0',
      allowRemote: true,
      allowedHosts: ['nav.example'],
    });
    driver.frame(1);
    const status = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = { host, authorization: `Bearer ${OBSERVE}` };
        const asked = request(
          { port: bridge.port, host: '127.0.0.1', path: '/healthz', ca: tls.cert, headers, servername: 'localhost' },
          (r) => {
            r.resume();
            resolve(r.statusCode ?? 0);
          },
        );
        asked.on('error', reject);
        asked.end();
      });
    expect(await status('nav.example')).toBe(200);
    expect(await status('127.0.0.1')).toBe(403);
  });

  it('refuses a key of another certificate, a file that is none, and one that is not valid now', async () => {
    const wrong = { cert: cert(), key: join(folder, 'other-key.pem') };
    await expect(readTls(wrong, new Date())).rejects.toSatisfy((e) => isNavError(e, 'bridge/bad-option'));
    await writeFile(join(folder, 'text.pem'), 'no certificate');
    await expect(readTls({ cert: join(folder, 'text.pem'), key: key() }, new Date())).rejects.toSatisfy((e) =>
      isNavError(e, 'bridge/bad-option'),
    );
    await expect(readTls({ cert: join(folder, 'none.pem'), key: key() }, new Date())).rejects.toSatisfy((e) =>
      isNavError(e, 'io/not-found'),
    );
    await expect(readTls({ cert: cert(), key: key() }, new Date(Date.now() + 1e10))).rejects.toThrowError(/not now/);
  });
});
