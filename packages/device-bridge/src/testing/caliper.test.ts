import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@trocar/core';
import { expect, it } from 'vitest';
import { checkDatagramCodec, checkDriver, datagramLink } from './index.js';
import { caliperDriver, decodeCaliper } from './test-support/caliper-driver.js';

const clock = systemClock();

/** What the device sends: both tools on a line, turning about z. */
function datagram(tool: number, counter: number, x: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(62));
  view.setUint8(0, 0x41);
  view.setUint8(1, tool);
  view.setUint32(2, counter, true);
  [x, 2 * x, -x, Math.cos(x / 2), 0, 0, Math.sin(x / 2)].forEach((v, k) => {
    view.setFloat64(6 + 8 * k, v, true);
  });
  return new Uint8Array(view.buffer);
}

it('reads every datagram, and refuses the rest', () => {
  const suite = {
    samples: [datagram(0, 1, 0.5), datagram(1, 2, 1.5)],
    decode: (bytes: Uint8Array) => JSON.stringify(decodeCaliper(bytes)),
  };
  expect(checkDatagramCodec(suite)).toEqual([]);
});

it('is a driver', async () => {
  const failures = await checkDriver({
    kind: 'datagram',
    tools: 2,
    silenceMs: 100,
    connectMs: 1000,
    periodMs: 5,
    // In mm, with the scalar last, as the device sent it: a flipped conversion is impossible.
    isPossible: (_, { values: [, , , x = 0, y = 0, z = 0, , , qz = 0, qw = 0] }) =>
      Math.abs(y - 2 * x) < 1e-6 && Math.abs(z + x) < 1e-6 && Math.abs(2 * Math.atan2(qz, qw) - x / 1000) < 1e-9,
    create: (wire) => {
      const link = datagramLink();
      const device = { frozen: false, spoilt: false };
      let counter = 0;
      let x = 0;
      const timer = setInterval(() => {
        counter += 1;
        if (!device.frozen) x = (counter % 500) / 1000;
        for (const tool of [0, 1]) link.device.send(datagram(tool, counter, device.spoilt ? Number.NaN : x + tool));
      }, 5);
      return {
        driver: caliperDriver({ transport: wire.datagrams(link.host), clock, silenceMs: 100 }),
        freeze: () => Object.assign(device, { frozen: true }),
        spoil: () => Object.assign(device, { spoilt: true }),
        heal: () => Object.assign(device, { frozen: false, spoilt: false }),
        close: () => clearInterval(timer),
      };
    },
  });
  expect(failures).toEqual([]);
});

/** The page about writing drivers shows these files: what it shows is what is compiled and run here. */
const PAGE = fileURLToPath(new URL('../../../../docs/writing-a-driver.md', import.meta.url));

it.skipIf(!existsSync(PAGE)).each([
  ['caliper-driver.ts', /<!-- caliper-driver -->\n```ts\n([\s\S]*?)```/],
  ['caliper.test.ts', /<!-- caliper-test -->\n```ts\n([\s\S]*?)```/],
] as const)('stands on the page as it is: %s', (file, block) => {
  const shown = block.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';
  const source = readFileSync(
    fileURLToPath(new URL(file === 'caliper-driver.ts' ? `test-support/${file}` : file, import.meta.url)),
    'utf8',
  );
  if (file === 'caliper-driver.ts') {
    // A reader imports from the package; here the source stands beside it.
    expect(shown).toBe(source.replace("'../../index.js'", "'@trocar/device-bridge'"));
    expect(source.split('\n').length).toBeLessThanOrEqual(61);
    return;
  }
  for (const line of shown.split('\n').filter((l) => l.trim() !== '' && !l.trim().startsWith('import')))
    expect(source).toContain(line.trim());
});
