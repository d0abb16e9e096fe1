import { NavError } from '../../base/index.js';
import type { Space } from '../space.js';

/** One point as its file has it, before axes and unit are settled. */
export interface RawPoint {
  /** Empty where the file gives none. */
  readonly label: string;
  /** Three numbers in the file's axes and unit; NaN where the point has no place. */
  readonly xyz: Float64Array;
  /** Standard deviation along each axis, in the file's unit. */
  readonly sd?: number;
  /** 3×3, in the file's axes, in its unit squared. */
  readonly covariance?: Float64Array;
  readonly defined: boolean;
  readonly visible: boolean;
  readonly selected: boolean;
}

/** One list of points as its file has it. */
export interface RawList {
  /** What the file calls the list, where it can hold several. */
  readonly name: string;
  readonly points: readonly RawPoint[];
  readonly space: Space | undefined;
  readonly unit: Unit | undefined;
  /** Columns that were not read. */
  readonly ignored: readonly string[];
  /** Lines that begin as comments do, but hold a point. */
  readonly commented?: readonly number[];
}

/** Units that a point file may declare, in mm. */
export const UNITS = { mm: 1, cm: 10, m: 1000, um: 0.001 } as const;
export type Unit = keyof typeof UNITS;

const WORDS: Readonly<Record<string, Unit>> = {
  mm: 'mm',
  millimeter: 'mm',
  millimetre: 'mm',
  millimeters: 'mm',
  millimetres: 'mm',
  cm: 'cm',
  centimeter: 'cm',
  centimetre: 'cm',
  centimeters: 'cm',
  centimetres: 'cm',
  m: 'm',
  meter: 'm',
  metre: 'm',
  meters: 'm',
  metres: 'm',
  um: 'um',
  µm: 'um',
  μm: 'um',
  micrometer: 'um',
  micrometre: 'um',
  micrometers: 'um',
  micrometres: 'um',
};

/** @throws NavError `points/unit-unknown` */
export function unitOf(word: string, name: string): Unit {
  const key = word.trim().toLowerCase();
  const unit = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
  if (unit !== undefined) return unit;
  throw new NavError(
    'points/unit-unknown',
    `"${name}" gives its coordinates in "${word.slice(0, 40)}". Write them in mm, cm or m.`,
    {
      detail: { file: name, unit: word },
    },
  );
}

/** `RAS`, `LPS`, and the numbers 0 and 1 that 3D Slicer wrote for them. @throws NavError `points/space-unknown` */
export function spaceOf(word: string, name: string): Space {
  const key = word.trim().toUpperCase();
  if (key === 'RAS' || key === '0') return 'RAS';
  if (key === 'LPS' || key === '1') return 'LPS';
  throw new NavError(
    'points/space-unknown',
    `"${name}" gives its coordinates in the axes "${word.slice(0, 40)}", which are neither RAS nor LPS. Say which they are (option space).`,
    { detail: { file: name, space: word } },
  );
}

/** A finite decimal number, as a point file must have it; no hexadecimal, no Infinity. */
export function numberOf(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

/** A refusal that says where. */
export function badRow(name: string, line: number, what: string): NavError<'points/bad-row'> {
  return new NavError('points/bad-row', `"${name}", line ${line}: ${what}.`, { detail: { file: name, line } });
}

export function notAList(name: string, what: string): NavError<'points/not-a-point-list'> {
  return new NavError('points/not-a-point-list', `"${name}" is no list of points: ${what}.`, { detail: { file: name } });
}

/** A point with a place, with what is usual for all else. */
export function definedPoint(label: string, xyz: ArrayLike<number>, more: { sd?: number } = {}): RawPoint {
  return { label, xyz: Float64Array.from(xyz), ...more, defined: true, visible: true, selected: true };
}
