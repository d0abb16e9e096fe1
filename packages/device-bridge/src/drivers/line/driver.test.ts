import { type PoseSample, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type LineLayout, nmeaChecksum } from '../../codec/line/index.js';
import { underTest } from '../../test-support/under-test.js';
import { checkDriver, datagramLink, PoseRecord } from '../../testing/index.js';
import { pipe } from '../../transports/pipe.js';
import { type LineDriverOptions, lineDriver } from './index.js';

const clock = systemClock();
const TIMEOUTS = { connectMs: 300, silenceMs: 100, reconnectMs: 20 };
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const LAYOUT: LineLayout = { csv: [undefined, 'tool', 'frame', 'x', 'y', 'z', 'qx', 'qy', 'qz', 'qw', 'valid'] };

function withChecksum(content: string): string {
  let sum = 0;
  for (const c of content) sum ^= c.charCodeAt(0);
  return `$${content}*${sum.toString(16).padStart(2, '0').toUpperCase()}\r\n`;
}

/** A pretended sensor with two tools on a line through the room. */
class PretendSensor {
  frozen = false;
  spoilt = false;
  #frame = 0;
  #frozenAt = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(send: (text: string) => void) {
    this.#timer = setInterval(() => {
      this.#frame += 1;
      if (!this.frozen) this.#frozenAt = this.#frame;
      send([0, 1].map((tool) => this.#line(tool)).join(''));
    }, 5);
  }

  #line(tool: number): string {
    const x = 10 * tool + 0.01 * (this.#frozenAt % 500);
    const shown = this.spoilt ? 'nan' : x.toFixed(2);
    return withChecksum(`TRK,t${tool},${this.#frame},${shown},${(2 * x + 1).toFixed(2)},${(-x).toFixed(2)},0,0,0,1,A`);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function isOnLine(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0] = sample.values;
  return Math.abs(y - 2 * x - 1) < 0.05 && Math.abs(z + x) < 0.02;
}

const TOOLS = [
  { name: 'stylus', key: 't0' },
  { name: 'reference', key: 't1' },
];

describe('the line driver', () => {
  it.each(['stream', 'datagram'] as const)('conforms over a %s', { timeout: 60_000 }, async (kind) => {
    const failures = await checkDriver({
      kind,
      tools: 2,
      silenceMs: TIMEOUTS.silenceMs,
      connectMs: TIMEOUTS.connectMs,
      periodMs: 5,
      isPossible: isOnLine,
      create: async (wire) => {
        const stream = pipe();
        const packets = datagramLink();
        await stream.device.open({ data: () => undefined, closed: () => undefined });
        const send = kind === 'stream' ? stream.device.write : packets.device.send;
        const sensor = new PretendSensor((text) => send(ascii(text)));
        const transport = kind === 'stream' ? wire.stream(stream.host) : wire.datagrams(packets.host);
        const driver = lineDriver({ transport, clock, tools: TOOLS, parse: LAYOUT, checksum: 'nmea', timeouts: TIMEOUTS });
        return underTest(driver, sensor);
      },
    });
    expect(failures).toEqual([]);
  });

  /** Feeds lines to a driver, and gives what it told. */
  async function feed(lines: readonly string[], options: Partial<LineDriverOptions> & Pick<LineDriverOptions, 'parse'>) {
    const link = pipe();
    await link.device.open({ data: () => undefined, closed: () => undefined });
    const told: Array<{ tool: number; status: string; values: number[] }> = [];
    const record = new PoseRecord({ isPossible: () => true }, 'ok');
    const driver = lineDriver({ transport: link.host, clock, tools: [{ name: 'imu' }], timeouts: TIMEOUTS, ...options });
    closing.push(() => driver.stop());
    const starting = driver.start({
      tools: (list) => record.tools(list),
      pose: (tool, sample, frame) => {
        record.pose(tool, sample, frame);
        told.push({ tool, status: sample.status, values: [...sample.values.subarray(3)] });
      },
      flush: () => undefined,
      connection: (state) => record.connection(state),
      fault: (fault) => record.fault(fault),
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const line of lines) link.device.write(ascii(line));
    await starting;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const seen = [...told];
    await driver.stop();
    expect(record.failures).toEqual([]);
    return { told: seen, record };
  }

  it('does not pretend a position for a sensor that has an orientation only', async () => {
    const lines = ['yaw:90 pitch:0 roll:0\n', 'yaw:91 pitch:0 roll:0\n'];
    const { told, record } = await feed(lines, { parse: {}, units: { angle: 'deg' }, lineMeans: 'ok' });
    expect(told.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
    expect(told[0]?.values.slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(told[0]?.values.slice(3)).toEqual([0, 0, Math.SQRT1_2, Math.SQRT1_2].map((v) => expect.closeTo(v, 9)));
    expect(record.faults.map((fault) => fault.code)).toEqual(['line/no-position']);
  });

  it('does not pretend an orientation for a sensor that has a position only', async () => {
    const { told, record } = await feed(['1,2,3\n'], { parse: { csv: ['x', 'y', 'z'] }, lineMeans: 'ok' });
    expect(told).toMatchObject([{ status: 'unknown', values: [1, 2, 3, Number.NaN, Number.NaN, Number.NaN, Number.NaN] }]);
    expect(record.faults.map((fault) => fault.code)).toEqual(['line/no-orientation']);
  });

  const WHOLE: LineLayout = { csv: ['x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'] };

  it('cannot know what a line means unless it is told: unknown, not ok', async () => {
    const line = '1,2,3,0,0,0,1\n';
    expect((await feed([line], { parse: WHOLE })).told).toMatchObject([{ status: 'unknown' }]);
    expect((await feed([line], { parse: WHOLE, lineMeans: 'ok' })).told).toMatchObject([{ status: 'ok' }]);
    const parse: LineLayout = { csv: ['valid', 'x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'] };
    const { told } = await feed([`A,${line}`, `V,${line}`], { parse });
    expect(told.map(({ status }) => status)).toEqual(['ok', 'missing']);
  });

  it('tells malformed lines at a low rate with how many there were, and no pose of them', async () => {
    const bad = Array.from({ length: 40 }, () => '1,2,x,0,0,0,1\n');
    const { told, record } = await feed([...bad, '1,2\n', '1,2,3,0,0,0,1\n'], { parse: WHOLE });
    expect(told).toHaveLength(1);
    expect(record.faults.map((fault) => fault.code)).toEqual(['line/bad-number', 'line/malformed']);
  });

  it('refuses a sentence with a wrong checksum, and one with none', async () => {
    const good = withChecksum('TRK,imu,1,1,2,3,0,0,0,1,A');
    const lines = [good.replace(',1,2,3', ',1,2,4'), '$TRK,imu,1,1,2,3,0,0,0,1,A\r\n', good];
    const { told, record } = await feed(lines, { parse: LAYOUT, checksum: 'nmea' });
    expect(told).toMatchObject([{ status: 'ok', values: [1, 2, 3, 0, 0, 0, 1] }]);
    expect(record.faults.map((fault) => fault.code)).toEqual(['line/bad-checksum']);
    expect(nmeaChecksum(good.trim()).outcome).toBe('right');
  });

  it('passes over lines that its function does not want, and lines of tools that nobody named are no tool', async () => {
    const parse: LineLayout = (line) =>
      line.startsWith('#') ? undefined : { tool: line, x: 1, y: 2, z: 3, qx: 0, qy: 0, qz: 0, qw: 1 };
    const { told, record } = await feed(['# hello\n', 'other\n', 'imu\n'], { parse });
    expect(told).toHaveLength(1);
    expect(record.faults.map((fault) => fault.message)).toEqual([expect.stringContaining('"other"')]);
  });

  it('writes what the device needs to hear, at the speed that was asked for', async () => {
    const link = pipe();
    const written: string[] = [];
    const speeds: number[] = [];
    await link.device.open({ data: (bytes) => written.push(String.fromCharCode(...bytes)), closed: () => undefined });
    const line = { sendBreak: async () => undefined, setBaudRate: async (baud: number) => void speeds.push(baud) };
    const driver = lineDriver({
      transport: { ...link.host, line },
      clock,
      tools: [{ name: 'imu' }],
      parse: WHOLE,
      baudRate: 115_200,
      onOpen: ['START\r', 'RATE 100\r'],
      timeouts: { connectMs: 30 },
    });
    await expect(driver.start(new PoseRecord({ isPossible: () => true }, 'ok'))).rejects.toThrowError(/no frame within 30 ms/);
    expect(written).toEqual(['START\r', 'RATE 100\r']);
    expect(speeds).toEqual([115_200]);
  });

  it.each<[string, Partial<LineDriverOptions>]>([
    ['no tools', { tools: [] }],
    [
      'two tools of one key',
      {
        tools: [
          { name: 'a', key: 'k' },
          { name: 'b', key: 'k' },
        ],
      },
    ],
    ['a layout that reads nothing', { parse: /x/ }],
    ['lines of no length', { maxLineBytes: 0 }],
    ['a deadline that is none', { timeouts: { silenceMs: 0 } }],
  ])('is not made with %s', (_, options) => {
    const making = () => lineDriver({ transport: pipe().host, clock, tools: [{ name: 'a' }], parse: WHOLE, ...options });
    expect(making).toThrowError(expect.objectContaining({ code: 'bridge/bad-option' }));
  });
});
