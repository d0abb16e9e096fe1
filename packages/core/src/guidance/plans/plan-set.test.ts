import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError, type NavError } from '../../base/index.js';
import { frame, point } from '../../frames/index.js';
import {
  type NeedleInit,
  needle,
  type PlanSetInit,
  planFromJson,
  planSet,
  planToJson,
  reachOf,
  requirePlanFor,
  SIDES,
} from '../index.js';

const CT = frame('ct');
const [entry, target] = [point(CT, [40, -60, 20]), point(CT, [30, 5, 12])];
const chiba = needle({ name: 'Chiba 22G × 150', lengthMm: 150, gauge: 22 });
const init: PlanSetInit<'ct'> = {
  frame: CT,
  patient: { id: 'P-17', name: 'Doe^Jane', birthDate: '19700102', sex: 'F' },
  side: 'left',
  frameOfReferenceUid: '2.25.1',
  seriesUid: '2.25.2',
  trajectories: [
    { name: 'A', entry, target, needle: chiba, maxTre95Mm: 3 },
    { name: 'B', entry: point(CT, [50, -50, 0]), target },
  ],
};
const use = {
  frame: CT,
  patient: init.patient,
  side: 'left',
  frameOfReferenceUid: '2.25.1',
  series: { seriesUid: '2.25.2' },
} as const;

function errorOf(run: () => unknown): NavError | undefined {
  try {
    run();
  } catch (error) {
    if (isNavError(error)) return error;
    throw error;
  }
  return undefined;
}
const codeOf = (run: () => unknown): string | undefined => errorOf(run)?.code;

describe('a needle', () => {
  it('has the largest diameter that its gauge may have', () => {
    expect([10, 18, 22, 34].map((gauge) => needle({ name: 'n', lengthMm: 100, gauge }).outerDiameterMm)).toEqual([
      3.5, 1.3, 0.73, 0.191,
    ]);
    for (let gauge = 11; gauge <= 34; gauge += 1) {
      const at = (g: number): number => needle({ name: 'n', lengthMm: 100, gauge: g }).outerDiameterMm;
      expect(at(gauge)).toBeLessThan(at(gauge - 1));
    }
  });

  it.each<[string, NeedleInit]>([
    ['no name', { name: '', lengthMm: 100, gauge: 18 }],
    ['neither gauge nor diameter', { name: 'n', lengthMm: 100 }],
    ['both', { name: 'n', lengthMm: 100, gauge: 18, outerDiameterMm: 1.2 }],
    ['a gauge there is not', { name: 'n', lengthMm: 100, gauge: 35 }],
    ['no length', { name: 'n', lengthMm: 0, gauge: 18 }],
    ['a length that is none', { name: 'n', lengthMm: Number.NaN, gauge: 18 }],
    ['offsets longer than itself', { name: 'n', lengthMm: 100, gauge: 18, tipOffsetMm: 60, guideOffsetMm: 40 }],
    ['a negative offset', { name: 'n', lengthMm: 100, gauge: 18, tipOffsetMm: -1 }],
  ])('is refused with %s', (_, bad) => {
    expect(codeOf(() => needle(bad))).toBe('guidance/bad-plan');
  });

  it('that does not reach the target is refused by name, with what it lacks', () => {
    const short = needle({ name: 'RFA 70', lengthMm: 90, outerDiameterMm: 1.5, tipOffsetMm: 12, guideOffsetMm: 15 });
    expect(reachOf(short)).toBe(63);
    const error = errorOf(() => planSet({ ...init, trajectories: [{ name: 'A', entry, target, needle: short }] }));
    expect(error?.code).toBe('guidance/out-of-reach');
    expect(error?.message).toMatch(/"A" is 66\.2 mm deep, but RFA 70 reaches 63\.0 mm/);
    const just = point(CT, [30 + 63, 5, 12]);
    expect(codeOf(() => planSet({ ...init, trajectories: [{ name: 'A', entry: just, target, needle: short }] }))).toBeUndefined();
  });
});

describe('a plan of several ways', () => {
  it.each<[string, Partial<PlanSetInit<'ct'>>]>([
    ['without a patient ID', { patient: { name: 'Doe^Jane' } }],
    ['with an empty patient ID', { patient: { id: ' ' } }],
    ['of no side', { side: 'links' as never }],
    ['without a series', { seriesUid: '' }],
    ['without a frame of reference', { frameOfReferenceUid: '' }],
    ['without a way', { trajectories: [] }],
    ['with one name twice', { trajectories: [init.trajectories[0], init.trajectories[0]] as never }],
    ['with a midline that has no direction', { midsagittal: { point: [0, 0, 0], towardsLeft: [0, 0, 0] } }],
  ])('is refused %s', (_, part) => {
    expect(codeOf(() => planSet({ ...init, ...part }))).toBe('guidance/bad-plan');
  });

  it('is refused where its target lies on the other side than it says, before anybody uses it', () => {
    const midsagittal = { point: [3, 0, 0], towardsLeft: [2, 0, 0] } as const;
    expect(codeOf(() => planSet({ ...init, midsagittal }))).toBeUndefined();
    const error = errorOf(() => planSet({ ...init, side: 'right', midsagittal }));
    expect([error?.code, error?.message.includes("27 mm to the patient's left")]).toEqual(['guidance/wrong-side', true]);
    // An image with the patient's left at −x.
    const turned = { point: [3, 0, 0], towardsLeft: [-1, 0, 0] } as const;
    expect(codeOf(() => planSet({ ...init, midsagittal: turned }))).toBe('guidance/wrong-side');
    for (const side of ['midline', 'both'] as const)
      expect(codeOf(() => planSet({ ...init, side, midsagittal }))).toBeUndefined();
  });
});

describe('a plan is used', () => {
  const plan = planSet(init);

  it('on what it was made on', () => {
    expect(codeOf(() => requirePlanFor(plan, use))).toBeUndefined();
  });

  it.each([
    ['guidance/wrong-patient', { patient: { ...init.patient, id: 'P-71' } }],
    ['guidance/wrong-patient', { patient: { ...init.patient, birthDate: '19700201' } }],
    ['guidance/wrong-patient', { patient: { ...init.patient, name: 'Doe^John' } }],
    ['guidance/wrong-patient', { patient: { id: 'P-17' } }],
    ['guidance/wrong-patient', { patient: {} }],
    ['guidance/wrong-side', { side: 'right' }],
    ['guidance/wrong-side', { side: 'both' }],
    ['guidance/wrong-side', { side: undefined }],
    ['guidance/wrong-frame-of-reference', { frameOfReferenceUid: '2.25.9' }],
    ['guidance/wrong-frame-of-reference', { frameOfReferenceUid: undefined }],
    ['guidance/wrong-series', { series: { seriesUid: '2.25.9' } }],
    ['guidance/wrong-series', { series: {} }],
    ['frame/mismatch', { frame: frame('mr') as never }],
  ] as const)('and refused with %s on %o', (code, part) => {
    expect(codeOf(() => requirePlanFor(plan, { ...use, ...part }))).toBe(code);
  });

  it('refused for everything that differs at once, and without a word of whose it is', () => {
    const other = { ...use, patient: { id: 'P-99', name: 'Roe^Rich' }, side: 'right', series: {} } as const;
    const error = errorOf(() => requirePlanFor(plan, other));
    expect(error?.detail['differences']).toEqual([
      'guidance/wrong-patient',
      'guidance/wrong-patient',
      'guidance/wrong-patient',
      'guidance/wrong-patient',
      'guidance/wrong-side',
      'guidance/wrong-series',
    ]);
    for (const private_ of ['P-17', 'P-99', 'Doe', 'Roe', '1970']) {
      expect(error?.message).not.toContain(private_);
      expect(JSON.stringify(error?.detail)).not.toContain(private_);
    }
  });
});

describe('a plan in a file', () => {
  it('comes back bit for bit', () => {
    const mm = fc.double({ min: -900, max: 900, noNaN: true });
    const place = fc.tuple(mm, mm, mm);
    fc.assert(
      fc.property(
        place,
        place,
        place,
        fc.constantFrom(...SIDES),
        fc.double({ min: 0.01, max: 50, noNaN: true }),
        (a, b, c, side, limit) => {
          fc.pre(Math.hypot(...a.map((v, k) => v - (b[k] as number))) > 1 && Math.hypot(...c) > 1e-3);
          const plan = planSet({
            ...init,
            side,
            ...(side === 'midline' && { midsagittal: { point: a, towardsLeft: c } }),
            trajectories: [
              { name: 'ä "quoted"', entry: point(CT, a), target: point(CT, b), maxTre95Mm: limit },
              ...init.trajectories,
            ],
          });
          const text = planToJson(plan);
          const back = planFromJson(text);
          expect(planToJson(back)).toBe(text);
          expect(back).toEqual(plan);
        },
      ),
    );
  });

  const text = planToJson(planSet({ ...init, midsagittal: { point: [0, 0, 0], towardsLeft: [1, 0, 0] } }));
  interface Document {
    readonly patient: object;
    readonly trajectories: readonly [{ readonly needle: object }, object];
  }
  const changed = (change: (document: Document) => void): string => {
    const document = JSON.parse(text) as Document;
    change(document);
    return JSON.stringify(document);
  };

  it.each<[string, string, RegExp]>([
    ['of another version', changed((d) => Object.assign(d, { version: 2, colour: 1 })), /version 2, but only version 1/],
    ['that is something else', '{"hello": 1}', /"format"/],
    ['that is no object', '[1]', /no JSON object/],
    ['that is cut off', text.slice(0, -20), /no JSON/],
    ['with a field nobody knows', changed((d) => Object.assign(d, { margin: 5 })), /"margin"/],
    [
      'with such a field deep in it',
      changed((d) => Object.assign(d.trajectories[0].needle, { bevel: 1 })),
      /trajectories\[0\]\.needle has a field "bevel"/,
    ],
    ['with a field inherited by name', changed((d) => Object.assign(d.patient, { constructor: 'x' })), /"constructor"/],
    ['without a field', changed((d) => Reflect.deleteProperty(d, 'seriesUid')), /no field "seriesUid"/],
    ['with a field of another kind', changed((d) => Object.assign(d, { seriesUid: 5 })), /"seriesUid" of the plan is no text/],
    [
      'with a point of two numbers',
      changed((d) => Object.assign(d.trajectories[1], { entry: [1, 2] })),
      /trajectories\[1\]\.entry/,
    ],
    [
      'with a point of texts',
      changed((d) => Object.assign(d.trajectories[1], { entry: ['1', 2, 3] })),
      /trajectories\[1\]\.entry/,
    ],
    ['of a side there is not', changed((d) => Object.assign(d, { side: 'L' })), /"side"/],
  ])('is refused %s', (_, broken, says) => {
    const error = errorOf(() => planFromJson(broken));
    expect(error?.code).toBe('guidance/bad-plan-file');
    expect(error?.message).toMatch(says);
  });

  it('is held to everything a new plan is held to', () => {
    expect(codeOf(() => planFromJson(changed((d) => Object.assign(d.patient, { id: '' }))))).toBe('guidance/bad-plan');
    expect(codeOf(() => planFromJson(changed((d) => Object.assign(d, { side: 'right' }))))).toBe('guidance/wrong-side');
    const short = changed((d) => Object.assign(d.trajectories[0].needle, { lengthMm: 20 }));
    expect(codeOf(() => planFromJson(short))).toBe('guidance/out-of-reach');
  });
});
