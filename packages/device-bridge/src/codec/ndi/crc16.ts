/**
 * CRC-16/ARC as NDI's Combined API uses it: reflected polynomial 0xA001, initial value 0, no final xor.
 * Four upper-case hex digits after text, a little-endian u16 after binary.
 */
const TABLE = new Uint16Array(256);
for (let i = 0; i < 256; i += 1) {
  let c = i;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xa001 : c >>> 1;
  TABLE[i] = c;
}

/** The checksum of `bytes[start … end)`, 0 … 0xFFFF. */
export function crc16(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let crc = 0;
  for (let i = start; i < end; i += 1) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number);
  }
  return crc;
}

/** The checksum carried on by one byte. */
export function crc16Step(crc: number, byte: number): number {
  return (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
}

/** A number as `digits` upper-case hex digits. */
export function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

const encoder = new TextEncoder();

/** Text with its CRC and CR appended, as it goes over the wire. */
export function withCrc(text: string): Uint8Array {
  const body = encoder.encode(text);
  return encoder.encode(`${text}${hex(crc16(body), 4)}\r`);
}
