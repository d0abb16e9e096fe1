import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, NavError } from '../../base/index.js';
import { hasPose, PoseSample, STATUSES, type Status } from '../../frames/index.js';
import { Random } from '../../math/index.js';
import { manualClock } from '../../testing/index.js';
import {
  bytesInput,
  memoryOutput,
  PoseTable,
  poseCsvLines,
  poseTableOf,
  Recorder,
  Recording,
  readPoseCsv,
  writePoseCsv,
} from '../index.js';
import { poseText } from '../test-support/poses.js';

const anyDouble = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, 5e-324, 0.1, 1e308, 123456789.12345679));
const anyPose = fc.record({
  tool: fc.constantFrom('stylus', 'a "b", c', 'Zeigegerät', ' x'),
  t: fc.double({ noNaN: true, noDefaultInfinity: true }),
  position: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 }),
  angle: fc.double({ min: -3, max: 3, noNaN: true }),
  error: fc.oneof(anyDouble, fc.constant(Number.NaN)),
  status: fc.constantFrom<Status>(...STATUSES),
  frame: fc.nat({ max: 0xffffffff }),
});

function textsOf(table: PoseTable): string[] {
  const sample = new PoseSample();
  return Array.from({ length: table.count }, (_, i) => {
    table.read(i, sample);
    return `${table.tools[table.tool(i)]} ${poseText(0, sample, table.frame(i))}`;
  });
}

describe('poses as CSV', () => {
  it('are read whatever the case of the header and of a status; another word is none', () => {
    const text = 'T_ms, X,Y,Z,QX,QY,QZ,QW,Status\n0,1,2,3,0,0,0,1,OK\n1,1,2,3,0,0,0,1,Missing\n';
    const { table, ignored } = readPoseCsv(text);
    const sample = new PoseSample();
    const statuses = [0, 1].map((i) => {
      table.read(i, sample);
      return sample.status;
    });
    expect([statuses, ignored]).toEqual([['ok', 'missing'], []]);
    expect(() => readPoseCsv(text.replace('OK', 'okay'))).toThrow(/line 2.*okay/s);
  });

  it('come back as the same doubles, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(anyPose, { maxLength: 30 }), (poses) => {
        const table = new PoseTable();
        const sample = new PoseSample();
        for (const pose of poses) {
          sample.values.fill(Number.NaN);
          sample.values[0] = sample.values[1] = pose.t;
          sample.errorMm = pose.error;
          sample.status = pose.status;
          if (hasPose(pose.status)) {
            const [x = 0, y = 0, z = 0] = pose.position;
            sample.setPose(x, y, z, Math.sin(pose.angle), 0, -0, Math.cos(pose.angle));
          }
          table.add(table.toolNumber(pose.tool), sample, pose.frame, true);
        }
        for (const arrived of [false, true]) {
          const { table: back, ignored } = readPoseCsv(writePoseCsv(table, { arrived }));
          expect(ignored).toEqual([]);
          expect(textsOf(back)).toEqual(textsOf(table));
        }
      }),
    );
  });

  it('are written as others would read them', () => {
    const table = new PoseTable();
    const sample = new PoseSample();
    sample.setPose(0.1, -2, 3e-7, 0, 0, 0.6, 0.8);
    sample.values[0] = 1000.25;
    sample.values[1] = 1003;
    sample.values[2] = 0.25;
    sample.status = 'ok';
    table.add(table.toolNumber('stylus'), sample, 17, true);
    sample.values.fill(Number.NaN, 2);
    sample.status = 'missing';
    table.add(table.toolNumber('a,b'), sample, 0, true);
    expect(writePoseCsv(table)).toBe(
      't_ms,tool,x,y,z,qx,qy,qz,qw,error_mm,status,frame\n' +
        '1000.25,stylus,0.1,-2,3e-7,0,0,0.6,0.8,0.25,ok,17\n' +
        '1000.25,"a,b",,,,,,,,,missing,0\n',
    );
  });

  it('are read in any order of columns, with those a calibration needs alone', () => {
    const text = '\ufefft_ms,qw,qx,qy,qz,x,y,z\r\n0,1,0,0,0,10,20,30\r\n16.5,0.6,0,0.8,0,1,2,3\r\n\r\n';
    const { table } = readPoseCsv(text);
    const sample = new PoseSample();
    table.read(1, sample);
    expect(table.tools).toEqual(['tool']);
    expect([...sample.values.subarray(3)]).toEqual([1, 2, 3, 0, 0.8, 0, 0.6]);
    expect([sample.measuredAt, sample.arrivedAt, sample.errorMm, sample.status]).toEqual([16.5, 16.5, Number.NaN, 'unknown']);
    expect(
      readPoseCsv(`note,${text.slice(1).replace('\r\n0', '\r\n"a, ""b""",0').replace('\r\n16', '\r\n,16')}`).ignored,
    ).toEqual(['note']);
  });

  it('of one time are told together, until a tool comes again', () => {
    const head = 't_ms,tool,x,y,z,qx,qy,qz,qw\n';
    const rows = ['1,a', '1,b', '2,a', '2,a', '2,b', '3,a'].map((r) => `${r},0,0,0,0,0,0,1\n`).join('');
    const { table } = readPoseCsv(head + rows);
    expect(Array.from({ length: 6 }, (_, i) => table.flushed(i))).toEqual([false, true, true, false, true, true]);
  });

  it.each([
    ['', 'csv/bad-header', /empty/],
    ['a,b\n', 'csv/bad-header', /no column "t_ms", "x"/],
    ['t_ms,x,y,z,qx,qy,qz,qw,x\n', 'csv/bad-header', /two columns are called "x"/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n0,1,2,3,0,0,0,1\n0,1,2,3,0,0,1\n', 'csv/bad-row', /line 3: it has 7 cells/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n0,1,2,0x3,0,0,0,1\n', 'csv/bad-row', /line 2: "z" is "0x3"/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n,1,2,3,0,0,0,1\n', 'csv/bad-row', /line 2: "t_ms" is no time/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n0,1,2,3,0,0,0,1\n1,1,2,3,0,0,0,2\n', 'csv/bad-row', /line 3: its quaternion has the length 2/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n1,1,,3,0,0,0,1\n', 'csv/bad-row', /line 2: its status says that there is a pose, and "y"/],
    ['t_ms,x,y,z,qx,qy,qz,qw,status\n1,1,1,3,0,0,0,1,good\n', 'csv/bad-row', /line 2: "status" is "good"/],
    ['t_ms,x,y,z,qx,qy,qz,qw,frame\n1,1,1,3,0,0,0,1,1.5\n', 'csv/bad-row', /line 2: "frame" is "1.5"/],
    ['t_ms,x,y,z,qx,qy,qz,qw\n\n1,1,1,3,0,0,0,1\n', 'csv/bad-row', /line 2: the line is empty/],
    ['t_ms,x,y,z,qx,qy,qz,qw,tool\n1,1,1,3,0,0,0,1,"a\n', 'csv/bad-row', /line 2: a quote is not closed/],
    ['t_ms,x,y,z,qx,qy,qz,qw,tool\n1,1,1,3,0,0,0,1,"a"b\n', 'csv/bad-row', /line 2: something follows/],
    ['t_ms,x,y,z,qx,qy,qz,qw,tool\n1,1,1,3,0,0,0,1,"a\nb"\n1,1,1,3,0,0,0,9,c\n', 'csv/bad-row', /line 4: its quaternion/],
  ])('that are none are refused with their line: %j', (text, code, message) => {
    let thrown: unknown;
    try {
      readPoseCsv(text);
    } catch (error) {
      thrown = error;
    }
    expect(isNavError(thrown)).toBe(true);
    expect((thrown as NavError).code).toBe(code);
    expect((thrown as NavError).message).toMatch(message);
  });

  it('come out of a recording line by line', async () => {
    const clock = manualClock(5);
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock });
    const device = recorder.device('ndi');
    const sample = new PoseSample();
    const random = new Random(1);
    device.tools([{ name: 'stylus' }, { name: 'reference' }]);
    for (let n = 0; n < 50; n += 1) {
      clock.advance(16);
      sample.values[0] = sample.values[1] = clock.now();
      sample.status = 'ok';
      sample.setPose(random.normal(), random.normal(), random.normal(), 0, 0, 0, 1);
      device.pose(n % 2, sample, n);
      if (n % 2 === 1) device.flush();
    }
    await recorder.close();
    const recording = new Recording(bytesInput(output.bytes()));
    const lines: string[] = [];
    for await (const line of poseCsvLines(recording)) lines.push(line);
    const table = await poseTableOf(recording);
    expect(`${lines.join('\n')}\n`).toBe(writePoseCsv(table));
    expect(table.count).toBe(50);
    expect(textsOf(readPoseCsv(lines.join('\n')).table)).toEqual(textsOf(table));
  });

  it('mutated in any way are read or refused, never worse', () => {
    const text = `t_ms,tool,x,y,z,qx,qy,qz,qw,error_mm,status,frame\n${'1.5,"a ""b""",1,2,3,0,0,0,1,,ok,3\n2,c,,,,,,,,,missing,4\n'.repeat(3)}`;
    const random = new Random(inject('seed'));
    const pieces = ['"', ',', '\n', '\r', '""', 'NaN', 'Infinity', '-', '1e999', '\0', 'ok', '💡'];
    let read = 0;
    for (let round = 0; round < 100_000 * inject('effort'); round += 1) {
      let mutated = text;
      for (let k = random.below(3); k >= 0; k -= 1) {
        const at = random.below(mutated.length);
        const piece = pieces[random.below(pieces.length)] as string;
        mutated = mutated.slice(0, at) + piece + mutated.slice(at + random.below(4));
      }
      try {
        read += readPoseCsv(mutated).table.count;
      } catch (error) {
        if (!(error instanceof NavError)) throw error;
      }
    }
    expect(read).toBeGreaterThan(0);
  });
});
