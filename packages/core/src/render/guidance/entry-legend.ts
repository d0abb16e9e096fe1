import type { Status } from '../../frames/index.js';
import { formatNumber, UNKNOWN } from '../../guidance/index.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import { ENTRY_KINDS, ENTRY_LOOKS, SCORE_COLOURS } from './entry-looks.js';
import type { EntryMap } from './entry-map.js';
import type { GuidanceGraphic } from './graphic.js';
import { swatch } from './hatch.js';
import { ReadoutTable } from './readout-table.js';

/** The legend of an {@link EntryMap} as an element of the page: each kind with its look and how many entries are of it. Give it to the stage after the map. */
export class EntryLegend<F extends string> implements GuidanceGraphic {
  readonly element: HTMLElement;
  readonly #map: EntryMap<F>;
  readonly #table: ReadoutTable;

  /** Appends itself to an element. */
  constructor(host: HTMLElement, map: EntryMap<F>) {
    this.#map = map;
    const marks = ENTRY_KINDS.map((kind) => ({
      mark: kind === 'possible' ? scoreBar() : swatch(ENTRY_LOOKS[kind]),
    }));
    this.#table = new ReadoutTable(host, [...marks, {}], 1);
    this.element = this.#table.element;
    this.setWords(ENGLISH_WORDS);
    this.settle();
  }

  get status(): Status {
    return this.#map.status;
  }

  settle(): void {
    const known = this.#map.status === 'ok';
    for (const [n, kind] of ENTRY_KINDS.entries()) this.#table.set(n, 0, known ? `${this.#map.count(kind)}` : UNKNOWN);
    const [least, best] = this.#map.scores;
    const text = Number.isNaN(best) ? UNKNOWN : `${formatNumber(least, 2)} – ${formatNumber(best, 2)}`;
    this.#table.set(ENTRY_KINDS.length, 0, text);
  }

  setWords({ entries: { legend, kinds, scores } }: DrawnWords): void {
    this.#table.speak(legend, [...ENTRY_KINDS.map((kind) => kinds[kind]), scores]);
  }

  dispose(): void {
    this.#table.dispose();
  }
}

/** From the least score's colour to the best's. */
function scoreBar(): HTMLElement {
  const bar = document.createElement('span');
  const [least, best] = SCORE_COLOURS;
  bar.style.cssText = `width:34px;height:20px;border-radius:3px;background:linear-gradient(90deg,${least},${best})`;
  bar.setAttribute('aria-hidden', 'true');
  return bar;
}
