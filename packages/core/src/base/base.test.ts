import { describe, expect, it } from 'vitest';
import { isNavError, NavError, Signal } from './index.js';

describe('NavError', () => {
  it('is told by its code, also when it comes from another copy of the package', () => {
    const own = new NavError('frame/cycle', 'a loop', { detail: { to: 'ct' }, cause: 'why' });
    expect(isNavError(own)).toBe(true);
    expect(isNavError(own, 'frame/cycle')).toBe(true);
    expect(isNavError(own, 'frame/mismatch')).toBe(false);
    expect(own.detail['to']).toBe('ct');
    expect(own.cause).toBe('why');
    const foreign = Object.assign(new Error('a loop'), { name: 'NavError', code: 'frame/cycle' });
    expect(isNavError(foreign, 'frame/cycle')).toBe(true);
  });

  it('is no other error, and nothing that was only shaped like one', () => {
    expect(isNavError(new Error('x'))).toBe(false);
    expect(isNavError({ name: 'NavError', code: 'frame/cycle' })).toBe(false);
    expect(isNavError(undefined)).toBe(false);
  });

  it('has a cause only where one was given', () => {
    expect('cause' in new NavError('frame/cycle', 'a loop')).toBe(false);
  });
});

describe('Signal', () => {
  it('calls its listeners in order until they leave, and counts', () => {
    const signal = new Signal<number>();
    const heard: string[] = [];
    const leave = signal.subscribe((n) => heard.push(`a${n}`));
    signal.subscribe((n) => heard.push(`b${n}`));
    signal.emit(1);
    leave();
    leave();
    signal.emit(2);
    expect(heard).toEqual(['a1', 'b1', 'b2']);
    expect(signal.count).toBe(2);
  });

  it('lets the same function subscribe twice, and leave once', () => {
    const signal = new Signal<void>();
    let heard = 0;
    const listener = (): void => {
      heard += 1;
    };
    const leave = signal.subscribe(listener);
    signal.subscribe(listener);
    leave();
    signal.emit();
    expect(heard).toBe(1);
  });

  it('calls everyone although one throws, and does not hide the failure', () => {
    const signal = new Signal<number>();
    let heard = 0;
    signal.subscribe(() => {
      throw new Error('first');
    });
    signal.subscribe((n) => {
      heard = n;
    });
    expect(() => signal.emit(7)).toThrowError('first');
    expect(heard).toBe(7);
  });
});
