import { describe, expect, it } from 'vitest';
import { frame, point } from '../frames/index.js';
import { straightPlan } from './plan.js';

const CT = frame('ct');
const [entry, target] = [point(CT, [0, 0, 60]), point(CT, [0, 0, 0])];

describe("the plan's limit of the error at the target", () => {
  it('is kept as given, and is none where none was given', () => {
    expect(straightPlan({ entry, target, maxTre95Mm: 2 }).maxTre95Mm).toBe(2);
    expect(straightPlan({ entry, target }).maxTre95Mm).toBeUndefined();
  });

  // 2000 is 2 mm in micrometres: it would let every registration pass.
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2000])(
    'is refused where it limits nothing or allows nothing: %s',
    (mm) => {
      expect(() => straightPlan({ entry, target, maxTre95Mm: mm })).toThrow(
        expect.objectContaining({ code: 'guidance/bad-plan', detail: { maxTre95Mm: mm } }),
      );
    },
  );
});
