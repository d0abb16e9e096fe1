import type { Transform } from '../frames/index.js';
import type { PlanSet, StraightPlan } from '../guidance/index.js';
import type { AuditEntry } from './audit.js';
import { type ExactValue, fromExactJson } from './exact-json.js';
import { Fields } from './fields.js';
import { type AnyEdge, edgeFrom, planFrom, planSetFrom, type SessionImage, type ViewState, viewFrom } from './kept.js';

/** Who accepted something, and when. */
export interface Acceptance {
  readonly by: string;
  /** The wall clock, ISO 8601. */
  readonly utc: string;
  /** Its line in the audit log. */
  readonly line: number;
}

/** A transform that was accepted: a calibration. */
export interface AcceptedEdge extends Acceptance {
  readonly edge: AnyEdge;
}

/** How one fiducial fitted a registration, mm; NaN where it is not known. */
export interface FiducialResidual {
  readonly label: string;
  readonly residualMm: number;
  /** What was to be expected of it. */
  readonly expectedMm: number;
  /** Whether it went into the registration. */
  readonly used: boolean;
}

/** What was known of a registration's accuracy when it was accepted. Numbers that are not known are NaN. */
export interface RegistrationAccuracy {
  /** The 95 % bound of the error at the plan's target, mm. */
  readonly tre95Mm: number;
  /** Root mean square of the residuals, mm. */
  readonly freMm: number;
  /** The localisation error of one fiducial, mm. */
  readonly fleMm: number;
  readonly residuals: readonly FiducialResidual[];
  /** What the method had to say against it, in sentences. */
  readonly findings: readonly string[];
  /** A person has read the findings and accepted nevertheless. */
  readonly acknowledged: boolean;
}

/** A registration that was accepted. */
export interface AcceptedRegistration extends AcceptedEdge {
  readonly accuracy: RegistrationAccuracy;
}

/** Something else that was accepted and must not be lost: a core, a margin, a dose. */
export interface AcceptedRecord extends Acceptance {
  readonly kind: string;
  /** A later record of the same kind and id replaces this one; the log keeps both. */
  readonly id: string;
  readonly value: ExactValue;
}

/** How much an event can matter. */
const EVENT_LEVELS = ['note', 'warning', 'alarm'] as const;
/** How much an event matters. */
export type EventLevel = (typeof EVENT_LEVELS)[number];

/** Something that happened. */
export interface SessionEvent extends Acceptance {
  readonly level: EventLevel;
  /** As `tool/hidden`. */
  readonly name: string;
  readonly message: string;
  readonly data: ExactValue | undefined;
}

/** Everything that was accepted, and how the screen stood: a value that never changes. */
export interface SessionState<F extends string> {
  readonly id: string;
  /** The program and its version, as it names itself. */
  readonly software: string;
  readonly begun: Acceptance;
  readonly plan: (Acceptance & { readonly plan: StraightPlan<F> }) | undefined;
  /** The plan of several ways that {@link plan} is one of, where the application has one. */
  readonly planSet: (Acceptance & { readonly plan: PlanSet<F> }) | undefined;
  readonly registration: AcceptedRegistration | undefined;
  /** By `to from from`, as `stylus from tip`. */
  readonly calibrations: Readonly<Record<string, AcceptedEdge>>;
  /** By the view's name. */
  readonly views: Readonly<Record<string, ViewState>>;
  /** Where the procedure stands, in the program's own word; empty at first. */
  readonly step: string;
  readonly records: readonly AcceptedRecord[];
  readonly events: readonly SessionEvent[];
  /** When it was taken up again after a crash or a closing. */
  readonly restores: readonly Acceptance[];
}

/** The version of what stands in the payloads. Raised when a reader of the version before could misread a session. */
export const SESSION_VERSION = 1;

/** What each action does to the state. */
type Step = <F extends string>(
  state: SessionState<F>,
  payload: ExactValue,
  who: Acceptance,
  image: SessionImage<F>,
) => SessionState<F>;

const STEPS: Readonly<Record<string, Step>> = {
  'session/restored': (state, _, who) => ({ ...state, restores: [...state.restores, who] }),
  'session/closed': (state) => state,
  'plan/accepted': (state, payload, who, image) => ({ ...state, plan: { ...who, plan: planFrom(payload, image.frame) } }),
  'plan-set/accepted': (state, payload, who, image) => ({
    ...state,
    planSet: { ...who, plan: planSetFrom(payload, image) },
  }),
  'calibration/accepted': (state, payload, who) => {
    const edge = edgeFrom(payload);
    const key = `${edge.to.name} from ${edge.from.name}`;
    return { ...state, calibrations: { ...state.calibrations, [key]: { ...who, edge } } };
  },
  'registration/accepted': (state, payload, who) => {
    const f = new Fields(payload, 'A kept registration');
    const registration = { ...who, edge: edgeFrom(f.get('edge')), accuracy: accuracyFrom(f.get('accuracy')) };
    f.end();
    return { ...state, registration };
  },
  'registration/withdrawn': (state) => ({ ...state, registration: undefined }),
  'view/set': (state, payload) => {
    const f = new Fields(payload, 'A kept view');
    const views = { ...state.views, [f.text('name')]: viewFrom(f.get('view')) };
    f.end();
    return { ...state, views };
  },
  'step/entered': (state, payload) => ({ ...state, step: new Fields(payload, 'A kept step').text('step') }),
  'record/accepted': (state, payload, who) => {
    const f = new Fields(payload, 'A kept record');
    const record = { ...who, kind: f.text('kind'), id: f.text('id'), value: f.get('value') ?? null };
    f.end();
    const others = state.records.filter((r) => r.kind !== record.kind || r.id !== record.id);
    return { ...state, records: [...others, record] };
  },
  'event/noted': (state, payload, who) => {
    const f = new Fields(payload, 'A kept event');
    const level = f.oneOf('level', EVENT_LEVELS);
    const event = { ...who, level, name: f.text('name'), message: f.text('message'), data: f.get('data') };
    f.end();
    return { ...state, events: [...state.events, event] };
  },
};

/** Whether this version knows what an action does. */
export function isKnownAction(action: string): boolean {
  return Object.hasOwn(STEPS, action);
}

/**
 * The state after a line of the log. Live and at a restore the state comes from here alone, so that the two cannot differ.
 * @throws NavError `session/unsupported` for an action or a field of a later version, and those of what the payload holds
 */
export function stateAfter<F extends string>(state: SessionState<F>, entry: AuditEntry, image: SessionImage<F>): SessionState<F> {
  const step = STEPS[entry.action] as Step;
  return step(state, fromExactJson(entry.payload), acceptanceOf(entry), image);
}

/** Who did what a line says, and when. */
export function acceptanceOf(entry: AuditEntry): Acceptance {
  return { by: entry.actor, utc: entry.utc, line: entry.sequence };
}

/** The state that a session begins with. */
export function firstState<F extends string>(id: string, software: string, begun: Acceptance): SessionState<F> {
  return {
    id,
    software,
    begun,
    plan: undefined,
    planSet: undefined,
    registration: undefined,
    calibrations: {},
    views: {},
    step: '',
    records: [],
    events: [],
    restores: [],
  };
}

function accuracyFrom(value: ExactValue | undefined): RegistrationAccuracy {
  const f = new Fields(value, 'A kept accuracy');
  const residuals = f.list('residuals').map((one) => {
    const r = new Fields(one, 'A kept residual');
    const residual = {
      label: r.text('label'),
      residualMm: r.number('residualMm'),
      expectedMm: r.number('expectedMm'),
      used: r.flag('used'),
    };
    r.end();
    return residual;
  });
  const accuracy = {
    tre95Mm: f.number('tre95Mm'),
    freMm: f.number('freMm'),
    fleMm: f.number('fleMm'),
    residuals,
    findings: f.list('findings').map(String),
    acknowledged: f.flag('acknowledged'),
  };
  f.end();
  return accuracy;
}

/** What takes edges: a `FrameGraph`, or a `GuidanceRun`. */
export interface EdgeTaker {
  set<To extends string, From extends string>(edge: Transform<To, From>): void;
}

/**
 * Puts what was accepted into a graph: every calibration, and the registration.
 * @throws NavError `frame/cycle`, `frame/duplicate-edge`
 */
export function setAcceptedEdges<F extends string>(graph: EdgeTaker, state: SessionState<F>): void {
  for (const { edge } of Object.values(state.calibrations)) graph.set(edge);
  if (state.registration !== undefined) graph.set(state.registration.edge);
}
