/**
 * SHA-256 (FIPS 180-4), synchronous.
 *
 * WebCrypto has one, but it answers later and only in a secure context: a page served over plain HTTP in an operating
 * room's network has no `crypto.subtle` at all, and a chain of a hundred thousand lines would wait for each of them.
 */

/** Fractional parts of the square roots of the first eight primes. */
const START = fractions(8, Math.sqrt);
/** Fractional parts of the cube roots of the first 64 primes. */
const ROUNDS = fractions(64, Math.cbrt);

/** The first 32 bits of the fractional parts of a root of the first primes; doubles have 53, so these are exact. */
function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const words = new Uint32Array(count);
  for (let n = 2, found = 0; found < count; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d += 1) prime = n % d !== 0;
    if (!prime) continue;
    const r = root(n);
    words[found] = Math.floor((r - Math.floor(r)) * 4_294_967_296);
    found += 1;
  }
  return words;
}

const BLOCK = 64;
const schedule = new Uint32Array(64);

/** The SHA-256 of bytes: 32 bytes. */
function sha256(bytes: Uint8Array): Uint8Array {
  const state = START.slice();
  const whole = bytes.length - (bytes.length % BLOCK);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += BLOCK) takeBlock(state, view, at);
  const rest = bytes.length - whole;
  // One bit, zeros, and the length in bits as 64 bits: it may take a second block.
  const tail = new Uint8Array(rest < 56 ? BLOCK : 2 * BLOCK);
  tail.set(bytes.subarray(whole));
  tail[rest] = 0x80;
  const tailView = new DataView(tail.buffer);
  tailView.setUint32(tail.length - 8, Math.floor(bytes.length / 0x2000_0000));
  tailView.setUint32(tail.length - 4, (bytes.length << 3) >>> 0);
  for (let at = 0; at < tail.length; at += BLOCK) takeBlock(state, tailView, at);
  const out = new Uint8Array(32);
  const outView = new DataView(out.buffer);
  for (let i = 0; i < 8; i += 1) outView.setUint32(4 * i, state[i] as number);
  return out;
}

const turn = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

/** FIPS 180-4, 6.2.2; the letters are the standard's. */
function takeBlock(state: Uint32Array, view: DataView, at: number): void {
  const w = schedule;
  for (let t = 0; t < 16; t += 1) w[t] = view.getUint32(at + 4 * t);
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15] as number;
    const y = w[t - 2] as number;
    const s0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
    const s1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
    w[t] = (w[t - 16] as number) + s0 + (w[t - 7] as number) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t += 1) {
    const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + s1 + choice + (ROUNDS[t] as number) + (w[t] as number)) | 0;
    const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] as number) + word;
  });
}

/** The SHA-256 of bytes, or of a text's UTF-8, as 64 small hexadecimal digits. */
export function sha256Hex(of: Uint8Array | string): string {
  const digest = sha256(typeof of === 'string' ? new TextEncoder().encode(of) : of);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
