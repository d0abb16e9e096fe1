import { badRow, definedPoint, notAList, numberOf, type RawList, type RawPoint } from './raw.js';

/** Whether a text begins as MNI tag files do. */
export function isTag(text: string): boolean {
  return /^\ufeff?MNI Tag Point File/i.test(text);
}

/**
 * The one or two lists of an MNI tag file: RAS mm. Each line has one place a volume, then perhaps a weight and two
 * numbers of a structure and a patient, then perhaps a label in quotes; a semicolon ends the list.
 */
export function readTag(text: string, name: string): RawList[] {
  const lines = text.split(/\r\n|\n|\r/);
  const volumes = Number(/^\s*Volumes\s*=\s*(\d+)\s*;/m.exec(text)?.[1] ?? Number.NaN);
  if (volumes !== 1 && volumes !== 2) throw notAList(name, 'it does not say "Volumes = 1;" or "Volumes = 2;"');
  const start = lines.findIndex((line) => /^\s*Points\s*=/.test(line));
  if (start < 0) throw notAList(name, 'it has no "Points ="');
  const lists: RawPoint[][] = Array.from({ length: volumes }, () => []);
  let ended = false;
  for (let i = start; i < lines.length; i += 1) {
    const line = (i === start ? (lines[i] as string).replace(/^\s*Points\s*=/, '') : (lines[i] as string)).trim();
    if (line === '' || /^[%#]/.test(line)) continue;
    if (ended) throw badRow(name, i + 1, 'something follows the semicolon that ends the list');
    ended = /;\s*$/.test(line.replace(/"[^"]*"/g, '""'));
    const row = ended ? line.replace(/;\s*$/, '').trim() : line;
    if (row !== '') rowInto(lists, row, name, i + 1);
  }
  if (!ended) throw badRow(name, lines.length, 'the list has no semicolon at its end: the file is cut short');
  return lists.map((points, k) => ({ name: String(k + 1), points, space: 'RAS', unit: 'mm', ignored: [] }));
}

function rowInto(lists: RawPoint[][], row: string, name: string, line: number): void {
  const [, before = '', quoted] = /^([^"]*)(?:"([^"\\]*(?:\\.[^"\\]*)*)"\s*)?$/.exec(row) ?? [];
  const words = before.trim().split(/\s+/);
  const numbers = words.map((word) => {
    const value = numberOf(word);
    if (value === undefined) throw badRow(name, line, `"${(word || row).slice(0, 40)}" is no number`);
    return value;
  });
  const places = 3 * lists.length;
  if (numbers.length !== places && numbers.length !== places + 3) {
    throw badRow(
      name,
      line,
      `it has ${numbers.length} numbers, where ${places} should stand, or ${places + 3} with weight and numbers`,
    );
  }
  const label = (quoted ?? '').replace(/\\(.)/g, '$1').trim();
  for (const [k, points] of lists.entries()) points.push(definedPoint(label, numbers.slice(3 * k, 3 * k + 3)));
}
