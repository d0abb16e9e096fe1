/** How far two numbers may be apart, in a named unit, so that no bare 1e-9 stands in a test. */
export interface Tolerance {
  /** In {@link unit}. */
  readonly value: number;
  readonly unit: 'mm' | 'rad' | '°' | 'ms';
  /** From the unit of the compared numbers to {@link unit}: only degrees, compared in radians, need one. */
  readonly scale: number;
}

/** Tolerances by unit. `degrees` compares numbers that are in radians. */
export const within: {
  mm(value: number): Tolerance;
  rad(value: number): Tolerance;
  degrees(value: number): Tolerance;
  ms(value: number): Tolerance;
} = {
  mm: (value) => ({ value, unit: 'mm', scale: 1 }),
  rad: (value) => ({ value, unit: 'rad', scale: 1 }),
  degrees: (value) => ({ value, unit: '°', scale: 180 / Math.PI }),
  ms: (value) => ({ value, unit: 'ms', scale: 1 }),
};

/**
 * Checks number by number that `actual` is `expected`, to a tolerance. NaN is close to nothing.
 * @param what said in the message
 * @throws Error (of the test, not of the product) that names the worst element
 */
export function assertWithin(
  tolerance: Tolerance,
  actual: ArrayLike<number> | number,
  expected: ArrayLike<number> | number,
  what = 'value',
): void {
  const a = typeof actual === 'number' ? [actual] : actual;
  const b = typeof expected === 'number' ? [expected] : expected;
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} numbers against ${b.length} expected.`);
  for (let i = 0; i < a.length; i += 1) {
    const x = a[i] as number;
    const y = b[i] as number;
    const off = Math.abs(x - y) * tolerance.scale;
    if (!(off <= tolerance.value)) {
      throw new Error(`${what}[${i}]: ${x} is ${off} ${tolerance.unit} from ${y}; ${tolerance.value} ${tolerance.unit} allowed.`);
    }
  }
}
