import fc from 'fast-check';
import { expect, inject, it } from 'vitest';
import { ImageOutlet } from './image-outlet.js';

it('whatever is offered and acknowledged: never more on its way than was asked for, in order, and every image sent, waiting or counted', () => {
  const memory = new ArrayBuffer(41_000_000);
  const offer = fc.record({ source: fc.nat(2), bytes: fc.integer({ min: 1, max: 40 }).map((mb) => mb * 1_000_000) });
  const act = fc.oneof(offer, fc.record({ ack: fc.nat(2), nth: fc.nat(9) }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(act, { maxLength: 120 }), (inFlight, acts) => {
      const sent: { source: number; sequence: number; length: number }[] = [];
      const open = new Map<string, number>();
      let next: { source: number; sequence: number } = { source: 0, sequence: 0 };
      const images = new Map<number, { readonly source: number; readonly sequence: number }>();
      const outlet = new ImageOutlet({ sources: ['a', 'b', 'c'], encoding: 'raw', inFlight }, ({ length, byteOffset }) => {
        const one = images.get(byteOffset) as { source: number; sequence: number };
        sent.push({ ...one, length });
        open.set(`${one.source} ${one.sequence}`, length);
      });
      outlet.begin();
      expect([outlet.wants('a', 'raw'), outlet.wants('a', 'deflate'), outlet.wants('d', 'raw')]).toEqual([true, false, false]);
      const sequences = [0, 0, 0];
      for (const one of acts) {
        if ('ack' in one) {
          const mine = [...open.keys()].filter((key) => key.startsWith(`${one.ack} `));
          const key = mine[one.nth];
          const sequence = key === undefined ? 999_999 : Number(key.slice(2));
          for (const done of mine.slice(0, one.nth + 1)) if (key !== undefined) open.delete(done);
          expect(outlet.acknowledged(one.ack, sequence)).toBe(key !== undefined);
        } else {
          sequences[one.source] = (sequences[one.source] as number) + 1;
          next = { source: one.source, sequence: sequences[one.source] as number };
          images.set(images.size, next);
          outlet.offer(one.source, next.sequence, new Uint8Array(memory, images.size - 1, one.bytes));
        }
        const bytes = [...open.values()].reduce((sum, n) => sum + n, 0);
        expect(outlet.bytesInFlight).toBe(bytes);
        expect(open.size === 1 || bytes <= 64 * 1024 * 1024 + 40_000_000).toBe(true);
        for (const source of [0, 1, 2]) {
          const mine = [...open.keys()].filter((key) => key.startsWith(`${source} `)).length;
          expect(mine).toBeLessThanOrEqual(inFlight);
          const numbers = sent.filter((s) => s.source === source).map((s) => s.sequence);
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
          const waiting = (sequences[source] as number) - numbers.length - (outlet.dropped[source] ?? 0);
          expect(waiting === 0 || waiting === 1).toBe(true);
        }
      }
    }),
    { numRuns: 40 * inject('effort') },
  );
});
