import { describe, expect, it } from 'vitest';
import { decodeText } from './charset.js';

/** The standard's own examples (PS3.5, annexes H, I, J, K), as bytes. */
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe('Specific Character Set', () => {
  it.each([
    ['ASCII by default', [''], 'Doe^Jane', 'Doe^Jane'],
    ['Latin 1', ['ISO_IR 100'], 'Buc^J\xe9r\xf4me', 'Buc^Jérôme'],
    ['Latin 2', ['ISO_IR 101'], 'Wa\xb3\xeasa', 'Wałęsa'],
    ['Greek', ['ISO_IR 126'], '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'Διονυσιος'],
    ['Cyrillic', ['ISO_IR 144'], '\xbb\xee\xdace\xdc\xd1\xe3\xe0\xd3', 'Люкceмбург'],
    ['Arabic', ['ISO_IR 127'], '\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1', 'قباني^لنزار'],
    ['Hebrew', ['ISO_IR 138'], '\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4', 'שרון^דבורה'],
    ['Thai', ['ISO_IR 166'], '\xca\xc1\xaa\xd2\xc2', 'สมชาย'],
    ['UTF-8', ['ISO_IR 192'], 'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1', 'Wang^XiaoDong=王^小東'],
    ['GB18030', ['GB18030'], 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab', 'Wang^XiaoDong=王^小东'],
    ['half-width katakana', ['ISO_IR 13'], '\xd4\xcf\xc0\xde^\xc0\xdb\xb3', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    [
      'Japanese by escapes (H.3.1)',
      ['', 'ISO 2022 IR 87'],
      'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'Japanese by escapes from katakana (H.3.2)',
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎',
    ],
    [
      'Korean by escapes (I.2)',
      ['', 'ISO 2022 IR 149'],
      'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'Chinese by escapes (K.2)',
      ['', 'ISO 2022 IR 58'],
      'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab',
      'Zhang^XiaoDong=张^小东',
    ],
    ['an unknown escape, kept out of the way', [''], 'A\x1b%ZB', 'A%ZB'],
    ['an unknown term', ['ISO_IR 999'], 'Doe', 'Doe'],
  ])('%s', (_, charset, raw, expected) => {
    expect(decodeText(bytes(raw), charset)).toBe(expected);
  });
});
