import { NavError } from '@trocar/core';

/** A NatNet version: what the layout of frames and model definitions depends on. */
export interface NatNetVersion {
  readonly major: number;
  readonly minor: number;
}

/** The newest whose layout is known; later ones are read as far as their section sizes allow. */
export const NEWEST_NATNET: NatNetVersion = { major: 4, minor: 1 };
/** Taken where nothing says otherwise. */
export const DEFAULT_NATNET: NatNetVersion = { major: 3, minor: 0 };

/** For comparisons: larger is later. */
export function versionNumber({ major, minor }: NatNetVersion): number {
  return 256 * major + minor;
}

/** `3.1` as text. */
export function versionText({ major, minor }: NatNetVersion): string {
  return `${major}.${minor}`;
}

/** @throws NavError `natnet/unsupported` for versions before 2.0, whose layout nothing public describes */
export function requireVersion(version: NatNetVersion): void {
  const { major, minor } = version;
  const good = Number.isInteger(major) && Number.isInteger(minor) && major >= 2 && major < 256 && minor >= 0 && minor < 256;
  if (good) return;
  throw new NavError('natnet/unsupported', `NatNet ${versionText(version)} cannot be read. Versions 2.0 to 4.1 can.`);
}

/**
 * How a frame of one version is laid out. For versions from 3.0 there is one way; the public descriptions of 2.x contradict each
 * other, so of those the one is taken that ends exactly where the packet ends.
 */
export interface FrameLayout {
  readonly version: number;
  /** From 4.1 each section says how many bytes it has. */
  readonly sized: boolean;
  /** Before 3.0 rigid bodies list their markers. */
  readonly bodyMarkers: boolean;
  /** Some 2.x servers put four bytes behind that list. */
  readonly bodyPadding: boolean;
  /** Before 3.0 a software latency stands before the time code. */
  readonly latency: boolean;
}

const BEFORE_3: ReadonlyArray<readonly [padding: boolean, latency: boolean]> = [
  [false, true],
  [true, false],
  [true, true],
];
const cached = new Map<number, readonly FrameLayout[]>();

/** The layouts that a version may have, the likeliest first. Made once per version. */
export function layoutsOf(version: NatNetVersion): readonly FrameLayout[] {
  const number = versionNumber(version);
  const known = cached.get(number);
  if (known !== undefined) return known;
  requireVersion(version);
  const common = { version: number, sized: number >= 0x401, bodyMarkers: number < 0x300 };
  const layouts =
    number >= 0x300
      ? [{ ...common, bodyPadding: false, latency: false }]
      : BEFORE_3.map(([bodyPadding, latency]) => ({ ...common, bodyPadding, latency }));
  cached.set(number, layouts);
  return layouts;
}
