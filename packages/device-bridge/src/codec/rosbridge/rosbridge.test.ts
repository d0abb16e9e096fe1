import { isNavError } from '@trocar/core';
import { fromQuaternion, identity4 } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  RosbridgeDecoder,
  type RosbridgeLimits,
  type RosPoseType,
  readRosPoses,
  subscribeText,
  unsubscribeText,
} from './index.js';

const POSE = {
  header: { seq: 7, stamp: { secs: 1_700_000_000, nsecs: 250_000_000 }, frame_id: '/map' },
  pose: { position: { x: 1, y: -0.5, z: 0.25 }, orientation: { x: 0, y: 0, z: Math.SQRT1_2, w: Math.SQRT1_2 } },
};
const TRANSFORM = {
  header: { stamp: { sec: 5, nanosec: 1_000_000 }, frame_id: 'tracker' },
  child_frame_id: 'stylus',
  transform: { translation: { x: 0.1, y: 0.2, z: 0.3 }, rotation: { x: 0, y: 0, z: 0, w: 1 } },
};

const codeOf = (decode: () => unknown): string => {
  try {
    decode();
    return 'decoded';
  } catch (error) {
    return isNavError(error) ? error.code : String(error);
  }
};

const decode = (text: string, limits: RosbridgeLimits = {}) => new RosbridgeDecoder(limits).decode(text);

/** A text in fragments, as rosbridge cuts it. */
function fragments(text: string, size: number, id = 'a'): string[] {
  const total = Math.ceil(text.length / size);
  return Array.from({ length: total }, (_, num) =>
    JSON.stringify({ op: 'fragment', id, num, total, data: text.slice(num * size, (num + 1) * size) }),
  );
}

describe('a rosbridge message', () => {
  it('is read by its operation', () => {
    expect(decode(JSON.stringify({ op: 'publish', topic: '/t', msg: { a: 1 } }))).toEqual({
      op: 'publish',
      topic: '/t',
      message: { a: 1 },
    });
    expect(decode('{"op":"status","level":"error","msg":"no such topic"}')).toEqual({
      op: 'status',
      level: 'error',
      text: 'no such topic',
    });
    expect(decode('{"op":"service_response"}')).toEqual({ op: 'other', name: 'service_response' });
  });

  it.each([
    ['', 'rosbridge/not-json'],
    ['{"op":"publish"', 'rosbridge/not-json'],
    ['[1]', 'rosbridge/bad-message'],
    ['null', 'rosbridge/bad-message'],
    ['{}', 'rosbridge/bad-message'],
    ['{"op":"publish","topic":"/t"}', 'rosbridge/bad-message'],
    ['{"op":"publish","topic":1,"msg":{}}', 'rosbridge/bad-message'],
    ['{"op":"png","data":"xx"}', 'rosbridge/unsupported'],
    ['{"op":"fragment","id":"a","num":0,"total":0,"data":""}', 'rosbridge/bad-fragment'],
    ['{"op":"fragment","id":"a","num":2,"total":2,"data":""}', 'rosbridge/bad-fragment'],
    ['{"op":"fragment","id":"a","num":0,"total":1e9,"data":""}', 'rosbridge/bad-fragment'],
    ['{"op":"fragment","id":"a","num":0.5,"total":2,"data":""}', 'rosbridge/bad-fragment'],
    ['{"op":"fragment","id":{},"num":0,"total":1,"data":""}', 'rosbridge/bad-fragment'],
  ])('%j is refused as %s', (text, code) => {
    expect(codeOf(() => decode(text))).toBe(code);
  });

  it('has a cap, whole and in fragments', () => {
    expect(codeOf(() => decode(' '.repeat(1001), { maxChars: 1000 }))).toBe('codec/oversize');
    const decoder = new RosbridgeDecoder({ maxChars: 1000 });
    const codes = fragments('x'.repeat(3000), 400).map((text) => codeOf(() => decoder.decode(text)));
    expect(codes).toContain('codec/oversize');
    expect(decoder.buffered).toBeLessThanOrEqual(3000);
  });
});

describe('fragments', () => {
  const text = JSON.stringify({ op: 'publish', topic: '/pose', msg: POSE });

  it('are put together in any order, two messages at a time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 200 }), fc.infiniteStream(fc.nat()), (size, choices) => {
        const decoder = new RosbridgeDecoder();
        const waiting = [...fragments(text, size, 'a'), ...fragments(text, size, 'b')];
        const heard: unknown[] = [];
        while (waiting.length > 0) {
          const at = (choices.next().value as number) % waiting.length;
          const message = decoder.decode(waiting.splice(at, 1)[0] as string);
          if (message !== undefined) heard.push(message);
        }
        expect(heard).toEqual(
          [JSON.parse(text), JSON.parse(text)].map(({ topic, msg }) => ({ op: 'publish', topic, message: msg })),
        );
        expect(decoder.buffered).toBe(0);
      }),
    );
  });

  it('that repeat, or change their total, are refused and forgotten', () => {
    const decoder = new RosbridgeDecoder();
    const [first = '', second = ''] = fragments(text, 60);
    decoder.decode(first);
    expect(codeOf(() => decoder.decode(first))).toBe('rosbridge/bad-fragment');
    expect(decoder.buffered).toBe(0);
    decoder.decode(first);
    expect(codeOf(() => decoder.decode(second.replace(/"total":\d+/, '"total":2')))).toBe('rosbridge/bad-fragment');
  });

  it('of many messages that never end are not kept', () => {
    const decoder = new RosbridgeDecoder({ maxPartial: 3 });
    const codes: string[] = [];
    for (let id = 0; id < 100; id += 1) {
      const open = JSON.stringify({ op: 'fragment', id, num: 0, total: 2, data: 'y'.repeat(100) });
      codes.push(codeOf(() => decoder.decode(open)));
    }
    expect(decoder.buffered).toBeLessThanOrEqual(300);
    expect(codes).toContain('rosbridge/bad-fragment');
  });

  it('within fragments are refused', () => {
    const inner = JSON.stringify({ op: 'fragment', id: 'i', num: 0, total: 1, data: '{}' });
    const [only = ''] = fragments(inner, 10_000);
    expect(codeOf(() => decode(only))).toBe('rosbridge/bad-fragment');
  });
});

describe('a pose message', () => {
  it('is in metres and x y z w: each flipped would be seen', () => {
    const [pose] = readRosPoses('geometry_msgs/PoseStamped', POSE);
    expect(pose).toMatchObject({ frame: 'map', child: '', stampMs: 1_700_000_000_250 });
    expect([...(pose?.values ?? [])]).toEqual([1000, -500, 250, 0, 0, Math.SQRT1_2, Math.SQRT1_2]);
    const m = fromQuaternion(identity4(), (pose?.values ?? new Float64Array(7)).subarray(3), [0, 0, 0]);
    // A quarter turn about z: the x axis points along y. With the scalar first it would be a half turn about something else.
    expect([m[0], m[1], m[2]]).toEqual([0, 1, 0].map((v) => expect.closeTo(v, 12)));
  });

  it('of a transform says of what and relative to what', () => {
    const [pose] = readRosPoses('geometry_msgs/TransformStamped', TRANSFORM);
    expect(pose).toMatchObject({ frame: 'tracker', child: 'stylus', stampMs: 5001 });
    expect([...(pose?.values.subarray(0, 3) ?? [])]).toEqual([100, 200, 300]);
    expect(readRosPoses('tf2_msgs/TFMessage', { transforms: [TRANSFORM, TRANSFORM] })).toHaveLength(2);
  });

  it('whose stamp is 0, or whose header rosbridge made up, has none', () => {
    const zero = { ...POSE, header: { ...POSE.header, stamp: { secs: 0, nsecs: 0 } } };
    expect(readRosPoses('geometry_msgs/PoseStamped', zero)[0]?.stampMs).toBeNaN();
    const made = { ...POSE, header: { ...POSE.header, frame_id: '' } };
    expect(readRosPoses('geometry_msgs/PoseStamped', made)[0]?.stampMs).toBeNaN();
  });

  it('with null for a number has NaN there, as rosbridge sends NaN', () => {
    const pose = { ...POSE.pose, position: { x: null, y: 1, z: 2 } };
    expect(readRosPoses('geometry_msgs/PoseStamped', { ...POSE, pose })[0]?.values[0]).toBeNaN();
  });

  it.each<[string, RosPoseType, Record<string, unknown>]>([
    ['nothing', 'geometry_msgs/PoseStamped', {}],
    ['no position', 'geometry_msgs/PoseStamped', { ...POSE, pose: { orientation: {} } }],
    ['text for a number', 'geometry_msgs/PoseStamped', { ...POSE, pose: { ...POSE.pose, position: { x: '1', y: 1, z: 1 } } }],
    ['no header', 'geometry_msgs/PoseStamped', { pose: POSE.pose }],
    ['a list for a header', 'geometry_msgs/PoseStamped', { ...POSE, header: [] }],
    ['no child', 'geometry_msgs/TransformStamped', { ...TRANSFORM, child_frame_id: 5 }],
    ['no list', 'tf2_msgs/TFMessage', { transforms: {} }],
    ['a list of null', 'tf2_msgs/TFMessage', { transforms: [null] }],
    ['a list too long', 'tf2_msgs/TFMessage', { transforms: new Array(2000).fill(TRANSFORM) }],
  ])('with %s is refused', (_, type, message) => {
    expect(codeOf(() => readRosPoses(type, message))).toBe('rosbridge/bad-message');
  });
});

it('asks for the newest message only, uncompressed', () => {
  expect(JSON.parse(subscribeText('/pose', 'geometry_msgs/PoseStamped', 16))).toEqual({
    op: 'subscribe',
    id: 'trocar:/pose',
    topic: '/pose',
    type: 'geometry_msgs/PoseStamped',
    throttle_rate: 16,
    queue_length: 1,
    compression: 'none',
  });
  expect(JSON.parse(unsubscribeText('/pose'))).toEqual({ op: 'unsubscribe', id: 'trocar:/pose', topic: '/pose' });
});
