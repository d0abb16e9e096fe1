import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, type ExactValue, fromExactJson, type JsonValue, toExactJson } from './exact-json.js';

const bits = (x: number): bigint => new BigUint64Array(Float64Array.of(x).buffer)[0] as bigint;
const through = (value: ExactValue): ExactValue => fromExactJson(JSON.parse(canonicalText(toExactJson(value))) as JsonValue);

describe('exact JSON', () => {
  it('gives every double back bit for bit', () => {
    const odd = [Number.NaN, Infinity, -Infinity, -0, 0, 5e-324, -1.7976931348623157e308, 0.1, 1 / 3];
    for (const x of odd) expect(bits(through(x) as number)).toBe(bits(x));
    fc.assert(
      fc.property(fc.double(), (x) => {
        const [alone, { inside }] = through([x, { inside: x }]) as [number, { inside: number }];
        return bits(alone) === bits(x) && bits(inside) === bits(x);
      }),
    );
  });

  it('has one text for a value, whatever the order of its keys', () => {
    expect(canonicalText(toExactJson({ b: 1, a: [true, null], é: 'ü', 10: 'x', 9: -0 }))).toBe(
      '{"10":"x","9":{"$double":"-0"},"a":[true,null],"b":1,"é":"ü"}',
    );
    expect(through({ a: undefined, b: Float64Array.of(-0, 2) })).toEqual({ b: [-0, 2] });
  });

  it('is JSON that any reader takes, and its canonical text is a fixed point', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const exact = toExactJson(value as ExactValue);
        const text = canonicalText(exact);
        expect(canonicalText(JSON.parse(text) as JsonValue)).toBe(text);
        expect(fromExactJson(exact)).toEqual(value);
        expect(text).not.toContain('\n');
      }),
    );
  });

  it('refuses what is no data', () => {
    const ring: Record<string, unknown> = {};
    ring['ring'] = ring;
    const wrong: unknown[] = [() => 1, Symbol('s'), 1n, new Date(), new Map(), { $double: 'NaN' }, '\ud800', ring, [() => 1]];
    for (const value of wrong) {
      expect(() => toExactJson(value as ExactValue)).toThrow(expect.objectContaining({ code: 'session/bad-value' }));
    }
    for (const value of [{ $double: 'nan' }, { $double: 1 }, { $double: 'NaN', x: 1 }, { $double: 'toString' }]) {
      expect(() => fromExactJson(value as JsonValue)).toThrow(expect.objectContaining({ code: 'session/bad-value' }));
    }
  });
});
