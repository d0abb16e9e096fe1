/** Datagrams for tests, made by the description of the protocol: no recording of a device is at hand. */

export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

export const datagram = (lines: readonly string[]): Uint8Array => ascii(lines.map((line) => `${line}\r\n`).join(''));

/** A quarter turn about z, column by column. */
export const QUARTER_TURN = '0.000000 1.000000 0.000000 -1.000000 0.000000 0.000000 0.000000 0.000000 1.000000';

export const BODY_LINE: string = `6d 1 [0 1.000][326.848 -187.216 109.503][${QUARTER_TURN}]`;

/** Valid datagrams of every line. */
export function sampleDatagrams(): Uint8Array[] {
  const twentyOne = Array.from({ length: 21 }, (_, i) => (i / 100).toFixed(6)).join(' ');
  return [
    datagram(['fr 1', 'ts 39596.024831', '6dcal 1', BODY_LINE]),
    datagram([
      'fr 4294967295',
      'ts2 39596 24831 12500',
      '6dcal 3',
      `6d 2 [0 1.000][326.848 -187.216 109.503][${QUARTER_TURN}] [2 -1.000][0.000 0.000 0.000][0 0 0 0 0 0 0 0 0]`,
      `6dcov 1 [0 1.5 2.5 3.5][${twentyOne}]`,
      `6df2 1 1 [0 1.000 6 2][1 2 3][${QUARTER_TURN}][5 -0.5 1.00]`,
      `6dmt2 1 1 [0 0.75 2 1.125][4 5 6][${QUARTER_TURN}][2][1 2 3 4 5 6]`,
      `6dmtr 2 1 [1 0.5][7 8 9][${QUARTER_TURN}]`,
      '3d 2 [79 1.000][210.730 -90.669 -108.554] [83 0.500][1e2 -.5 +3.]',
      'glcal 1',
      'gl 0',
    ]),
    datagram(['fr 7', '6d 0']),
  ];
}
