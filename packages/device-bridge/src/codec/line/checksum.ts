/** How a line's checksum ended up. */
export type ChecksumOutcome = 'right' | 'wrong' | 'absent';

const STAR = '*';

/**
 * The checksum of an NMEA 0183 sentence: the exclusive or of everything between `$` (or `!`) and `*`, as two hexadecimal
 * digits behind the `*`. `content` is what it covers, for a parser to read.
 */
export function nmeaChecksum(line: string): { outcome: ChecksumOutcome; content: string } {
  const star = line.lastIndexOf(STAR);
  const from = line[0] === '$' || line[0] === '!' ? 1 : 0;
  if (star < from) return { outcome: 'absent', content: line.slice(from) };
  const content = line.slice(from, star);
  let sum = 0;
  for (let i = 0; i < content.length; i += 1) sum ^= content.charCodeAt(i);
  const digits = line.slice(star + 1);
  const right = /^[0-9A-Fa-f]{2}$/.test(digits) && Number.parseInt(digits, 16) === sum;
  return { outcome: right ? 'right' : 'wrong', content };
}
