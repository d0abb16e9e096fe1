import type { Clock, Transform } from '@trocar/core';
import type { GuidanceLimits } from '@trocar/core/guidance';
import type { Proposal } from '../../suite/src/registration-step.js';
import type { SensingOptions } from '../../suite/src/sensing.js';
import type { TouchLimits } from '../../suite/src/touch.js';
import type { AblationCase } from './case.js';
import type { RegisterPost } from './confirm-step.js';
import type { gatedEdge } from './gate-step.js';
import type { PlanDemands } from './plan-step.js';

/** What `Procedure` is made with. */
export interface ProcedureOptions extends SensingOptions {
  readonly clock: Clock;
  readonly case: AblationCase;
  readonly demands?: PlanDemands;
  /** A calibration of the stylus from an earlier day. */
  readonly storedStylus?: Transform<'stylus', 'tip'>;
  /** Where the planned applicator's tip is by its drawing, in its tracked frame, mm: another tip is another applicator. */
  readonly applicatorTipMm?: readonly [number, number, number];
  readonly registerPost: RegisterPost;
  readonly touchLimits?: TouchLimits;
  readonly guidanceLimits?: GuidanceLimits;
  /** How long a minute of burning takes, ms: 60 000 in earnest. Default 1000, for this is a simulation. */
  readonly burnMinuteMs?: number;
}

/** An accepted registration as it holds for the liver while the gate is open. */
export interface Accepted {
  readonly proposal: Proposal<'ct'>;
  readonly edge: ReturnType<typeof gatedEdge>;
}
