/** A convex probe's sector and the image it is stored in. */
export interface BModeGeometry {
  readonly columns: number;
  readonly rows: number;
  /** Edge of a pixel, mm. */
  readonly pixelMm: number;
  /** From the sector's apex, behind the probe, to its face, mm. */
  readonly startMm: number;
  readonly depthMm: number;
  /** From the middle beam to either side, rad. */
  readonly halfAngle: number;
  /** Where the beam is narrowest, mm from the face. */
  readonly focusMm: number;
}

/** A micro-convex probe as for a craniotomy: 54 mm deep, 71° wide. */
export const CRANIOTOMY_SECTOR: BModeGeometry = {
  columns: 512,
  rows: 384,
  pixelMm: 0.152,
  startMm: 12,
  depthMm: 54,
  halfAngle: 0.62,
  focusMm: 28,
};
