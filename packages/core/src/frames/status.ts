/**
 * What is known about a pose, in order of severity. The worst along a chain is the chain's.
 *
 * - `ok`: measured, and recent.
 * - `predicted`: extrapolated from measurements, opt-in and bounded.
 * - `unknown`: the protocol cannot say whether the tool was seen; never taken for ok.
 * - `outOfVolume`: measured outside the tracker's characterised volume.
 * - `stale`: the last measurement is older than its limit: where the tool was, not where it is.
 * - `missing`: the tracker does not see the tool. There is no pose.
 * - `disconnected`: the device is not there. There is no pose.
 */
export const STATUSES = ['ok', 'predicted', 'unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'] as const;

/** One of {@link STATUSES}. */
export type Status = (typeof STATUSES)[number];

/** How bad a status is: 0 (`ok`) … 6 (`disconnected`); also its code on the wire and in buffers. */
export function severity(status: Status): number {
  switch (status) {
    case 'ok':
      return 0;
    case 'predicted':
      return 1;
    case 'unknown':
      return 2;
    case 'outOfVolume':
      return 3;
    case 'stale':
      return 4;
    case 'missing':
      return 5;
    default:
      return 6;
  }
}

/** The more severe of two. */
export function worstStatus(a: Status, b: Status): Status {
  return severity(a) >= severity(b) ? a : b;
}

/** Whether a matrix comes with this status at all: false for `missing` and `disconnected`. */
export function hasPose(status: Status): boolean {
  return severity(status) < 5;
}

/** Whether a pose of this status may be drawn as the tool's present place: `ok` or `predicted` only. */
export function isLive(status: Status): boolean {
  return severity(status) <= 1;
}
