import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { gunzip, gunzipMembers } from './compression.js';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const packed = (...members: (string | Uint8Array)[]): Uint8Array => Buffer.concat(members.map((m) => gzipSync(m)));
/** Bytes that hold a member's first bytes, and do not pack: stored as they are, they look like one. */
const decoy = Uint8Array.from({ length: 4096 }, (_, n) => [0x1f, 0x8b, 8, 0][n - 2000] ?? (n * 7919 * (n + 13)) & 255);
const stored = (bytes: Uint8Array): Uint8Array => gzipSync(bytes, { level: 0 });

it('undoes gzip of one member and of several', async () => {
  expect(await gunzip(packed('one'))).toEqual(text('one'));
  expect(await gunzip(packed('one', 'two', '', 'three'))).toEqual(text('onetwothree'));
});

it('takes members apart where they are, not where bytes look like one', async () => {
  const whole = Buffer.concat([stored(decoy), packed('two')]);
  const parts = await gunzipMembers(whole);
  expect(parts?.map((p) => p.length)).toEqual([4096, 3]);
  expect(parts?.[0]).toEqual(decoy);
});

it('returns nothing of what is one member, cut short, damaged in any, or full of false starts', async () => {
  const two = packed('one'.repeat(100), 'two'.repeat(100));
  const second = packed('one'.repeat(100)).length;
  const hurt = (at: number): Uint8Array => two.map((b, n) => (n === at ? b ^ 0xff : b));
  const decoys = Uint8Array.from({ length: 4000 }, (_, n) => [0x1f, 0x8b, 8, 0][n % 4] as number);
  for (const bytes of [
    packed('one'),
    two.subarray(0, -3),
    hurt(second - 6),
    hurt(two.length - 6),
    stored(decoys).subarray(0, -1),
  ]) {
    expect(await gunzipMembers(bytes)).toBeUndefined();
  }
  await expect(gunzip(hurt(second - 6))).rejects.toThrow();
});
