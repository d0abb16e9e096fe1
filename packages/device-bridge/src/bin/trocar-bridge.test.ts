import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isNavError, systemClock } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import { connectBridge } from '../browser/index.js';
import { nodeSocket } from '../node/index.js';
import { readArguments } from './arguments.js';

const BIN = fileURLToPath(new URL('./trocar-bridge.ts', import.meta.url));

function run(...args: string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--import', 'tsx', '--conditions=@trocar/source', BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('trocar-bridge', () => {
  it('serves a simulated tracker, prints its address, and ends cleanly on SIGTERM', async () => {
    const child = run('--simulate');
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
    const child = run('--serial', '/dev/trocar-no-such-port');
    let said = '';
    child.stderr?.on('data', (d: Buffer) => {
      said += d.toString();
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1);
    expect(said).toMatch(/^device\/connect-failed: .*trocar-no-such-port/m);
  });
});

describe('its arguments', () => {
  it('are read', () => {
    const got = readArguments([
      '--tcp',
      'tracker:9000',
      '--rom',
      'stylus=a.rom',
      '--rom',
      'ref=b=c.rom',
      '--port',
      '8080',
      '--origin',
      'http://x',
    ]);
    expect(got).toMatchObject({
      device: { kind: 'tcp', host: 'tracker', port: 9000 },
      roms: [
        { name: 'stylus', file: 'a.rom' },
        { name: 'ref', file: 'b=c.rom' },
      ],
      port: 8080,
      origins: ['http://x'],
    });
    expect(readArguments(['--tcp', 'tracker'])?.device).toMatchObject({ port: 8765 });
    expect(readArguments(['--help'])).toBeUndefined();
  });

  it.each([
    [[]],
    [['--simulate', '--serial', '/dev/x']],
    [['--simulate', '--port', '70000']],
    [['--simulate', '--port', 'x']],
    [['--simulate', '--rom', 'stylus']],
    [['--wrong']],
  ])('are refused: %j', (args) => {
    expect(() => readArguments(args)).toThrowError(expect.toSatisfy((e: unknown) => isNavError(e, 'bridge/bad-option')));
  });
});
