import { REPORT_TEXT, type ReportText } from './text.js';
import { BN_REPORT } from './text-bn.js';
import { GU_REPORT } from './text-gu.js';
import { HI_REPORT } from './text-hi.js';

/** The languages that reports, handouts and alarms are written in. */
export type ReportLanguage = 'en' | 'hi' | 'bn' | 'gu';

/** The words of a report in each of its languages. */
export const REPORT_TEXTS: Readonly<Record<ReportLanguage, ReportText>> = {
  en: REPORT_TEXT,
  hi: HI_REPORT,
  bn: BN_REPORT,
  gu: GU_REPORT,
};
