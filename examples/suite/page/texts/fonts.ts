/** Of each script: the family of `fonts.css` that has it, and letters that show whether it is there. */
const SCRIPTS: Readonly<Record<string, { readonly family: string; readonly letters: string }>> = {
  hi: { family: 'Noto Sans Devanagari', letters: 'कि' },
  bn: { family: 'Noto Sans Bengali', letters: 'কি' },
  gu: { family: 'Noto Sans Gujarati', letters: 'કિ' },
};

/** A page that waits for letters this long, ms, goes on with those of the system. */
const LONGEST_MS = 5000;

/** Whether a language's letters are there to be drawn. */
export function hasLetters(tag: string): boolean {
  const script = SCRIPTS[tag];
  return script === undefined || document.fonts.check(`16px "${script.family}"`, script.letters);
}

/**
 * Fetches a language's letters from the page's own server. To be awaited before anything is said in it: what a canvas has drawn with the
 * letters of the system, or with boxes, would stay so. Never fails: without them the system's letters are taken.
 */
export async function fetchLetters(tag: string): Promise<void> {
  const script = SCRIPTS[tag];
  if (script === undefined || hasLetters(tag)) return;
  const late = new Promise<void>((resolve) => setTimeout(resolve, LONGEST_MS));
  const there = document.fonts.load(`16px "${script.family}"`, script.letters).catch(() => undefined);
  await Promise.race([there, late]);
}
