import type { Status } from '../../frames/index.js';
import type { AlarmPhase, AlarmPriority, AlarmValues, GuidanceState } from '../../guidance/index.js';
import type { ViewState } from '../kept.js';

/** Three numbers of a point or direction in a patient frame: LPS, mm for points. */
export type Triple = readonly [number, number, number];

/** Images that observers already have: named, never sent. */
export interface LiveImage {
  /** What this session calls them: `ct`. */
  readonly name: string;
  /** DICOM UIDs; '' where the images have none. */
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly frameOfReferenceUid: string;
  /** {@link imageHash} of the voxels and their geometry, 64 small hexadecimal digits: the same images, not only the same names. */
  readonly hash: string;
}

/** A tracked tool as it was when the state was made. */
export interface LiveTool {
  readonly name: string;
  /** The frame of its pose, by its name: `ct`. */
  readonly frame: string;
  readonly status: Status;
  /** How old its measurement was, ms; NaN where that is not known. Sent in whole ms, rounded up. */
  readonly ageMs: number;
  /**
   * frameFromTool, rigid, 16 doubles, column-major, mm; undefined exactly where the status has no pose. Sent to 0.01 mm and 0.01°: see
   * {@link POSE_STEP_MM}.
   */
  readonly matrix: ArrayLike<number> | undefined;
  /** Bound of the tip's error at 95 %, mm, what sending adds included; NaN where it is not known. Rounded up. */
  readonly error95Mm: number;
}

/** One number that guides. */
export interface LiveReading {
  /** `distanceToTarget`. */
  readonly name: string;
  readonly unit: 'mm' | 'deg' | 'degC' | 'min' | 'ratio';
  /** NaN where it is not known. Sent in steps of 0.01 of the unit. */
  readonly value: number;
  /** How far off it may be at 95 %, same unit, what sending adds included; NaN where that is not known. Rounded up. */
  readonly bound95: number;
}

/**
 * An alarm that stands, without the names of who answered it. Times are ms of the operator's clock. Rule, subject and figures are the alarm in
 * no language: who looks on says it in their own (`AlarmTexts` of guidance).
 */
export interface LiveAlarm {
  readonly rule: string;
  readonly subject: string;
  readonly priority: AlarmPriority;
  readonly phase: AlarmPhase;
  /** In English, for rules that the observer's program does not know. */
  readonly message: string;
  /** What the rule saw when it raised the alarm, by names with their units: `movedMm`. Empty of an operator whose version does not send it. */
  readonly values: AlarmValues;
  readonly raisedAtMs: number;
  readonly passedAtMs: number | undefined;
  readonly acknowledgedAtMs: number | undefined;
}

/** A slice view of the operator, and what is shown in it. Axes to 0.01°, the centre to 0.01 mm, scale and window as single floats. */
export interface LiveView extends ViewState {
  readonly name: string;
  /** The image that it cuts, by {@link LiveImage.name}. */
  readonly image: string;
  /** What lies over the image: `plan`, `tumour`. */
  readonly layers: readonly string[];
}

/** The 3D view of the operator, in the frame of an image, mm. */
export interface LiveCamera {
  readonly image: string;
  readonly position: Triple;
  readonly target: Triple;
  readonly up: Triple;
  /** Vertical opening, degrees. */
  readonly openingDeg: number;
}

/** Where the operator points. To 0.01 mm. */
export interface LivePointer {
  /** The image in whose frame it is, by {@link LiveImage.name}. */
  readonly image: string;
  readonly at: Triple;
}

/** The way that is guided along. */
export interface LivePlan {
  readonly image: string;
  readonly entry: Triple;
  readonly target: Triple;
}

/** What guidance says. */
export interface LiveGuidance {
  readonly state: GuidanceState;
  /** Whether an alarm keeps the operator from accepting anything. */
  readonly blocked: boolean;
}

/** What can be proposed by an observer. */
export const PROPOSAL_KINDS = ['point', 'line', 'target', 'plan', 'text'] as const;
/** One of {@link PROPOSAL_KINDS}: a mark, a way, another target, another entry and target, or words at a place. */
export type ProposalKind = (typeof PROPOSAL_KINDS)[number];

/** What the operator accepted of somebody else. */
export interface LiveAnnotation {
  readonly id: string;
  readonly kind: ProposalKind;
  /** Who proposed it, as the relay knows them. */
  readonly by: string;
  /** DICOM Frame of Reference UID that the points are in. */
  readonly frameOfReferenceUid: string;
  /** LPS mm, to 0.01 mm. */
  readonly points: readonly Triple[];
  readonly text: string;
}

/** What became of a proposal: for who made it. */
export interface LiveVerdict {
  readonly id: string;
  readonly accepted: boolean;
  /** '' where none was given. */
  readonly reason: string;
}

/**
 * Everything that observers are shown, at one moment. Nothing in it names the patient: the pseudonym is the only name, and it is the
 * operator's to choose.
 */
export interface LiveState {
  /** What observers call the case; '' for none. */
  readonly pseudonym: string;
  readonly guidance: LiveGuidance;
  readonly images: readonly LiveImage[];
  readonly plan: LivePlan | undefined;
  readonly tools: readonly LiveTool[];
  readonly readings: readonly LiveReading[];
  readonly alarms: readonly LiveAlarm[];
  readonly views: readonly LiveView[];
  readonly camera: LiveCamera | undefined;
  readonly pointer: LivePointer | undefined;
  readonly annotations: readonly LiveAnnotation[];
  readonly verdicts: readonly LiveVerdict[];
}

/** A state in which nothing is known yet: to begin with, or to be spread into. */
export const EMPTY_LIVE_STATE: LiveState = {
  pseudonym: '',
  guidance: { state: 'noPose', blocked: false },
  images: [],
  plan: undefined,
  tools: [],
  readings: [],
  alarms: [],
  views: [],
  camera: undefined,
  pointer: undefined,
  annotations: [],
  verdicts: [],
};
