/** All parts behind one another. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reverses the bytes of every word of `width` bytes, in place. */
export function swapWords(bytes: Uint8Array, width: number): void {
  for (let at = 0; width > 1 && at + width <= bytes.length; at += width) {
    for (let a = at, b = at + width - 1; a < b; a += 1, b -= 1) {
      const keep = bytes[a] as number;
      bytes[a] = bytes[b] as number;
      bytes[b] = keep;
    }
  }
}

/** A word of two bytes, little endian. */
export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff);
}

/** A word of four bytes, little endian. */
export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}

/** Whether an array fills its buffer, which nobody else can then hold a part of. */
export function isTight(bytes: Uint8Array): boolean {
  return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
}
