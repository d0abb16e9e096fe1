import { FONT } from '../label.js';
import { PALETTE } from '../palette.js';

/** A row: a picture or nothing, then words, and as many figures as there are columns. */
export interface ReadoutRow {
  readonly mark?: HTMLElement;
}

/** A small table of figures beside the pictures. Its figures have digits of one width and stand at the right; texts are set only where they change. */
export class ReadoutTable {
  readonly element: HTMLTableElement;
  readonly #cells: HTMLTableCellElement[][] = [];
  readonly #words: Text[] = [];

  /** Appends itself to an element; {@link speak} gives it its words. */
  constructor(host: HTMLElement, rows: readonly ReadoutRow[], columns: number) {
    const table = document.createElement('table');
    table.style.cssText =
      `border-collapse:collapse;color:${PALETTE.text};background:${PALETTE.background};` +
      `font:600 14px ${FONT};font-variant-numeric:tabular-nums`;
    table.createCaption();
    (table.caption as HTMLElement).style.cssText = `text-align:left;padding:2px 6px;color:${PALETTE.quietText}`;
    for (const row of rows) this.#add(table, row, columns);
    this.element = table;
    host.append(table);
  }

  /** Sets the words of every row. @param name what stands above it, and what a screen reader calls it */
  speak(name: string, words: readonly string[]): void {
    (this.element.caption as HTMLElement).textContent = name;
    for (const [n, text] of this.#words.entries()) text.data = words[n] ?? '';
  }

  /** Sets a figure, and its colour. */
  set(row: number, column: number, text: string, colour: string = PALETTE.text): void {
    const cell = this.#cells[row]?.[column];
    if (cell === undefined) return;
    if (cell.textContent !== text) cell.textContent = text;
    if (cell.dataset['colour'] === colour) return;
    cell.dataset['colour'] = colour;
    cell.style.color = colour;
  }

  dispose(): void {
    this.element.remove();
  }

  #add(table: HTMLTableElement, { mark }: ReadoutRow, columns: number): void {
    const line = table.insertRow();
    const head = document.createElement('th');
    head.scope = 'row';
    head.style.cssText = 'text-align:left;font-weight:600;padding:2px 6px';
    const inner = document.createElement('span');
    inner.style.cssText = 'display:flex;gap:8px;align-items:center';
    if (mark !== undefined) inner.append(mark);
    const text = document.createTextNode('');
    this.#words.push(text);
    inner.append(text);
    head.append(inner);
    line.append(head);
    this.#cells.push(
      Array.from({ length: columns }, () => {
        const cell = line.insertCell();
        cell.style.cssText = 'text-align:right;padding:2px 6px;white-space:nowrap';
        return cell;
      }),
    );
  }
}
