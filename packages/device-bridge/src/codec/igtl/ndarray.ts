import type { VoxelArray } from '@trocar/core/volume';
import type { ContentReader } from './reader.js';
import { bytesOf, isScalarType, numbersOf, type ScalarType, scalarSize, scalarTypeOf } from './scalar.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/** Complex numbers: pairs of doubles, real part first. */
const COMPLEX = 13;

/** NDARRAY: numbers with any number of axes. */
export interface NdArrayContent {
  readonly kind: 'ndarray';
  /** Whether {@link values} holds pairs of doubles, real part first. */
  readonly complex: boolean;
  /** Numbers along each axis; the last axis runs fastest. */
  readonly size: readonly number[];
  readonly values: VoxelArray;
}

/** @throws NavError `igtl/bad-value`, `igtl/size-mismatch`, `igtl/wrong-size` */
export function decodeNdArray(r: ContentReader): NdArrayContent {
  const type = r.u8();
  const complex = type === COMPLEX;
  if (!complex && !isScalarType(type)) throw r.badValue('scalar type', type);
  const scalarType: ScalarType = isScalarType(type) ? type : 11;
  const size = Array.from({ length: r.u8() }, () => r.u16());
  const wanted = count(size) * scalarSize(scalarType) * (complex ? 2 : 1);
  if (r.left !== wanted) throw r.mismatch('bytes of numbers', wanted, r.left);
  return { kind: 'ndarray', complex, size, values: numbersOf(scalarType, r.take(wanted), false) };
}

/** Of no axes there are no numbers. */
const count = (size: readonly number[]): number => (size.length === 0 ? 0 : size.reduce((a, b) => a * b, 1));

/** @throws NavError `igtl/does-not-fit` */
export function encodeNdArray(w: IgtlStorage, content: NdArrayContent): void {
  const { complex, size, values } = content;
  if (values.length !== count(size) * (complex ? 2 : 1))
    throw doesNotFit(`${values.length} numbers for axes of ${size.join(' × ')}.`);
  if (complex && !(values instanceof Float64Array)) throw doesNotFit('complex numbers that are not doubles.');
  w.u8(complex ? COMPLEX : scalarTypeOf(values));
  w.u8(size.length);
  for (const n of size) w.u16(n);
  w.put(bytesOf(values, false));
}
