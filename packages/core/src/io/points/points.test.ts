import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, type NavErrorCode } from '../../base/index.js';
import { encodePoints, type ReadPoints, type ReadPointsOptions, readPointPairs, readPoints } from '../index.js';
import { dataPath, filesIn } from '../test-support/real-data.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, name: string, options?: ReadPointsOptions): Promise<ReadPoints> =>
  readPoints({ name, bytes: bytes(text) }, options);
const rows = ({ points }: ReadPoints): unknown[] =>
  points.map((p) => [p.label, ...p.xyz, ...(p.sdMm === undefined ? [] : [p.sdMm])]);
const codes = ({ warnings }: ReadPoints): string[] => warnings.map((w) => w.code);

async function refused(code: NavErrorCode, doing: Promise<unknown>): Promise<string> {
  const outcome = await doing.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );
  expect(isNavError(outcome) ? outcome.code : outcome).toBe(code);
  return (outcome as Error).message;
}

describe('points as a table', () => {
  const plain = [
    ['A', 1, -2.5, 3, 0.1],
    ['B', 10, 20, 3e-3, 0.2],
  ];

  it.each([
    ['a header', 'label,x,y,z,sd\nA,1,-2.5,3,0.1\nB,10,20,3e-3,0.2\n'],
    ['none', 'A,1,-2.5,3,0.1\nB,10,20,3e-3,0.2\n'],
    ['CRLF, a mark, blanks and no end of line', '\ufefflabel, x, y, z, sd\r\nA , 1, -2.5, +3., .1\r\n\r\nB,10,20,3e-3,0.2'],
    ['semicolons and Excel’s line', 'sep=;\nlabel;x;y;z;sd\nA;1;-2.5;3;0.1\nB;10;20;3e-3;0.2\n'],
    ['tabs', 'name\tx\ty\tz\tsigma\nA\t1\t-2.5\t3\t0.1\nB\t10\t20\t3e-3\t0.2\n'],
    ['blanks', 'A  1 -2.5 3 0.1\n  B 10 20 3e-3 0.2 \n'],
    ['another order, and a column of its own', 'z,sd,label,y,x,note\n3,0.1,A,-2.5,1,"a, b"\n3e-3,0.2,B,20,10,\n'],
    ['comments', '# taken on Monday\nlabel,x,y,z,sd\n% once\nA,1,-2.5,3,0.1\n#B,0,0,0,0\nB,10,20,3e-3,0.2\n'],
    ['units in brackets', 'Label,X [mm],Y [mm],Z [mm],SD (mm)\nA,1,-2.5,3,0.1\nB,10,20,3e-3,0.2\n'],
    ['ids beside its labels', 'id,label,x,y,z,sd\n1,A,1,-2.5,3,0.1\n2,B,10,20,3e-3,0.2\n'],
    ['a unit', 'label,x_cm,y_cm,z_cm,sd_cm\nA,0.1,-0.25,0.3,0.01\nB,1,2,3e-4,0.02\n'],
    ['old Macintosh line ends', 'A,1,-2.5,3,0.1\rB,10,20,3e-3,0.2\r'],
  ])('with %s', async (_, text) => {
    const list = await read(text, 'a.csv');
    const wanted = plain.map((row) => row.map((v) => (typeof v === 'number' ? expect.closeTo(v, 12) : v)));
    expect(rows(list)).toEqual(wanted);
    expect([list.labelled, list.fileSpace, list.spaceFrom]).toEqual([true, 'LPS', 'default']);
  });

  it('without labels counts them, and keeps quoted ones to the letter', async () => {
    const bare = await read('x,y,z\n1,2,3\n4,5,6\n', 'a.csv');
    expect([rows(bare), bare.labelled]).toEqual([
      [
        ['1', 1, 2, 3],
        ['2', 4, 5, 6],
      ],
      false,
    ]);
    const odd = await read('label,x,y,z\n"a ""b"", c",1,2,3\n" d",4,5,6\n', 'a.csv');
    expect(odd.points.map((p) => p.label)).toEqual(['a "b", c', ' d']);
    expect(rows(await read('label,x,y,z,sd\nA,1,2,3,\nB,1,2,4,0.5\n', 'a.csv'))).toEqual([
      ['A', 1, 2, 3],
      ['B', 1, 2, 4, 0.5],
    ]);
  });

  it('of which a line is commented out says so', async () => {
    const list = await read('# A, B and 3 more\nA,1,2,3\n#B,4,5,6\n# B 4 5 6e-1\n', 'a.csv');
    expect([rows(list), codes(list)]).toEqual([[['A', 1, 2, 3]], ['commented-points']]);
    expect(list.warnings[0]?.message).toContain('3, 4');
  });

  it('in UTF-16, as spreadsheets write it', async () => {
    const text = '\ufeffNasenwürzel\t1\t2\t3\r\n';
    const wide = new Uint8Array(Uint16Array.from([...text].map((c) => c.charCodeAt(0))).buffer);
    expect(rows(await readPoints({ name: 'a.txt', bytes: wide }))).toEqual([['Nasenwürzel', 1, 2, 3]]);
  });

  it.each([
    ['A,1,2,3\nB,1,2\n', 'points/bad-row', 'line 2: it has 3 cells'],
    ['A,1,2,3\nB,1,x,3\n', 'points/bad-row', 'line 2: y is "x"'],
    ['label,x,y,z\nA,1,,3\n', 'points/bad-row', 'line 2: y is ""; it is empty'],
    ['label;x;y;z\nA;1,5;2;3\n', 'points/bad-row', 'line 2: x is "1,5", with a decimal comma'],
    ['label,x,y,z\nA,1,5,2,0,3,7\n', 'points/bad-row', 'line 2: it has 7 cells, where the first line has 4 (decimals'],
    ['A,1,5,2,0,3,7\n', 'points/bad-row', 'line 1: it has 7 cells'],
    ['A,1,2,NaN\n', 'points/bad-row', 'z is "NaN"'],
    ['A,1,2,0x10\n', 'points/bad-row', 'z is "0x10"'],
    ['A,1,2,1e999\n', 'points/bad-row', 'z is "1e999"'],
    ['A,1,2,3,-0.1\n', 'points/bad-row', 'sd is -0.1'],
    ['label,x,y,z\n"A,1,2,3\n', 'points/bad-row', 'line 2: a quote is not closed'],
    ['label,x,y,z\n"A"b,1,2,3\n', 'points/bad-row', 'line 2: something follows'],
    ['label,x,y,z,x\nA,1,2,3,4\n', 'points/bad-row', 'two columns are called "x"'],
    ['label,x_mm,y_m,z_m\nA,1,2,3\n', 'points/bad-row', 'not in one unit'],
    ['label,x_m,y_m,z_m,sd_mm\nA,1,2,3,4\n', 'points/bad-row', 'sd is in mm, and the coordinates in m'],
    ['label,x_in,y_in,z_in\nA,1,2,3\n', 'points/unit-unknown', '"in"'],
    ['# space=RPI\nA,1,2,3\n', 'points/space-unknown', 'RPI'],
    ['hello world, this is no table\n', 'points/not-a-point-list', 'neither numbers nor a header'],
    ['label,x,y,z\n', 'points/empty', 'no points'],
    ['', 'points/empty', 'empty'],
    ['\n\n# nothing\n', 'points/empty', 'no points'],
    ['PK\u0003\u0004\0\0', 'points/not-a-point-list', 'bytes that no text has'],
  ] as const)('refuses %j', async (text, code, message) => {
    expect(await refused(code, read(text, 'a.csv'))).toContain(message);
  });
});

describe('axes and units', () => {
  const everywhere: readonly [title: string, name: string, text: string, options?: ReadPointsOptions][] = [
    ['a table that says so in a comment', 'a.csv', '# space=RAS, unit = mm\nA,-1,2,3\n'],
    ['a table with r, a, s', 'a.csv', 'label,r,a,s\nA,-1,2,3\n'],
    ['JSON', 'a.json', '{"space":"RAS","points":[{"label":"A","position":[-1,2,3]}]}'],
    ['an old fcsv', 'a.fcsv', '# Markups fiducial file version = 4.3\n# CoordinateSystem = 0\nid0,-1,2,3,0,0,0,1,1,1,0,A,,\n'],
    ['an fcsv', 'a.fcsv', '# Markups fiducial file version = 4.11\n# CoordinateSystem = RAS\nid0,-1,2,3,0,0,0,1,1,1,0,A,,,2,0\n'],
    ['markups', 'a.mrk.json', '{"markups":[{"coordinateSystem":"RAS","controlPoints":[{"label":"A","position":[-1,2,3]}]}]}'],
    ['a tag file', 'a.tag', 'MNI Tag Point File\nVolumes = 1;\nPoints =\n -1 2 3 "A";\n'],
    ['a caller', 'a.csv', 'A,-1,2,3\n', { space: 'RAS' }],
  ];

  it.each(everywhere)('RAS of %s becomes LPS and is said', async (_, name, text, options) => {
    const list = await read(text, name, options);
    expect(rows(list)).toEqual([['A', 1, -2, 3]]);
    expect([list.fileSpace, codes(list)]).toEqual(['RAS', ['ras-converted']]);
  });

  it.each(everywhere.filter((e) => e[1] !== 'a.tag' && e[3] === undefined))('LPS of %s stays', async (_, name, text) => {
    const lps = text.replace('RAS', 'LPS').replace('= 0', '= 1').replace('r,a,s', 'l,p,s');
    const list = await read(lps, name);
    expect([rows(list), list.fileSpace, list.spaceFrom, codes(list)]).toEqual([[['A', -1, 2, 3]], 'LPS', 'file', []]);
  });

  it('a covariance turns with its point', async () => {
    const covariance = [4, 1, 2, 1, 5, 3, 2, 3, 6];
    const list = await read(JSON.stringify({ space: 'RAS', points: [{ position: [1, 2, 3], covariance }] }), 'a.json');
    expect([...(list.points[0]?.covariance ?? [])]).toEqual([4, 1, -2, 1, 5, -3, -2, -3, 6]);
  });

  it('metres become millimetres, spreads too, and it is said', async () => {
    const list = await read('# unit=m\nA,0.001,0.002,-0.003,0.0005\n', 'a.csv');
    expect(rows(list)).toEqual([['A', 1, 2, -3, 0.5]]);
    expect(codes(list)).toEqual(['unit-converted']);
    const json = '{"unit":"m","points":[{"position":[0.001,0,0],"sd":0.002,"covariance":[1e-6,0,0,0,1e-6,0,0,0,1e-6]}]}';
    const [p] = (await read(json, 'a.json')).points;
    expect([p?.xyz[0], p?.sdMm, p?.covariance?.[0]]).toEqual([1, 2, expect.closeTo(1, 12)]);
    const slicer =
      '{"markups":[{"coordinateSystem":"LPS","coordinateUnits":["m","UCUM","metre"],"controlPoints":[{"position":[0.001,0,0]}]}]}';
    expect(rows(await read(slicer, 'a.mrk.json'))).toEqual([['1', 1, 0, 0]]);
  });

  it('an fcsv without axes is refused: its programs meant different ones', async () => {
    const text = '# Markups fiducial file version = 4.1\nid0,-1,2,3,0,0,0,1,1,1,0,A,,\n';
    expect(await refused('points/space-unknown', read(text, 'a.fcsv'))).toContain('CoordinateSystem');
    expect(rows(await read(text, 'a.fcsv', { space: 'LPS' }))).toEqual([['A', -1, 2, 3]]);
    await refused('points/space-unknown', read('# Markups fiducial file version = 4.1\n# CoordinateSystem = 2\n', 'a.fcsv'));
  });

  it('a caller who contradicts the file is obeyed and told', async () => {
    const list = await read('# space=RAS\nA,1,2,3\n', 'a.csv', { space: 'LPS' });
    expect([rows(list), codes(list), list.spaceFrom]).toEqual([[['A', 1, 2, 3]], ['space-overridden'], 'option']);
  });
});

describe('files of 3D Slicer', () => {
  it('keep points that were not placed, or skipped, without a place', async () => {
    const point = (label: string, more: object): object => ({
      label,
      selected: true,
      visibility: true,
      positionStatus: 'defined',
      ...more,
    });
    const list = await read(
      JSON.stringify({
        markups: [
          {
            type: 'Fiducial',
            coordinateSystem: 'LPS',
            controlPoints: [
              point('F-1', { position: [1, 2, 3], orientation: [-1, 0, 0, 0, -1, 0, 0, 0, 1] }),
              point('F-2', { position: [0, 0, 0], positionStatus: 'undefined' }),
              point('F-3', { positionStatus: 'missing' }),
              point('F-4', { position: [4, 5, 6], visibility: false, selected: false }),
            ],
          },
        ],
      }),
      'F.mrk.json',
    );
    expect(list.points.map((p) => [p.label, p.defined, p.visible, p.selected, ...p.xyz])).toEqual([
      ['F-1', true, true, true, 1, 2, 3],
      ['F-2', false, true, true, Number.NaN, Number.NaN, Number.NaN],
      ['F-3', false, true, true, Number.NaN, Number.NaN, Number.NaN],
      ['F-4', true, false, false, 4, 5, 6],
    ]);
    expect(codes(list)).toEqual(['undefined-points']);
  });

  it('as fcsv of every age: columns by name, status behind them, quoted labels', async () => {
    const now =
      '# Markups fiducial file version = 5.6\n# CoordinateSystem = LPS\n# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n';
    const list = await read(
      `${now}1,1,2,3,0,0,0,1,1,1,0,F-1,,,2,0\n2,0,0,0,0,0,0,1,1,1,0,F-2,,,0,0\n3,4,5,6,0,0,0,1,0,0,0,"a, ""b""","c, d",n,2,0\n`,
      'F.fcsv',
    );
    expect(list.points.map((p) => [p.label, p.defined, p.visible, p.selected])).toEqual([
      ['F-1', true, true, true],
      ['F-2', false, true, true],
      ['a, "b"', true, false, false],
    ]);
    const old = '# Fiducial List file F.fcsv\n# CoordinateSystem = 0\n# columns = label,x,y,z,sel,vis\nP0,1,2,3,1,0\n';
    expect((await read(old, 'F.fcsv')).points[0]).toMatchObject({ label: 'P0', selected: true, visible: false });
    await refused('points/bad-row', read(`${now}1,1,2\n`, 'F.fcsv'));
  });
});

describe('JSON', () => {
  it.each([
    [
      '[[1,2,3],[4,5,6]]',
      [
        ['1', 1, 2, 3],
        ['2', 4, 5, 6],
      ],
    ],
    ['{"points":[{"name":"a","x":1,"y":2,"z":3,"sd":0.5}]}', [['a', 1, 2, 3, 0.5]]],
    ['{"case":24,"us":[[1,2,3]]}', [['1', 1, 2, 3]]],
    [
      '{"points":[{"label":"a","defined":false},{"label":"b","xyz":[1,2,3]}]}',
      [
        ['a', Number.NaN, Number.NaN, Number.NaN],
        ['b', 1, 2, 3],
      ],
    ],
  ])('%s', async (text, wanted) => {
    expect(rows(await read(text, 'a.json'))).toEqual(wanted);
  });

  it('of several lists gives the one that is asked for, with the axes of the whole', async () => {
    const text = '{"space":"RAS mm (world)","mri":[[1,2,3]],"us":{"unit":"cm","points":[[1,2,3]]},"note":"x"}';
    expect(await refused('points/several-lists', read(text, 'a.json'))).toContain('"mri", "us"');
    expect(rows(await read(text, 'a.json', { list: 'mri' }))).toEqual([['1', -1, -2, 3]]);
    expect(rows(await read(text, 'a.json', { list: 2 }))).toEqual([['1', -10, -20, 30]]);
    await refused('points/several-lists', read(text, 'a.json', { list: 'ct' }));
  });

  it.each([
    ['{"points":[[1,2]]}', 'points/bad-row', 'point 1'],
    ['{"points":[[1,2,3],{"label":"a"}]}', 'points/bad-row', 'point 2'],
    ['{"points":[[1,2,"3"]]}', 'points/bad-row', 'point 1'],
    ['{"points":[{"position":[1,2,3],"sd":-1}]}', 'points/bad-row', 'sd is -1'],
    ['{"points":[{"position":[1,2,3],"covariance":[1,2,3]}]}', 'points/bad-row', 'covariance'],
    ['{"points":[null]}', 'points/bad-row', 'point 1'],
    ['{"points":[]}', 'points/empty', ''],
    ['{"a":1}', 'points/not-a-point-list', ''],
    ['{"points":', 'points/not-a-point-list', 'parse'],
    ['{"unit":"inch","points":[[1,2,3]]}', 'points/unit-unknown', 'inch'],
    ['{"space":"scanner","points":[[1,2,3]]}', 'points/space-unknown', 'scanner'],
    ['{"markups":[{"type":"Fiducial"}]}', 'points/not-a-point-list', 'controlPoints'],
    ['{"markups":[{"controlPoints":[{"label":"a"}]}]}', 'points/bad-row', 'control point 1'],
  ] as const)('refuses %s', async (text, code, message) => {
    expect(await refused(code, read(text, 'a.json'))).toContain(message);
  });
});

describe('MNI tag files', () => {
  const head = 'MNI Tag Point File\nVolumes = 2;\n% a comment\n\nPoints =';

  it('hold one list or two, with weights and labels or without', async () => {
    const text = `${head}\n 1 2 3 4 5 6 "a b"\n 7 8 9 10 11 12 1 -1 -1 "c \\"d\\""\n -1 -2 -3 -4 -5 -6;\n`;
    const { first, second } = await readPointPairs({ name: 'a.tag', bytes: bytes(text) });
    expect(rows(first)).toEqual([
      ['a b', -1, -2, 3],
      ['c "d"', -7, -8, 9],
      ['3', 1, 2, -3],
    ]);
    expect(rows(second)).toEqual([
      ['a b', -4, -5, 6],
      ['c "d"', -10, -11, 12],
      ['3', 4, 5, -6],
    ]);
    expect(rows(await read(text, 'a.tag', { list: 2 }))).toEqual(rows(second));
    expect(await refused('points/several-lists', read(text, 'a.tag'))).toContain('"1", "2"');
  });

  it.each([
    [`${head}\n 1 2 3 4 5 6 ""\n`, 'points/bad-row', 'cut short'],
    [`${head}\n 1 2 3 4 5 ""\n;`, 'points/bad-row', 'line 6'],
    [`${head}\n 1 2 3 4 5 x "";\n`, 'points/bad-row', '"x"'],
    [`${head}\n 1 2 3 4 5 6 "";\n 1 2 3 4 5 6 ""\n`, 'points/bad-row', 'line 7'],
    [`${head};`, 'points/empty', ''],
    ['MNI Tag Point File\nPoints = 1 2 3;', 'points/not-a-point-list', 'Volumes'],
    ['MNI Tag Point File\nVolumes = 3;\nPoints = 1 2 3;', 'points/not-a-point-list', 'Volumes'],
  ] as const)('refuses %j', async (text, code, message) => {
    expect(await refused(code, read(text, 'a.tag', { list: 1 }))).toContain(message);
  });

  const landmarks = dataPath('brain-mr-us/landmarks');
  it.skipIf(landmarks.absent)(
    'of 21 real patients (TROCAR_DATA/brain-mr-us/landmarks), one of them against its JSON',
    async () => {
      const files = filesIn(landmarks.path);
      expect(files).toHaveLength(21);
      for (const file of files) {
        const { first, second } = await readPointPairs(file);
        expect(first.points.length).toBe(second.points.length);
        expect(first.points.length).toBeGreaterThan(9);
        expect([first.fileSpace, first.labelled]).toEqual(['RAS', false]);
      }
      const json = dataPath('brain-mr-us/Case24_landmarks.json').path;
      const { first, second } = await readPointPairs(files.find((f) => f.includes('Case24')) as string);
      for (const [list, tag] of [
        [1, first],
        [2, second],
      ] as const) {
        const same = await readPoints(json, { list });
        expect(same.points.map((p) => Array.from(p.xyz, (x) => x.toFixed(5)))).toEqual(
          tag.points.map((p) => Array.from(p.xyz, (x) => x.toFixed(5))),
        );
      }
    },
  );
});

describe('written points', () => {
  const label = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('a,b', '"', ' x ', '#1', '%', '1', 'ü;\t', '=1'));
  const anyPoint = fc.record({
    label: label.map((l) => l.replace(/[\r\n\0]/g, '_')).filter((l) => l !== ''),
    xyz: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 }),
    sdMm: fc.double({ min: 0, max: 1e6, noNaN: true }),
  });

  it.each(['a.csv', 'a.json', 'a.fcsv', 'a.mrk.json'])('come back as the same doubles and labels: %s', async (name) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyPoint, { minLength: 1, maxLength: 20 }), async (points) => {
        const list = await read(encodePoints(points, name), name);
        expect(list.points.map((p) => p.label)).toEqual(points.map((p) => p.label));
        for (const [k, p] of list.points.entries()) {
          for (let i = 0; i < 3; i += 1) expect(p.xyz[i]).toBe((points[k]?.xyz[i] as number) + 0);
          if (/a\.(csv|json)/.test(name)) expect(p.sdMm).toBe((points[k]?.sdMm as number) + 0);
        }
        expect([list.fileSpace, list.spaceFrom, list.warnings]).toEqual(['LPS', 'file', []]);
      }),
      { numRuns: 100 * inject('effort') },
    );
  });

  it('without a place stay so where the format can say it, and are refused where not', async () => {
    const points = [
      { label: 'a', xyz: [1, 2, 3] },
      { label: 'b', xyz: [Number.NaN, 0, 0], defined: false },
    ];
    for (const name of ['a.json', 'a.fcsv', 'a.mrk.json']) {
      expect((await read(encodePoints(points, name), name)).points.map((p) => p.defined)).toEqual([true, false]);
    }
    expect(() => encodePoints(points, 'a.csv')).toThrow('"b"');
    expect(() => encodePoints(points, 'a.xlsx')).toThrow('.mrk.json');
  });
});

describe('damaged lists', () => {
  const samples: [string, string][] = [
    ['a.csv', '# space=RAS\nlabel,x,y,z,sd\n"a ""b""",1,2,3,0.5\nc,4,5,6,\n'],
    ['a.json', '{"space":"RAS","unit":"cm","points":[{"label":"a","position":[1,2,3],"sd":1},[4,5,6]]}'],
    ['a.fcsv', '# Markups fiducial file version = 5.6\n# CoordinateSystem = LPS\n1,1,2,3,0,0,0,1,1,1,0,"F,1",,,2,0\n'],
    ['a.mrk.json', encodePoints([{ label: 'x', xyz: [1, 2, 3] }], 'a.mrk.json')],
    ['a.tag', 'MNI Tag Point File\nVolumes = 1;\nPoints =\n 1 2 3 "a"\n 4 5 6 1 1 1 "b";\n'],
  ];

  it('in any way give a list or one of our errors, in bounded time (property)', async () => {
    const started = performance.now();
    const pieces = fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.constantFrom('"', ',', ';', '\n', '\0', '1e999', 'NaN', '-', '[[', '\ufeff', '='),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 5 }), pieces), { maxLength: 5 }),
        async ([name, text], edits) => {
          let mutated = text;
          for (const [at, drop, piece] of edits) {
            const from = at % (mutated.length + 1);
            mutated = mutated.slice(0, from) + piece + mutated.slice(from + drop);
          }
          try {
            const list = await read(mutated, name);
            for (const p of list.points) expect(p.xyz.every((x) => Number.isFinite(x) === p.defined)).toBe(true);
          } catch (error) {
            if (!isNavError(error)) throw error;
          }
        },
      ),
      { numRuns: 3000 * inject('effort') },
    );
    expect((performance.now() - started) / inject('effort')).toBeLessThan(20_000);
  });

  it('of noise are refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom('a.csv', 'a.json', 'a.fcsv', 'a.tag', 'a.bin'),
        async (noise, name) => {
          const outcome = await readPoints({ name, bytes: noise }).catch((error: unknown) => error);
          if (outcome instanceof Error && !isNavError(outcome)) throw outcome;
        },
      ),
      { numRuns: 500 * inject('effort') },
    );
  });

  it('a folder, a missing file and a device are no lists', async () => {
    await refused('io/not-found', readPoints('/'));
    await refused('io/not-found', readPoints('/no/such/file.csv'));
    await refused('io/not-found', readPoints('/dev/zero'));
  });
});
