import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PoseSample, type Status } from '@trocar/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeIgtl, type IgtlContent, type IgtlMessage } from '../../codec/igtl/index.js';
import { igtlDriver } from '../../drivers/igtl/index.js';
import { clock, Recorder, skewMatrix, skewQuaternion, until, wait } from '../../drivers/igtl/test-support/rig.js';
import { type IgtlServer, type IgtlServerOptions, igtlListenTransport, startIgtlServer } from '../index.js';
import { buildExamples, examplesMissing, freePort, IMAGES, type Running, run } from './test-support/examples.js';

/** Debian's libOpenIGTLink 1.11 example clients against our server: what they print is what their library has read. */

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly server: IgtlServer;
  readonly messages: IgtlMessage[];
  readonly faults: string[];
  /** Tells a pose of a tool, and with `undefined` that it is not seen. */
  tell(tool: number, angle: number | undefined, status?: Status): void;
}

async function serve(
  options: Partial<IgtlServerOptions> = {},
  answer?: (message: IgtlMessage) => IgtlMessage['content'] | undefined,
): Promise<Served> {
  const messages: IgtlMessage[] = [];
  const faults: string[] = [];
  const server = await startIgtlServer({
    clock,
    onMessage: (f, peer) => {
      const message = decodeIgtl(f);
      messages.push(message);
      const content = answer?.(message);
      if (content !== undefined) peer.send({ type: message.type.slice(4), device: 'served', content });
      return content !== undefined;
    },
    onFault: ({ code }) => faults.push(code),
    ...options,
  });
  closing.push(() => server.close());
  server.sink.tools([{ name: 'stylus' }, { name: 'reference' }]);
  server.sink.connection('connected', 'here');
  const sample = new PoseSample();
  const tell = (tool: number, angle: number | undefined, status: Status = 'ok'): void => {
    sample.measuredAt = sample.arrivedAt = clock.now();
    sample.status = angle === undefined ? 'missing' : status;
    const [qx, qy, qz, qw] = skewQuaternion(angle ?? Number.NaN) as [number, number, number, number];
    sample.setPose(10 + tool, -20, 30, qx, qy, qz, qw);
    server.sink.pose(tool, sample, 0);
    server.sink.flush();
  };
  return { server, messages, faults, tell };
}

function start(program: string, ...args: readonly (string | number)[]): Running {
  const running = run(program, ...args);
  closing.push(() => running.kill());
  return running;
}

/** Every matrix that was printed, as rows of four numbers. */
function matrices(text: string): number[][][] {
  const rows = text
    .split('\n')
    .map((line) =>
      line
        .trim()
        .split(/[\s,]+/)
        .map(Number),
    )
    .filter((row) => row.length === 4 && row.every((x) => Number.isFinite(x)));
  return Array.from({ length: Math.floor(rows.length / 4) }, (_, i) => rows.slice(4 * i, 4 * i + 4));
}

function expectMatrix(rows: number[][] | undefined, angle: number, x: number): void {
  const want = skewMatrix(angle, x, -20, 30);
  for (const [r, row] of (rows ?? []).entries()) {
    for (const [c, value] of row.entries()) expect(value).toBeCloseTo(want[4 * c + r] as number, 3);
  }
  expect(rows?.length).toBe(4);
}

const contents = <K extends IgtlContent['kind']>(served: Served, kind: K): Extract<IgtlContent, { kind: K }>[] =>
  served.messages.map(({ content }) => content).filter((c): c is Extract<IgtlContent, { kind: K }> => c.kind === kind);

describe.skipIf(examplesMissing !== undefined)(`our server and Debian's ${examplesMissing ?? 'example clients'}`, () => {
  beforeAll(buildExamples, 300_000);

  it('ReceiveClient reads our transforms and status, with a stamp of today; tools that are not seen it never gets', async () => {
    const { server, tell } = await serve({ keepAliveMs: 40 });
    tell(1, undefined);
    tell(0, 0.1);
    const client = start('Receiver/ReceiveClient', '127.0.0.1', server.port);
    await until(() => client.output().includes('Receiving TRANSFORM'), 5000);
    tell(0, 0.7);
    tell(1, 0.9, 'unknown');
    tell(1, undefined);
    await until(() => matrices(client.output()).length >= 2, 5000);
    await until(() => client.output().includes(' Code      : 1'), 2000);
    expectMatrix(matrices(client.output())[0], 0.1, 10);
    expectMatrix(matrices(client.output())[1], 0.7, 10);
    expect(matrices(client.output()).length).toBe(2);
    const stamps = [...client.output().matchAll(/Time stamp: (\d+)\./g)].map(([, seconds]) => Number(seconds));
    expect(stamps.some((seconds) => Math.abs(seconds - Date.now() / 1000) < 60)).toBe(true);
  });

  it('ReceiveClient reads POSITION, TDATA and QTDATA, an empty list too', async () => {
    for (const [push, pattern] of [
      ['POSITION', /position {3}= \(10, -20, 30\)/],
      ['TDATA', /Name {7}: stylus/],
      ['QTDATA', /Name {7}: stylus/],
    ] as const) {
      const { server, tell } = await serve({ push, keepAliveMs: 0 });
      tell(0, 0.7);
      const client = start('Receiver/ReceiveClient', '127.0.0.1', server.port);
      await until(() => pattern.test(client.output()), 5000);
      expect(client.output()).not.toContain('reference');
      if (push === 'TDATA') expectMatrix(matrices(client.output())[0], 0.7, 10);
      // Nobody is seen; and then somebody is again: the client must have lived through it.
      tell(0, undefined);
      await wait(30);
      const before = client.output().length;
      tell(1, 0.2);
      await until(() => push === 'POSITION' || client.output().slice(before).includes('reference'), 3000);
      // It keeps some of what it prints until it ends, which it does when we close.
      await server.close();
      await client.exited;
      const vectors = client
        .output()
        .split('\n')
        .map((line) => [...line.matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/g)].map(Number));
      const wanted = skewQuaternion(0.7);
      const near = (v: number[]): boolean => v.length === 4 && v.every((x, k) => Math.abs(x - (wanted[k] as number)) < 1e-4);
      if (push !== 'TDATA') expect(vectors.filter(near).length).toBe(1);
    }
  });

  it.each(['TDATA', 'QTDATA'] as const)(
    'its %s client asks, gets two tools in its interval, and one when the other leaves',
    async (type) => {
      const { server, tell, faults } = await serve({ push: 'nothing', keepAliveMs: 0 });
      tell(0, 0.1);
      tell(1, 0.2);
      const program =
        type === 'TDATA' ? 'TrackingData/TrackingDataClient' : 'QuaternionTrackingData/QuaternionTrackingDataClient';
      const client = start(program, '127.0.0.1', server.port, 20);
      const count = (): number => client.output().split(`Receiving ${type} data type.`).length - 1;
      // Its output comes in pieces: of a list begun the rest may still be on its way.
      await until(() => /Name {7}: stylus[\s\S]*Name {7}: reference/.test(client.output()), 5000);
      if (type === 'TDATA') {
        await until(() => matrices(client.output()).length >= 2, 5000);
        expectMatrix(matrices(client.output())[0], 0.1, 10);
        expectMatrix(matrices(client.output())[1], 0.2, 11);
      }
      const from = clock.now();
      for (let i = 0; count() < 4; i += 1) {
        tell(0, 0.1 + 0.001 * i);
        await wait(5);
      }
      // 50 ms apart, of poses that come every 5 ms.
      expect(clock.now() - from).toBeGreaterThan(90);
      tell(1, undefined);
      const before = client.output().length;
      for (let i = 0; count() < 8; i += 1) {
        tell(0, 0.2 + 0.001 * i);
        await wait(5);
      }
      const after = client.output().slice(before);
      expect(after.slice(after.indexOf('Receiving', 10))).not.toContain('reference');
      // After ten it stops us: what it counts is RTS and TDATA.
      for (let i = 0; !client.output().includes(`Sending STP_${type}`) && i < 400; i += 1) {
        tell(0, 0.3 + 0.001 * i);
        await wait(5);
      }
      await wait(30);
      const stopped = count();
      for (let i = 0; i < 30; i += 1) {
        tell(0, 0.4 + 0.001 * i);
        await wait(5);
      }
      expect(count()).toBe(stopped);
      expect(faults).toEqual(['igtl/unsupported']);
    },
  );

  it('TrackerClient3 pushes two tools to a driver that listens, each with its own times; one that leaves is seen', async () => {
    const port = await freePort();
    const driver = igtlDriver({ transport: igtlListenTransport({ port }), clock, silentMs: 300, reconnectMs: 10 });
    const sink = new Recorder();
    const starting = driver.start(sink);
    closing.push(() => driver.stop());
    await wait(50);
    const client = start('Tracker/TrackerClient3', '127.0.0.1', port, 100, 'ProbeToTracker', 'TwentyLetterToolName');
    await starting;
    await until(() => sink.told.length >= 60, 5000);
    expect(sink.list.map(({ name }) => name)).toEqual(['ProbeToTracker', 'TwentyLetterToolName']);
    for (const tool of [0, 1]) {
      const own = sink.told.filter((told) => told.tool === tool);
      expect(own.every(({ pose }) => Math.abs(Math.hypot(pose[0] as number, pose[1] as number) - 50) < 1e-3)).toBe(true);
      const steps = own.slice(1).map((told, i) => told.measuredAt - (own[i]?.measuredAt ?? 0));
      expect(Math.min(...steps)).toBeGreaterThan(0);
      const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
      expect(mean).toBeGreaterThan(9);
      expect(mean).toBeLessThan(20);
    }
    await client.kill();
    await until(() => sink.told.at(-1)?.status === 'disconnected', 1000);
    const again = start('Tracker/TrackerClient', '127.0.0.1', port, 100);
    await until(() => sink.told.at(-1)?.name === 'Tracker' || again.output().includes('Cannot connect'), 5000);
  });

  it('pushes reach the handler: images, status, capability, strings, points, a bind', async () => {
    const served = await serve({ push: 'nothing', keepAliveMs: 0 });
    const { port } = served.server;
    start('Imager/ImagerClient', '127.0.0.1', port, 50, IMAGES);
    start('Imager/ImagerClient2', '127.0.0.1', port, 50, IMAGES);
    start('Status/StatusClient', '127.0.0.1', port);
    start('Capability/CapabilityClient', '127.0.0.1', port);
    start('String/StringClient', '127.0.0.1', port, 50);
    start('Point/PointClient', '127.0.0.1', port);
    start('Bind/BindClient', '127.0.0.1', port, 50);
    start('Trajectory/TrajectoryClient', '127.0.0.1', port);
    start('Tracker/TrackerClient2', '127.0.0.1', port, 50);
    await until(() => contents(served, 'image').length >= 4 && contents(served, 'bind').length >= 2, 8000);
    await until(() => new Set(served.messages.map(({ content }) => content.kind)).size >= 8, 5000);
    const [image] = contents(served, 'image');
    expect(image).toMatchObject({ size: [256, 256, 1], coordinates: 'RAS' });
    expect(Array.from(image?.axes ?? [], (x) => x + 0)).toEqual([1, 0, 0, 0, -1, 0, 0, 0, 5]);
    expect(Buffer.from(image?.pixels ?? []).equals(readFileSync(join(IMAGES, 'igtlTestImage1.raw')))).toBe(true);
    expect(contents(served, 'status')[0]).toMatchObject({ code: 1, subcode: 128n, name: 'OK!' });
    expect(contents(served, 'capability')[0]?.types).toEqual(['TRANSFORM', 'GET_IMAGE', 'GET_LBMETA']);
    expect(contents(served, 'string')[0]?.text).toBe('OpenIGTLink');
    expect(contents(served, 'point')[0]?.points.map(({ name }) => name)).toEqual(['POINT_0', 'POINT_1', 'POINT_2']);
    const [bind] = contents(served, 'bind');
    expect(bind?.messages.map(({ type }) => type)).toEqual(['STRING', 'TRANSFORM']);
    expect(contents(served, 'position')[0]?.orientation.length).toBe(4);
    expect(served.faults).toEqual([]);
  });

  it('its clients that ask get what a handler answers: polydata and image metadata', async () => {
    const served = await serve({ push: 'nothing', keepAliveMs: 0 }, ({ type }) => {
      if (type === 'GET_IMGMETA') {
        const timestamp = { seconds: 1, fraction: 0 };
        const one = {
          name: 'A CT',
          id: 'CT_1',
          modality: 'CT',
          patientName: 'P',
          patientId: 'Q',
          timestamp,
          scalarType: 5,
        } as const;
        return { kind: 'imageMeta', images: [{ ...one, size: [3, 4, 5] }] };
      }
      if (type !== 'GET_POLYDATA') return undefined;
      return {
        kind: 'polydata',
        points: Float64Array.of(0, 0, 0, 1, 0, 0, 0, 2.5, 0),
        vertices: new Uint32Array(0),
        lines: new Uint32Array(0),
        polygons: Uint32Array.of(3, 0, 1, 2),
        triangleStrips: new Uint32Array(0),
        attributes: [{ name: 'heat', attributeType: 0, components: 1, values: Float64Array.of(7, 8, 9) }],
      };
    });
    const meta = start('ImageMeta/ImageMetaClient', '127.0.0.1', served.server.port);
    const poly = start('PolyData/PolyDataClient', '127.0.0.1', served.server.port);
    await until(() => meta.output().includes('CT_1') && poly.output().includes('heat'), 5000);
    expect(meta.output()).toMatch(/\( 3, 4, 5\)/);
    expect(poly.output()).toMatch(/2\.5/);
    const refused = start('ImageMeta/LabelMetaClient', '127.0.0.1', served.server.port);
    await until(() => refused.output().includes('Invalid response'), 5000);
    expect(refused.output()).toContain('Invalid response from the server:Trocar');
  });
});
