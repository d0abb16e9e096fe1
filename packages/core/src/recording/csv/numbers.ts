/** A double as the shortest text that gives the same double again; NaN as nothing. */
export function textOfNumber(value: number): string {
  if (Number.isNaN(value)) return '';
  return Object.is(value, -0) ? '-0' : String(value);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The double that a text stands for; NaN for nothing or "NaN", undefined for what is no number. */
export function numberOfText(text: string): number | undefined {
  if (text === '' || text === 'NaN') return Number.NaN;
  if (NUMBER.test(text)) return Number(text);
  if (text === 'Infinity' || text === '-Infinity') return Number(text);
  return undefined;
}
