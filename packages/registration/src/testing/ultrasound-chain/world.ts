import { type Random, transformPoint } from '@trocar/core/math';
import { kelvinlet, type SimulatedBrain, simulatedBrain } from '@trocar/core/testing';
import type { BathTruth } from './bath.js';
import type { ChainFault } from './faults.js';
import type { PatientTruth } from './operation.js';
import { drawRigid, product, rigid } from './station.js';

/** How a chain is run. */
export interface ChainOptions {
  /** Pictures of the wires, and of the sweep. Default 80 and 60. */
  readonly wirePictures?: number;
  readonly sweepPictures?: number;
  readonly fault?: ChainFault;
  /** Ends before the registration, which takes most of the time: what was found up to there is in the result. Default false. */
  readonly early?: boolean;
  /** The speed of sound is off by at most this share. Default 0.03. */
  readonly speed?: number;
  /** How far the brain has sunk under the craniotomy, mm: what no rigid motion follows. Default 0. */
  readonly shiftMm?: number;
  /** ms of processor time, of any origin: what stages took is told by it. Default: nothing is told. */
  readonly clock?: () => number;
}

let last: { readonly seed: number; readonly brain: SimulatedBrain } | undefined;

/** A brain takes a while to fold: the same one again does not. */
function brainOf(seed: number): SimulatedBrain {
  if (last?.seed !== seed) last = { seed, brain: simulatedBrain(seed) };
  return last.brain;
}

/** What is truly so in the workshop and in the operating room. */
export function drawWorld(random: Random, seed: number, options: ChainOptions): { bath: BathTruth; patient: PatientTruth } {
  const { fault, speed: speedRange = 0.03, shiftMm } = options;
  const latencyMs = random.between(20, 120);
  // The marker sits on the handle, some 10 cm behind the face.
  const probeFromPlane = drawRigid(random, 0.3, 10, [0, 30, 110]);
  const other = product(probeFromPlane, drawRigid(random, 0.05, 4));
  const bath: BathTruth = {
    tipInPointer: Float64Array.of(random.between(-5, 5), random.between(-5, 5), random.between(110, 140)),
    referenceFromPhantom: drawRigid(random, 0.5, 30, [60, 40, -60]),
    probeFromPlane,
    calibratedFromPlane: fault === 'another-probe' ? other : probeFromPlane,
    latencyMs,
    speed: 1 + 0.003 * random.normal(),
    drawing: fault === 'drawing' ? 1.01 : 1,
  };
  const patient: PatientTruth = {
    brain: brainOf(seed),
    movement: shiftMm === undefined ? undefined : kelvinlet([0, 0, 22], [0, 0, -shiftMm], 28),
    referenceFromBody: drawRigid(random, 0.5, 20, [90, 60, -60]),
    mrFromBody: drawRigid(random, 0.4, 30),
    probeFromPlane,
    latencyMs,
    speed: 1 + random.between(-speedRange, speedRange),
  };
  return { bath, patient };
}

/** A start is off by up to this, mm and rad, evenly. */
const START = [10, (10 * Math.PI) / 180] as const;

/** A motion of up to 10 mm and 10° about a place. */
export function startOff(random: Random, about: Float64Array): Float64Array {
  const direction = (): number[] => {
    const v = [random.normal(), random.normal(), random.normal()];
    return v.map((x) => x / Math.hypot(...v));
  };
  const [mm, rad] = [random.between(0, START[0]), random.between(0, START[1])];
  const m = rigid(
    direction().map((x) => x * rad),
    [0, 0, 0],
  );
  const turned = transformPoint(new Float64Array(3), m, about);
  direction().forEach((x, r) => {
    m[12 + r] = (about[r] as number) - (turned[r] as number) + mm * x;
  });
  return m;
}
