import { type Frame, NavError, type Status } from '@trocar/core';
import { rigidityError } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { type CoverageGauge, RunningPivot } from './coverage-gauge.js';
import { calibratePivot, PIVOT_RULES, type PivotCalibration, type PivotOptions } from './pivot.js';
import { requireShown } from './poses.js';

/** How {@link PivotCollector} collects. */
export interface PivotCollectorOptions extends PivotOptions {
  /** Poses kept. Default 600. Once they are there, a new pose replaces one of the orientation recorded most often. */
  readonly capacity?: number;
  /** The tilt from the middle that counts as full coverage of a sector, rad. Default 30°. */
  readonly targetRad?: number;
}

const RIGID_WITHIN = 1e-3;
/** Elements of a rotation are rounded to thirds: orientations within about 20° share a cell. */
const STEPS = 7;
const CELLS = STEPS ** 6;

/**
 * Collects a pivot recording while it is made: keeps poses that show the tool in new orientations, tells how much of the
 * cone was visited and where to tilt next, and calibrates at the end. `add` allocates nothing.
 */
export class PivotCollector<To extends string, From extends string, Tip extends string> {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
  readonly tip: Frame<Tip>;
  readonly #options: PivotCollectorOptions;
  readonly #capacity: number;
  readonly #matrices: Float64Array;
  readonly #times: Float64Array;
  /** When a kept pose came: its number among all given. */
  readonly #order: Float64Array;
  readonly #cells: Uint32Array;
  readonly #perCell = new Uint16Array(CELLS);
  readonly #running: RunningPivot;
  readonly #last = new Float64Array(16);
  #kept = 0;
  #given = 0;
  #seen = 0;
  #untold = 0;

  /** @throws NavError `calibration/bad-option` */
  constructor(
    frames: { readonly to: Frame<To>; readonly from: Frame<From>; readonly tip: Frame<Tip> },
    options: PivotCollectorOptions = {},
  ) {
    this.to = frames.to;
    this.from = frames.from;
    this.tip = frames.tip;
    this.#options = options;
    this.#capacity = options.capacity ?? 600;
    const target = options.targetRad ?? Math.PI / 6;
    if (
      !(
        Number.isInteger(this.#capacity) &&
        this.#capacity >= 20 &&
        this.#capacity <= 20_000 &&
        target > 0 &&
        target < Math.PI / 2
      )
    ) {
      throw new NavError(
        'calibration/bad-option',
        `A pivot collector needs a capacity of 20 … 20000 and a target of 0 … 90°, got ${this.#capacity} and ${target} rad.`,
      );
    }
    this.#matrices = new Float64Array(16 * this.#capacity);
    this.#times = new Float64Array(this.#capacity);
    this.#order = new Float64Array(this.#capacity);
    this.#cells = new Uint32Array(this.#capacity);
    this.#running = new RunningPivot(frames.to.name, target);
  }

  /** Poses given so far. */
  get given(): number {
    return this.#given;
  }

  /** Of these, measured. */
  get seen(): number {
    return this.#seen;
  }

  /** Of these, kept. */
  get kept(): number {
    return this.#kept;
  }

  /**
   * Takes one pose as it comes; the matrix is copied. What is not measured or not rigid is counted as hidden.
   * @param matrix to-from-marker, 16 numbers, column-major, mm; not looked at where the status says that there is none
   * @returns whether the pose was kept
   */
  add(matrix: ArrayLike<number>, status: Status, timeMs: number): boolean {
    this.#given += 1;
    if (status === 'unknown') this.#untold += 1;
    if (!(status === 'ok' || (status === 'unknown' && this.#options.acceptUnknown === true))) return false;
    if (!(rigidityError(matrix) <= RIGID_WITHIN)) return false;
    this.#seen += 1;
    if (!this.#isNew(matrix)) return false;
    const cell = cellOf(matrix);
    const place = this.#kept < this.#capacity ? this.#kept++ : this.#replaceable(cell);
    if (place < 0) return false;
    const start = 16 * place;
    for (let i = 0; i < 16; i += 1) this.#matrices[start + i] = matrix[i] as number;
    this.#times[place] = timeMs;
    this.#order[place] = this.#given;
    this.#cells[place] = cell;
    this.#perCell[cell] = (this.#perCell[cell] as number) + 1;
    this.#running.add(this.#matrices, start, 1);
    return true;
  }

  /** Whether the matrix differs from the one before at all. */
  #isNew(matrix: ArrayLike<number>): boolean {
    let same = true;
    for (let i = 0; i < 16; i += 1) {
      if (this.#last[i] !== matrix[i]) same = false;
      this.#last[i] = matrix[i] as number;
    }
    return !same;
  }

  /** The place of the oldest pose of the fullest cell, freed; −1 where the new pose's own cell is as full. */
  #replaceable(cell: number): number {
    let place = 0;
    for (let k = 1; k < this.#capacity; k += 1) {
      const more = this.#count(k) - this.#count(place);
      if (more > 0 || (more === 0 && (this.#order[k] as number) < (this.#order[place] as number))) place = k;
    }
    if ((this.#perCell[cell] as number) >= this.#count(place)) return -1;
    const old = this.#cells[place] as number;
    this.#perCell[old] = (this.#perCell[old] as number) - 1;
    this.#running.add(this.#matrices, 16 * place, -1);
    return place;
  }

  #count(place: number): number {
    return this.#perCell[this.#cells[place] as number] as number;
  }

  /**
   * What has been covered, and where to tilt next. Worked out anew from the poses kept (under a millisecond for 600): once
   * per drawn frame, not per pose. The object is reused by the next call.
   */
  gauge(): CoverageGauge {
    return this.#running.gauge(this.#matrices, this.#kept);
  }

  /**
   * Calibrates from the poses kept.
   * @throws NavError as {@link calibratePivot}
   */
  finish(): PivotCalibration<To, From, Tip> {
    const rules = {
      ...PIVOT_RULES,
      ...(this.#options.acceptUnknown !== undefined && { acceptUnknown: this.#options.acceptUnknown }),
    };
    if (this.#given > 0) requireShown(this.from.name, { given: this.#given, seen: this.#seen, untold: this.#untold }, rules);
    const places = Array.from({ length: this.#kept }, (_, k) => k).sort((a, b) => at(this.#order, a) - at(this.#order, b));
    const poses = places.map((k) => ({ matrix: this.#matrices.slice(16 * k, 16 * k + 16), timeMs: at(this.#times, k) }));
    return calibratePivot({ to: this.to, from: this.from, poses }, this.tip, this.#options);
  }

  /** Forgets everything, to record again. */
  reset(): void {
    this.#kept = this.#given = this.#seen = this.#untold = 0;
    this.#perCell.fill(0);
    this.#last.fill(0);
    this.#running.reset();
  }
}

/** The cell of an orientation: its first two columns, rounded to thirds. */
function cellOf(m: ArrayLike<number>): number {
  let cell = 0;
  for (let i = 0; i < 7; i += 1) if (i !== 3) cell = STEPS * cell + Math.round(3 * (m[i] as number)) + 3;
  return cell;
}
