import { isNavError, transform } from '@trocar/core';
import { identity4, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { CT, cap, headMesh, SurfaceSampler, TRACKER, touched } from '../testing/surfaces.js';
import { SurfaceCollector } from './collector.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface } from './register-surface.js';

describe('collecting points live', () => {
  it('takes what is ok and apart, and nothing else', () => {
    const collector = new SurfaceCollector(TRACKER, { capacity: 3, spacingMm: 2 });
    expect(collector.add([0, 0, 0], 'ok')).toBe('taken');
    expect(collector.add([0, 0, 1.9], 'ok')).toBe('too-near');
    expect(collector.add([9, 0, 0], 'stale')).toBe('not-ok');
    expect(collector.add([9, 0, 0], 'predicted')).toBe('not-ok');
    expect(collector.add([9, Number.NaN, 0], 'ok')).toBe('not-ok');
    expect(collector.add([0, 0, 2.1], 'ok')).toBe('taken');
    expect(collector.add([5, 0, 0], 'ok')).toBe('taken');
    expect(collector.add([0, 9, 0], 'ok')).toBe('full');
    expect(collector.points().map((p) => Array.from(p.xyz))).toEqual([
      [0, 0, 0],
      [0, 0, 2.1],
      [5, 0, 0],
    ]);
    collector.undo(2);
    expect(collector.count).toBe(1);
    collector.clear();
    expect(collector.count).toBe(0);
    try {
      new SurfaceCollector(TRACKER, { capacity: 0 });
      expect.unreachable();
    } catch (error) {
      expect(isNavError(error, 'registration/bad-option')).toBe(true);
    }
  });

  it('one cheek touched: a hint that leads elsewhere; followed, it is enough in a few rounds', () => {
    const random = new Random(inject('seed') + 4);
    const head = headMesh({ skull: [74, 95, 88], noseMm: 24, earMm: 12, jawMm: 2 }, 4.5);
    const prepared = prepareSurface(head);
    const start = transform(CT, TRACKER, identity4());
    const collector = new SurfaceCollector(TRACKER, { goalMm: 0.35 });
    expect(collector.coverage().hint).toMatch(/50 more points/);
    const touch = (sampler: SurfaceSampler, count: number): void => {
      for (const p of touched(random, sampler, { count, noiseMm: 0.4 })) collector.add(p, 'ok');
    };
    touch(new SurfaceSampler(head, cap([0, 0, 0], [1, -0.3, 0.3], 25)), 150);
    const measures: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const result = registerSurface(CT, TRACKER, prepared, collector.points(), { start });
      const coverage = collector.coverage(prepared, result);
      measures.push(coverage.measure);
      if (round === 0) {
        expect(coverage.enough).toBe(false);
        // The left cheek is +x: what holds it is elsewhere.
        expect(coverage.hint).toMatch(/^Touch/);
        expect(coverage.direction).not.toBe('left');
      }
      if (coverage.enough) break;
      touch(new SurfaceSampler(head, cap([0, 0, 0], [...(coverage.place as Float64Array)], 18)), 60);
    }
    expect(measures.length).toBeLessThan(6);
    expect(measures[measures.length - 1]).toBe(1);
  });
});
