import { isNavError } from '@trocar/core';
import { listSerialPorts } from '../node/index.js';
import type { Command } from './command.js';

/** Where devices are found that are on a network, unless somebody set them up otherwise. */
const NETWORK = [
  { device: 'NDI tracker', type: 'ndi', protocol: 'TCP', port: 8765, use: '--tcp HOST' },
  { device: 'OpenIGTLink server', type: 'igtl', protocol: 'TCP', port: 18_944, use: '--igtl HOST' },
  { device: 'ART DTrack, poses', type: 'dtrack', protocol: 'UDP', port: 5000, use: 'in a configuration' },
  { device: 'ART DTrack, commands', type: 'dtrack', protocol: 'TCP', port: 50_105, use: 'in a configuration' },
  { device: 'NatNet server (Motive), commands', type: 'natnet', protocol: 'UDP', port: 1510, use: 'in a configuration' },
  { device: 'NatNet server (Motive), frames', type: 'natnet', protocol: 'UDP', port: 1511, use: 'in a configuration' },
  { device: 'rosbridge', type: 'rosbridge', protocol: 'WebSocket', port: 9090, use: 'in a configuration' },
] as const;

/** `trocar-bridge devices`. */
export const devices: Command = {
  name: 'devices',
  summary: 'serial ports of this machine, and the usual ports of devices on a network.',
  takes: '',
  options: { json: { help: 'one JSON object per line' } },
  examples: ['devices --json'],
  run: async (parsed, io) => {
    const json = parsed.has('json');
    const ports = await serialPorts(io.error);
    for (const port of ports) {
      const maker = port.manufacturer === undefined ? '' : `  ${port.manufacturer}`;
      const serial = port.serialNumber === undefined ? '' : `  ${port.serialNumber}`;
      await io.out(json ? JSON.stringify({ kind: 'serial', ...port }) : `serial   ${port.path}${maker}${serial}`);
    }
    if (ports.length === 0) io.error('No serial port was found. One may still be opened by its name.');
    for (const one of NETWORK) {
      await io.out(
        json ? JSON.stringify({ kind: 'network', ...one }) : `network  ${one.device}: ${one.protocol} ${one.port} (${one.use})`,
      );
    }
    return 0;
  },
};

async function serialPorts(say: (line: string) => void): ReturnType<typeof listSerialPorts> {
  try {
    return await listSerialPorts();
  } catch (error) {
    if (!isNavError(error, 'device/not-supported')) throw error;
    say(error.message);
    return [];
  }
}
