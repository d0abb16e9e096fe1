import type { PatientIdentity } from '../../volume/index.js';
import type { AuditEntry, AuditHead } from '../audit.js';
import type { SessionState } from '../state.js';
import type { ReportText } from './text.js';

/** A picture of a report. */
export interface ReportPicture {
  /** A PNG or JPEG as a data URL, as `canvas.toDataURL()` gives it. */
  readonly dataUrl: string;
  readonly caption: string;
}

/** A table that the application adds: cores, margins, doses. */
export interface ReportTable {
  readonly title: string;
  readonly columns: readonly {
    readonly label: string;
    /** As `mm`; stands in the head. */
    readonly unit?: string;
    /** Decimals of its numbers, 0 … 6. Default 1. */
    readonly decimals?: number;
  }[];
  /** A text, or a number; NaN is shown as not known. */
  readonly rows: readonly (readonly (string | number)[])[];
  /** The kind of records that this table shows, so that they are not shown a second time. */
  readonly kind?: string;
}

/** What a report is made of. */
export interface ReportInput<F extends string> {
  readonly state: SessionState<F>;
  /** From {@link Session.audit}, checked: entries and head of the same log. */
  readonly audit: { readonly entries: readonly AuditEntry[]; readonly head: AuditHead };
  /** As the images say; a session does not keep it. */
  readonly patient?: PatientIdentity;
  readonly images?: { readonly modality?: string; readonly description?: string; readonly frameOfReferenceUid?: string };
  readonly pictures?: readonly ReportPicture[];
  readonly tables?: readonly ReportTable[];
  /** When it is made. */
  readonly made: Date;
  /** Default: English. */
  readonly text?: ReportText;
}
