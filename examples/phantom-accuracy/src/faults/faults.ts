import { ALARM_RULES } from '@trocar/core/guidance';
import { fromRotationVector, multiply4, Random } from '@trocar/core/math';
import { type Course, type Intervention, procedure, STEPS } from './procedure.js';
import type { RecordedHand, V3 } from './world.js';

/** One kind of fault: what is done, and which alarm it must raise. */
export interface Fault {
  readonly name: string;
  readonly rule: string;
  /** A seed gives the fault its size, its direction and its moment. */
  readonly of: (random: Random) => Intervention;
}

const direction = (random: Random): V3 => {
  const d = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(...d);
  return d.map((v) => v / length) as unknown as V3;
};
const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(of.length * random.uniform())] as T;
const sign = (random: Random): number => (random.uniform() < 0.5 ? -1 : 1);

/** The faults that are tried. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'occlusion',
    rule: 'pose-lost',
    of: (random) => {
      const body = pick(random, ['stylus', 'reference'] as const);
      return { during: (world) => world.wrong.hidden.add(body) };
    },
  },
  {
    name: 'latency step',
    rule: 'latency-step',
    of: (random) => {
      const ms = random.between(50, 150);
      return {
        during: (world) => {
          world.wrong.delayMs = ms;
        },
      };
    },
  },
  {
    name: 'clock drift',
    rule: 'clock-drift',
    of: (random) => {
      const drift = sign(random) * random.between(0.002, 0.01);
      return {
        during: (world) => {
          world.wrong.driftFromMs = world.hostMs;
          world.wrong.drift = drift;
        },
      };
    },
  },
  {
    name: 'bumped reference',
    rule: 'reference-moved',
    of: (random) => {
      // Half of them just 1 mm, with and without a turn: the least that must be found.
      const size = random.uniform() < 0.5 ? 1 : random.between(1, 4);
      const shift = direction(random).map((v) => size * v);
      const turn = random.uniform() < 0.5 ? 0 : random.between(0, 0.01);
      const about = direction(random).map((v) => turn * v);
      return {
        during: ({ wrong }) => {
          multiply4(wrong.bump, wrong.bump, fromRotationVector(new Float64Array(16), about));
          for (let k = 0; k < 3; k += 1) wrong.bump[12 + k] = shift[k] as number;
        },
      };
    },
  },
  {
    name: 'swapped tool',
    rule: 'tool-swapped',
    of: (random) => {
      const by = direction(random).map((v) => v * 2) as unknown as V3;
      const larger = random.between(1, 5);
      if (random.uniform() < 0.5) {
        return {
          before: (step, { wrong }) => {
            if (step === 'load') wrong.serial = '3A5C0999';
          },
        };
      }
      return {
        before: (step, { wrong }) => {
          if (step === 'check') wrong.otherTip = by.map((v) => v * larger) as unknown as V3;
        },
      };
    },
  },
  {
    name: 'axis flip',
    rule: 'axes-wrong',
    of: (random) => {
      const axis = pick(random, [0, 1, 2]);
      return {
        before: (step, { wrong }) => {
          if (step === 'connect') wrong.flipped = axis;
        },
      };
    },
  },
  {
    name: 'scale of 1 %',
    rule: 'scale-wrong',
    of: (random) => {
      const scale = 1 + 0.01 * sign(random);
      return {
        before: (step, { wrong }) => {
          if (step === 'connect') wrong.scale = scale;
        },
      };
    },
  },
  { name: 'duplicated poses', rule: 'pose-frozen', of: () => ({ during: (world) => world.simulator?.freeze('counting') }) },
  { name: 'frozen poses', rule: 'pose-frozen', of: () => ({ during: (world) => world.simulator?.freeze('still') }) },
  {
    name: 'wrong patient',
    rule: 'wrong-patient',
    of: (random) => {
      const patient = pick(random, ['P-2', 'P-10', 'p-1']);
      return {
        loading: (loaded) => {
          loaded.patient = patient;
        },
      };
    },
  },
  {
    name: 'wrong side',
    rule: 'wrong-side',
    of: (random) => {
      const side = pick(random, ['right', 'midline', 'both'] as const);
      return {
        loading: (loaded) => {
          loaded.side = side;
        },
      };
    },
  },
  {
    name: 'wrong series',
    rule: 'wrong-series',
    of: (random) => {
      const series = `2.25.${2002 + Math.floor(1000 * random.uniform())}`;
      return {
        loading: (loaded) => {
          loaded.series = series;
        },
      };
    },
  },
  {
    name: 'stale ultrasound',
    rule: 'image-stale',
    of: (random) => {
      const how = pick(random, ['silent', 'repeats'] as const);
      return {
        during: ({ wrong }) => {
          wrong.imageStops = how;
        },
      };
    },
  },
  ...STEPS.map(
    (step): Fault => ({ name: `crash at step "${step}"`, rule: 'restored-unverified', of: () => ({ crashAfter: step }) }),
  ),
];

/** How one seeded run of a fault went. */
export interface Verdict {
  readonly inTime: boolean;
  /** From the fault to the alarm, ms; NaN where there is no moment of the fault, or no alarm. */
  readonly afterMs: number;
  /** Rules that were raised before any fault was done. */
  readonly early: readonly string[];
  readonly raised: readonly string[];
}

const PERIOD_MS = 1000 / 60;

/**
 * Runs one fault with one seed and holds the alarm against its deadline.
 * @param recorded poses of a pointer, in place of a simulated hand
 */
export async function tryFault(fault: Fault, seed: number, recorded?: RecordedHand): Promise<Verdict> {
  const what = fault.of(new Random(seed ^ 0x51ed270b));
  const course = await procedure(seed, what, lookOn(fault), recorded);
  const alarm = course.raised.find((r) => r.rule === fault.rule && !(r.atMs < course.harmedAtMs));
  const early = course.raised.filter((r) => r.atMs < course.harmedAtMs).map((r) => r.rule);
  const afterMs = alarm === undefined ? Number.NaN : alarm.atMs - course.harmedAtMs;
  return { inTime: inTime(fault, course, alarm?.atMs, afterMs), afterMs, early, raised: course.raised.map((r) => r.rule) };
}

/** No longer than the deadline and a little more. */
function lookOn(fault: Fault): number {
  const deadline = ALARM_RULES.find((r) => r.id === fault.rule)?.deadline;
  return deadline?.kind === 'after' ? deadline.ms + 100 : 300;
}

function inTime(fault: Fault, course: Course, atMs: number | undefined, afterMs: number): boolean {
  const deadline = ALARM_RULES.find((r) => r.id === fault.rule)?.deadline;
  if (deadline === undefined) throw new Error(`No rule is called ${fault.rule}.`);
  switch (deadline.kind) {
    case 'after':
      return afterMs <= deadline.ms;
    case 'period-and':
      return afterMs <= PERIOD_MS + deadline.ms;
    case 'before-acceptance':
      // Raised, and what it is about was not accepted.
      return atMs !== undefined && !course.accepted;
    default:
      // It stood at the first look, nothing went on while it did, and it ended when it was answered.
      return course.atRestart.includes(fault.rule) && !course.unsafeAtRestart && course.afterConfirmed.length === 0;
  }
}
