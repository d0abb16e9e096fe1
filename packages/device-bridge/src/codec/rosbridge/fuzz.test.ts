import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { RosbridgeDecoder, type RosPoseType, readRosPoses } from './index.js';

/** TROCAR_EFFORT multiplies it: 100 is ten million inputs. */
const INPUTS = 100_000 * inject('effort');
const MOST_CHARS = 5000;
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  'null',
  '1e999',
  '-1',
  '"op":"fragment"',
  '\\u0000',
  'true',
  '{"op":',
  '[[[[[[[[',
  ' ',
];

const header = { stamp: { secs: 1, nsecs: 2 }, frame_id: 'map' };
const values = { x: 1, y: 2, z: 3 };
const turned = { x: 0, y: 0, z: 0, w: 1 };
const transform = { header, child_frame_id: 'a', transform: { translation: values, rotation: turned } };
const SAMPLES = [
  { op: 'publish', topic: '/a', msg: { header, pose: { position: values, orientation: turned } } },
  { op: 'publish', topic: '/b', msg: transform },
  { op: 'publish', topic: '/c', msg: { transforms: [transform, transform] } },
  { op: 'status', level: 'error', msg: 'x' },
  { op: 'png', data: '' },
  { op: 'fragment', id: 'q', num: 0, total: 2, data: '{"op":"status",' },
  { op: 'fragment', id: 'q', num: 1, total: 2, data: '"level":"error","msg":"y"}' },
].map((message) => JSON.stringify(message));
const TYPES: readonly RosPoseType[] = ['geometry_msgs/PoseStamped', 'geometry_msgs/TransformStamped', 'tf2_msgs/TFMessage'];

function mutate(random: Random): string {
  let text = SAMPLES[random.below(SAMPLES.length)] as string;
  for (let n = random.below(3); n > 0; n -= 1) {
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + random.below(8));
    const piece =
      random.below(3) === 0 ? String.fromCharCode(random.below(0x3000)) : (PIECES[random.below(PIECES.length)] as string);
    text = `${text.slice(0, at)}${random.below(8) === 0 ? piece.repeat(200) : piece}${text.slice(end)}`;
  }
  return text;
}

const what = `${INPUTS.toLocaleString('en-GB')} mutated texts are decoded or refused by a code, none slowly, and little is kept`;
it(what, { timeout: 60_000 * Math.ceil(INPUTS / 100_000) }, () => {
  const random = new Random(20_251_127);
  const decoder = new RosbridgeDecoder({ maxChars: MOST_CHARS, maxPartial: 4 });
  const codes = new Map<string, number>();
  let slowest = 0;
  let kept = 0;
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random);
    const from = performance.now();
    let code = 'decoded';
    try {
      const message = decoder.decode(input);
      if (message?.op === 'publish') readRosPoses(TYPES[random.below(3)] as RosPoseType, message.message);
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${JSON.stringify(input)}`, { cause: error });
      code = error.code;
    }
    slowest = Math.max(slowest, performance.now() - from);
    kept = Math.max(kept, decoder.buffered);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  // Or this tests less than it says.
  expect([...codes.keys()].sort()).toEqual([
    'codec/oversize',
    'decoded',
    'rosbridge/bad-fragment',
    'rosbridge/bad-message',
    'rosbridge/not-json',
    'rosbridge/unsupported',
  ]);
  expect(codes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  expect(kept).toBeLessThanOrEqual(4 * MOST_CHARS);
  // A garbage collection or a busy machine may stop one input for a while; a hang is longer.
  expect(slowest).toBeLessThan(5000);
});
