import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNavError } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import {
  decodeNatnet,
  decodeNatnetFrame,
  decodeNatnetLog,
  encodeConnect,
  encodeDiscovery,
  encodeEchoRequest,
  encodeEmpty,
  encodeRequest,
  NatNetFrame,
  type NatNetVersion,
} from './index.js';
import {
  Bytes,
  echoResponsePacket,
  framePacket,
  modelsPacket,
  serverInfoPacket,
  type TestFrame,
} from './test-support/packets.js';

/** Nine packets of NatNet 3 (python_natnet's test data, BSD-3), found through TROCAR_DATA; skipped, and counted so, without it. */
const FOLDER = join(process.env['TROCAR_DATA'] ?? join(process.cwd(), '../shared/data'), 'natnet');
const missing = !existsSync(FOLDER);
const V3: NatNetVersion = { major: 3, minor: 0 };
const V4: NatNetVersion = { major: 4, minor: 0 };
const V41: NatNetVersion = { major: 4, minor: 1 };

const real = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, `${name}_packet_v3.bin`)));
const REAL = ['connect', 'discovery', 'echorequest', 'echoresponse', 'mocapframe', 'modeldef', 'requestmodeldef', 'serverinfo'];

const codeOf = (packet: Uint8Array, version: NatNetVersion): string => {
  try {
    return decodeNatnet(packet, version).type;
  } catch (error) {
    return isNavError(error) ? error.code : String(error);
  }
};

const closeTo = (values: readonly number[], digits = 4): unknown[] => values.map((v) => expect.closeTo(v, digits));

describe.skipIf(missing)('the real packets of version 3', () => {
  it('say who speaks', () => {
    expect([...decodeNatnetLog(real('serverinfo'))]).toEqual([
      {
        type: 'serverInfo',
        offset: 0,
        application: 'Motive',
        applicationVersion: '2.1.0.0',
        version: '3.0',
        ticksPerSecond: 3312787,
        dataPort: 1511,
        multicast: true,
        multicastAddress: '239.255.42.99',
      },
    ]);
    const hello = { application: 'NatNetLib', applicationVersion: '3.0.0.0', version: V3 };
    expect(decodeNatnet(real('connect'), V3)).toEqual({ type: 'connect', ...hello });
    expect(decodeNatnet(real('discovery'), V3)).toEqual({ type: 'discovery', ...hello });
    expect(decodeNatnet(real('requestmodeldef'), V3)).toEqual({ type: 'requestModelDefinitions' });
    expect(decodeNatnet(real('echorequest'), V3)).toEqual({ type: 'echoRequest', requestTime: '278554190' });
    expect(decodeNatnet(real('echoresponse'), V3)).toMatchObject({ requestTime: '278554190', serverTicks: '1416498545924' });
  });

  it('hold a frame with the numbers that its own program shows', () => {
    const [line] = [...decodeNatnetLog(real('mocapframe'), { version: V3 })];
    expect(line).toMatchObject({
      type: 'frameOfData',
      version: '3.0',
      frameNumber: 162734,
      markerSets: [],
      rigidBodies: [
        {
          id: 2,
          positionMm: closeTo([174.4466, 1447.1314, -734.304]),
          orientation: closeTo([-0.05459423, 0.5099482, 0.04370357, -0.8573577], 7),
          meanErrorMm: expect.closeTo(0.5152203, 6),
          trackingValid: true,
        },
      ],
      skeletons: [],
      forcePlates: [],
      devices: [],
      recording: false,
      trackedModelsChanged: false,
      params: 0,
      timing: {
        timecode: 0,
        timecodeSubframe: 0,
        timestampSeconds: expect.closeTo(1356.117, 3),
        cameraMidExposureTicks: '1416497730518',
        cameraDataReceivedTicks: '1416497745808',
        transmitTicks: '1416497748722',
      },
    });
    const { otherMarkersMm, labelledMarkers } = line as unknown as { otherMarkersMm: number[][]; labelledMarkers: unknown[] };
    expect(otherMarkersMm).toHaveLength(5);
    expect(otherMarkersMm[0]).toEqual(closeTo([127.2162, 1505.0275, -885.8284]));
    expect(otherMarkersMm[4]).toEqual(closeTo([321.3989, 1414.6513, -752.9538]));
    expect(labelledMarkers).toHaveLength(6);
    expect(labelledMarkers[0]).toMatchObject({
      modelId: 2,
      markerId: 1,
      positionMm: closeTo([127.2162, 1505.0275, -885.8284]),
      sizeMm: expect.closeTo(21.43982, 4),
      params: 10,
      occluded: false,
      pointCloudSolved: true,
      modelSolved: false,
      residual: expect.closeTo(0.0002074828, 9),
    });
    expect(labelledMarkers[5]).toMatchObject({
      modelId: 0,
      markerId: 50007,
      positionMm: closeTo([170.8117, 1507.6591, -840.2346]),
      params: 18,
      residual: expect.closeTo(0.0005593782, 9),
    });
  });

  it('hold a frame with an occluded marker', () => {
    const packet = new Uint8Array(readFileSync(join(FOLDER, 'mocapframe_packet_occluded_v3.bin')));
    const [line] = [...decodeNatnetLog(packet)] as unknown as Array<Record<string, unknown>>;
    const markers = line?.['labelledMarkers'] as Array<{ occluded: boolean }>;
    expect(markers.some((marker) => marker.occluded)).toBe(true);
    expect(line).toMatchObject({
      frameNumber: 269007,
      markerSets: [{ name: 'FakeTree' }, { name: 'all' }],
      rigidBodies: [{ id: 7 }],
    });
  });

  it('define the models', () => {
    expect(decodeNatnet(real('modeldef'), V3)).toEqual({
      type: 'modelDefinitions',
      models: [
        {
          kind: 'rigidBody',
          name: 'RaceQuad',
          id: 2,
          parentId: -1,
          offsetMm: [0, 0, 0],
          markerPositionsMm: [
            closeTo([161.15899, 35.0516, -32.1813]),
            closeTo([-30.819, 39.7819, -21.9901]),
            closeTo([187.53099, -33.3833, 148.081]),
            closeTo([-74.8715, 6.68607e-2, 32.9233]),
            closeTo([-58.0382, -31.9419, -136.807]),
          ],
          requiredActiveLabels: [0, 0, 0, 0, 0],
        },
        { kind: 'markerSet', name: 'RaceQuad', markerNames: ['Marker1', 'Marker2', 'Marker3', 'Marker4', 'Marker5'] },
        { kind: 'markerSet', name: 'all', markerNames: [1, 2, 3, 4, 5].map((i) => `RaceQuad_${i}`) },
      ],
    });
  });

  it('are refused when cut at any byte', () => {
    for (const name of REAL) {
      const packet = real(name);
      for (let at = 0; at < packet.length; at += 1) {
        const lines = [...decodeNatnetLog(packet.subarray(0, at), { version: V3 })];
        if (at === 0) expect(lines).toEqual([]);
        else expect(lines).toMatchObject([{ error: 'natnet/truncated', offset: 0 }]);
      }
    }
  });

  it('are refused when their content is cut and the header made to fit', () => {
    for (const name of REAL) {
      const packet = real(name);
      for (let at = 4; at < packet.length; at += 1) {
        const cut = packet.slice(0, at);
        new DataView(cut.buffer).setUint16(2, at - 4, true);
        // A name alone, or nothing, is what other clients connect with.
        if (name === 'connect' && (at === 4 || cut.indexOf(0, 4) === at - 1)) continue;
        expect(codeOf(cut, V3)).toMatch(/^natnet\/(truncated|size-mismatch|bad-count|bad-value)$/);
      }
    }
  });

  it('stand one behind the other in a file, each at its byte, and the server says the version', () => {
    const parts = [real('serverinfo'), real('mocapframe'), real('modeldef'), real('echoresponse')];
    const lines = [...decodeNatnetLog(Buffer.concat(parts))];
    expect(lines.map((line) => ('type' in line ? line.type : line.error))).toEqual([
      'serverInfo',
      'frameOfData',
      'modelDefinitions',
      'echoResponse',
    ]);
    let offset = 0;
    for (const [i, part] of parts.entries()) {
      expect(lines[i]?.offset).toBe(offset);
      offset += part.length;
    }
    expect(lines[1]).not.toHaveProperty('assumed');
    expect(JSON.parse(JSON.stringify(lines))).toEqual(lines);
  });
});

const FRAME: TestFrame = {
  number: 42,
  bodies: [
    { id: 3, position: [0.1, -0.2, 1.5], rotation: [0.5, -0.5, 0.5, 0.5], error: 0.00025 },
    { id: 8, position: [1, 2, 3], rotation: [0, 0, 0, 1], valid: false },
  ],
  midExposure: 2 ** 40 + 7,
};

const VERSIONS: ReadonlyArray<readonly [major: number, minor: number]> = [
  [2, 0],
  [2, 1],
  [2, 3],
  [2, 5],
  [2, 6],
  [2, 7],
  [2, 9],
  [2, 11],
  [3, 0],
  [3, 1],
  [4, 0],
  [4, 1],
  [4, 2],
];

describe.each(VERSIONS)('a frame of version %i.%i', (major, minor) => {
  const version = { major, minor };
  const packet = framePacket(FRAME, version);

  it('gives its rigid bodies in mm, with x y z w, whatever else it holds', () => {
    const frame = new NatNetFrame();
    decodeNatnetFrame(frame, packet, version);
    expect(frame.number[0]).toBe(42);
    expect(frame.bodyCount).toBe(2);
    expect([...frame.bodyId.subarray(0, 2)]).toEqual([3, 8]);
    expect([...frame.values.subarray(0, 8)]).toEqual(closeTo([100, -200, 1500, 0.5, -0.5, 0.5, 0.5, 0.25]));
    const told = major > 2 || minor >= 6;
    expect([...frame.tracked.subarray(0, 2)]).toEqual(told ? [1, 0] : [2, 2]);
    expect([...frame.ticks]).toEqual(
      major >= 3 ? [2 ** 40 + 7, 2 ** 40 + 1007, 2 ** 40 + 2007] : [Number.NaN, Number.NaN, Number.NaN],
    );
    expect(frame.timestamp[0]).toBe(12.5);
    expect(frame.certain).toBe(major >= 3);
  });

  it('is refused when cut anywhere, by its own code', () => {
    for (let at = 5; at < packet.length; at += 1) {
      const cut = packet.slice(0, at);
      new DataView(cut.buffer).setUint16(2, at - 4, true);
      expect(codeOf(cut, version)).toMatch(/^natnet\/(truncated|size-mismatch|bad-count|bad-value)$/);
    }
  });
});

describe('a frame', () => {
  it.each([
    [false, true],
    [true, false],
    [true, true],
  ])('of 2.x is found in the layout that ends where the packet ends (padding %s, latency %s)', (padding, latency) => {
    const version = { major: 2, minor: 10 };
    const frame = new NatNetFrame();
    decodeNatnetFrame(frame, framePacket({ ...FRAME, padding, latency }, version), version);
    expect([...frame.values.subarray(0, 3)]).toEqual(closeTo([100, -200, 1500]));
    expect([...frame.tracked.subarray(0, 2)]).toEqual([1, 0]);
  });

  it('of 4.1 may have a precision time', () => {
    const [line] = [...decodeNatnetLog(framePacket({ ...FRAME, precision: true }, V41), { version: V41 })];
    expect(line).toMatchObject({ timing: { precisionSeconds: 100, precisionFraction: 200 } });
    expect(codeOf(framePacket({ ...FRAME, precision: true }, V4), V4)).toBe('natnet/size-mismatch');
  });

  it('read as the wrong version is refused, not misread', () => {
    for (const [sent, read] of [
      [V3, V41],
      [V41, V3],
      [V41, V4],
      [{ major: 2, minor: 11 }, V3],
      [V3, { major: 2, minor: 11 }],
    ] as const) {
      expect(codeOf(framePacket(FRAME, sent), read)).toMatch(/^natnet\//);
    }
  });

  it('of an unknown version is found by trying, and says so', () => {
    for (const version of [V3, V41]) {
      const [line] = [...decodeNatnetLog(framePacket(FRAME, version))];
      expect(line).toMatchObject({ type: 'frameOfData', version: `${version.major}.${version.minor}`, assumed: true });
    }
  });

  it('of every 2.x version is found by trying as well: the first that fits to the byte may have a time that cannot be', () => {
    for (const minor of [0, 1, 3, 5, 6, 7, 9, 10, 11]) {
      const [line] = [...decodeNatnetLog(framePacket(FRAME, { major: 2, minor }))];
      const [known] = [...decodeNatnetLog(framePacket(FRAME, { major: 2, minor }), { version: { major: 2, minor } })];
      const { version: _, assumed, ...guessed } = line as Record<string, unknown>;
      const { version: __, ...wanted } = known as Record<string, unknown>;
      expect(assumed).toBe(true);
      expect(guessed, `2.${minor}`).toMatchObject({ rigidBodies: wanted['rigidBodies'], timing: wanted['timing'] });
    }
  });

  it('of a 2.x version, whose layout is found by its length, ends with the mark that it should', () => {
    const version = { major: 2, minor: 5 };
    const packet = framePacket(FRAME, version);
    expect(codeOf(packet, version)).toBe('frameOfData');
    packet[packet.length - 1] = 1;
    // No other layout of the version ends there either; the last one tried says why.
    expect(codeOf(packet, version)).toMatch(/^natnet\//);
  });

  it('has everything else too, where somebody asks', () => {
    const [line] = [...decodeNatnetLog(framePacket(FRAME, V41), { version: V41 })];
    expect(line).toMatchObject({
      markerSets: [{ name: 'all', markersMm: [closeTo([100, 200, 300])] }],
      otherMarkersMm: [closeTo([400, 500, 600])],
      skeletons: [{ id: 1, rigidBodies: [{ id: 65_537, positionMm: [9000, 9000, 9000] }] }],
      assets: [{ id: 5, rigidBodies: [{ id: 65_537 }], markers: [{ id: 77, sizeMm: expect.closeTo(10, 5) }] }],
      labelledMarkers: [{ markerId: 4, modelId: 2, occluded: true }],
      forcePlates: [{ id: 1, channels: [[1.5, 2.5]] }],
      devices: [{ id: 2, channels: [[3.5]] }],
    });
  });

  it('with a count or a size that cannot be is refused before anything is made of it', () => {
    const huge = framePacket(FRAME, V3);
    new DataView(huge.buffer).setInt32(8, 0x7fff_ffff, true);
    expect(codeOf(huge, V3)).toBe('natnet/bad-count');
    new DataView(huge.buffer).setInt32(8, -1, true);
    expect(codeOf(huge, V3)).toBe('natnet/bad-count');
    const sized = framePacket(FRAME, V41);
    new DataView(sized.buffer).setInt32(12, 0x7fff_ffff, true);
    expect(codeOf(sized, V41)).toBe('natnet/size-mismatch');
  });
});

describe('model definitions', () => {
  const names = new Map([[3, 'stylus']]);

  it.each([
    [2, 6, 3],
    [3, 0, 6],
    [4, 0, 6],
    [4, 1, 7],
    [4, 2, 7],
  ])('of version %i.%i are read to the last byte', (major, minor, models) => {
    const version = { major, minor };
    const message = decodeNatnet(modelsPacket(names, version), version);
    expect(message).toMatchObject({
      type: 'modelDefinitions',
      models: expect.arrayContaining([expect.objectContaining({ kind: 'rigidBody', name: 'stylus', id: 3 })]),
    });
    expect((message as unknown as { models: unknown[] }).models).toHaveLength(models);
  });

  it('of a kind nobody knows are passed where they say their size, and refused where they do not', () => {
    const content = new Bytes().raw(1, 2, 3);
    const sized = new Bytes().i32(1).i32(99).i32(content.length).append(content).message(5);
    expect(decodeNatnet(sized, V41)).toMatchObject({ models: [{ kind: 'unknown', type: 99, bytes: 3 }] });
    expect(codeOf(new Bytes().i32(1).i32(99).append(content).append(content).message(5), V3)).toBe('natnet/unsupported');
  });
});

describe('other messages', () => {
  it('are read back as they were written', () => {
    // Other clients send a text or nothing at all.
    expect(decodeNatnet(Uint8Array.of(0, 0, 0, 0), V3)).toEqual({ type: 'connect', application: '' });
    const ping = Uint8Array.of(0, 0, 5, 0, 0x50, 0x69, 0x6e, 0x67, 0);
    expect(decodeNatnet(ping, V3)).toEqual({ type: 'connect', application: 'Ping' });
    expect([...decodeNatnetLog(ping)]).toEqual([{ type: 'connect', offset: 0, application: 'Ping' }]);
    expect(decodeNatnet(encodeConnect(V41), V3)).toMatchObject({ type: 'connect', application: 'Trocar', version: V41 });
    expect(decodeNatnet(encodeDiscovery(V3), V3)).toMatchObject({ type: 'discovery', version: V3 });
    expect(decodeNatnet(encodeEchoRequest(123_456_789), V3)).toEqual({ type: 'echoRequest', requestTime: '123456789' });
    expect(decodeNatnet(encodeRequest('Bitstream'), V3)).toEqual({ type: 'request', text: 'Bitstream' });
    expect(decodeNatnet(encodeEmpty('keepAlive'), V3)).toEqual({ type: 'keepAlive' });
    expect(decodeNatnet(echoResponsePacket(5, 2 ** 53), V3)).toMatchObject({ serverTicks: '9007199254740992' });
    expect(decodeNatnet(serverInfoPacket({ major: 2, minor: 9 }, 0), V3)).toEqual({
      type: 'serverInfo',
      application: 'Motive',
      applicationVersion: '3.1.0.0',
      version: { major: 2, minor: 9 },
    });
    expect(decodeNatnet(new Bytes().text('hello').message(8), V3)).toEqual({ type: 'string', text: 'hello' });
    expect(decodeNatnet(new Bytes().i32(-1).message(3), V3)).toEqual({ type: 'response', code: -1 });
    expect(decodeNatnet(new Bytes().text('abc').message(3), V3)).toEqual({ type: 'response', text: 'abc' });
    expect(decodeNatnet(new Bytes().message(0x100), V3)).toEqual({ type: 'unrecognisedRequest' });
  });

  it.each([
    ['an unknown number', new Bytes().message(100), 'natnet/unknown-message'],
    ['bytes behind the end', Uint8Array.of(10, 0, 0, 0, 0), 'natnet/size-mismatch'],
    ['content where there is none', new Bytes().i32(1).message(10), 'natnet/size-mismatch'],
    ['no header', Uint8Array.of(7), 'natnet/truncated'],
    ['nothing', new Uint8Array(0), 'natnet/truncated'],
    ['more than a datagram', new Uint8Array(70_000), 'codec/oversize'],
    ['a clock that stands', serverInfoPacket(V3, 0), 'natnet/bad-value'],
    ['a name without end', new Bytes().raw(...new Uint8Array(264).fill(65)).message(0), 'natnet/bad-value'],
  ])('with %s are refused', (_, packet, code) => {
    expect(codeOf(packet, V3)).toBe(code);
  });

  it('of version 1 are not guessed at', () => {
    expect(codeOf(framePacket(FRAME, V3), { major: 1, minor: 0 })).toBe('natnet/unsupported');
  });
});
