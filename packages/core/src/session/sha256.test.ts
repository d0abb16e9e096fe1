import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import { sha256Hex } from './sha256.js';

describe('SHA-256', () => {
  it('gives the digests that NIST published', () => {
    // https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(sha256Hex('a'.repeat(1_000_000))).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });

  it("agrees with OpenSSL's at every length around the block's edges, and from the middle of a buffer", () => {
    const random = new Random(77);
    const all = Uint8Array.from({ length: 400 }, () => random.below(256));
    for (let length = 0; length < 300; length += 1) {
      const part = all.subarray(length % 7, (length % 7) + length);
      expect(sha256Hex(part)).toBe(createHash('sha256').update(part).digest('hex'));
    }
  });
});
