import type { AlarmPriority, AlarmValues } from './alarm.js';
import type { ImageWatched, ToolWatched, Watched } from './watched.js';

/** When an alarm must stand, at the latest. */
export type AlarmDeadline =
  /** So many ms after the fault. */
  | { readonly kind: 'after'; readonly ms: number }
  /** One period of the stream and so many ms after the fault. */
  | { readonly kind: 'period-and'; readonly ms: number }
  /** Before the plan or the registration can be accepted. */
  | { readonly kind: 'before-acceptance' }
  /** At the first tick. */
  | { readonly kind: 'first-tick' };

/** What every rule has. A row of {@link ALARM_RULES}. */
interface RuleFacts {
  readonly id: string;
  readonly hazard: string;
  /** When it raises, in words. */
  readonly when: string;
  readonly priority: AlarmPriority;
  /** Whether the alarm stays after the condition has passed, until somebody resets it. */
  readonly latching: boolean;
  readonly deadline: AlarmDeadline;
  /** The test that holds the deadline. */
  readonly test: string;
  /** In English: what is wrong, after the name of a tool or image that it is about, and what to do. Other languages: `alarmText`. */
  readonly message: string;
}

/**
 * A rule about each tool, each image, or the procedure: a pure function, the condition holds or not. `values` are the figures that it
 * looks at, for the log.
 */
export type AlarmRule = RuleFacts &
  (
    | {
        readonly about: 'tool';
        readonly holds: (state: Watched, tool: ToolWatched) => boolean;
        readonly values?: (tool: ToolWatched) => AlarmValues;
      }
    | {
        readonly about: 'image';
        readonly holds: (state: Watched, image: ImageWatched) => boolean;
        readonly values?: (image: ImageWatched) => AlarmValues;
      }
    | {
        readonly about: 'procedure';
        readonly holds: (state: Watched) => boolean;
        readonly values?: (state: Watched) => AlarmValues;
      }
  );

/** A rule's English message with `{subject}` where the name of the tool or image stands. */
export function englishMessage(rule: AlarmRule): string {
  return rule.about === 'procedure' ? rule.message : `"{subject}" ${rule.message}`;
}

/** Packets this much later than usual are a step of the latency, ms. */
export const LATE_MS = 40;
/** The device's clock runs this much off the host's: 1 ms in a second. Crystals differ by a tenth of that. */
export const DRIFT = 0.001;
/** A scale is wrong from here on, where it is also this many standard deviations from 1. */
export const SCALE_OFF = 0.004;
export const SCALE_SDS = 4.5;

const FAULTS = 'test/fault-injection/faults.test.ts';
const AXES = new Set(['registration/mirrored', 'registration/transposed', 'registration/ras-lps']);
/** Findings with which there is no fit; others are for the person who reviews it, and some are raised by chance once in a thousand. */
const NO_FIT = new Set(['no-consensus', 'not-converged']);
const isNoFit = (finding: string): boolean => NO_FIT.has(finding);
const beforeAcceptance: AlarmDeadline = { kind: 'before-acceptance' };

/** Made once: a look builds no strings. */
const differsIn = (code: string) => (state: Watched) => state.planDifferences?.includes(code) === true;

const scaleIsOff = ({ registration: r }: Watched): boolean =>
  r.refusal === 'registration/scale' ||
  r.refusal === 'registration/units' ||
  (Math.abs(r.scale - 1) > SCALE_OFF && Math.abs(r.scale - 1) > SCALE_SDS * r.scaleSd);

/** Rules about a stream of poses. */
const STREAMS: readonly AlarmRule[] = [
  {
    id: 'pose-lost',
    hazard: 'The tool is somewhere else than it was last seen.',
    when: 'a needed tool is missing, disconnected or outside the characterised volume, or nothing says whether it is seen',
    priority: 'medium',
    latching: false,
    deadline: { kind: 'period-and', ms: 100 },
    test: `${FAULTS}: occlusion`,
    message: 'is not seen. Clear the line of sight; nothing is drawn as live meanwhile.',
    about: 'tool',
    holds: (_, tool) =>
      tool.needed &&
      (tool.status === 'missing' || tool.status === 'disconnected' || tool.status === 'outOfVolume' || tool.status === 'unknown'),
  },
  {
    id: 'pose-frozen',
    hazard: 'A tracker that hangs goes on answering: the tool seems to rest where it no longer is.',
    when: 'the newest pose of a needed tool repeats an earlier one, or is older than its period and 85 ms',
    priority: 'high',
    latching: false,
    deadline: { kind: 'period-and', ms: 100 },
    test: `${FAULTS}: frozen poses, duplicated poses`,
    message: 'is no longer measured: its pose is an old one. Look whether the tracker still runs.',
    about: 'tool',
    holds: (_, tool) => tool.needed && (tool.status === 'stale' || (tool.status === 'ok' && tool.ageMs > tool.periodMs + 85)),
    values: ({ ageMs, periodMs }) => ({ ageMs, periodMs }),
  },
  {
    id: 'latency-step',
    hazard: 'The tool is drawn where it was a while ago.',
    when: `the packets of a needed tool come ${LATE_MS} ms later than usual, in the middle of the last 400 ms`,
    priority: 'high',
    latching: true,
    deadline: { kind: 'after', ms: 1000 },
    test: `${FAULTS}: latency step`,
    message:
      'arrives later than it did. Wait until it moves without lag, then confirm; if it stays so, look for what holds up the link.',
    about: 'tool',
    holds: (_, tool) => tool.needed && tool.latenessMs > LATE_MS,
    values: ({ latenessMs }) => ({ latenessMs }),
  },
  {
    id: 'clock-drift',
    hazard: 'Ages and pairings of measurements are wrong, a little more every second.',
    when: `the device's clock runs off the host's by more than ${DRIFT * 1000} ms in a second`,
    priority: 'medium',
    latching: true,
    deadline: { kind: 'after', ms: 10_000 },
    test: `${FAULTS}: clock drift`,
    message: "comes from a device whose clock runs off this computer's. Restart tracking, then verify.",
    about: 'tool',
    holds: (_, tool) => tool.needed && Math.abs(tool.clockDrift) > DRIFT,
    values: ({ clockDrift }) => ({ clockDrift }),
  },
  {
    id: 'image-stale',
    hazard: 'A needle is steered by a picture of the past.',
    when: 'the content of a needed live image has not changed for longer than its limit',
    priority: 'high',
    latching: false,
    deadline: { kind: 'after', ms: 500 },
    test: `${FAULTS}: stale ultrasound`,
    message: 'shows the past. Look whether the scanner is frozen.',
    about: 'image',
    holds: (_, image) => image.needed && image.ageMs > image.limitMs,
    values: ({ ageMs, limitMs }) => ({ ageMs, limitMs }),
  },
];

/** Rules about what a procedure rests on. */
const GROUNDS: readonly AlarmRule[] = [
  {
    id: 'reference-moved',
    hazard: 'The reference was pushed against the patient: everything is drawn beside its place.',
    when: 'the reference has moved against the second body by more than its limit since the registration, or touched landmarks say so',
    priority: 'high',
    latching: true,
    deadline: { kind: 'after', ms: 1000 },
    test: `${FAULTS}: bumped reference`,
    message: 'The reference has moved against the patient. Stop; touch a landmark, and register again.',
    about: 'procedure',
    holds: ({ reference: r }) => r.movedMm > r.limitMm || r.touchesSayMoved,
    values: ({ reference: { movedMm, limitMm } }) => ({ movedMm, limitMm }),
  },
  {
    id: 'reference-unwatched',
    hazard: 'A push of the reference would not be found.',
    when: 'guidance is shown and no second body is seen that the reference could be held against, or its noise hides a movement of the limit',
    priority: 'low',
    latching: false,
    deadline: { kind: 'first-tick' },
    test: 'packages/core/src/guidance/monitor/monitor.test.ts: each rule',
    message: 'Nothing watches the reference. Verify at a landmark before every step that counts.',
    about: 'procedure',
    holds: ({ navigating, reference: r }) =>
      navigating && !(r.movedMm <= r.limitMm && r.noiseMm <= r.limitMm) && !(r.movedMm > r.limitMm),
    values: ({ reference: { noiseMm, limitMm } }) => ({ noiseMm, limitMm }),
  },
  {
    id: 'tool-swapped',
    hazard: 'Another tool than the calibrated one: its tip is elsewhere.',
    when: 'the device tells another serial number than expected, or the tip misses a known divot by more than the limit',
    priority: 'high',
    latching: true,
    deadline: beforeAcceptance,
    test: `${FAULTS}: swapped tool`,
    message: 'is not the tool that was calibrated. Take the right one, or calibrate this one.',
    about: 'tool',
    holds: (_, tool) =>
      (tool.expectedSerial !== undefined && tool.serial !== undefined && tool.serial !== tool.expectedSerial) ||
      tool.tipOffMm > tool.tipLimitMm,
    values: ({ tipOffMm, tipLimitMm }) => ({ tipOffMm, tipLimitMm }),
  },
  {
    id: 'axes-wrong',
    hazard: 'Left and right, or front and back, are exchanged.',
    when: 'the registration was refused because one side is the mirror image of the other, or two axes are exchanged',
    priority: 'high',
    latching: true,
    deadline: beforeAcceptance,
    test: `${FAULTS}: axis flip`,
    message:
      'Image and tracker are mirror images of each other. Do not go on; look for an exchanged axis in the device or the file.',
    about: 'procedure',
    holds: ({ registration: r }) => r.refusal !== undefined && AXES.has(r.refusal),
  },
  {
    id: 'scale-wrong',
    hazard: 'Distances are wrong everywhere, most of all far from the fiducials.',
    when: `image and tracker differ in scale by more than ${SCALE_OFF * 100} % and ${SCALE_SDS} standard deviations`,
    priority: 'high',
    latching: true,
    deadline: beforeAcceptance,
    test: `${FAULTS}: scale of 1 %`,
    message: "Image and tracker differ in size. Check the pixel spacing and the tracker's volume.",
    about: 'procedure',
    holds: scaleIsOff,
    values: ({ registration: { scale, scaleSd } }) => ({ scale, scaleSd }),
  },
  {
    id: 'registration-refused',
    hazard: 'A registration that does not fit is used.',
    when: 'the registration was refused for another reason, found no consensus, did not converge, or failed its verification',
    priority: 'medium',
    latching: false,
    deadline: beforeAcceptance,
    test: 'packages/core/src/guidance/monitor/monitor.test.ts: each rule',
    message: 'The registration does not fit. Read its findings; touch again.',
    about: 'procedure',
    holds: (state) =>
      state.registration.verified === false ||
      state.registration.findings.some(isNoFit) ||
      (state.registration.refusal !== undefined && !AXES.has(state.registration.refusal) && !scaleIsOff(state)),
  },
  ...(
    [
      ['patient', "The plan is another patient's."],
      ['side', 'The plan is for the other side.'],
      ['series', 'The plan was made on another series.'],
      ['frame-of-reference', 'The plan was made in other coordinates.'],
    ] as const
  ).map(
    ([what, hazard]): AlarmRule => ({
      id: `wrong-${what}`,
      hazard,
      when: `\`planDifferences\` names \`guidance/wrong-${what}\``,
      priority: 'high',
      latching: true,
      deadline: beforeAcceptance,
      test:
        what === 'frame-of-reference'
          ? 'packages/core/src/guidance/monitor/monitor.test.ts: each rule'
          : `${FAULTS}: wrong ${what}`,
      message: `${hazard} Load what belongs together.`,
      about: 'procedure',
      holds: differsIn(`guidance/wrong-${what}`),
    }),
  ),
  {
    id: 'restored-unverified',
    hazard: 'After a crash the patient or the reference may lie otherwise.',
    when: 'the program was restored after a crash and the registration was not verified since',
    priority: 'high',
    latching: false,
    deadline: { kind: 'first-tick' },
    test: `${FAULTS}: crash at every step`,
    message: 'Restored after a crash. Touch a landmark and confirm before going on.',
    about: 'procedure',
    holds: ({ restored }) => restored,
  },
];

/** Every rule: hazard → rule → deadline → test. Printed in docs/monitor.md. */
export const ALARM_RULES: readonly AlarmRule[] = Object.freeze([...STREAMS, ...GROUNDS]);
