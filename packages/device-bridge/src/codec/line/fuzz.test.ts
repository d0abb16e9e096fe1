import type { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { FUZZ_LIMIT, fuzzDecoder, hexOf, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { LineFramer, type LineLayout, LinePose, lineParser, nmeaChecksum, readLinePose } from './index.js';

const MOST_BYTES = 200;
const SAMPLES = ['$TRK,tip,12,1.5,-2,3.25,0,0,0,1,A*5C\r\n', 'x:1 y:2 z:3 yaw:90 pitch:0 roll:0\n', 'P 1 2 3 Q 0 0 0 1\r'];
const PIECES = ['\r', '\n', '*', '$', ',', ':', 'nan', '1e999', '--', ' ', '\u00ff', '\0', '0x1', 'x:1', '9'.repeat(50)];
const LAYOUTS: readonly LineLayout[] = [
  { csv: [undefined, 'tool', 'frame', 'x', 'y', 'z', 'qx', 'qy', 'qz', 'qw', 'valid'] },
  {},
  /^P (?<x>\S+) (?<y>\S+) (?<z>\S+) Q (?<qx>\S+) (?<qy>\S+) (?<qz>\S+) (?<qw>\S+)$/,
];

function mutate(random: Random): Uint8Array {
  let text = SAMPLES[random.below(SAMPLES.length)] as string;
  for (let n = random.below(3); n > 0; n -= 1) {
    const at = random.below(text.length + 1);
    const piece = PIECES[random.below(PIECES.length)] as string;
    text = `${text.slice(0, at)}${random.below(20) === 0 ? piece.repeat(300) : piece}${text.slice(Math.min(text.length, at + random.below(6)))}`;
  }
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

it(`${INPUTS_TEXT} mutated lines give a pose of numbers or none, none slowly, and little is kept`, FUZZ_LIMIT, () => {
  const parsers = LAYOUTS.map(lineParser);
  const pose = new LinePose();
  const outcomes = new Map<string, number>();
  const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  let kept = 0;
  const take = (bytes: Uint8Array): void => {
    const line = String.fromCharCode(...bytes);
    nmeaChecksum(line);
    for (const parse of parsers) {
      const values = parse(line);
      if (values === undefined || values === 'malformed') {
        count('malformed');
        continue;
      }
      const bad = readLinePose(values, {}, pose);
      count(bad === undefined ? 'read' : 'bad number');
      if (bad !== undefined) continue;
      const half = [pose.values.subarray(0, 3), pose.values.subarray(3)];
      for (const part of half) expect(part.every(Number.isFinite) || part.every(Number.isNaN)).toBe(true);
    }
  };
  const framer = new LineFramer({ line: take, fault: (code) => count(code) }, 'any', MOST_BYTES);
  fuzzDecoder(
    mutate,
    (input) => {
      framer.feed(input);
      kept = Math.max(kept, framer.buffered);
    },
    hexOf,
  );
  expect([...outcomes.keys()].sort()).toEqual(['bad number', 'codec/oversize', 'malformed', 'read']);
  expect(kept).toBeLessThanOrEqual(MOST_BYTES);
});
