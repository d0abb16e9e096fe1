/** Who a pseudonym is. */
export interface PseudonymPatient {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  /** `19610203`, or ''. */
  readonly birthDate: string;
  readonly pseudonym: string;
  /** Days that the dates were moved; original = shifted − this. Zero effect where dates were not kept. */
  readonly shiftDays: number;
}

/** The way back from pseudonyms. */
export interface PseudonymTable {
  readonly patients: readonly PseudonymPatient[];
  readonly uids: readonly { readonly original: string; readonly pseudonym: string }[];
}
