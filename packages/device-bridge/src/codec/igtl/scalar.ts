import type { VoxelArray } from '@trocar/core/volume';

/** Numbers as IMAGE and NDARRAY name them: 2 i8, 3 u8, 4 i16, 5 u16, 6 i32, 7 u32, 10 f32, 11 f64. */
export type ScalarType = 2 | 3 | 4 | 5 | 6 | 7 | 10 | 11;

/** Whether this machine keeps numbers with their lowest byte first. */
export const HOST_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

type ArrayMaker = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => VoxelArray;

const MAKERS: Readonly<Record<ScalarType, ArrayMaker>> = {
  2: Int8Array,
  3: Uint8Array,
  4: Int16Array,
  5: Uint16Array,
  6: Int32Array,
  7: Uint32Array,
  10: Float32Array,
  11: Float64Array,
};
const SIZES: Readonly<Record<ScalarType, number>> = { 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 10: 4, 11: 8 };

/** Whether a byte names one of the scalar types. */
export function isScalarType(value: number): value is ScalarType {
  return Object.hasOwn(SIZES, value);
}

/** Bytes of one number. */
export function scalarSize(type: ScalarType): number {
  return SIZES[type];
}

/** The scalar type of an array. */
export function scalarTypeOf(values: VoxelArray): ScalarType {
  if (values instanceof Int8Array) return 2;
  if (values instanceof Uint8Array) return 3;
  if (values instanceof Int16Array) return 4;
  if (values instanceof Uint16Array) return 5;
  if (values instanceof Int32Array) return 6;
  if (values instanceof Uint32Array) return 7;
  return values instanceof Float32Array ? 10 : 11;
}

/**
 * Bytes as numbers. Where the byte order is this machine's and the bytes lie on a multiple of the number's size, the
 * array is a view of them; otherwise it is a copy.
 */
export function numbersOf(type: ScalarType, bytes: Uint8Array, littleEndian: boolean): VoxelArray {
  const size = SIZES[type];
  const make = MAKERS[type];
  const length = bytes.length / size;
  const swapped = littleEndian !== HOST_LITTLE_ENDIAN && size > 1;
  if (!swapped && bytes.byteOffset % size === 0) return new make(bytes.buffer, bytes.byteOffset, length);
  const copy = bytes.slice();
  if (swapped) swapBytes(copy, size);
  return new make(copy.buffer, 0, length);
}

/** Numbers as bytes in the order asked for: a view where that is this machine's, a copy otherwise. */
export function bytesOf(values: VoxelArray, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const size = values.BYTES_PER_ELEMENT;
  if (littleEndian === HOST_LITTLE_ENDIAN || size === 1) return bytes;
  const copy = bytes.slice();
  swapBytes(copy, size);
  return copy;
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) {
    for (let low = at, high = at + size - 1; low < high; low += 1, high -= 1) {
      const byte = bytes[low] as number;
      bytes[low] = bytes[high] as number;
      bytes[high] = byte;
    }
  }
}
