/** The kinds of the records beside calibrations and registration; each but the cores is one that a later one replaces. */
export const KINDS = {
  targets: 'targets',
  equipment: 'equipment',
  probe: 'probe calibration',
  sweep: 'sweep',
  match: 'image registration',
  verification: 'verification',
  core: 'core',
} as const;
