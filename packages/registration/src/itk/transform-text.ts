import { NavError } from '@trocar/core';
import type { StoredTransform } from './itk-transform.js';

const MAGIC = '#Insight Transform File V1.0';

/**
 * ITK's text format for transforms (.tfm, .txt): after the first line, for each transform its type with precision and
 * dimensions, its parameters and its fixed parameters.
 * @throws NavError `transform/corrupt`, `transform/unsupported` (another dimension than 3)
 */
export function parseTransformText(text: string): StoredTransform[] {
  const lines = text.split(/\r?\n/);
  if (lines[0]?.trim() !== MAGIC) {
    throw new NavError('transform/corrupt', `This is no ITK transform file: its first line is not "${MAGIC}".`);
  }
  const found: Array<{ kind: string; parameters?: number[]; fixedParameters?: number[] }> = [];
  lines.slice(1).forEach((raw, n) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const [, key, value = ''] = /^([A-Za-z]+):\s*(.*)$/.exec(line) ?? [];
    const current = found.at(-1);
    if (key === 'Transform') found.push({ kind: kindOf(value) });
    else if (key === 'Parameters' && current !== undefined) current.parameters = numbersIn(value, n + 2);
    else if (key === 'FixedParameters' && current !== undefined) current.fixedParameters = numbersIn(value, n + 2);
    else throw new NavError('transform/corrupt', `Line ${n + 2} of the transform file is not understood: ${line.slice(0, 60)}`);
  });
  return found.map(({ kind, parameters, fixedParameters }) => {
    if (kind !== 'CompositeTransform' && parameters === undefined) {
      throw new NavError('transform/corrupt', `The ${kind} in the transform file has no parameters: the file is cut short.`);
    }
    return { kind, parameters: parameters ?? [], fixedParameters: fixedParameters ?? [] };
  });
}

/** `AffineTransform_double_3_3` → `AffineTransform`. */
function kindOf(value: string): string {
  const [, kind, from, to] = /^([A-Za-z0-9]+?)_(?:double|float)_(\d)_(\d)$/.exec(value) ?? [];
  if (kind === undefined) throw new NavError('transform/corrupt', `"${value.slice(0, 60)}" is not a type of ITK transform.`);
  if (from !== '3' || to !== '3') throw new NavError('transform/unsupported', `${value} does not map three dimensions to three.`);
  return kind;
}

function numbersIn(value: string, line: number): number[] {
  const numbers = value
    .split(/\s+/)
    .filter((x) => x !== '')
    .map(Number);
  if (!numbers.every((x) => Number.isFinite(x))) {
    throw new NavError('transform/corrupt', `Line ${line} of the transform file holds something that is no finite number.`);
  }
  return numbers;
}

/** Transforms in ITK's text format, with as many digits as a double has. */
export function writeTransformText(stored: readonly StoredTransform[]): string {
  const blocks = stored.map((t, n) => {
    const head = `#Transform ${n}\nTransform: ${t.kind}_double_3_3\n`;
    if (t.kind === 'CompositeTransform') return head;
    return `${head}Parameters: ${Array.from(t.parameters).join(' ')}\nFixedParameters: ${Array.from(t.fixedParameters).join(' ')}\n`;
  });
  return `${MAGIC}\n${blocks.join('')}`;
}
