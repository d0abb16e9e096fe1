/** What may go wrong without anybody meaning it. */
export type ChainFault =
  /** The scanner's zoom was changed by 1 % since the calibration. */
  | 'zoom'
  /** The phantom was drawn 1 % too large. */
  | 'drawing'
  /** Left and right of the pictures were exchanged since the calibration. */
  | 'mirrored'
  /** The depth was changed in the middle of the sweep. */
  | 'depth'
  /** The tracker did not see the probe for a fifth of the sweep. */
  | 'missing-poses'
  /** A picture came twice, with the same time. */
  | 'same-time'
  /** The calibration is another probe's of the same make: its marker sits elsewhere. */
  | 'another-probe'
  /** The MR is another patient's. */
  | 'another-patient';

export const CHAIN_FAULTS: readonly ChainFault[] = [
  'zoom',
  'drawing',
  'mirrored',
  'depth',
  'missing-poses',
  'same-time',
  'another-probe',
  'another-patient',
];
