import { frame, isNavError, PoseBuffer, PoseSample } from '@trocar/core';
import { type Volume, volume } from '@trocar/core/volume';
import { afterEach, describe, expect, it } from 'vitest';
import {
  decodeIgtl,
  encodeIgtl,
  type IgtlMessageInit,
  imageFromVolume,
  plusMetadata,
  volumeFromImage,
} from '../../codec/igtl/index.js';
import { poseBufferSink } from '../../driver.js';
import { type IgtlDriverOptions, igtlDriver } from './index.js';
import { clock, makeRig, type Rig, skewMatrix, type Told, tdata, transform, until, wait } from './test-support/rig.js';

const running: Rig[] = [];
afterEach(async () => {
  for (const { driver } of running.splice(0)) await driver.stop();
});

async function rig(...args: Parameters<typeof makeRig>): Promise<Rig> {
  const made = await makeRig(...args);
  running.push(made);
  return made;
}

async function started(...args: Parameters<typeof makeRig>): Promise<Rig> {
  const made = await rig(...args);
  await made.driver.start(made.sink);
  return made;
}

describe('the version of messages', () => {
  const command = { type: 'STRING', device: 'd', content: { kind: 'string', encoding: 3, text: 'x' } } as const;

  it('is 1, and 2 once the server has shown it, until the connection ends', async () => {
    const { server, sink, driver } = await started({ silentMs: 60_000 });
    driver.send(command);
    expect(() => driver.send({ ...command, metadata: plusMetadata('ok') })).toThrow(/header version 2/);
    server.send(transform('p', skewMatrix(1, 1, 2, 3), { headerVersion: 2 }));
    await until(() => sink.told.length === 1);
    driver.send(command);
    await until(() => server.heard.length === 2);
    expect(server.heard.map(({ headerVersion }) => headerVersion)).toEqual([1, 2]);
    server.link.cut();
    server.link.mend();
    await server.listen();
    await until(() => sink.states.filter((state) => state === 'connected').length === 2);
    expect(driver.headerVersion).toBe(1);
  });

  it('is said first where 2 is asked for', async () => {
    const { server } = await started({ headerVersion: 2 });
    await until(() => server.heard.length === 1);
    expect(server.heard[0]).toMatchObject({ type: 'GET_STATUS', headerVersion: 2 });
  });
});

describe('asking for tracking', () => {
  it.each(['TDATA', 'QTDATA'] as const)('%s starts with interval and coordinate name, and stops before leaving', async (type) => {
    const ask = { type, intervalMs: 20, coordinateName: 'Patient', device: 'Asker' };
    const { server, driver, sink } = await started({ ask, onSilence: 'reconnect' }, (message, to) => {
      if (message.type !== `STT_${type}` && message.type !== `STP_${type}`) return;
      to.send({ type: `RTS_${type}`, device: '', content: { kind: 'reply', target: type, status: 0 } });
    });
    expect(sink.states).toEqual(['connecting', 'connected']);
    await driver.stop();
    expect(server.heard).toMatchObject([
      { type: `STT_${type}`, device: 'Asker', headerVersion: 1, content: { intervalMs: 20, coordinateName: 'Patient' } },
      { type: `STP_${type}`, device: 'Asker', headerVersion: 1 },
    ]);
    expect(sink.states.at(-1)).toBe('disconnected');
  });

  it('is refused as device/refused where the server says no', async () => {
    const { driver, sink } = await rig({ ask: { type: 'TDATA' }, onSilence: 'reconnect' }, (message, to) => {
      if (message.type === 'STT_TDATA')
        to.send({ type: 'RTS_TDATA', device: '', content: { kind: 'reply', target: 'TDATA', status: 1 } });
    });
    await expect(driver.start(sink)).rejects.toSatisfy((e) => isNavError(e, 'device/refused'));
    expect(sink.states).toEqual(['connecting', 'disconnected']);
  });

  it('takes the first TDATA for a yes', async () => {
    const { sink } = await started({ ask: { type: 'TDATA' }, onSilence: 'reconnect' }, (message, to) => {
      if (message.type === 'STT_TDATA') to.send(tdata(['a'], 1));
    });
    await until(() => sink.told.length === 1);
    expect(sink.states).toEqual(['connecting', 'connected']);
  });
});

describe('when the server is', () => {
  const live: Partial<IgtlDriverOptions> = { onSilence: 'reconnect', silentMs: 80, firstMessageMs: 300 };

  it('silent from the start: device/timeout', async () => {
    const { driver, sink } = await rig(live);
    await expect(driver.start(sink)).rejects.toSatisfy((e) => isNavError(e, 'device/timeout'));
  });

  it('another one altogether: the code of what it sent', async () => {
    const { driver, server, sink } = await rig(live);
    const starting = driver.start(sink);
    setTimeout(() => server.link.device.write(new TextEncoder().encode(`HTTP/1.1 400 Bad Request\r\n${'x'.repeat(80)}`)), 5);
    await expect(starting).rejects.toSatisfy((e) => isNavError(e, 'igtl/bad-version'));
  });

  it('lost, each tool is disconnected at once, and tracked again when it is back', async () => {
    const { driver, server, sink } = await rig(live);
    const beat = setInterval(() => server.send(transform('p', skewMatrix(clock.now(), 1, 2, 3))), 5);
    try {
      await driver.start(sink);
      await until(() => sink.told.length > 3);
      server.link.cut();
      expect(sink.told.at(-1)).toMatchObject({ name: 'p', status: 'disconnected' });
      expect(sink.states.at(-1)).toBe('disconnected');
      server.link.mend();
      await server.listen();
      await until(() => sink.told.at(-1)?.status === 'unknown');
      expect(sink.states).toEqual(expect.arrayContaining(['connecting', 'connected', 'disconnected', 'connecting', 'connected']));
      expect(sink.list.length).toBe(1);
    } finally {
      clearInterval(beat);
    }
  });

  it('back with another clock, its stamps are read anew, even the very one from before', async () => {
    const { server, sink } = await started({ silentMs: 60_000 });
    const stamped = (angle: number): IgtlMessageInit =>
      transform('p', skewMatrix(angle, 1, 2, 3), { timestamp: { seconds: 1_700_000_000, fraction: 0 } });
    server.send(stamped(1));
    await until(() => sink.told.length === 1);
    await wait(20);
    server.link.cut();
    server.link.mend();
    await server.listen();
    await until(() => sink.states.filter((state) => state === 'connected').length === 2);
    server.send(stamped(2));
    await until(() => sink.told.at(-1)?.status === 'unknown');
    const [first, last] = [sink.told[0], sink.told.at(-1)] as [Told, Told];
    expect(last.measuredAt - first.measuredAt).toBeGreaterThan(15);
    expect(Math.abs(last.measuredAt - last.arrivedAt)).toBeLessThan(0.1);
  });

  it('dead without a word, it is given up after silentMs and connected again', async () => {
    const { driver, server, sink } = await rig(live);
    const beat = setInterval(() => server.send(transform('p', skewMatrix(clock.now(), 1, 2, 3))), 5);
    try {
      await driver.start(sink);
      server.link.mute();
      const from = clock.now();
      await until(() => sink.states.at(-1) !== 'connected');
      expect(clock.now() - from).toBeLessThan(80 + 2000);
      expect(sink.codes()).toContain('device/timeout');
      server.link.mend();
      await until(() => sink.told.at(-1)?.status === 'unknown');
    } finally {
      clearInterval(beat);
    }
  });

  it('kept awake, it is asked for its status', async () => {
    const { server, sink } = await started({ ...live, keepAliveMs: 20, silentMs: 1000, headerVersion: 2 }, (message, to) => {
      if (message.type === 'GET_STATUS')
        to.send({ type: 'STATUS', device: '', content: { kind: 'status', code: 1, subcode: 0n, name: 'OK', message: '' } });
    });
    await wait(300);
    expect(server.heard.length).toBeGreaterThan(4);
    expect(sink.states).toEqual(['connecting', 'connected']);
  });

  it('sending a wrong CRC, that message is lost, counted and told, and the next one is read', async () => {
    const { server, sink, driver } = await started();
    const bad = encodeIgtl(transform('p', skewMatrix(1, 1, 2, 3))).slice();
    bad[70] = (bad[70] as number) ^ 1;
    server.send(transform('p', skewMatrix(1, 1, 2, 3)));
    server.link.device.write(bad);
    server.send(transform('p', skewMatrix(2, 1, 2, 3)));
    await until(() => sink.told.length === 2);
    expect(sink.codes()).toEqual(['codec/bad-crc']);
    expect(driver.counts).toMatchObject({ messages: 2, poses: 2, refused: 1 });
  });
});

describe('other messages', () => {
  it('of STATUS are alarms when they turn bad, once', async () => {
    const { server, sink } = await started();
    const status = (code: number): IgtlMessageInit => ({
      type: 'STATUS',
      device: 'd',
      content: { kind: 'status', code, subcode: 5n, name: 'HOT', message: 'too warm' },
    });
    server.send(status(1), status(18), status(18), status(1), status(13));
    await until(() => sink.faults.length === 2);
    expect(sink.codes()).toEqual(['device/alarm', 'device/alarm']);
    expect(sink.faults[0]?.message).toContain('STATUS 18 (5, HOT): too warm');
  });

  it('reach the handler unread; what is wrong with one is told, and a handler that throws harms nothing', async () => {
    const types: string[] = [];
    const onMessage: IgtlDriverOptions['onMessage'] = (f) => {
      types.push(f.type);
      if (f.type === 'STRING') throw new Error('of our own');
      decodeIgtl(f);
    };
    const { server, sink } = await started({ onMessage });
    server.send(
      { type: 'STATUS', device: 'd', content: { kind: 'status', code: 1, subcode: 0n, name: 'OK', message: '' } },
      { type: 'COLORT', device: 'd', content: { kind: 'raw', bytes: new Uint8Array(3) } },
      { type: 'STRING', device: 'd', content: { kind: 'string', encoding: 3, text: '' } },
      { type: 'TWELVELETTER', device: 'd', content: { kind: 'raw', bytes: new Uint8Array(3) } },
      transform('p', skewMatrix(1, 1, 2, 3)),
    );
    await until(() => sink.told.length === 1);
    expect(types).toEqual(['STATUS', 'COLORT', 'STRING', 'TWELVELETTER']);
    expect(sink.codes()).toEqual(['igtl/bad-value', 'igtl/handler-failed']);
  });

  it.each(['RAS', 'LPS'] as const)('an image sent as %s stands where it stood: flips show', async (coordinates) => {
    const ct = frame('ct');
    const voxels = Int16Array.from({ length: 24 }, (_, i) => i * 300);
    const frameFromIndex = Float64Array.of(0, 2, 0, 0, 0, 0, -3, 0, 4, 0, 0, 0, 10, -20, 30, 1);
    const sent = volume({ frame: ct, voxels, size: [2, 3, 4], frameFromIndex });
    let got: Volume<'ct'> | undefined;
    const onMessage: IgtlDriverOptions['onMessage'] = (f) => {
      const { content } = decodeIgtl(f);
      if (content.kind === 'image') got = volumeFromImage(ct, content);
    };
    const { server } = await started({ onMessage }, undefined, { chunkBytes: 7 });
    server.send({ type: 'IMAGE', device: 'ct', content: imageFromVolume(sent, coordinates) });
    await until(() => got !== undefined);
    expect(Array.from(got?.frameFromIndex ?? [])).toEqual([...frameFromIndex]);
    expect([...(got?.voxels ?? [])]).toEqual([...voxels]);
    expect(got?.size).toEqual([2, 3, 4]);
  });
});

describe('commands', () => {
  const answer = (message: { type: string; device: string; content: unknown }, to: Rig['server']): void => {
    if (message.type === 'COMMAND') {
      const { id, name } = message.content as { id: number; name: string };
      to.send({ type: 'RTS_COMMAND', device: '', content: { kind: 'command', id, name, encoding: 3, text: `<${id}/>` } });
    } else if (message.type === 'STRING') {
      const device = message.device.replace('CMD', 'ACK');
      to.send({ type: 'STRING', device, content: { kind: 'string', encoding: 3, text: 'done' } });
    }
  };

  it('of both forms get their own answers, in any number', async () => {
    const { driver } = await started({}, answer);
    const replies = await Promise.all([
      driver.command('A', '<Command/>'),
      driver.command('B', 'ü'),
      driver.stringCommand('<Command/>'),
    ]);
    expect(replies.map(({ name, text }) => [name, text])).toEqual([
      ['A', '<1/>'],
      ['B', '<2/>'],
      ['ACK_3', 'done'],
    ]);
  });

  it('without an answer time out; lost with the connection they say so; none are sent without one', async () => {
    const { driver, server } = await started();
    await expect(driver.command('A', '', { timeoutMs: 20 })).rejects.toSatisfy((e) => isNavError(e, 'device/timeout'));
    const asked = driver.stringCommand('x');
    server.link.cut();
    await expect(asked).rejects.toSatisfy((e) => isNavError(e, 'device/disconnected'));
    await expect(driver.command('A', '')).rejects.toSatisfy((e) => isNavError(e, 'device/disconnected'));
    await driver.stop();
    expect(() => driver.send({ type: 'GET_STATUS', device: '', content: { kind: 'raw', bytes: new Uint8Array(0) } })).toThrow(
      /not running/,
    );
  });

  it('wait in a limited number', async () => {
    const { driver } = await started();
    const asked = Array.from({ length: 65 }, () => driver.command('A', '').catch((error: unknown) => error));
    expect(isNavError(await asked[64], 'device/refused')).toBe(true);
    await driver.stop();
    expect(isNavError(await asked[0], 'device/disconnected')).toBe(true);
  });
});

describe('a driver', () => {
  it('fills pose buffers, which do not take its poses for live without a status', async () => {
    const buffer = new PoseBuffer();
    const { server, driver } = await rig();
    await driver.start(poseBufferSink({ p: buffer }));
    server.send(transform('p', skewMatrix(1, 1, 2, 3)));
    await until(() => buffer.size === 1);
    const time = Float64Array.of(clock.now());
    expect(buffer.read(time, new Float64Array(16), new Float64Array(3))).toBe('unknown');
    expect(new PoseSample().status).toBe('unknown');
  });

  it('refuses to start twice, stops twice, and stops while it connects', async () => {
    const { driver, sink } = await started();
    await expect(driver.start(sink)).rejects.toSatisfy((e) => isNavError(e, 'bridge/bad-option'));
    await driver.stop();
    await driver.stop();
    const other = await rig({ onSilence: 'reconnect' });
    const starting = other.driver.start(other.sink);
    await wait(5);
    await other.driver.stop();
    await expect(starting).rejects.toSatisfy((e) => isNavError(e, 'device/disconnected'));
  });

  it.each([
    { maxTools: 0 },
    { maxTools: 256 },
    { tools: [{ device: 'a' }, { device: 'a' }] },
    {
      tools: [
        { device: 'a', name: 'x' },
        { device: 'b', name: 'x' },
      ],
    },
    { silentMs: 0 },
    { ask: { type: 'TDATA', intervalMs: 1.5 } },
    { headerVersion: 3 as 2 },
  ] satisfies Array<Partial<IgtlDriverOptions>>)('refuses %j', async (options) => {
    const { server } = await rig();
    expect(() => igtlDriver({ transport: server.link.host, clock, ...options })).toThrow(/./);
  });
});
