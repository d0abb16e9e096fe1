import type { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { FUZZ_LIMIT, fuzzDecoder, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { RosbridgeDecoder, type RosPoseType, readRosPoses } from './index.js';

const MOST_CHARS = 2500;
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

it(`${INPUTS_TEXT} mutated texts are decoded or refused by a code, none slowly, and little is kept`, FUZZ_LIMIT, () => {
  const decoder = new RosbridgeDecoder({ maxChars: MOST_CHARS, maxPartial: 4 });
  let kept = 0;
  const outcomes = fuzzDecoder(
    mutate,
    (input, n) => {
      kept = Math.max(kept, decoder.buffered);
      const message = decoder.decode(input);
      if (message?.op === 'publish') readRosPoses(TYPES[n % 3] as RosPoseType, message.message);
    },
    (input) => JSON.stringify(input),
  );
  // Or this tests less than it says.
  expect([...outcomes.keys()].sort()).toEqual([
    'codec/oversize',
    'decoded',
    'rosbridge/bad-fragment',
    'rosbridge/bad-message',
    'rosbridge/not-json',
    'rosbridge/unsupported',
  ]);
  expect(kept).toBeLessThanOrEqual(4 * MOST_CHARS);
});
