/**
 * DICOM's Specific Character Set (PS3.3, C.12.1.1.2; PS3.5, 6.1): the defined terms as the platform's decoders, and
 * the escape sequences of ISO 2022 that switch between them inside one value.
 */

const LABELS: Readonly<Record<string, string>> = {
  '': 'windows-1252',
  'ISO_IR 6': 'windows-1252',
  'ISO_IR 100': 'windows-1252',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'windows-1254',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** The sets an escape sequence designates: what follows ESC, and the decoder of the bytes after it. */
const ESCAPES: ReadonlyArray<readonly [sequence: string, label: string]> = [
  ['(B', 'windows-1252'],
  ['-A', 'windows-1252'],
  ['-B', 'iso-8859-2'],
  ['-C', 'iso-8859-3'],
  ['-D', 'iso-8859-4'],
  ['-L', 'iso-8859-5'],
  ['-G', 'iso-8859-6'],
  ['-F', 'iso-8859-7'],
  ['-H', 'iso-8859-8'],
  ['-M', 'windows-1254'],
  ['-b', 'iso-8859-15'],
  ['-T', 'windows-874'],
  ['(J', 'shift_jis'],
  [')I', 'shift_jis'],
  ['$B', 'iso-2022-jp'],
  ['$(D', 'jis-x-0212'],
  ['$)C', 'euc-kr'],
  ['$)A', 'gb18030'],
];

const ESC = 0x1b;

/** The text of `bytes` under the defined terms of a file's Specific Character Set (none: ASCII). */
export function decodeText(bytes: Uint8Array, charset: readonly string[]): string {
  const first = (charset[0] ?? '').replace(/^ISO 2022 IR /, 'ISO_IR ');
  const initial = LABELS[first] ?? 'windows-1252';
  if (!bytes.includes(ESC)) return decode(bytes, initial);
  let text = '';
  let label = initial;
  let from = 0;
  for (let at = 0; at <= bytes.length; at += 1) {
    if (at < bytes.length && bytes[at] !== ESC) {
      // A delimiter of person names brings the first set back, except inside two-byte 7-bit sets.
      const ends = bytes[at] === 0x5e || bytes[at] === 0x3d || bytes[at] === 0x5c;
      if (!ends || label === 'iso-2022-jp' || label === 'jis-x-0212') continue;
      text += decode(bytes.subarray(from, at + 1), label);
      from = at + 1;
      label = initial;
      continue;
    }
    text += decode(bytes.subarray(from, at), label);
    const found = at < bytes.length ? escapeAt(bytes, at + 1) : undefined;
    label = found?.[1] ?? label;
    from = at + 1 + (found?.[0].length ?? 0);
    at = from - 1;
  }
  return text;
}

function escapeAt(bytes: Uint8Array, at: number): readonly [string, string] | undefined {
  return ESCAPES.find(([sequence]) => [...sequence].every((c, n) => bytes[at + n] === c.charCodeAt(0)));
}

function decode(bytes: Uint8Array, label: string): string {
  if (bytes.length === 0) return '';
  if (label === 'iso-2022-jp') return new TextDecoder(label).decode(Uint8Array.of(ESC, 0x24, 0x42, ...bytes));
  if (label === 'jis-x-0212') {
    // EUC-JP carries this set behind 0x8F with the high bits set.
    const euc: number[] = [];
    for (let n = 0; n + 1 < bytes.length; n += 2) euc.push(0x8f, (bytes[n] as number) | 0x80, (bytes[n + 1] as number) | 0x80);
    return new TextDecoder('euc-jp').decode(Uint8Array.from(euc));
  }
  return new TextDecoder(label).decode(bytes);
}
