import type { Status } from '../../frames/index.js';
import { type AblationCoverage, formatMm, formatMmWithin, type MarginMap, UNKNOWN } from '../../guidance/index.js';
import { PALETTE } from '../palette.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { formatLeast } from './avoid.js';
import { ALARM_TEXT, type GuidanceGraphic } from './graphic.js';
import { swatch } from './hatch.js';
import { MARGIN_STEPS, marginShares } from './margin-steps.js';
import type { MarginSurface } from './margin-surface.js';
import { formatProbability, formatProbabilityBound } from './probability.js';
import { ReadoutTable } from './readout-table.js';

/** Characters of a length with its unit, so that columns stand still: `−12.3 mm`. */
const FIELD = 8;
const LEAST = MARGIN_STEPS.length;

/**
 * The legend of a {@link MarginSurface} as an element of the page: each step with its colour and hatch, its millimetres and the part of the
 * surface in it; the least margin with its 95 % bound. It says what the surface shows: dashes, and why, while that shows no margins. Give it to the
 * stage after the surface.
 */
export class MarginLegend<in out F extends string> implements GuidanceGraphic {
  readonly element: HTMLElement;
  readonly #surface: MarginSurface<F>;
  readonly #table: ReadoutTable;
  #words = ENGLISH_WORDS;
  #written: { readonly map: MarginMap<F> | undefined; readonly bound: number; readonly status: Status } | undefined;

  /** Appends itself to an element. */
  constructor(host: HTMLElement, surface: MarginSurface<F>) {
    this.#surface = surface;
    this.#table = new ReadoutTable(host, [...MARGIN_STEPS.map((step) => ({ mark: swatch(step) })), {}, {}], 1);
    this.element = this.#table.element;
    this.setWords(ENGLISH_WORDS);
  }

  get status(): Status {
    return this.#surface.status;
  }

  settle(): void {
    const { map, leastBoundMm, status } = this.#surface;
    const before = this.#written;
    if (before?.map === map && Object.is(before?.bound, leastBoundMm) && before?.status === status) return;
    this.#write();
  }

  setWords(words: DrawnWords): void {
    this.#words = words;
    const { marginLegend, marginSteps, leastMargin, leastMarginBound } = words;
    this.#table.speak(marginLegend[this.#surface.kind], [...marginSteps, leastMargin, leastMarginBound]);
    this.#write();
  }

  dispose(): void {
    this.#table.dispose();
  }

  #write(): void {
    const { map, leastMm, leastBoundMm: bound, status } = this.#surface;
    this.#written = { map, bound, status };
    const shares = map && marginShares(map);
    for (let n = 0; n < LEAST; n += 1) this.#table.set(n, 0, formatProbability(shares?.[n] ?? Number.NaN));
    const colour = leastMm < 0 ? ALARM_TEXT : PALETTE.text;
    this.#table.set(LEAST, 0, map === undefined ? this.#words.status[status] || UNKNOWN : formatMmWithin(leastMm, FIELD), colour);
    this.#table.set(
      LEAST + 1,
      0,
      map === undefined ? UNKNOWN : Number.isNaN(bound) ? this.#words.errorUnknown : formatLeast(bound),
    );
  }
}

/**
 * How probable it is that a zone covers all of a target, and with which margin, in words and whole percent: the probability and what the
 * sampling leaves it not below with 95 %. Dashes where it is not known, for instance because the zone's pose is not live.
 */
export class CoverageReadout {
  readonly element: HTMLElement;
  readonly #table: ReadoutTable;
  readonly #marginsMm: readonly number[];

  /** Appends itself to an element. @param marginsMm a row each, in this order. Default complete coverage, and with 5 mm */
  constructor(host: HTMLElement, marginsMm: readonly number[] = [0, 5]) {
    this.#marginsMm = marginsMm;
    this.#table = new ReadoutTable(
      host,
      marginsMm.map(() => ({})),
      2,
    );
    this.element = this.#table.element;
    this.setWords(ENGLISH_WORDS);
    this.show([]);
  }

  /** Says everything in these words. It is no graphic of a stage, which hands them in to its own. */
  setWords({ coverage: { name, all, around } }: DrawnWords): void {
    this.#table.speak(
      name,
      this.#marginsMm.map((mm) => (mm === 0 ? all : around(formatMm(mm, 0)))),
    );
  }

  /** @param coverages those with one of its margins are shown; the others, and all that is absent, are not known */
  show(coverages: readonly AblationCoverage[]): void {
    for (const [row, mm] of this.#marginsMm.entries()) {
      const found = coverages.find((c) => c.marginMm === mm);
      this.#table.set(row, 0, formatProbability(found?.probability ?? Number.NaN));
      const bound = formatProbabilityBound(found?.probability ?? Number.NaN, found?.standardError ?? Number.NaN);
      this.#table.set(row, 1, found === undefined ? '' : bound, PALETTE.quietText);
    }
  }

  dispose(): void {
    this.#table.dispose();
  }
}
