import { NavError } from '../../base/index.js';

/** What is kept beyond the Basic Profile (PS3.15, E.3). The two about time exclude each other. */
export const RETAIN_OPTIONS = [
  'uids',
  'device',
  'institution',
  'characteristics',
  'longitudinal-full',
  'longitudinal-modified',
  'safe-private',
] as const;
export type RetainOption = (typeof RETAIN_OPTIONS)[number];

/** What is cleaned instead of removed (PS3.15, E.3). */
export const CLEAN_OPTIONS = ['descriptors', 'graphics', 'structured-content'] as const;
export type CleanOption = (typeof CLEAN_OPTIONS)[number];

/** A part of every frame that is painted over: columns and rows of pixels from the upper left corner. */
export interface PixelRectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A private element that is known to identify nobody: its block's creator, the group, and the element's last two digits. */
export interface SafePrivate {
  readonly creator: string;
  /** Odd: `0x0019`. */
  readonly group: number;
  /** `0x0c` for (0019,xx0C). */
  readonly element: number;
}

/**
 * What happens to images that may show who the patient is: refused with `dicom/burned-in` (the default), painted over, or passed
 * because a person has looked at them.
 */
export type BurnedInAnswer =
  | 'refuse'
  | { readonly mask: readonly PixelRectangle[] }
  /** Who looked, as the site names people; goes into the report, not into the files. */
  | { readonly reviewedBy: string };

/** How to de-identify. */
export interface DeidentifyOptions {
  /**
   * Secret, at least 32 bytes: UIDs, pseudonyms and shifts of dates follow from it, so that runs on different days agree.
   * Default: a new one each time, whose results agree with no other run's.
   */
  readonly key?: Uint8Array;
  readonly retain?: readonly RetainOption[];
  readonly clean?: readonly CleanOption[];
  /** Dates move by whole weeks, so that days of the week stay. Default false. */
  readonly keepWeekday?: boolean;
  /** Words that descriptors keep, beside the usual ones of imaging; upper and lower case are the same. */
  readonly descriptorWords?: readonly string[];
  /** Goes with `retain: ['safe-private']`. */
  readonly safePrivate?: readonly SafePrivate[];
  readonly burnedIn?: BurnedInAnswer;
  /** More that must not be left anywhere: names on forms, numbers of other systems. At least three characters each. */
  readonly identifiers?: readonly string[];
  /** Ends the work early with `io/aborted`. */
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 to 1. */
  readonly progress?: (fraction: number) => void;
}

/** Options, each with a value. */
export interface Settings {
  readonly retain: ReadonlySet<RetainOption>;
  readonly clean: ReadonlySet<CleanOption>;
  readonly keepWeekday: boolean;
  readonly words: ReadonlySet<string>;
  readonly safePrivate: readonly SafePrivate[];
  readonly burnedIn: BurnedInAnswer;
  readonly identifiers: readonly string[];
}

/** Shortest key, bytes: as long as what HMAC-SHA256 gives (RFC 2104, 3). */
const SHORTEST_KEY = 32;

/** Words of imaging that name no one. */
const USUAL_WORDS =
  'ABDOMEN ADC ANGIO AORTA ARM ARTERIAL AX AXIAL BASE BONE BRAIN BREAST CHEST CINE CONTRAST COR CORONAL CT DELAYED DIFFUSION DWI DYNAMIC ' +
  'ELBOW EPI FAST FLAIR FOOT GRE HAND HEAD HEART HELICAL HIP KIDNEY KNEE LEFT LEG LIVER LOCALIZER LUMBAR LUNG MPR MR MRI NATIVE NECK NM ' +
  'OBLIQUE PANCREAS PELVIS PERFUSION PET PHASE PLANE PLANNING PORTAL POST PRE PROSTATE PROTON RECON RIGHT SAG SAGITTAL SCAN SCOUT SEQ SERIES ' +
  'SHOULDER SKULL SOFT SPINE SPLEEN STUDY T1 T1W T2 T2W TFE THIN THICK THORAX TISSUE TSE TUMOR TUMOUR ULTRASOUND US VENOUS VOLUME WITH WITHOUT';

/** @throws NavError `privacy/bad-option` */
export function settingsOf(options: DeidentifyOptions): Settings {
  const retain = new Set(listed(options.retain ?? [], RETAIN_OPTIONS, 'retain'));
  const clean = new Set(listed(options.clean ?? [], CLEAN_OPTIONS, 'clean'));
  if (retain.has('longitudinal-full') && retain.has('longitudinal-modified')) {
    throw bad('retain', 'dates are either kept (longitudinal-full) or shifted (longitudinal-modified), not both');
  }
  if (options.key !== undefined && options.key.length < SHORTEST_KEY) {
    throw bad('key', `it has ${options.key.length} bytes; take ${SHORTEST_KEY} random ones or more`);
  }
  const safePrivate = options.safePrivate ?? [];
  if (retain.has('safe-private') !== safePrivate.length > 0) {
    throw bad('safePrivate', 'the option safe-private and a list of safe elements go together');
  }
  for (const safe of safePrivate) requireSafe(safe);
  const identifiers = options.identifiers ?? [];
  if (identifiers.some((text) => text.trim().length < 3)) throw bad('identifiers', 'each has at least three characters');
  const words = new Set([...USUAL_WORDS.split(' '), ...(options.descriptorWords ?? []).map((word) => word.toUpperCase())]);
  const burnedIn = options.burnedIn ?? 'refuse';
  requireAnswer(burnedIn);
  return { retain, clean, keepWeekday: options.keepWeekday ?? false, words, safePrivate, burnedIn, identifiers };
}

function listed<T extends string>(given: readonly T[], known: readonly T[], option: string): readonly T[] {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) throw bad(option, `"${unknown}" is none of ${known.join(', ')}`);
  return given;
}

function requireSafe({ creator, group, element }: SafePrivate): void {
  const odd = Number.isInteger(group) && group > 8 && group <= 0xffff && (group & 1) === 1;
  if (creator !== '' && odd && Number.isInteger(element) && element >= 0 && element <= 0xff) return;
  throw bad('safePrivate', 'each has a creator, an odd group and the last two digits of the element');
}

function requireAnswer(answer: BurnedInAnswer): void {
  if (answer === 'refuse') return;
  if ('reviewedBy' in answer) {
    if (answer.reviewedBy.trim() === '') throw bad('burnedIn', 'who looked at the images must be named');
    return;
  }
  const whole = answer.mask.flatMap(({ x, y, width, height }) => [x, y, width - 1, height - 1]);
  if (whole.length > 0 && whole.every((n) => Number.isInteger(n) && n >= 0)) return;
  throw bad('burnedIn', 'a mask has rectangles of whole pixels inside the image');
}

function bad(option: string, why: string): NavError {
  return new NavError('privacy/bad-option', `De-identification cannot begin: ${option}: ${why}.`, { detail: { option } });
}
