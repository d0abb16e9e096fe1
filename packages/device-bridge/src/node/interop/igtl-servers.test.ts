import { readFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { frame, isNavError } from '@trocar/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeIgtl, type IgtlContent, type IgtlMessage, volumeFromImage } from '../../codec/igtl/index.js';
import { type IgtlDriver, type IgtlDriverOptions, igtlDriver } from '../../drivers/igtl/index.js';
import { clock, Recorder, type Told, until, wait } from '../../drivers/igtl/test-support/rig.js';
import { tcpTransport } from '../tcp.js';
import { buildExamples, examplesMissing, freePort, IMAGES, type Running, run } from './test-support/examples.js';

/** Our driver against the example servers of Debian's libOpenIGTLink 1.11: the numbers are those in their sources. */

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Link {
  readonly driver: IgtlDriver;
  readonly sink: Recorder;
  readonly messages: IgtlMessage[];
  readonly server: Running;
  readonly port: number;
}

async function connect(
  program: string,
  args: readonly (string | number)[],
  options: Partial<IgtlDriverOptions> = {},
): Promise<Link> {
  const port = await freePort();
  const server = run(program, port, ...args);
  closing.push(() => server.kill());
  const messages: IgtlMessage[] = [];
  const driver = igtlDriver({
    transport: tcpTransport('127.0.0.1', port),
    clock,
    onSilence: 'stale',
    silentMs: 5000,
    reconnectMs: 20,
    onMessage: (f) => messages.push(decodeIgtl(f)),
    ...options,
  });
  closing.push(() => driver.stop());
  const sink = new Recorder();
  await startWhenUp(driver, sink);
  return { driver, sink, messages, server, port };
}

/** The programs do not say when they listen. */
async function startWhenUp(driver: IgtlDriver, sink: Recorder): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await driver.start(sink);
      return;
    } catch (error) {
      if (!isNavError(error, 'device/connect-failed') || tries > 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A relay to a server of 106-byte messages that hands on single bytes, and turns one bit of every tenth message's content. */
function worseLine(target: number): Promise<number> {
  return new Promise((resolve) => {
    const relay = createServer({ noDelay: true }, (near) => {
      const far = createConnection(target, '127.0.0.1');
      let at = 0;
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => undefined);
        one.on('close', () => other.destroy());
      }
      far.on('data', (bytes) => {
        for (const byte of bytes) {
          near.write(Uint8Array.of(at % 1060 === 1034 ? byte ^ 4 : byte));
          at += 1;
        }
      });
    });
    closing.push(() => relay.close());
    relay.listen(0, '127.0.0.1', () => resolve((relay.address() as AddressInfo).port));
  });
}

const contents = <K extends IgtlContent['kind']>(link: Link, kind: K): Extract<IgtlContent, { kind: K }>[] =>
  link.messages.map(({ content }) => content).filter((c): c is Extract<IgtlContent, { kind: K }> => c.kind === kind);

const number = (told: Told, k: number): number => told.pose[k] as number;

/** What every tracker among them sends: x = z = 50 cos φ, y = 50 sin φ; quaternion 0, ⅔ cos θ, 1/√3, ⅔ sin θ, not of unit length. */
function expectOnItsPath(told: readonly Told[], phiStep: number, thetaStep: number): void {
  const length = Math.sqrt(4 / 9 + 1 / 3);
  let before: { phi: number; theta: number } | undefined;
  for (const one of told) {
    expect(one.status).toBe('unknown');
    expect(Math.hypot(number(one, 0), number(one, 1))).toBeCloseTo(50, 3);
    expect(number(one, 2)).toBeCloseTo(number(one, 0), 4);
    expect(Math.hypot(...one.pose.slice(3))).toBeCloseTo(1, 6);
    const sign = Math.sign(number(one, 5));
    expect(number(one, 3)).toBeCloseTo(0, 4);
    expect(sign * number(one, 5)).toBeCloseTo(1 / Math.sqrt(3) / length, 4);
    const phi = Math.atan2(number(one, 1), number(one, 0));
    const theta = Math.atan2(sign * number(one, 6), sign * number(one, 4));
    if (before !== undefined) {
      expect(turn(phi - before.phi)).toBeCloseTo(phiStep, 3);
      expect(turn(theta - before.theta)).toBeCloseTo(thetaStep, 3);
    }
    before = { phi, theta };
  }
}

const turn = (angle: number): number => Math.atan2(Math.sin(angle), Math.cos(angle));

describe.skipIf(examplesMissing !== undefined)(`our driver and Debian's ${examplesMissing ?? 'example servers'}`, () => {
  beforeAll(buildExamples, 300_000);

  it.each(['Tracker/TrackerServer', 'Bind/BindServer'])('%s: TRANSFORM, rigid, in order, without stamp', async (program) => {
    const { sink, driver } = await connect(program, [100], { onSilence: 'reconnect' });
    await until(() => sink.told.length >= 30, 5000);
    expect(sink.list).toEqual([{ name: 'Tracker' }]);
    expectOnItsPath(sink.told.slice(0, 30), 0.2, 0.1);
    expect(sink.told.every(({ measuredAt, arrivedAt }) => Math.abs(measuredAt - arrivedAt) < 0.1)).toBe(true);
    expect(driver.headerVersion).toBe(1);
    expect(sink.faults).toEqual([]);
  });

  it('TrackerServer2: POSITION, whose quaternions are not of unit length: said, and normalised', async () => {
    const { sink } = await connect('Tracker/TrackerServer2', [100]);
    await until(() => sink.told.length >= 20, 5000);
    expectOnItsPath(sink.told.slice(0, 20), 0.2, 0.1);
    expect(new Set(sink.codes())).toEqual(new Set(['igtl/bad-value']));
  });

  it.each([
    ['TDATA', 'TrackingData/TrackingDataServer'],
    ['QTDATA', 'QuaternionTrackingData/QuaternionTrackingDataServer'],
  ] as const)('%s from %s: asked for, in its interval, of three tools, and stopped', async (type, program) => {
    const link = await connect(program, [], { ask: { type, intervalMs: 20, coordinateName: 'Patient' }, onSilence: 'reconnect' });
    const { sink, driver, server } = link;
    await until(() => sink.told.length >= 60, 5000);
    expect(sink.list.map(({ name }) => name)).toEqual(['Channel 0', 'Channel 1', 'Channel 2']);
    const [from, to] = [sink.told[0], sink.told[57]] as [Told, Told];
    expect((to.arrivedAt - from.arrivedAt) / 19).toBeGreaterThan(19);
    expect((to.arrivedAt - from.arrivedAt) / 19).toBeLessThan(40);
    for (const [tool, phi, theta] of [
      [0, 0.1, 0.2],
      [1, 0.2, 0.1],
      [2, 0.3, 0.05],
    ] as const) {
      expectOnItsPath(
        sink.told.slice(0, 60).filter((told) => told.tool === tool),
        phi,
        theta,
      );
    }
    await driver.stop();
    await until(() => server.output().includes(`Received a STP_${type} message.`), 2000);
    expect(server.output()).toContain('Interval = 20 (ms)');
    expect(sink.states.at(-1)).toBe('disconnected');
  });

  it('ImagerServer: the image that lies in its file, 256 × 256 at 1 × 1 × 5 mm, where it says', async () => {
    const link = await connect('Imager/ImagerServer', [50, IMAGES]);
    await until(() => contents(link, 'image').length >= 3, 5000);
    const images = contents(link, 'image');
    const [image] = images as [(typeof images)[0]];
    expect(image).toMatchObject({ size: [256, 256, 1], scalarType: 3, components: 1, coordinates: 'RAS' });
    expect(
      images.map(({ pixels }, i) => Buffer.from(pixels).equals(readFileSync(join(IMAGES, `igtlTestImage${i + 1}.raw`)))),
    ).toEqual([true, true, true]);
    // Its axes are i to the right, j to the back, RAS; its centre is the origin. In LPS, i and j are turned round.
    const volume = volumeFromImage(frame('image'), image);
    expect(Array.from(volume.frameFromIndex, (x) => x + 0)).toEqual([-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 127.5, -127.5, 0, 1]);
    expect(volume.voxels.length).toBe(65_536);
  });

  it('StatusServer, CapabilityServer and StringServer: what their sources say', async () => {
    const status = await connect('Status/StatusServer', []);
    await until(() => status.messages.length >= 1, 5000);
    expect(status.messages[0]?.content).toMatchObject({
      kind: 'status',
      code: 1,
      subcode: 128n,
      name: 'OK!',
      message: 'This is a test to send status message.',
    });
    const capability = await connect('Capability/CapabilityServer', []);
    await until(() => capability.messages.length >= 1, 5000);
    expect(contents(capability, 'capability')[0]?.types).toEqual(['TRANSFORM', 'GET_IMAGE', 'GET_LBMETA']);
    const strings = await connect('String/StringServer', [50]);
    await until(() => strings.messages.length >= 5, 5000);
    expect(
      contents(strings, 'string')
        .slice(0, 5)
        .map(({ text }) => text),
    ).toEqual(['OpenIGTLink', 'Network', 'Communication', 'Protocol', 'Image Guided Therapy']);
  });

  it('PointServer and TrajectoryServer: names, colours and places', async () => {
    const points = await connect('Point/PointServer', []);
    await until(() => points.messages.length >= 1, 5000);
    expect(contents(points, 'point')[0]?.points).toEqual(
      [
        ['POINT_0', 0, [255, 0, 0, 255], 30],
        ['POINT_1', 1, [0, 255, 0, 255], 90],
        ['POINT_2', 2, [0, 0, 255, 255], 150],
      ].map(([name, i, rgba, diameter]) => ({
        name,
        group: 'GROUP_0',
        rgba,
        position: Float64Array.of(10 + 30 * (i as number), 20 + 30 * (i as number), 30 + 30 * (i as number)),
        // They set a radius of 15, 45 and 75, which the library sends as it is.
        diameter: (diameter as number) / 2,
        owner: 'IMAGE_0',
      })),
    );
    const lines = await connect('Trajectory/TrajectoryServer', []);
    await until(() => lines.messages.length >= 1, 5000);
    const [first] = contents(lines, 'trajectory')[0]?.trajectories ?? [];
    expect(first).toMatchObject({ name: 'TRAJECTORY_0', group: 'GROUP_0', owner: 'IMAGE_0', rgba: [255, 0, 0, 255] });
    expect(Array.from(first?.entry ?? [])).toEqual([10, 20, 30]);
    expect(Array.from(first?.target ?? [])).toEqual([20, 20, 40]);
  });

  const ask = (link: Link, target: string, device = 'client'): void =>
    link.driver.send({
      type: `GET_${target}`,
      device,
      content: { kind: 'query', verb: 'GET', target, payload: new Uint8Array(0) },
    });

  it('PointListServer and PolyDataServer: asked for, a list of points and a cube', async () => {
    const points = await connect('Point/PointListServer', []);
    ask(points, 'POINT');
    await until(() => points.messages.length >= 1, 5000);
    expect(contents(points, 'point')[0]?.points.map(({ position }) => Array.from(position))).toEqual([
      [10, 20, 30],
      [40, 50, 60],
      [70, 80, 90],
    ]);
    const cube = await connect('PolyData/PolyDataServer', []);
    ask(cube, 'POLYDATA');
    await until(() => cube.messages.length >= 1, 5000);
    const [poly] = contents(cube, 'polydata');
    expect(Array.from(poly?.points ?? []).slice(0, 9)).toEqual([0, 0, 0, 1, 0, 0, 1, 1, 0]);
    expect(poly?.points.length).toBe(24);
    expect(Array.from(poly?.polygons ?? []).slice(0, 10)).toEqual([4, 0, 3, 2, 1, 4, 4, 5, 6, 7]);
    expect(poly?.attributes.map(({ name, values }) => [name, Array.from(values)])).toEqual([['attr', [0, 1, 2, 3, 4, 5, 6, 7]]]);
  });

  it('ImageMetaServer, LabelMetaServer and ImageDatabaseServer: three images and three labels', async () => {
    const meta = await connect('ImageMeta/ImageMetaServer', []);
    ask(meta, 'IMGMETA');
    await until(() => meta.messages.length >= 1, 5000);
    const images = contents(meta, 'imageMeta')[0]?.images ?? [];
    expect(images.map(({ name, id, modality, size, scalarType }) => [name, id, modality, size, scalarType])).toEqual([
      ['IMAGE_DESCRIPTION_0', 'IMAGE_0', 'CT', [512, 512, 64], 5],
      ['IMAGE_DESCRIPTION_1', 'IMAGE_1', 'MRI', [256, 128, 32], 5],
      ['IMAGE_DESCRIPTION_2', 'IMAGE_2', 'PET', [256, 256, 32], 5],
    ]);
    expect(images[0]?.timestamp.seconds).toBe(1);
    const labels = await connect('ImageMeta/LabelMetaServer', []);
    ask(labels, 'LBMETA');
    await until(() => labels.messages.length >= 1, 5000);
    expect(contents(labels, 'labelMeta')[0]?.labels[0]).toEqual({
      name: 'LABEL_DESCRIPTION_0',
      id: 'LABEL_0',
      label: 1,
      rgba: [255, 0, 0, 255],
      size: [512, 512, 64],
      owner: 'IMAGE_0',
    });
    const database = await connect('ImageDatabaseServer/ImageDatabaseServer', [IMAGES]);
    ask(database, 'IMGMETA');
    ask(database, 'LBMETA');
    ask(database, 'IMAGE', 'IMAGE_1');
    await until(() => database.messages.length >= 3, 5000);
    expect(database.messages.map(({ type }) => type)).toEqual(['IMGMETA', 'LBMETA', 'IMAGE']);
    expect(contents(database, 'image')[0]).toMatchObject({ size: [256, 256, 1] });
  });

  it('StringEchoServer: an echo, of a text whose chunks are single bytes too', async () => {
    const link = await connect('String/StringEchoServer', []);
    for (const text of ['first', 'second', 'x'.repeat(5000)]) {
      link.driver.send({ type: 'STRING', device: 'me', content: { kind: 'string', encoding: 3, text } });
    }
    await until(() => link.messages.length >= 3, 5000);
    expect(contents(link, 'string').map(({ text }) => text.length)).toEqual([5, 6, 5000]);
  });

  it('TrackerServer through a line that cuts at every byte and damages every tenth message', async () => {
    const target = await freePort();
    const server = run('Tracker/TrackerServer', target, 100);
    closing.push(() => server.kill());
    const port = await worseLine(target);
    const driver = igtlDriver({ transport: tcpTransport('127.0.0.1', port), clock, firstMessageMs: 3000 });
    closing.push(() => driver.stop());
    const sink = new Recorder();
    for (let up = false; !up; )
      up = await driver.start(sink).then(
        () => true,
        () => wait(20).then(() => false),
      );
    await until(() => sink.told.filter(({ status }) => status === 'unknown').length >= 30, 8000);
    expect(driver.counts.faults.get('codec/bad-crc')).toBeGreaterThanOrEqual(3);
    expect(sink.told.every(({ pose }) => Math.abs(Math.hypot(...pose.slice(0, 2)) - 50) < 1e-3)).toBe(true);
    expect(sink.states.at(-1)).toBe('connected');
  });

  it('TrackerServer killed and started again: disconnected at once, and tracked without being asked', async () => {
    const { sink, server, port, driver } = await connect('Tracker/TrackerServer', [100], { onSilence: 'reconnect' });
    await until(() => sink.told.length > 3, 5000);
    // What a dead program has not read makes its connection end with a reset, which leaves the port free at once.
    driver.send({ type: 'STRING', device: '', content: { kind: 'string', encoding: 3, text: '' } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.kill();
    await until(() => sink.told.at(-1)?.status === 'disconnected', 1000);
    const again = run('Tracker/TrackerServer', port, 100);
    closing.push(() => again.kill());
    await until(() => sink.told.at(-1)?.status === 'unknown', 10_000);
    expect(sink.list).toEqual([{ name: 'Tracker' }]);
  });

  it('TrackerServer stopped like a frozen machine: given up after silentMs', async () => {
    const { sink, server } = await connect('Tracker/TrackerServer', [100], { onSilence: 'reconnect', silentMs: 150 });
    await until(() => sink.told.length > 3, 5000);
    server.signal('SIGSTOP');
    const from = clock.now();
    await until(() => sink.told.at(-1)?.status === 'disconnected', 2000);
    expect(clock.now() - from).toBeLessThan(1000);
    expect(sink.codes()).toContain('device/timeout');
    server.signal('SIGCONT');
    await until(() => sink.told.at(-1)?.status === 'unknown', 5000);
  });
});
