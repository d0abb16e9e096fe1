import { isNavError, type Status } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { plusReply, readPlusReply } from '../codec/igtl/index.js';
import { igtlDriver } from '../drivers/igtl/index.js';
import { clock, Recorder, until, wait } from '../drivers/igtl/test-support/rig.js';
import { tcpTransport } from './index.js';
import { closeAll, connected, query, raw, serve, start } from './test-support/igtl-rig.js';

afterEach(closeAll);

describe('visibility', () => {
  it('is metadata for a client of version 2: every status arrives as what it is, or as missing', async () => {
    const served = await serve();
    served.tell(0, 0.1);
    const { sink } = await connected(served.server.port, { headerVersion: 2 });
    await until(() => sink.told.length >= 1);
    const statuses: Status[] = ['ok', 'missing', 'outOfVolume', 'unknown', 'stale', 'disconnected', 'ok'];
    const told: Status[] = [];
    for (const [i, status] of statuses.entries()) {
      const from = sink.told.length;
      served.tell(0, 0.2 + 0.1 * i, status);
      await until(() => sink.told.length > from);
      told.push(sink.told.at(-1)?.status as Status);
    }
    expect(told).toEqual(['ok', 'missing', 'outOfVolume', 'missing', 'missing', 'missing', 'ok']);
  });

  it('is presence for a client of version 1: only ok is sent, unless the user says otherwise', async () => {
    for (const [alsoSend, count] of [
      [[], 1],
      [['unknown', 'stale'], 3],
    ] as const) {
      const served = await serve({ alsoSend });
      const client = await raw(served);
      for (const status of ['ok', 'unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'] as const)
        served.tell(0, 0.5, status);
      served.tell(1, 0.5);
      await until(() => client.of('TRANSFORM').some(({ device }) => device === 'b'));
      expect(client.of('TRANSFORM').filter(({ device }) => device === 'a').length).toBe(count);
      expect(client.messages.every(({ headerVersion }) => headerVersion === 1)).toBe(true);
    }
  });

  it('is presence in TDATA in every version, and an empty list where the device is gone', async () => {
    const served = await serve({ push: 'nothing' });
    const { sink } = await connected(served.server.port, { headerVersion: 2, ask: { type: 'TDATA', intervalMs: 0 } });
    served.tell(0, 0.1);
    served.tell(1, 0.1);
    served.tell(0, 0.2, 'missing');
    await until(() => sink.statuses().includes('a missing'));
    expect(sink.told.at(-1)?.status).toBe('missing');
    served.server.sink.connection('disconnected', 'unplugged');
    await until(() => sink.statuses().includes('b missing'));
  });

  it('of numbers that are none is missing', async () => {
    const served = await serve();
    const client = await raw(served);
    served.tell(0, Number.NaN);
    served.tell(1, 0.1);
    await until(() => client.of('TRANSFORM').length >= 1);
    expect(client.of('TRANSFORM').map(({ device }) => device)).toEqual(['b']);
  });
});

describe('the version of messages', () => {
  it('2 sends a tool that is not seen as the identity that is not valid, never as its last pose', async () => {
    const served = await serve();
    const client = await raw(served);
    client.send(query('GET_STATUS', { headerVersion: 2 }));
    await until(() => client.of('STATUS').length > 0);
    served.tell(0, 0.7);
    served.tell(0, 0.7, 'missing');
    await until(() => client.of('TRANSFORM').length === 2);
    const matrix = (i: number): number[] => {
      const content = client.of('TRANSFORM')[i]?.content;
      return content?.kind === 'transform' ? Array.from(content.matrix) : [];
    };
    expect(matrix(0).slice(12)).toEqual([10, -20, 30, 1]);
    expect(matrix(1)).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect(client.of('TRANSFORM')[1]?.metadata).toContainEqual({ key: 'TransformValid', encoding: 3, value: 'False' });
  });

  it('is 1 for each client until that client has shown 2', async () => {
    const served = await serve();
    const [old, young] = [await raw(served), await raw(served)];
    young.send(query('GET_STATUS', { headerVersion: 2 }));
    await until(() => young.of('STATUS').some(({ headerVersion }) => headerVersion === 2));
    served.tell(0, 0.1);
    await until(() => old.of('TRANSFORM').length === 1 && young.of('TRANSFORM').length >= 1);
    expect(old.of('TRANSFORM')[0]).toMatchObject({ headerVersion: 1, metadata: [] });
    expect(young.of('TRANSFORM').at(-1)).toMatchObject({
      headerVersion: 2,
      metadata: [
        { key: 'TransformStatus', value: 'OK' },
        { key: 'TransformValid', value: 'True' },
      ],
    });
  });

  it('2 carries names that are too long for the header in full; version 1 numbers those that would be the same', async () => {
    const long = (end: string): string => `StylusToReferenceTransform${end}`;
    const served = await serve({ deviceName: ({ name }) => long(name) });
    const client = await raw(served);
    const { sink, driver } = await connected(served.server.port, { headerVersion: 2 });
    await until(() => driver.counts.messages > 0);
    served.tell(0, 0.1);
    served.tell(1, 0.1);
    await until(() => sink.list.length === 2 && client.of('TRANSFORM').length === 2);
    expect(sink.list.map(({ name }) => name)).toEqual([long('a'), long('b')]);
    expect(client.of('TRANSFORM').map(({ device }) => device)).toEqual(['StylusToReferenceTra', 'StylusToReferenceT~2']);
  });
});

describe('what is asked', () => {
  it('is answered: status, capability, one pose, every pose, and no to what is not served', async () => {
    const served = await serve({ push: 'nothing' });
    const client = await raw(served);
    served.tell(0, 0.1);
    served.tell(1, 0.2);
    client.send(
      query('GET_STATUS'),
      query('GET_CAPABIL'),
      query('GET_TRANSFOR', { device: 'b' }),
      query('GET_TRANS'),
      query('GET_TDATA'),
    );
    client.send(query('GET_TRANSFOR', { device: 'nobody' }), query('GET_POINT'), query('STT_IMAGE'), query('GET_ABCDEFGH'));
    await until(() => client.of('RTS_ABCDEFGH').length === 1);
    expect(client.messages.map(({ type, device }) => [type, device])).toEqual([
      ['STATUS', 'Trocar'],
      ['CAPABILITY', 'Trocar'],
      ['TRANSFORM', 'b'],
      ['TRANSFORM', 'a'],
      ['TRANSFORM', 'b'],
      ['TDATA', 'Trocar'],
      ['RTS_TRANSFOR', 'Trocar'],
      ['RTS_POINT', 'Trocar'],
      ['RTS_IMAGE', 'Trocar'],
      ['RTS_ABCDEFGH', 'Trocar'],
    ]);
    expect(client.messages[0]?.content).toMatchObject({ code: 1, message: 'here' });
    expect(client.messages.slice(6).every(({ content }) => content.kind === 'reply' && content.status === 1)).toBe(true);
    const stamp = client.messages[2]?.timestamp.seconds ?? 0;
    expect(Math.abs(stamp - Date.now() / 1000)).toBeLessThan(60);
    served.server.sink.connection('disconnected', 'unplugged');
    await until(() => client.of('STATUS').length === 2);
    expect(client.of('STATUS')[1]?.content).toMatchObject({ code: 7, message: 'unplugged' });
  });

  it.each(['TDATA', 'QTDATA', 'TRANSFOR', 'POSITION'] as const)(
    'STT_%s starts that, in its interval, and STP ends it',
    async (target) => {
      const served = await serve();
      const client = await raw(served);
      const type = target === 'TRANSFOR' ? 'TRANSFORM' : target;
      client.send(target === 'TRANSFOR' || target === 'POSITION' ? query(`STT_${target}`) : start(`STT_${target}`, 50));
      await until(() => client.of(`RTS_${target}`).length === 1);
      expect(client.of(`RTS_${target}`)[0]?.content).toMatchObject({ status: 0 });
      const from = clock.now();
      for (let i = 0; i < 60; i += 1) {
        served.tell(0, 0.01 * i);
        await wait(5);
      }
      const took = clock.now() - from;
      await until(() => client.of(type).length > 0);
      const got = client.of(type).length;
      if (target === 'TDATA' || target === 'QTDATA') {
        expect(got).toBeLessThanOrEqual(took / 50 + 2);
        expect(got).toBeGreaterThan(took / 50 / 3);
      } else {
        expect(got).toBe(60);
      }
      expect(client.messages.every(({ type: t }) => t === type || t.startsWith('RTS_'))).toBe(true);
      client.send(query(`STP_${target}`));
      await until(() => client.of(`RTS_${target}`).length === 2);
      const before = client.messages.length;
      served.tell(0, 3);
      await wait(70);
      expect(client.messages.length).toBe(before);
    },
  );

  it('in coordinates that are not served is refused where the names are known, and said where they are not', async () => {
    const strict = await serve({ coordinateNames: ['Patient'] });
    const client = await raw(strict);
    client.send(start('STT_TDATA', 0, 'Room'), start('STT_TDATA', 0, 'Patient'));
    await until(() => client.of('RTS_TDATA').length === 2);
    expect(client.of('RTS_TDATA').map(({ content }) => content.kind === 'reply' && content.status)).toEqual([1, 0]);
    expect(strict.faults).toEqual(['igtl/unsupported']);
    const { server } = await serve({ coordinateNames: [] });
    const refused = igtlDriver({
      transport: tcpTransport('127.0.0.1', server.port),
      clock,
      ask: { type: 'TDATA', coordinateName: 'Room' },
    });
    await expect(refused.start(new Recorder())).rejects.toSatisfy((e) => isNavError(e, 'device/refused'));
  });

  it('as commands, in both forms, is answered by the handler; a throw, none and too many are a FAIL', async () => {
    const names: string[] = [];
    const served = await serve({
      onCommand: async ({ name, text }) => {
        names.push(name);
        if (name === 'Bad') throw new Error('no <such> thing');
        if (name === 'Slow') await wait(150);
        return plusReply(true, text);
      },
    });
    const { driver } = await connected(served.server.port);
    expect(readPlusReply((await driver.command('Good', '<Command Name="Good" />')).text)).toMatchObject({
      success: true,
      message: '<Command Name="Good" />',
    });
    expect(readPlusReply((await driver.stringCommand('<Command Name="Old" />')).text).success).toBe(true);
    expect(readPlusReply((await driver.command('Bad', '')).text)).toMatchObject({ success: false, message: 'no <such> thing' });
    const many = await Promise.all(Array.from({ length: 12 }, () => driver.command('Slow', '')));
    expect(many.filter(({ text }) => readPlusReply(text).success).length).toBe(8);
    expect(names.slice(0, 3)).toEqual(['Good', 'Old', 'Bad']);
    const none = await serve();
    const other = await connected(none.server.port);
    expect(readPlusReply((await other.driver.command('Any', '')).text).success).toBe(false);
  });
});
