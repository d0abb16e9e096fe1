import { isNavError, type NavError, systemClock } from '@trocar/core';
import { SerialPortMock } from 'serialport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeBx, parseCommand, withCrc } from '../codec/ndi/index.js';
import { poseBufferSink } from '../driver.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { NdiDevice } from '../drivers/simulated/ndi-device.js';
import { listSerialPorts, serialTransport } from './index.js';

vi.mock('serialport', async (original) => {
  const real = await original<typeof import('serialport')>();
  return { ...real, SerialPort: real.SerialPortMock };
});

const clock = systemClock();
afterEach(() => SerialPortMock.binding.reset());

/**
 * What happened on the mock line, in order.
 * @param understood rates above 9600 at which bytes come through
 */
function watchLine(device: NdiDevice, understood?: readonly number[]): string[] {
  let rate = 9600;
  const log: string[] = [];
  const binding = SerialPortMock.binding;
  const open = binding.open.bind(binding);
  vi.spyOn(binding, 'open').mockImplementation(async (options) => {
    const port = await open(options);
    rate = options.baudRate;
    log.push(`open ${rate}${options.rtscts === true ? ' rtscts' : ''}`);
    const set = port.set.bind(port);
    const update = port.update.bind(port);
    const write = port.write.bind(port);
    port.set = async (flags) => {
      log.push(flags.brk === true ? 'break on' : 'break off');
      await set(flags);
      if (flags.brk === false) port.emitData(Buffer.from(withCrc(device.answer('RESET', ''))));
    };
    port.update = async (to) => {
      rate = to.baudRate;
      log.push(`baud ${rate}`);
      await update(to);
    };
    port.write = async (bytes) => {
      await write(bytes);
      const { name, args } = parseCommand(bytes.subarray(0, bytes.length - 1));
      if (log.at(-1) !== name) log.push(name === 'COMM' ? `COMM ${args}` : name);
      if (understood !== undefined && rate !== 9600 && !understood.includes(rate)) return;
      const frame = name === 'BX' ? device.measure(Number.parseInt(args, 16)) : undefined;
      port.emitData(Buffer.from(frame === undefined ? withCrc(device.answer(name, args)) : encodeBx(frame)));
    };
    return port;
  });
  return log;
}

describe('a serial line with a break', () => {
  it('is reset by break, raised by COMM and reopened at the new rate, in this order', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false, record: true });
    const device = new NdiDevice({ clock, tools: [], poseOf: () => undefined, replies: 'bx' });
    const log = watchLine(device);
    const driver = ndiDriver({
      transport: serialTransport('/dev/mock'),
      clock,
      tools: [],
      baudRate: 921_600,
      timeouts: { settleMs: 1, commandMs: 300, resetMs: 800 },
    });
    await driver.start(poseBufferSink({}));
    await driver.stop();
    expect(log.slice(1, 9)).toEqual(['break on', 'break off', 'INIT', 'COMM 60000', 'baud 921600', 'VER', 'APIREV', 'PHSR']);
    expect(log.at(-1)).toBe('TSTOP');
    vi.restoreAllMocks();
  });

  it('stays at 9600 baud where the device refuses the rate, and tells it', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false, record: true });
    const device = new NdiDevice({ clock, tools: [], poseOf: () => undefined, replies: 'bx' });
    const answer = device.answer.bind(device);
    vi.spyOn(device, 'answer').mockImplementation((name, args) => (name === 'COMM' ? 'ERROR06' : answer(name, args)));
    const log = watchLine(device);
    const timeouts = { settleMs: 1, commandMs: 300, resetMs: 800 };
    const driver = ndiDriver({ transport: serialTransport('/dev/mock'), clock, tools: [], timeouts });
    const told: string[] = [];
    await driver.start(poseBufferSink({}, (fault) => told.push(fault.message)));
    await driver.stop();
    expect(log.slice(3, 13)).toEqual([
      'INIT',
      ...['COMM 70000', 'COMM 60000', 'COMM A0000', 'COMM 50000', 'COMM 40000', 'COMM 30000', 'COMM 20000', 'COMM 10000'],
      'APIREV',
    ]);
    expect(told[0]).toMatch(/stays at 9600 baud.*ERROR06/s);
    vi.restoreAllMocks();
  });

  it('goes back to 9600 baud by a break where a rate is taken but not understood, and tries a slower one', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false, record: true });
    const device = new NdiDevice({ clock, tools: [], poseOf: () => undefined, replies: 'bx' });
    const log = watchLine(device, [230_400]);
    const told: string[] = [];
    const timeouts = { settleMs: 1, commandMs: 150, resetMs: 800 };
    const driver = ndiDriver({ transport: serialTransport('/dev/mock'), clock, tools: [], timeouts });
    await driver.start(poseBufferSink({}, (fault) => told.push(fault.message)));
    expect(driver.details()?.baudRate).toBe(230_400);
    await driver.stop();
    const again = (comm: string, rate: number): string[] => [comm, `baud ${rate}`, 'VER'];
    const reset = ['baud 9600', 'break on', 'break off', 'INIT'];
    expect(log.slice(3)).toEqual([
      'INIT',
      ...again('COMM 70000', 1_228_739),
      ...reset,
      ...again('COMM 60000', 921_600),
      ...reset,
      ...again('COMM A0000', 230_400),
      ...log.slice(log.indexOf('APIREV')),
    ]);
    expect(told.filter((message) => /not understood/.test(message))).toHaveLength(2);
    vi.restoreAllMocks();
  });

  it('is opened again with RTS/CTS where that is wanted', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false, record: true });
    const device = new NdiDevice({ clock, tools: [], poseOf: () => undefined, replies: 'bx' });
    const log = watchLine(device);
    const driver = ndiDriver({
      transport: serialTransport('/dev/mock'),
      clock,
      tools: [],
      baudRate: 115_200,
      hardwareHandshake: true,
      timeouts: { settleMs: 1, commandMs: 300, resetMs: 800 },
    });
    const states: string[] = [];
    await driver.start({ ...poseBufferSink({}), connection: (state) => states.push(state) });
    await driver.stop();
    expect(log.slice(0, 6)).toEqual(['open 9600', 'break on', 'break off', 'INIT', 'COMM 50001', 'open 115200 rtscts']);
    // The port was closed on the way, and nobody was told that the device is gone.
    expect(states).toEqual(['connecting', 'connected', 'disconnected']);
    vi.restoreAllMocks();
  });

  it('lists ports, or none where the system cannot', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false });
    expect((await listSerialPorts()).map((p) => p.path)).toEqual(['/dev/mock']);
    vi.spyOn(SerialPortMock, 'list').mockRejectedValue(new Error('udevadm: not found'));
    expect(await listSerialPorts()).toEqual([]);
    vi.restoreAllMocks();
  });

  it('tells a port that is pulled out', async () => {
    SerialPortMock.binding.createPort('/dev/mock', { echo: false });
    const binding = SerialPortMock.binding;
    const open = binding.open.bind(binding);
    let pull: () => void = () => undefined;
    vi.spyOn(binding, 'open').mockImplementation(async (options) => {
      const port = await open(options);
      const read = port.read.bind(port);
      port.read = (buffer, offset, length) =>
        Promise.race([
          read(buffer, offset, length),
          new Promise<never>((_, reject) => {
            pull = () => reject(Object.assign(new Error('bad file descriptor'), { disconnect: true }));
          }),
        ]);
      return port;
    });
    const transport = serialTransport('/dev/mock');
    const gone = new Promise<NavError>((resolve) => {
      void transport.open({ data: () => undefined, closed: resolve });
    });
    await vi.waitFor(() => expect(pull).not.toBe(undefined));
    await new Promise((resolve) => setTimeout(resolve, 20));
    pull();
    expect(isNavError(await gone, 'device/disconnected')).toBe(true);
    vi.restoreAllMocks();
  });
});
