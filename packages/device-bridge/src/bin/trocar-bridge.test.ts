import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@trocar/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BridgeImages, connectBridge } from '../browser/index.js';
import { encodeIgtl } from '../codec/igtl/index.js';
import { withCrc } from '../codec/ndi/index.js';
import { nodeSocket } from '../node/index.js';
import { parseCommandLine } from './command.js';
import { runBridgeCommand } from './commands.js';
import { configFrom, withListening } from './device-options.js';
import { serve } from './serve.js';

const BIN = fileURLToPath(new URL('./trocar-bridge.ts', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-bridge-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(...args: string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--import', 'tsx', '--conditions=@trocar/source', BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

interface Result {
  readonly code: number;
  readonly out: string[];
  readonly error: string[];
}

/** Runs a command in this process. */
async function run(args: readonly string[], env: Record<string, string> = {}, during?: (line: string) => void): Promise<Result> {
  const out: string[] = [];
  const error: string[] = [];
  const stop = new AbortController();
  const code = await runBridgeCommand(args, {
    out: async (line) => {
      out.push(...line.split('\n'));
      during?.(line);
    },
    error: (line) => error.push(line),
    env,
    signal: stop.signal,
    lines: async function* () {},
  });
  return { code, out, error };
}

describe('trocar-bridge', () => {
  it('serves a simulated tracker, prints its address, and ends cleanly on SIGTERM', async () => {
    const child = start('--simulate');
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    const url = await new Promise<string>((resolve) => child.stdout?.once('data', (d: Buffer) => resolve(d.toString().trim())));
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const client = connectBridge({ url, clock: systemClock(), createSocket: nodeSocket });
    await client.ready;
    await expect.poll(() => client.counts.poses, { timeout: 5000 }).toBeGreaterThan(5);
    expect(client.tools.map((t) => t.name)).toEqual(['stylus', 'reference']);
    client.close();
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('ends with an error code and a sentence where the port does not exist', async () => {
    const child = start('--serial', '/dev/trocar-no-such-port');
    let said = '';
    child.stderr?.on('data', (d: Buffer) => {
      said += d.toString();
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1);
    expect(said).toMatch(/^device\/connect-failed: .*trocar-no-such-port/m);
  });

  it('takes a closed pipe for an end and not for a failure', async () => {
    const file = join(folder, 'long.bin');
    const messages = Array.from({ length: 4000 }, () => igtlMessage('Probe'));
    await writeFile(file, Buffer.concat(messages));
    const child = start('decode', file, '--protocol', 'igtl', '--json');
    child.stdout?.once('data', () => child.stdout?.destroy());
    let said = '';
    child.stderr?.on('data', (d: Buffer) => {
      said += d.toString();
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
    expect(said).toBe('');
  });

  it('explains itself, and each command with an example', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    const names = out.flatMap((line) => /^ {2}([a-z]+)(?: [A-Z]+)? {2}/.exec(line)?.[1] ?? []);
    expect(names).toEqual(['serve', 'simulate', 'record', 'replay', 'devices', 'check', 'decode']);
    for (const name of names) {
      const help = await run([name, '--help']);
      expect(help.code).toBe(0);
      expect(help.out.join('\n')).toContain(`\n  trocar-bridge ${name} `);
      expect(await run(['help', name])).toEqual(help);
    }
  });

  it.each([
    [['frobnicate'], 'no command'],
    [[], 'exactly one of'],
    [['serve', '--simulate', '--serial', '/dev/x'], 'exactly one of'],
    [['--simulate', '--port', '70000'], '--port needs a whole number'],
    [['--simulate', '--port', 'x'], '--port needs a whole number'],
    [['--tcp', 'x', '--rom', 'stylus'], 'NAME=FILE'],
    [['--simulate', '--rom', 'stylus=x'], 'means nothing beside --simulate'],
    [['--simulate', 'stray'], 'options only'],
    [['--simulate', 'ultrasound', '--simulate'], 'exactly one of'],
    [['--simulate', 'ultrasound', '--rate', '5'], 'means nothing beside --simulate-ultrasound'],
    [['--wrong'], '--wrong'],
    [['--simulate', '--cert', 'x'], 'belong together'],
    [['--simulate', '--host', '0.0.0.0'], 'allowRemote'],
    [['simulate', '--tools', 'a b'], 'cannot name a tool'],
    [['record', '--simulate'], '--out'],
    [['replay'], 'needs one FILE'],
    [['replay', 'x', '--step', '--rate', '2'], 'not both'],
    [['decode', 'x'], '--protocol'],
    [['decode', 'x', '--protocol', 'morse'], 'igtl, ndi'],
    [['decode', 'x', '--protocol', 'igtl', '--bx-options', '1'], 'belongs to --protocol ndi'],
    [['decode', 'x', '--protocol', 'ndi', '--bx-options', 'zz'], 'hexadecimal'],
    [['check', '--offline', '--simulate'], '--config'],
  ])('refuses %j as wrong usage, with a sentence', async (args, hint) => {
    const { code, error } = await run(args);
    expect(error.join('\n')).toContain(hint);
    expect(code).toBe(2);
  });

  it('lists serial ports, or says that there are none, and where networked devices are', async () => {
    const { code, out } = await run(['devices', '--json']);
    expect(code).toBe(0);
    const lines = out.map((line) => JSON.parse(line) as { kind: string; type?: string; port?: number });
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'network', type: 'ndi', port: 8765 }));
  });
});

describe('the flags of serve', () => {
  const read = async (...args: string[]) => {
    const parsed = parseCommandLine(serve, args);
    return parsed && withListening(await configFrom(parsed), parsed).config;
  };

  it('are read', async () => {
    const roms = ['--rom', 'stylus=a.rom', '--rom', 'ref=b=c.rom'];
    expect(await read('--tcp', 'tracker:9000', ...roms, '--port', '8080', '--origin', 'http://x')).toMatchObject({
      devices: [
        {
          type: 'ndi',
          tcp: 'tracker:9000',
          tools: [
            { name: 'stylus', file: 'a.rom' },
            { name: 'ref', file: 'b=c.rom' },
          ],
        },
      ],
      listen: { port: 8080, origins: ['http://x'] },
    });
    expect(await read('--help')).toBeUndefined();
    expect(await read('--simulate', '--token-env', 'control=SECRET', '--token-env', 'OTHER')).toMatchObject({
      listen: {
        tokens: [
          { role: 'control', env: 'SECRET' },
          { role: 'observe', env: 'OTHER' },
        ],
      },
    });
  });

  it('stand before those of a configuration', async () => {
    const file = join(folder, 'own.yaml');
    await writeFile(file, 'listen: { port: 1, origins: ["http://a"] }\ndevices: [{ type: simulate }]\n');
    expect(await read('--config', file, '--port', '2', '--origin', 'http://b')).toMatchObject({
      listen: { port: 2, origins: ['http://a', 'http://b'] },
    });
  });
});

function igtlMessage(device: string): Uint8Array {
  const matrix = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  return encodeIgtl({ type: 'TRANSFORM', device, content: { kind: 'transform', matrix } }).slice();
}

describe('trocar-bridge decode', () => {
  const write = async (name: string, ...parts: Uint8Array[]): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, Buffer.concat(parts));
    return file;
  };
  const lines = (result: Result): Array<Record<string, unknown>> =>
    result.out.map((line) => JSON.parse(line) as Record<string, unknown>);

  it('says one line of JSON per OpenIGTLink message, and refuses a damaged one where it lies', async () => {
    const good = igtlMessage('Probe');
    const bad = good.slice();
    bad[70] = (bad[70] as number) ^ 1;
    const result = await run(['decode', await write('a.igtl', good, bad, good), '--protocol', 'igtl', '--json']);
    expect(lines(result)).toMatchObject([
      { type: 'TRANSFORM', offset: 0, deviceName: 'Probe' },
      { error: 'codec/bad-crc', offset: good.length },
      { type: 'TRANSFORM', offset: 2 * good.length },
    ]);
    expect(result.code).toBe(1);
    expect((await run(['decode', await write('b.igtl', good, good), '--protocol', 'igtl', '--json'])).code).toBe(0);
  });

  it('says of an empty file that it holds nothing', async () => {
    expect(await run(['decode', await write('empty'), '--protocol', 'ndi'])).toEqual({
      code: 0,
      out: [],
      error: ['The file holds no message.'],
    });
  });

  it('hears SIGTERM while it works', async () => {
    // Two million replies take seconds: whoever asked does not have to wait for them.
    const replies = Buffer.alloc(2_000_000 * 9, Buffer.from(withCrc('OKAY')));
    const child = start('decode', await write('long', replies), '--protocol', 'ndi', '--json');
    const ended = new Promise<string | number | null>((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdout?.resume();
    const asked = performance.now();
    child.kill('SIGTERM');
    await ended;
    expect(performance.now() - asked).toBeLessThan(1500);
  });

  it('reads raw NDI replies', async () => {
    const result = await run([
      'decode',
      await write('a.ndi', withCrc('OKAY'), withCrc('ERROR01')),
      '--protocol',
      'ndi',
      '--json',
    ]);
    expect(lines(result)).toHaveLength(2);
    expect(lines(result)[0]).toMatchObject({ offset: 0 });
  });

  it('reads DTrack datagrams', async () => {
    const result = await run([
      'decode',
      await write('a.dtrack', Buffer.from('fr 21753\r\nts 39596.024831\r\n6dcal 0\r\n')),
      '--protocol',
      'dtrack',
      '--json',
    ]);
    expect(result.code).toBe(0);
    expect(lines(result)[0]).toMatchObject({ offset: 0 });
  });

  it('says the code of a file that is not there', async () => {
    const result = await run(['decode', join(folder, 'none'), '--protocol', 'igtl', '--json']);
    expect(result.code).toBe(1);
    expect(result.error[0]).toMatch(/^io\/not-found: /);
    expect(lines(result)).toMatchObject([{ error: 'io/not-found' }]);
  });
});

describe('trocar-bridge record, replay and check', () => {
  it('records a simulated tracker, and serves the recording again', async () => {
    const file = join(folder, 'case.mcap');
    const recorded = await run(['record', '--simulate', '--seconds', '1', '--out', file, '--json']);
    expect(recorded.code).toBe(0);
    const { poses } = JSON.parse(recorded.out.at(-1) as string) as { poses: number };
    expect(poses).toBeGreaterThan(40);
    expect((await readFile(file)).subarray(0, 5).toString('latin1')).toContain('MCAP');
    expect((await run(['record', '--simulate', '--seconds', '1', '--out', file])).error.join()).toContain('recording/exists');
    const clock = systemClock();
    let client: ReturnType<typeof connectBridge> | undefined;
    const replayed = await run(['replay', file, '--json', '--rate', '2'], {}, (line) => {
      const said = JSON.parse(line) as { what: string; url?: string };
      if (said.what === 'listening') client = connectBridge({ url: said.url as string, clock, createSocket: nodeSocket });
    });
    expect(replayed.code).toBe(0);
    expect(client?.tools.map((tool) => tool.name)).toEqual(['stylus', 'reference']);
    expect(client?.counts.poses).toBeGreaterThan(20);
    client?.close();
  }, 30_000);

  it('records a simulated ultrasound machine with its images, and serves both again', async () => {
    const file = join(folder, 'ultrasound.mcap');
    expect((await run(['record', '--simulate', 'ultrasound', '--seconds', '1', '--out', file])).code).toBe(0);
    const clock = systemClock();
    let client: ReturnType<typeof connectBridge> | undefined;
    let images: BridgeImages | undefined;
    const replayed = await run(['replay', file, '--json'], {}, (line) => {
      const said = JSON.parse(line) as { what: string; url?: string };
      if (said.what !== 'listening') return;
      client = connectBridge({ url: said.url as string, clock, createSocket: nodeSocket });
      images = client.images('ultrasound');
    });
    expect(replayed.code).toBe(0);
    expect(client?.tools.map((tool) => tool.name)).toEqual(['probe']);
    expect(images?.counts.images).toBeGreaterThan(3);
    expect(images?.latest).toMatchObject({ width: 640, height: 480, depthMm: 120 });
    client?.close();
  }, 30_000);

  it('says of a recording that is none what is wrong', async () => {
    const file = join(folder, 'none.mcap');
    await writeFile(file, 'nothing of the sort, and long enough to be looked at');
    const { code, error } = await run(['replay', file]);
    expect(code).toBe(1);
    expect(error[0]).toMatch(/^recording\/not-a-recording: /);
  });

  it('says what a device sees', async () => {
    const { code, out } = await run(['check', '--simulate', '--watch', '0.5', '--json']);
    expect(code).toBe(0);
    const lines = out.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ what: 'tool', name: 'stylus', status: 'ok' }));
  });

  it('says which device does not answer', async () => {
    const { code, out } = await run(['check', '--tcp', '127.0.0.1:1', '--json']);
    expect(code).toBe(1);
    expect(out.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ what: 'device', ok: false, code: 'device/connect-failed' }),
    );
  });

  it('says every mistake of a configuration with its place, and connects to nothing where it is asked so', async () => {
    const file = join(folder, 'bad.yaml');
    await writeFile(file, 'devices:\n  - type: ndj\nlisten:\n  prot: 1\n');
    const { code, error } = await run(['check', '--config', file]);
    expect(code).toBe(2);
    expect(error.join('\n')).toContain(`${file}:2:11: `);
    expect(error.join('\n')).toContain(`${file}:4:3: `);
    await writeFile(file, 'devices: [{ type: ndi, tcp: tracker.example }]\n');
    expect((await run(['check', '--config', file, '--offline'])).code).toBe(0);
  });

  it('prints the schema for editors', async () => {
    const { out } = await run(['check', '--schema']);
    expect(JSON.parse(out.join('\n'))).toMatchObject({ type: 'object', properties: { devices: { type: 'array' } } });
  });

  it('wants secrets from files and the environment, and says where one is missing', async () => {
    const missing = await run(['serve', '--simulate', '--token-env', 'TROCAR_NO_SUCH']);
    expect(missing.error.join()).toContain('TROCAR_NO_SUCH');
    expect(missing.code).toBe(2);
    const short = await run(['serve', '--simulate', '--token-env', 'T'], { T: 'short' });
    expect(short.error.join()).toContain('24');
  });
});
