import type { Status } from '../frames/index.js';

/** What has a colour of its own. */
export type PaletteName =
  | 'background'
  | 'gap'
  | 'text'
  | 'quietText'
  | 'crosshair'
  | 'tool'
  | 'plan'
  | 'target'
  | 'fiducial'
  | 'alarm'
  | 'predicted'
  | 'stale'
  | 'clear'
  | 'unknown'
  | 'skin'
  | 'second';

/**
 * Colours of the stage: Okabe and Ito's set (2008, "Color Universal Design"), told apart with the common colour
 * vision deficiencies, on a near-black ground; `predicted` lighter and `stale` darker than theirs would be, for without the green
 * cones their pink is a grey. sRGB, `#rrggbb`.
 */
export const PALETTE: Readonly<Record<PaletteName, string>> = {
  background: '#0b0e12',
  gap: '#232b35',
  text: '#e6edf5',
  quietText: '#9fb0c2',
  crosshair: '#8fa6bd',
  tool: '#56b4e9',
  plan: '#f0e442',
  target: '#e69f00',
  fiducial: '#2fbf93',
  alarm: '#d55e00',
  predicted: '#d587b3',
  stale: '#747f8a',
  clear: '#0f8f6a',
  unknown: '#ffffff',
  skin: '#c9b3a2',
  second: '#c4f04c',
};

/** How a line is broken up, in CSS pixels: drawn, then left out. Absent: one solid line. */
export type Dash = readonly [on: number, off: number];

/** How a tool of some status is drawn. Colour and form both differ, so neither has to be seen to read the other. */
export interface StatusStyle {
  /** `#rrggbb`, sRGB. */
  readonly colour: string;
  /** Filled body, only its outline, or nothing at all. */
  readonly form: 'solid' | 'hollow' | 'none';
  readonly dash: Dash | undefined;
  /** 0 … 1 */
  readonly opacity: number;
}

const NOT_DRAWN: StatusStyle = { colour: PALETTE.alarm, form: 'none', dash: undefined, opacity: 0 };

const STYLES: Readonly<Record<Status, StatusStyle>> = {
  ok: { colour: PALETTE.tool, form: 'solid', dash: undefined, opacity: 1 },
  predicted: { colour: PALETTE.predicted, form: 'solid', dash: [14, 5], opacity: 1 },
  unknown: { colour: PALETTE.unknown, form: 'hollow', dash: [10, 5], opacity: 0.9 },
  outOfVolume: { colour: PALETTE.alarm, form: 'hollow', dash: [5, 5], opacity: 1 },
  stale: { colour: PALETTE.stale, form: 'hollow', dash: [4, 6], opacity: 0.9 },
  missing: NOT_DRAWN,
  disconnected: NOT_DRAWN,
};

/** The drawing of a tool of that status; form `none` where there is no pose to draw. */
export function statusStyle(status: Status): StatusStyle {
  return STYLES[status];
}

/** Red, green and blue of `#rrggbb`, 0 … 1, sRGB as displayed. */
export function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [((n >> 16) & 255) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}
