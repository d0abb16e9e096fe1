import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isNavError, type NavErrorCode } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import { decodeIgtl, encodeIgtl, type IgtlFault, IgtlFramer, type IgtlMessage } from './index.js';

/**
 * The reference library's own expected bytes, messages of protocol 3 that it wrote, bytes from its example servers, and
 * malformed messages; found through TROCAR_DATA. Where it is absent these tests are skipped, and counted as skipped.
 */
const FOLDER = join(process.env['TROCAR_DATA'] ?? join(process.cwd(), '../shared/data'), 'igtl');
const missing = !existsSync(FOLDER);

function filesIn(folder: string): string[] {
  if (missing) return ['-'];
  const at = join(FOLDER, folder);
  return readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.bin'))
    .sort()
    .map((name) => join(at, name));
}

interface Heard {
  readonly messages: IgtlMessage[];
  readonly faults: IgtlFault[];
  readonly refused: NavErrorCode[];
}

function hear(bytes: Uint8Array, step = bytes.length): Heard {
  const heard: Heard = { messages: [], faults: [], refused: [] };
  const framer = new IgtlFramer({
    message: (frame) => {
      try {
        heard.messages.push(decodeIgtl(frame));
      } catch (error) {
        if (!isNavError(error)) throw error;
        heard.refused.push(error.code);
      }
    },
    fault: (fault) => heard.faults.push(fault),
  });
  for (let at = 0; at < bytes.length; at += step) framer.feed(bytes.subarray(at, at + step));
  framer.end();
  return heard;
}

/** Files of the official set that are a piece of a message, pixels, or packets of another protocol. */
const PIECES = [
  'bind__test_bind_message_bind_body.bin',
  'bind__test_bind_message_bind_header.bin',
  'bind__test_bind_message_header.bin',
  'image__test_image.bin',
  'ndarray__test_ndarray_message_body.bin',
  'ndarray__test_ndarray_message_header.bin',
  'polydata__test_polydata_message_body.bin',
  'polydata__test_polydata_message_header.bin',
  'rtpwrapper__test_RTPWrapper_PacketBuffer.bin',
  'rtpwrapper__test_image.bin',
];

const whole = [...filesIn('official'), ...filesIn('v3')].filter((file) => !PIECES.includes(basename(file)));

it.skipIf(missing)('has 24 official messages and 24 of protocol 3', () => {
  expect(whole.length).toBe(24 + 24);
});

describe.each(whole)('%s', (file) => {
  it.skipIf(missing)('is one message, and is written again byte for byte', () => {
    const bytes = new Uint8Array(readFileSync(file));
    const { messages, faults, refused } = hear(bytes);
    expect([faults, refused, messages.length]).toEqual([[], [], 1]);
    const [message] = messages as [IgtlMessage];
    expect(message.content.kind).not.toBe('raw');
    expect(Buffer.from(encodeIgtl(message)).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
    expect(hear(bytes, 1).messages).toEqual(messages);
  });
});

const LIVE: Readonly<Record<string, readonly [kind: string, messages: number]>> = {
  BindServer: ['transform', 3],
  CapabilityServer: ['capability', 3],
  ImageDatabaseServer: ['imageMeta', 1],
  ImageMetaServer: ['imageMeta', 1],
  ImagerServer: ['image', 3],
  LabelMetaServer: ['labelMeta', 1],
  PointListServer: ['point', 1],
  PointServer: ['point', 1],
  PolyDataServer: ['polydata', 1],
  QTDataServer: ['quaternionTrackingData', 3],
  StatusServer: ['status', 3],
  StringEchoServer: ['string', 1],
  StringServer: ['string', 3],
  TrackerServer: ['transform', 3],
  TrackerServer2: ['position', 3],
  TrackingDataServer: ['trackingData', 3],
  TrajectoryServer: ['trajectory', 1],
};

describe.each(Object.entries(LIVE))('captured from %s', (server, [kind, count]) => {
  it.skipIf(missing)('decodes, and is written again byte for byte', () => {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, `live/igtl-live-${server}.bin`)));
    const { messages, faults, refused } = hear(bytes, 1000);
    expect([faults, refused]).toEqual([[], []]);
    expect(messages.map((m) => m.content.kind)).toEqual(Array.from({ length: count }, () => kind));
    const again = Buffer.concat(messages.map((m) => encodeIgtl(m)));
    expect(again.equals(Buffer.from(bytes))).toBe(true);
  });
});

const NEGATIVE: Readonly<Record<string, NavErrorCode>> = {
  'content/colort_invalid_index_type': 'igtl/bad-value',
  'content/colort_invalid_map_type': 'igtl/bad-value',
  'content/colort_table_size_mismatch': 'igtl/size-mismatch',
  'content/image_invalid_scalar_type': 'igtl/bad-value',
  'content/image_pixel_size_mismatch': 'igtl/size-mismatch',
  'content/position_body_20': 'igtl/wrong-size',
  'content/position_body_32': 'igtl/wrong-size',
  'content/transform_body_47': 'igtl/wrong-size',
  'content/transform_body_49': 'igtl/wrong-size',
  'framing_header/body_size_greater_than_buffer': 'igtl/truncated-body',
  'framing_header/body_size_overflow': 'igtl/impossible-size',
  'framing_header/body_size_uint64_max': 'igtl/impossible-size',
  'framing_header/crc_mismatch': 'codec/bad-crc',
  'framing_header/truncated_42': 'igtl/truncated-header',
  'framing_header/truncated_57': 'igtl/truncated-header',
  'framing_header/version_future': 'igtl/bad-version',
  'framing_header/version_zero': 'igtl/bad-version',
};

it.skipIf(missing)('every malformed file has its code below', () => {
  const names = filesIn('negative').map((file) => file.slice(join(FOLDER, 'negative/').length, -'.bin'.length));
  expect(names).toEqual(Object.keys(NEGATIVE));
});

describe.each(Object.entries(NEGATIVE))('malformed: %s', (name, code) => {
  it.skipIf(missing)(`is refused as ${code}, whole and byte by byte`, () => {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, `negative/${name}.bin`)));
    for (const step of [bytes.length, 1]) {
      const { messages, faults, refused } = hear(bytes, step);
      expect(messages).toEqual([]);
      expect([...faults.map((f) => f.code), ...refused]).toEqual([code]);
      expect(faults.every((f) => f.offset === 0)).toBe(true);
    }
  });
});
