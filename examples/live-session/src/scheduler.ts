import type { Clock, Instant } from '@trocar/core';

/** Time that passes only in steps from one thing that is due to the next: a minute takes as long as what happens in it. */
export class Scheduler implements Clock {
  #now = 0;
  #due: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = [];
  #order = 0;

  now(): Instant {
    return this.#now as Instant;
  }

  plus(at: Instant, ms: number): Instant {
    return (at + ms) as Instant;
  }

  utc(at: Instant): Date {
    return new Date(Date.UTC(2026, 0, 1) + at);
  }

  /** Does something so many ms from now; what is due at one moment happens in the order it was asked for. */
  after(ms: number, act: () => void): void {
    const one = { at: this.#now + Math.max(0, ms), order: this.#order, act };
    this.#order += 1;
    const heap = this.#due;
    heap.push(one);
    for (let i = heap.length - 1; i > 0; ) {
      const up = (i - 1) >> 1;
      if (!before(one, heap[up] as typeof one)) break;
      heap[i] = heap[up] as typeof one;
      heap[up] = one;
      i = up;
    }
  }

  /** Does something again and again. */
  every(ms: number, act: () => void): void {
    this.after(ms, () => {
      act();
      this.every(ms, act);
    });
  }

  /** Lets time pass until then, ms from the beginning. */
  runUntil(end: number): void {
    for (let first = this.#due[0]; first !== undefined && first.at <= end; first = this.#due[0]) {
      this.#now = first.at;
      this.#pop();
      first.act();
    }
    this.#now = end;
  }

  #pop(): void {
    const heap = this.#due;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1] as typeof last, heap[down] as typeof last)) down += 1;
      if (!before(heap[down] as typeof last, last)) break;
      heap[i] = heap[down] as typeof last;
      i = down;
    }
    heap[i] = last;
  }
}

interface Ordered {
  readonly at: number;
  readonly order: number;
}

const before = (a: Ordered, b: Ordered): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
