import { createSocket, type Socket } from 'node:dgram';
import { isNavError } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatagramSource, DatagramTransport } from '../transport.js';
import { type UdpOptions, type UdpTransport, udpTransport } from './udp.js';

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Ear {
  readonly heard: Uint8Array[];
  readonly from: DatagramSource[];
}

async function listen(transport: DatagramTransport): Promise<Ear> {
  const ear: Ear = { heard: [], from: [] };
  await transport.open({
    datagram: (bytes, from) => {
      ear.heard.push(bytes.slice());
      if (from !== undefined) ear.from.push(from);
    },
    closed: (reason) => expect.unreachable(reason.message),
  });
  closing.push(() => transport.close());
  return ear;
}

async function opened(options: Partial<UdpOptions> = {}): Promise<{ transport: UdpTransport } & Ear> {
  const transport = udpTransport({ port: 0, ...options });
  return { transport, ...(await listen(transport)) };
}

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  closing.push(() => socket.close());
  return socket;
}

describe('a UDP transport', () => {
  it('hands on whole datagrams, an empty and the largest among them, and who sent them', async () => {
    const { transport, heard, from } = await opened();
    const sender = await socketOn('127.0.0.1');
    const sent = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(60_000).fill(7)];
    for (const bytes of sent) sender.send(bytes, transport.localPort, '127.0.0.1');
    await expect.poll(() => heard.length).toBe(3);
    expect(heard.map((bytes) => Buffer.compare(bytes, sent.shift() as Uint8Array))).toEqual([0, 0, 0]);
    expect(from[0]).toMatchObject({ address: '127.0.0.1', port: sender.address().port });
    expect(transport.counts).toEqual({ received: 3, foreign: 0, oversize: 0, sendFailures: 0 });
  });

  it('sends to its remote and takes its answer; the sent bytes may be used again at once', async () => {
    const device = await socketOn('127.0.0.1');
    device.on('message', (bytes, from) => device.send(Buffer.concat([bytes, bytes]), from.port, from.address));
    const { transport, heard } = await opened({ remote: { host: 'localhost', port: device.address().port } });
    const bytes = Uint8Array.of(5, 6);
    transport.send(bytes);
    bytes.fill(0);
    await expect.poll(() => heard.map((b) => [...b])).toEqual([[5, 6, 5, 6]]);
  });

  it('does not hear others than its remote, and counts them', async () => {
    const { transport, heard } = await opened({ host: '0.0.0.0', remote: { host: '127.0.0.1', port: 9 } });
    const stranger = await socketOn('127.0.0.2');
    stranger.send(Uint8Array.of(1), transport.localPort, '127.0.0.1');
    await expect.poll(() => transport.counts.foreign).toBe(1);
    const friend = await socketOn('127.0.0.1');
    friend.send(Uint8Array.of(2), transport.localPort, '127.0.0.1');
    await expect.poll(() => heard.map((b) => [...b])).toEqual([[2]]);
  });

  it('listens on the loopback alone unless told otherwise', async () => {
    const socket = udpTransport({ port: 0 });
    await listen(socket);
    expect(socket.label).toBe('udp 127.0.0.1:0');
    // The same port is still free on another of this machine's addresses: nothing listens there.
    const other = await socketOnPort('127.0.0.2', socket.localPort);
    expect(other.address().port).toBe(socket.localPort);
  });

  it('does not look at datagrams beyond its cap', async () => {
    const { transport, heard } = await opened({ maxBytes: 10 });
    const sender = await socketOn('127.0.0.1');
    sender.send(new Uint8Array(11), transport.localPort, '127.0.0.1');
    sender.send(new Uint8Array(10), transport.localPort, '127.0.0.1');
    await expect.poll(() => heard.length).toBe(1);
    expect(transport.counts.oversize).toBe(1);
  });

  it('joins a group', async (context) => {
    const group = '239.255.42.98';
    const transport = udpTransport({ port: 0, multicast: { group } });
    const heard: Uint8Array[] = [];
    try {
      await transport.open({ datagram: (bytes) => heard.push(bytes.slice()), closed: () => undefined });
    } catch {
      context.skip('no multicast on this machine');
    }
    closing.push(() => transport.close());
    const sender = await socketOn('127.0.0.1');
    sender.setMulticastInterface('127.0.0.1');
    sender.setMulticastLoopback(true);
    sender.send(Uint8Array.of(3), transport.localPort, group);
    await expect.poll(() => heard.map((b) => [...b])).toEqual([[3]]);
  });

  it('can be opened again, closed twice, and is silent while it is closed', async () => {
    const { transport, heard } = await opened({ remote: { host: '127.0.0.1', port: 9 } });
    await transport.close();
    await transport.close();
    expect(transport.localPort).toBe(0);
    transport.send(Uint8Array.of(1));
    const again = await listen(transport);
    const sender = await socketOn('127.0.0.1');
    sender.send(Uint8Array.of(4), transport.localPort, '127.0.0.1');
    await expect.poll(() => again.heard.length).toBe(1);
    expect(heard).toEqual([]);
  });

  it('does not stay open where it is closed while it opens', async () => {
    const transport = udpTransport({ port: 0, remote: { host: 'localhost', port: 9 } });
    const opening = transport.open({ datagram: () => undefined, closed: () => undefined });
    await transport.close();
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    expect(transport.localPort).toBe(0);
  });

  it('says which port is taken', async () => {
    const { transport } = await opened();
    const second = udpTransport({ port: transport.localPort });
    const opening = second.open({ datagram: () => undefined, closed: () => undefined });
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
  });

  it('refuses to send to nobody, to listen on no port, and names without an address', async () => {
    expect(() => udpTransport({ port: 0 }).send(Uint8Array.of(1))).toThrowError(/nobody to send to/);
    for (const options of [
      { port: 70_000 },
      { port: 1.5 },
      { port: 0, maxBytes: 0 },
      { port: 0, remote: { host: 'x', port: 0 } },
    ]) {
      expect(() => udpTransport(options)).toThrowError(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
    }
    const nowhere = udpTransport({ port: 0, remote: { host: 'no-such-host.invalid', port: 1 } });
    const opening = nowhere.open({ datagram: () => undefined, closed: () => undefined });
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
  });
});

async function socketOnPort(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, address, resolve));
  closing.push(() => socket.close());
  return socket;
}
