import type { Attribute } from './dictionary.js';
import type { Settings } from './options.js';
import { OPTION_ROWS, type ProfileAction, profileAction } from './table.js';
import { BYTE_VRS, FREE_TEXT } from './values.js';

/** What becomes of one element. */
export type Outcome =
  | 'keep'
  | 'remove'
  | 'empty'
  /** Another value, which is legal whatever the attribute's type in its object. */
  | 'dummy'
  /** One item with a code that says nothing. */
  | 'dummy-code'
  | 'uid'
  /** Only the words of the list stay; `without` is done where none does. */
  | { readonly cleanOr: 'remove' | 'empty' | 'dummy' }
  /** Moved by the patient's days. */
  | 'shift'
  /** A date that stays, if it is one. */
  | 'keep-date'
  /** A sequence that stays, its items treated by the same rules. */
  | 'recurse';

const CONTENT = 0x0040_a730;
const CONTEXT = 0x0040_0555;
const TIMEZONE = 0x0008_0201;

/** Sequences to be replaced (D) that stay in their form: contents of reports and presentations, observers, references. */
const REPLACED_INSIDE: ReadonlySet<number> = new Set([CONTENT, 0x0070_0001, 0x0040_a073, 0x0008_1111, 0x0034_0001]);

/**
 * Text outside the table that is a term of the art or a vendor's and model's name. All other text outside the table is replaced:
 * stricter than the profile, which would keep it.
 */
const KEPT_TEXT: ReadonlySet<number> = new Set([
  0x0008_0070, 0x0008_1090, 0x0018_1020, 0x0008_0100, 0x0008_0102, 0x0008_0103, 0x0008_0104, 0x0008_0119, 0x0018_0024,
  0x0018_0031, 0x0018_0034, 0x0018_0085, 0x0018_1016, 0x0018_1018, 0x0018_1019, 0x0018_1070, 0x0018_1160, 0x0018_1180,
  0x0018_1210, 0x0018_1250, 0x0018_1251, 0x0018_9005, 0x0028_1054, 0x0028_1055, 0x0028_3003, 0x0028_3004, 0x0054_1101,
  0x0054_1103, 0x0054_1105,
]);

/** Bytes that are images, tables of colours, geometry or signals. Other bytes outside the table are removed. */
const KEPT_BYTES: ReadonlySet<number> = new Set([
  0x0028_1201, 0x0028_1202, 0x0028_1203, 0x0028_1204, 0x0028_1221, 0x0028_1222, 0x0028_1223, 0x0028_1224, 0x0028_1408,
  0x0028_3006, 0x0028_2000, 0x0028_1101, 0x0028_1102, 0x0028_1103, 0x0028_1104, 0x0028_3002, 0x0064_0009, 0x0066_0016,
  0x0066_0021, 0x0066_0023, 0x0066_0024, 0x0066_0025, 0x0066_0026, 0x0066_0029, 0x0066_0040, 0x0066_0041, 0x0066_0042,
  0x0066_0043, 0x7fe0_0001, 0x7fe0_0002, 0x7fe0_0008, 0x7fe0_0009, 0x7fe0_0010, 0x5400_1010, 0x5400_0110, 0x5400_0112,
  0x5400_100a,
]);

/** UIDs that name kinds of things, not things. */
const KIND_UIDS: ReadonlySet<number> = new Set([
  0x0008_0016, 0x0008_001a, 0x0008_001b, 0x0008_0062, 0x0008_1150, 0x0008_115a, 0x0400_0010, 0x0004_1510, 0x0004_1512,
]);

const DESCRIPTOR =
  /Description|Comments?$|Label|Narrative|Notes|Reason|Impressions|History|Text|Topic|ProtocolName|ContrastBolusAgent|ROIName|ContrastAgent|Alerts|TreatmentSites?$/;

/** What the settings make of an attribute of the standard. Where the table leaves a choice, see docs/privacy.md. */
export function outcomeOf(tag: number, { vr, keyword }: Attribute, settings: Settings): Outcome {
  const action = profileAction(tag);
  if (action === undefined) return unlisted(tag, vr, settings);
  return byOption(tag, vr, keyword, action, settings) ?? byProfile(tag, vr, action);
}

/** Undefined where no chosen option says anything of the attribute. */
function byOption(tag: number, vr: string, keyword: string, action: ProfileAction, settings: Settings): Outcome | undefined {
  const { retain, clean } = settings;
  const kept: Outcome = vr === 'SQ' ? 'recurse' : 'keep';
  const date = vr === 'DA' || vr === 'TM' || vr === 'DT';
  if (retain.has('uids') && vr === 'UI') return 'keep';
  if (retain.has('device') && OPTION_ROWS.device.has(tag)) return date ? byTime(settings) : kept;
  if (retain.has('institution') && OPTION_ROWS.institution.has(tag)) return kept;
  if (retain.has('characteristics') && OPTION_ROWS.characteristics.has(tag)) return kept;
  if (retain.has('characteristics') && OPTION_ROWS.cleanedCharacteristics.has(tag)) return { cleanOr: 'remove' };
  if (tag === TIMEZONE && (retain.has('longitudinal-full') || retain.has('longitudinal-modified'))) return 'keep';
  if (date && !OPTION_ROWS.neverDates.has(tag)) return byTime(settings);
  if (tag === CONTEXT && clean.has('structured-content')) return 'recurse';
  if (!clean.has('descriptors') || !FREE_TEXT.has(vr) || !DESCRIPTOR.test(keyword)) return undefined;
  return { cleanOr: action === 'X' ? 'remove' : action === 'Z' || action === 'X/Z' ? 'empty' : 'dummy' };
}

function byTime({ retain }: Settings): Outcome | undefined {
  if (retain.has('longitudinal-full')) return 'keep-date';
  return retain.has('longitudinal-modified') ? 'shift' : undefined;
}

/** The profile's own column; of several actions the one that is legal whatever the attribute's type: D before Z before X. */
function byProfile(tag: number, vr: string, action: ProfileAction): Outcome {
  if (action === 'X') return 'remove';
  if (action === 'Z' || action === 'X/Z') return 'empty';
  if (action === 'X/Z/U*') return 'recurse';
  if (action === 'U' || vr === 'UI') return 'uid';
  if (vr !== 'SQ') return 'dummy';
  if (REPLACED_INSIDE.has(tag)) return 'recurse';
  return action === 'D' || action === 'Z/D' ? 'dummy-code' : 'remove';
}

/** What the table does not name, and would keep: only what can say nothing of a person stays. */
function unlisted(tag: number, vr: string, settings: Settings): Outcome {
  if (vr === 'SQ') return 'recurse';
  if (vr === 'UI') return KIND_UIDS.has(tag) || settings.retain.has('uids') ? 'keep' : 'uid';
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') return byTime(settings) ?? 'dummy';
  if (vr === 'PN' || vr === 'AE' || vr === 'UR') return 'dummy';
  if (FREE_TEXT.has(vr)) {
    if (KEPT_TEXT.has(tag)) return 'keep';
    return settings.clean.has('descriptors') ? { cleanOr: 'dummy' } : 'dummy';
  }
  if (BYTE_VRS.has(vr)) return KEPT_BYTES.has(tag) ? 'keep' : 'remove';
  return 'keep';
}
