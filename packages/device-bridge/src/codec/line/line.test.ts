import { isNavError } from '@trocar/core';
import { fromQuaternion, identity4 } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkStreamCodec } from '../../testing/index.js';
import {
  type LineEnding,
  LineFramer,
  type LineLayout,
  LinePose,
  type LineUnits,
  lineParser,
  nmeaChecksum,
  readLinePose,
} from './index.js';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

describe('the line framer', () => {
  it.each([
    ['any', '\n'],
    ['\n', '\n'],
    ['\r', '\r'],
    ['\r\n', '\r\n'],
  ] as const)('conforms with endings %j', (ending, sent) => {
    const failures = checkStreamCodec({
      samples: ['$TR,1.0,2.0,3.0', '$TR,4.5,5.5,6.5'].map((line) => ascii(line + sent)),
      maxBytes: 256,
      guarded: false,
      create: (onMessage, onFault) => {
        const framer = new LineFramer(
          {
            // What the framer cannot judge, a layout does: only whole lines count as messages here.
            line: (bytes) => (/^\$TR(,\d\.\d){3}$/.test(text(bytes)) ? onMessage(text(bytes)) : onFault('line/malformed')),
            fault: onFault,
          },
          ending,
          256,
        );
        return framer;
      },
    });
    expect(failures).toEqual([]);
  });

  it('keeps the same lines however they are cut, with any ending', () => {
    const anyEnding = fc.constantFrom<LineEnding>('\n', '\r\n', Uint8Array.of(1, 2, 1, 3));
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 9 }),
        anyEnding,
        fc.integer({ min: 1, max: 7 }),
        (lines, ending, chunk) => {
          const end = typeof ending === 'string' ? ascii(ending) : (ending as Uint8Array);
          const stream = Buffer.concat(lines.flatMap((line) => [ascii(line), end]));
          const heard: string[] = [];
          const framer = new LineFramer({ line: (bytes) => heard.push(text(bytes)), fault: () => undefined }, ending);
          for (let at = 0; at < stream.length; at += chunk) framer.feed(stream.subarray(at, at + chunk));
          expect(heard).toEqual(lines);
        },
      ),
    );
  });

  it('tells at once that a line is too long, and loses no byte uncounted', () => {
    let lost = 0;
    const heard: string[] = [];
    const framer = new LineFramer(
      {
        line: (bytes) => heard.push(text(bytes)),
        fault: (_, bytes) => {
          lost += bytes;
        },
      },
      '\n',
      10,
    );
    framer.feed(new Uint8Array(11).fill(0x41));
    expect(lost).toBe(10);
    framer.feed(ascii('AAAAA\nnext\n'));
    expect(lost).toBe(16);
    expect(heard).toEqual(['next']);
    expect(() => new LineFramer({ line: () => undefined, fault: () => undefined }, 'any', 0)).toThrowError(/at least 1 byte/);
    expect(() => new LineFramer({ line: () => undefined, fault: () => undefined }, new Uint8Array(0))).toThrowError(/ending/);
  });
});

describe('the NMEA checksum', () => {
  it('is that of a published sentence', () => {
    const line = '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47';
    expect(nmeaChecksum(line)).toEqual({ outcome: 'right', content: line.slice(1, -3) });
  });

  it.each([
    ['$A,1*00', 'wrong'],
    ['$A,1*5', 'wrong'],
    ['$A,1*5CX', 'wrong'],
    ['$A,1', 'absent'],
    ['', 'absent'],
    ['*', 'wrong'],
  ])('of %j is %s', (line, outcome) => {
    expect(nmeaChecksum(line).outcome).toBe(outcome);
  });

  it('finds every changed character', () => {
    const line = '$TR,1.5,2.5*1A';
    const sum = [...'TR,1.5,2.5']
      .reduce((acc, c) => acc ^ c.charCodeAt(0), 0)
      .toString(16)
      .padStart(2, '0')
      .toUpperCase();
    const good = line.replace('1A', sum);
    expect(nmeaChecksum(good).outcome).toBe('right');
    for (let at = 1; at < good.length; at += 1) {
      const bad = `${good.slice(0, at)}${String.fromCharCode(good.charCodeAt(at) ^ 1)}${good.slice(at + 1)}`;
      expect(nmeaChecksum(bad).outcome).not.toBe('right');
    }
  });
});

/** What a line says, or the field that is wrong, or how it was passed over. */
function read(layout: LineLayout, line: string, units: LineUnits = {}): LinePose | string {
  const values = lineParser(layout)(line);
  if (values === undefined || values === 'malformed') return values ?? 'passed';
  const pose = new LinePose();
  return readLinePose(values, units, pose) ?? pose;
}

const CSV: LineLayout = { csv: ['time', 'x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'] };

describe('a line', () => {
  it.each<[string, LineLayout, string]>([
    ['columns', CSV, '12.5, 1, -2, +3.5, 0, 0, 0, 1'],
    [
      'columns with others between',
      { csv: [undefined, 'time', 'x', undefined, 'y', 'z', 'qx', 'qy', 'qz', 'qw'], separator: ';' },
      'A;12.5;1;?;-2;3.5;0;0;0;1',
    ],
    ['keys', {}, 'time:12.5 x:1,y:-2;\tz:3.5 qx:0 qy:0 qz:0 qw:1 other:9'],
    [
      'own keys',
      { keys: { T: 'time', PX: 'x', PY: 'y', PZ: 'z', a: 'qx', b: 'qy', c: 'qz', d: 'qw' }, between: ['=', /&/] },
      'T=12.5&PX=1&PY=-2&PZ=3.5&a=0&b=0&c=0&d=1',
    ],
    [
      'a pattern',
      /^T(?<time>\S+) P(?<x>\S+) (?<y>\S+) (?<z>\S+) Q(?<qx>\S+) (?<qy>\S+) (?<qz>\S+) (?<qw>\S+)$/g,
      'T12.5 P1 -2 3.5 Q0 0 0 1',
    ],
    ['a function', () => ({ time: 12.5, x: 1, y: '-2', z: 3.5, qx: 0, qy: 0, qz: 0, qw: 1 }), 'anything'],
  ])('is read by %s', (_, layout, line) => {
    for (let again = 0; again < 2; again += 1) {
      const pose = read(layout, line) as LinePose;
      expect([...pose.values]).toEqual([1, -2, 3.5, 0, 0, 0, 1]);
      expect(pose.time).toBe(12.5);
    }
  });

  it('has the units that were given: each flipped would be seen', () => {
    const layout: LineLayout = { csv: ['x', 'y', 'z', 'roll', 'pitch', 'yaw', 'error'] };
    const at = (units: LineUnits): number[] => [...(read(layout, '1,2,3,0,0,90,0.5', units) as LinePose).values];
    expect(at({ length: 'm', angle: 'deg' }).slice(0, 3)).toEqual([1000, 2000, 3000]);
    expect(at({ length: 'cm', angle: 'deg' }).slice(0, 3)).toEqual([10, 20, 30]);
    expect(at({ length: 'inch', angle: 'deg' })[0]).toBeCloseTo(25.4, 12);
    // A quarter turn about z in degrees; 90 radians would be 14.3 turns.
    expect(at({ angle: 'deg' }).slice(3)).toEqual([0, 0, Math.SQRT1_2, Math.SQRT1_2].map((v) => expect.closeTo(v, 12)));
    expect(at({ angle: 'rad' })[6]).toBeCloseTo(Math.cos(45), 12);
    expect((read(layout, '1,2,3,0,0,90,0.5', { length: 'cm' }) as LinePose).errorMm).toBe(5);
  });

  const turn = (most: number) => fc.double({ min: -most, max: most, noNaN: true });

  it('turns by roll, pitch and yaw about the fixed axes, in that order', () => {
    fc.assert(
      fc.property(fc.tuple(turn(3), turn(1.5), turn(3)), ([r, p, y]) => {
        const pose = read({ csv: ['roll', 'pitch', 'yaw'] }, `${r},${p},${y}`) as LinePose;
        const m = fromQuaternion(identity4(), pose.values.subarray(3), [0, 0, 0]);
        const [cr, sr, cp, sp, cy, sy] = [Math.cos(r), Math.sin(r), Math.cos(p), Math.sin(p), Math.cos(y), Math.sin(y)];
        // Rz(yaw) · Ry(pitch) · Rx(roll), column by column.
        const wanted = [
          cy * cp,
          sy * cp,
          -sp,
          cy * sp * sr - sy * cr,
          sy * sp * sr + cy * cr,
          cp * sr,
          cy * sp * cr + sy * sr,
          sy * sp * cr - cy * sr,
          cp * cr,
        ];
        const got = [0, 1, 2, 4, 5, 6, 8, 9, 10].map((k) => m[k]);
        expect(got).toEqual(wanted.map((v) => expect.closeTo(v, 9)));
      }),
    );
  });

  it('has its quaternion in the order that its fields are named, scalar where it is said', () => {
    const pose = read({ csv: ['qw', 'qx', 'qy', 'qz'] }, '0.5,0.1,0.7,0.5') as LinePose;
    expect([...pose.values.subarray(3)]).toEqual([0.1, 0.7, 0.5, 0.5].map((v) => expect.closeTo(v, 12)));
    expect([...pose.values.subarray(0, 3)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it.each<[string, string]>([
    ['1,2,3,4,0,0,0', 'malformed'],
    ['1,2,3,4,0,0,0,1,9', 'malformed'],
    ['', 'malformed'],
    ['t,1,2,3,0,0,0,1', 'time'],
    ['1,1e999,2,3,0,0,0,1', 'x'],
    ['1,0x10,2,3,0,0,0,1', 'x'],
    ['1,,2,3,0,0,0,1', 'x'],
    ['1,12abc,2,3,0,0,0,1', 'x'],
    ['1,NaN,2,3,0,0,0,1', 'x'],
    ['1,Infinity,2,3,0,0,0,1', 'x'],
    ['1,1,2,3,0,0,0,0', 'qw'],
    ['1,1,2,3,1,1,1,1', 'qw'],
  ])('%j is refused: %s', (line, what) => {
    expect(read(CSV, line)).toBe(what);
  });

  it('of keys is refused where a key has no value, comes twice, or half a position is given', () => {
    expect(read({}, 'x:1 y')).toBe('malformed');
    expect(read({}, 'x:1 x:2')).toBe('malformed');
    expect(read({}, 'x:1 y:2')).toBe('z');
    expect(read({}, 'x:1 y:2 z:3 frame:-1')).toBe('frame');
    expect(read({}, 'x:1 y:2 z:3 frame:1.5')).toBe('frame');
    expect(read({}, 'x:1 y:2 z:3 error:-1')).toBe('error');
    expect((read({}, 'x:1 y:2 z:3 valid:0') as LinePose).valid).toBe(false);
    expect((read({}, 'x:1 y:2 z:3 valid:A') as LinePose).valid).toBe(true);
  });

  it('of keys that every object has is read as any other, and a function that throws has not read it', () => {
    for (const key of ['constructor', '__proto__', 'toString']) {
      expect((read({ keys: { X: 'x' } }, `${key}:1`) as LinePose).values[0]).toBeNaN();
      expect((read({}, `${key}:1`) as LinePose).values[0]).toBeNaN();
    }
    const layout: LineLayout = (line) => ({ x: (JSON.parse(line) as { x: number }).x });
    expect(read(layout, 'no json')).toBe('malformed');
    expect(read((() => null) as unknown as LineLayout, 'anything')).toBe('passed');
  });

  it.each<[string, LineLayout]>([
    ['a pattern without names', /x(\d)/],
    ['a pattern with other names', /(?<height>\d)/],
    ['no columns', { csv: [] }],
    ['columns of other names', { csv: ['height' as 'x'] }],
    ['keys for other fields', { keys: { a: 'height' as 'x' } }],
  ])('cannot be read by %s', (_, layout) => {
    expect(() => lineParser(layout)).toThrowError(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
  });
});
