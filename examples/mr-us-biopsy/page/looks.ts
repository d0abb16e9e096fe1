/** Lesions by their order: told apart as seen usually and without one kind of cone; each carries its name as well. */
export const LESION_COLOURS = ['#f0e442', '#56b4e9', '#cc79a7', '#e69f00', '#009e73'] as const;

let font: string | undefined;

/** The fonts of the page, for what is drawn: they have the letters of every language. */
export function pageFont(): string {
  font ??= getComputedStyle(document.body).fontFamily;
  return font;
}
