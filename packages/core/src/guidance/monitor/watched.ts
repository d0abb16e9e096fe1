import type { Status } from '../../frames/index.js';

/** What is known of one tool's stream. Filled anew before every tick; every number is NaN while it is not known. */
export interface ToolWatched {
  readonly name: string;
  /** Whether guidance rests on it now: a tool that is laid aside raises nothing. */
  needed: boolean;
  status: Status;
  /** Age of the newest measurement, ms. */
  ageMs: number;
  /** One period of its stream, ms. */
  periodMs: number;
  /** How much later its packets come than some seconds before: the middle of the last {@link LINK_WINDOW_MS}, ms. */
  latenessMs: number;
  /** By how much the device's clock runs faster than nominal on the host's clock: 0.001 is one ms in a second. */
  clockDrift: number;
  /** Serial or part number that the plan expects, and what the device says; undefined: not stated. */
  expectedSerial: string | undefined;
  serial: string | undefined;
  /** How far its tip was from a known divot when last held into it, mm, and the limit of that check. */
  tipOffMm: number;
  tipLimitMm: number;
}

/** What is known of the reference. */
export interface ReferenceWatched {
  /** How far it has moved against the second body since the registration: the largest over the watched points, mm. */
  movedMm: number;
  /** By how much it must have moved to be alarmed, mm. */
  limitMm: number;
  /** Movement that the noise alone may fake, mm: six standard deviations; above the limit the watch is blind. */
  noiseMm: number;
  /** Whether verification touches say that the registration has shifted (`RegistrationWatch` of the registration package). */
  touchesSayMoved: boolean;
}

/** What a registration says of itself before it is accepted. */
export interface RegistrationWatched {
  /** Code of the error it was refused with, as `registration/mirrored`; undefined where it was not. */
  refusal: string | undefined;
  /** Codes of its findings. */
  findings: readonly string[];
  /** Scale between image and tracker with one standard deviation, from a similarity fit; NaN: not judged. */
  scale: number;
  scaleSd: number;
  /** Whether landmarks that it was not made from confirmed it; undefined: none was touched. */
  verified: boolean | undefined;
}

/** What is known of a live image. */
export interface ImageWatched {
  readonly name: string;
  needed: boolean;
  /** Since its content last changed, ms: an image that comes again and again is not a new one. */
  ageMs: number;
  limitMs: number;
}

/** Everything that the rules look at: figures of the present moment, of no injector and no simulation. */
export interface Watched {
  /** The moment, ms. */
  atMs: number;
  /** Whether a registration is accepted and guidance is shown. */
  navigating: boolean;
  /** Whether the program was restored after a crash, and nobody has verified the registration since. */
  restored: boolean;
  readonly tools: readonly ToolWatched[];
  readonly reference: ReferenceWatched;
  readonly registration: RegistrationWatched;
  readonly images: readonly ImageWatched[];
  /** Codes of `planDifferences` between the plan and what it is used on; undefined: not compared yet. */
  planDifferences: readonly string[] | undefined;
}

/** A tool of which nothing is known yet. */
export function watchedTool(name: string, periodMs: number): ToolWatched {
  return {
    name,
    needed: true,
    status: 'missing',
    ageMs: Number.NaN,
    periodMs,
    latenessMs: Number.NaN,
    clockDrift: Number.NaN,
    expectedSerial: undefined,
    serial: undefined,
    tipOffMm: Number.NaN,
    tipLimitMm: 1,
  };
}

/** A live image of which nothing is known yet. */
export function watchedImage(name: string): ImageWatched {
  return { name, needed: true, ageMs: Number.NaN, limitMs: Number.NaN };
}

/** A procedure of which nothing is known yet. */
export function watched(tools: readonly ToolWatched[], images: readonly ImageWatched[] = []): Watched {
  return {
    atMs: Number.NaN,
    navigating: false,
    restored: false,
    tools,
    reference: { movedMm: Number.NaN, limitMm: Number.NaN, noiseMm: Number.NaN, touchesSayMoved: false },
    registration: { refusal: undefined, findings: [], scale: Number.NaN, scaleSd: Number.NaN, verified: undefined },
    images,
    planDifferences: undefined,
  };
}

/** Over this long {@link ToolWatched.latenessMs} is taken, ms. */
export const LINK_WINDOW_MS = 400;
