import { transform } from '@trocar/core';
import { fromRotationVector, identity4, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { MR, REFERENCE } from './frames.js';
import type { PhantomCase } from './phantom-case.js';
import { edgeKnownAbout } from './probe.js';
import type { RegisterSweep } from './register-step.js';
import { SimulatedProcedure, type SimulationOptions } from './simulated-procedure.js';
import type { HiddenTruth } from './truth.js';

/** Of the registration that is drawn instead of computed: per axis about the gland, mm and rad. */
const DRAWN = { sdMm: 0.5, sdRad: 0.01 } as const;

/** Pictures a second for a sweep that nothing is registered by: its planes lie 1.2 mm apart. And for a probe that is held still. */
export const FEWER_HZ = 9;
export const STILL_HZ = 5;

/** What a drawn registration says of itself: read whenever one is drawn. */
export interface Drawing {
  outcome: 'ok' | 'failed' | 'ambiguous';
}

/** A procedure whose registration is drawn from the error that it states, not computed: for what comes after it, over many seeds. */
export function withDrawnRegistration(
  phantom: PhantomCase,
  seed: number,
  options: Omit<SimulationOptions, 'register'> = {},
  drawing: Drawing = { outcome: 'ok' },
): SimulatedProcedure {
  let truth: HiddenTruth | undefined;
  const register: RegisterSweep = () => {
    if (truth === undefined) throw new Error('There is no world yet.');
    const sim = truth;
    const { outcome } = drawing;
    return Promise.resolve({ ...drawn(sim, phantom, seed), outcome, findings: outcome === 'ok' ? [] : ['It does not fit.'] });
  };
  const made = new SimulatedProcedure(phantom, seed, { ...options, register });
  truth = made.truth;
  return made;
}

function drawn(truth: HiddenTruth, { given, body }: PhantomCase, seed: number) {
  const random = new Random(seed * 7919);
  const exact = multiply4(identity4(), truth.referenceFromBody, invertRigid(identity4(), body.frameFromBody));
  // The rigid motion that follows the push best is a fraction of it: what is left is the tissue's share of the bound.
  const middle = given.gland.centre.xyz;
  const pushed = truth.now([0, 0, 0]);
  const unpushed = transformPoint(new Float64Array(3), truth.referenceFromBody, [0, 0, 0]);
  const error = fromRotationVector(identity4(), [0, 1, 2].map(() => DRAWN.sdRad * random.normal()) as [number, number, number]);
  const there = identity4();
  there.set(middle, 12);
  const back = identity4();
  back.set(
    [0, 1, 2].map((k) => -(middle[k] as number)),
    12,
  );
  for (let k = 0; k < 3; k += 1) error[12 + k] = DRAWN.sdMm * random.normal();
  const m = multiply4(identity4(), multiply4(identity4(), exact, there), multiply4(identity4(), error, back));
  for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + (pushed[k] as number) - (unpushed[k] as number);
  const edge = edgeKnownAbout(REFERENCE, MR, m, {
    middle: [middle[0] as number, middle[1] as number, middle[2] as number],
    ...DRAWN,
    method: 'drawn',
  });
  return {
    confidence: 0.99,
    referenceFromMr: transform(REFERENCE, MR, m).matrix,
    covariance: edge.covariance,
    method: 'drawn',
    seconds: 0,
  };
}
