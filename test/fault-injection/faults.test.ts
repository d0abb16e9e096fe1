import { ALARM_RULES } from '@trocar/core/guidance';
import { describe, expect, inject, it } from 'vitest';
import { FAULTS, tryFault } from '../../examples/phantom-accuracy/src/faults/faults.js';
import { procedure } from '../../examples/phantom-accuracy/src/faults/procedure.js';

/**
 * The monitor of a whole station, which learns of the world by the bytes of a tracker and a scanner, the headers of images and touches
 * alone, against faults of that world. All 100 seeds of each, and 1,000 clean procedures: `bench/fault-injection.ts`.
 */
const seed = inject('seed');
const effort = inject('effort');
const SEEDS = effort > 1 ? 2 * effort : 1;

describe('each fault raises its alarm within the deadline', () => {
  for (const fault of FAULTS) {
    it(fault.name, async () => {
      for (let k = 0; k < SEEDS; k += 1) {
        const verdict = await tryFault(fault, 100 * seed + k);
        expect(verdict.early, `seed ${100 * seed + k}: alarms before the fault`).toEqual([]);
        expect(verdict.inTime, `seed ${100 * seed + k}: ${JSON.stringify(verdict)}`).toBe(true);
      }
    });
  }
});

it('a clean procedure raises nothing and is accepted', async () => {
  for (let k = 0; k < SEEDS; k += 1) {
    const course = await procedure(100 * seed + 50 + k);
    expect(course.raised, `seed ${100 * seed + 50 + k}`).toEqual([]);
    expect(course.accepted).toBe(true);
  }
});

it('every rule that names one of these tests has it', () => {
  const names = new Set(FAULTS.map((f) => f.name.replace(/ "\w+"$/u, '').replace('crash at step', 'crash at every step')));
  const here = ALARM_RULES.filter((rule) => rule.test.startsWith('test/fault-injection/faults.test.ts: '));
  expect(here.length).toBeGreaterThan(9);
  for (const rule of here) {
    for (const name of rule.test.slice(rule.test.indexOf(': ') + 2).split(', ')) expect(names, rule.id).toContain(name);
  }
});
