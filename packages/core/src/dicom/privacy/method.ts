import { elementOf, type RawElement, textBytes } from './elements.js';
import type { Settings } from './options.js';

/** Codes of the profile and its options (PS3.16, CID 7050). */
const CODES: Readonly<Record<string, readonly [code: string, meaning: string]>> = {
  basic: ['113100', 'Basic Application Confidentiality Profile'],
  pixels: ['113101', 'Clean Pixel Data Option'],
  graphics: ['113103', 'Clean Graphics Option'],
  'structured-content': ['113104', 'Clean Structured Content Option'],
  descriptors: ['113105', 'Clean Descriptors Option'],
  'longitudinal-full': ['113106', 'Retain Longitudinal Temporal Information Full Dates Option'],
  'longitudinal-modified': ['113107', 'Retain Longitudinal Temporal Information Modified Dates Option'],
  characteristics: ['113108', 'Retain Patient Characteristics Option'],
  device: ['113109', 'Retain Device Identity Option'],
  uids: ['113110', 'Retain UIDs Option'],
  'safe-private': ['113111', 'Retain Safe Private Option'],
  institution: ['113112', 'Retain Institution Identity Option'],
};

/** What the files say was done: in Patient Identity Removed (0012,0062) and what belongs to it. */
export const METHOD_TEXT: string = 'PS3.15 Annex E by Trocar';

/** Texts that de-identified files hold by design. */
export const METHOD_WORDS: readonly string[] = [
  METHOD_TEXT,
  ...METHOD_TEXT.split(' '),
  ...Object.values(CODES).flatMap(([, m]) => [m, ...m.split(' ')]),
];

/** Tags that {@link methodElements} gives. */
export const METHOD_TAGS: ReadonlySet<number> = new Set([0x0012_0062, 0x0012_0063, 0x0012_0064, 0x0028_0303]);

/** Patient Identity Removed, De-identification Method and its codes, and what became of times (PS3.3, C.7.1.1 and C.12.1). */
export function methodElements({ retain, clean }: Settings, maskedPixels: boolean): RawElement[] {
  const chosen = ['basic', ...(maskedPixels ? ['pixels'] : []), ...clean, ...retain];
  const items = chosen.map((name) => {
    const [code, meaning] = CODES[name] as readonly [string, string];
    const elements = [
      elementOf(0x0008_0100, 'SH', textBytes('SH', code)),
      elementOf(0x0008_0102, 'SH', textBytes('SH', 'DCM')),
      elementOf(0x0008_0104, 'LO', textBytes('LO', meaning)),
    ];
    return { elements, openEnded: false };
  });
  const times = retain.has('longitudinal-full') ? 'UNMODIFIED' : retain.has('longitudinal-modified') ? 'MODIFIED' : 'REMOVED';
  return [
    elementOf(0x0012_0062, 'CS', textBytes('CS', 'YES')),
    elementOf(0x0012_0063, 'LO', textBytes('LO', METHOD_TEXT)),
    { tag: 0x0012_0064, vr: 'SQ', items, openEnded: false, implicitInside: false },
    elementOf(0x0028_0303, 'CS', textBytes('CS', times)),
  ];
}
