import { spawn } from 'node:child_process';
import { NavError } from '@trocar/core';
import type { Transport } from '@trocar/device-bridge';
import { serialTransport } from '@trocar/device-bridge/node';

/** Two joined pseudo-terminals: a serial line that needs no cable. */
export interface PtyLine {
  readonly host: Transport;
  readonly device: Transport;
  close(): void;
}

/**
 * Joins two pseudo-terminals with socat, so that driver and simulated tracker speak over the operating system's own serial
 * ports.
 * @throws NavError `device/connect-failed` where socat is not installed or ends at once
 */
export function ptyLine(): Promise<PtyLine> {
  return new Promise((resolve, reject) => {
    const socat = spawn('socat', ['-d', '-d', 'pty,raw,echo=0', 'pty,raw,echo=0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const failed = (why: string): void =>
      reject(new NavError('device/connect-failed', `No pseudo-terminals: ${why}. Install socat, or leave --serial out.`));
    socat.once('error', (error) => failed(error.message));
    socat.once('exit', (code) => failed(`socat ended with ${code}`));
    socat.stderr.on('data', (data: Buffer) => {
      said += data.toString();
      const [host, device] = [...said.matchAll(/PTY is (\S+)/g)].map((match) => match[1]);
      if (host === undefined || device === undefined || !said.includes('starting data transfer loop')) return;
      resolve({ host: serialTransport(host), device: serialTransport(device), close: () => void socat.kill() });
    });
  });
}
