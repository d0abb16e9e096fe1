#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { type Clock, isNavError, NavError, systemClock } from '@trocar/core';
import { makeToolFile } from '../codec/ndi/index.js';
import type { Driver } from '../driver.js';
import { type NdiToolOptions, ndiDriver } from '../drivers/ndi/index.js';
import { type PoseSource, simulateNdiTracker } from '../drivers/simulated/index.js';
import { serialTransport, startBridge, tcpTransport } from '../node/index.js';
import { pipe } from '../transports/pipe.js';
import { type BridgeArguments, readArguments, USAGE } from './arguments.js';

/** Two tools going round slowly in front of the camera. */
const circling: PoseSource = (tool, at) => {
  const angle = at / 2000;
  const side = tool === 'reference' ? 0 : 100;
  return {
    position: [side * Math.cos(angle), side * Math.sin(angle), -1500],
    rotation: [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)],
  };
};

async function simulatedDevice(clock: Clock): Promise<Driver> {
  const names = ['stylus', 'reference'];
  const ends = pipe();
  await simulateNdiTracker(ends.device, { clock, poseOf: circling, tools: names.map((name) => ({ name })) });
  const markers = [
    [0, 0, 0],
    [50, 0, 0],
    [0, 80, 0],
  ] as const;
  const tools = names.map((name) => ({ name, toolFile: makeToolFile({ markers, partNumber: name }) }));
  return ndiDriver({ transport: ends.host, clock, tools });
}

async function readTools(roms: BridgeArguments['roms']): Promise<NdiToolOptions[]> {
  return Promise.all(
    roms.map(async ({ name, file }) => {
      try {
        return { name, toolFile: new Uint8Array(await readFile(file)) };
      } catch (cause) {
        throw new NavError('device/bad-tool-file', `The tool file "${file}" of "${name}" cannot be read.`, { cause });
      }
    }),
  );
}

async function makeDriver(wanted: BridgeArguments, clock: Clock): Promise<Driver> {
  const { device } = wanted;
  if (device.kind === 'simulate') return simulatedDevice(clock);
  const transport = device.kind === 'serial' ? serialTransport(device.path) : tcpTransport(device.host, device.port);
  return ndiDriver({ transport, clock, tools: await readTools(wanted.roms), baudRate: wanted.baudRate });
}

async function main(): Promise<void> {
  const wanted = readArguments(process.argv.slice(2));
  if (wanted === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const clock = systemClock();
  const bridge = await startBridge({
    driver: await makeDriver(wanted, clock),
    clock,
    host: wanted.host,
    port: wanted.port,
    allowedOrigins: wanted.origins,
    allowedHosts: wanted.hosts,
    allowRemote: wanted.allowRemote,
  });
  process.stdout.write(`${bridge.url}\n`);
  const stop = (): void => {
    process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
    void bridge.close().then(() => process.exit(0));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

main().catch((error: unknown) => {
  const code = isNavError(error) ? error.code : 'error';
  process.stderr.write(`${code}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
