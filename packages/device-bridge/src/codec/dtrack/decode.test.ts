import { isNavError } from '@trocar/core';
import { fromQuaternion, identity4 } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DTRACK_LIMITS,
  DTrackAnswerFramer,
  DTrackFrame,
  decodeDtrack,
  decodeDtrackLog,
  dtrackCommand,
  parseDtrackAnswer,
  TARGET_STATE,
  targetPose,
} from './index.js';
import { ascii, BODY_LINE, datagram, QUARTER_TURN } from './test-support/datagrams.js';

const decoded = (bytes: Uint8Array): DTrackFrame => {
  const frame = new DTrackFrame();
  decodeDtrack(frame, bytes);
  return frame;
};

const codeOf = (text: string | Uint8Array): string => {
  try {
    decoded(typeof text === 'string' ? ascii(text) : text);
    return 'decoded';
  } catch (error) {
    return isNavError(error) ? error.code : String(error);
  }
};

describe('a DTrack datagram', () => {
  it('is read line by line', () => {
    const frame = decoded(
      datagram([
        'fr 21753',
        'ts 39596.024831',
        'ts2 39596 24831 12500',
        '6dcal 4',
        `6d 2 [0 1.000][326.848 -187.216 109.503][${QUARTER_TURN}] [3 -1.000][0.000 0.000 0.000][0 0 0 0 0 0 0 0 0]`,
        `6dcov 1 [0 1.5 2.5 3.5][${Array.from({ length: 21 }, (_, i) => i + 1).join(' ')}]`,
        `6df2 2 1 [0 1.000 6 2][1 2 3][${QUARTER_TURN}][5 -0.5 1.00]`,
        `6dmt2 1 1 [0 0.75 2 1.125][4 5 6][${QUARTER_TURN}][2][1 2 3 4 5 6]`,
        `6dmtr 2 1 [1 0.5][7 8 9][${QUARTER_TURN}]`,
        '3d 2 [79 1.000][210.730 -90.669 -108.554] [83 0.500][1e2 -.5 +3.]',
        'gl 1 whatever [this is]',
        '6dj 0 0',
      ]),
    );
    expect(frame.number[0]).toBe(21753);
    expect(frame.timeKind).toBe(2);
    expect(frame.time[0]).toBeCloseTo(39596.024831, 9);
    expect(frame.time[1]).toBe(12500);
    expect(frame.calibratedBodies).toBe(4);
    expect(frame.bodies.count).toBe(2);
    expect([...frame.bodies.id.subarray(0, 2)]).toEqual([0, 3]);
    expect([...frame.bodies.state.subarray(0, 2)]).toEqual([TARGET_STATE.tracked, TARGET_STATE.untracked]);
    expect([...frame.bodies.values.subarray(0, 3)]).toEqual([326.848, -187.216, 109.503]);
    expect(frame.covarianceCount).toBe(1);
    expect([...frame.covariancePoint.subarray(0, 3)]).toEqual([1.5, 2.5, 3.5]);
    expect(frame.covariance[20]).toBe(21);
    expect(frame.flysticks.calibrated).toBe(2);
    expect(frame.flystickControls.buttons[0]).toBe(5);
    expect([...frame.flystickControls.joysticks.subarray(0, 2)]).toEqual([-0.5, 1]);
    expect(frame.measurementControls.tipRadius[0]).toBe(1.125);
    expect(frame.measurementControls.covariance[5]).toBe(6);
    expect(frame.references.id[0]).toBe(1);
    expect(frame.markerCount).toBe(2);
    expect([...frame.markerPosition.subarray(3, 6)]).toEqual([100, -0.5, 3]);
    expect(frame.skippedCount).toBe(2);
  });

  it('has its rotation column by column', () => {
    const frame = decoded(datagram(['fr 1', BODY_LINE]));
    const pose = new Float64Array(7);
    targetPose(frame.bodies, 0, pose, 0);
    // A quarter turn about z: the body's x axis points along the room's y. Read row by row it would turn the other way.
    expect([...pose.subarray(3)]).toEqual([0, 0, Math.SQRT1_2, Math.SQRT1_2].map((v) => expect.closeTo(v, 6)));
    const matrix = fromQuaternion(identity4(), pose.subarray(3), [0, 0, 0]);
    expect([matrix[0], matrix[1], matrix[2]]).toEqual([0, 1, 0].map((v) => expect.closeTo(v, 6)));
  });

  it('is reused: what an earlier datagram had is not in the next', () => {
    const frame = new DTrackFrame();
    decodeDtrack(frame, datagram(['fr 1', 'ts2 1 2 3', '6dcal 1', BODY_LINE, '3d 1 [1 1][1 2 3]', 'st x']));
    decodeDtrack(frame, datagram(['fr 2']));
    expect([frame.bodies.count, frame.markerCount, frame.timeKind, frame.calibratedBodies, frame.skippedCount]).toEqual([
      0, 0, 0, -1, 0,
    ]);
    expect(frame.time[1]).toBeNaN();
  });

  it('knows a rotation that is none, and does not look at one of an untracked body', () => {
    const state = (rotation: string, quality = '1.0'): number =>
      decoded(datagram(['fr 1', `6d 1 [0 ${quality}][0 0 0][${rotation}]`])).bodies.state[0] as number;
    expect(state('1 0 0 0 1 0 0 0 1')).toBe(TARGET_STATE.tracked);
    expect(state('0 0 0 0 0 0 0 0 0')).toBe(TARGET_STATE.badRotation);
    expect(state('1 0 0 0 1 0 0 0 -1')).toBe(TARGET_STATE.badRotation);
    expect(state('1.1 0 0 0 1 0 0 0 1')).toBe(TARGET_STATE.badRotation);
    expect(state('0 0 0 0 0 0 0 0 0', '-1.000')).toBe(TARGET_STATE.untracked);
  });

  it.each([
    ['ts 1\r\n', 'dtrack/no-frame-number'],
    ['', 'dtrack/no-frame-number'],
    ['fr 1\r\n6d 2 [0 1][1 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/missing-field'],
    ['fr 1\r\n6d 1 [0 1][1 2 3][1 0 0 0 1 0 0 0 1] [1 1][1 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6d 1 [0 1][1 2][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/missing-field'],
    ['fr 1\r\n6d 1 [0 1][1 2 3 4][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6d -1\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6d 257\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6d 1.5\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n6d 1 [1000 1][1 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-id'],
    ['fr 1\r\n6d 1 [-1 1][1 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-id'],
    ['fr 1\r\n6d 2 [0 1][1 2 3][1 0 0 0 1 0 0 0 1] [0 1][1 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-id'],
    ['fr 1\r\n6d 1 [0 1][nan 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n6d 1 [0 1][inf 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n6d 1 [0 1][1e999 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n6d 1 [0 1][1,5 2 3][1 0 0 0 1 0 0 0 1]\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n6dcov 1 [1000 0 0 0][1]\r\n', 'dtrack/bad-id'],
    ['fr 1\r\n6df2 1 2\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6df2 1 1 [0 1 17 0][0 0 0][1 0 0 0 1 0 0 0 1][0]\r\n', 'dtrack/bad-count'],
    ['fr 1\r\n6df2 1 1 [1 1 1 0][0 0 0][1 0 0 0 1 0 0 0 1][0]\r\n', 'dtrack/bad-id'],
    ['fr 1\r\nts2 1 1000000 0\r\n', 'dtrack/bad-number'],
    ['fr 1\r\nts -1\r\n', 'dtrack/bad-number'],
    ['fr 1\r\nfr 2\r\n', 'dtrack/repeated-line'],
    ['fr 4294967296\r\n', 'dtrack/bad-number'],
    ['fr 1\r\n\u0001\u0002\r\n', 'dtrack/bad-line'],
    ['fr 1\r\nts 1.5', 'dtrack/truncated'],
  ])('%j is refused as %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('says which line and which byte', () => {
    expect(() => decoded(ascii('fr 1\r\n6d 1 [0 1][1 x 3][1 0 0 0 1 0 0 0 1]\r\n'))).toThrowError(/line "6d", byte 19/);
  });

  it('is refused where it is longer than a datagram can be', () => {
    expect(codeOf(new Uint8Array(65_508).fill(0x0a))).toBe('codec/oversize');
  });

  it('reads numbers as JavaScript does', () => {
    const number = (text: string): number => decoded(ascii(`fr 1\r\n3d 1 [1 1][${text} 0 0]\r\n`)).markerPosition[0] as number;
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
        fc.integer({ min: 0, max: 12 }),
        (value, digits) => {
          const fixed = Math.abs(value) < 1e15 ? value.toFixed(digits) : value.toExponential(digits);
          const exact = !fixed.includes('e') && fixed.replace(/\D/g, '').replace(/^0+/, '').length <= 15;
          if (exact) expect(number(fixed)).toBe(Number(fixed));
          else expect(Math.abs(number(fixed) - Number(fixed))).toBeLessThanOrEqual(1e-15 * Math.abs(value));
          const precise = number(String(value));
          expect(Math.abs(precise - value)).toBeLessThanOrEqual(1e-15 * Math.abs(value) + 5e-324);
        },
      ),
    );
  });
});

describe('a file of DTrack datagrams', () => {
  const LOG = ascii(
    `fr 1\r\nts 0.5\r\n6d 0\r\nfr 2\r\n6d 1 [0 1][1 x 3][1 0 0 0 1 0 0 0 1]\r\nfr 3\r\n6dcal 1\r\n${BODY_LINE}\r\n`,
  );

  it('is told datagram by datagram; one that is damaged does not hide the next', () => {
    const lines = [...decodeDtrackLog(LOG)];
    expect(lines).toMatchObject([
      { type: 'frame', offset: 0, frame: 1, timeSeconds: 0.5, bodies: [] },
      { error: 'dtrack/bad-number', offset: 20 },
      {
        type: 'frame',
        offset: 64,
        frame: 3,
        calibratedBodies: 1,
        bodies: [{ id: 0, tracked: true, positionMm: [326.848, -187.216, 109.503], rotation: [0, -1, 0, 1, 0, 0, 0, 0, 1] }],
      },
    ]);
    expect(JSON.parse(JSON.stringify(lines))).toEqual(lines);
  });

  it('says that what stands before the first frame is none, and that nothing is in nothing', () => {
    expect([...decodeDtrackLog(ascii('hello\r\n\r\nfr 1\r\n'))]).toMatchObject([
      { error: 'dtrack/no-frame-number', offset: 0 },
      { frame: 1, offset: 9 },
    ]);
    expect([...decodeDtrackLog(new Uint8Array(0))]).toEqual([]);
    expect([...decodeDtrackLog(ascii('\r\n\r\n'))]).toEqual([]);
  });

  it('a datagram that is cut off anywhere takes none behind it along', () => {
    const whole = `fr 41\r\nts 5.000000\r\n${BODY_LINE}`;
    const next = `fr 42\r\n${BODY_LINE}\r\n`;
    for (let cut = 1; cut < whole.length; cut += 1) {
      const lines = [...decodeDtrackLog(ascii(whole.slice(0, cut) + next))];
      expect(lines.at(-1), whole.slice(0, cut)).toMatchObject({ type: 'frame', frame: 42, offset: cut });
      expect(lines.length).toBe(2);
    }
  });
});

describe('the command connection', () => {
  it('sends text with a zero byte behind it, and understands the answers', () => {
    expect([...dtrackCommand('dtrack2 tracking start')].at(-1)).toBe(0);
    expect(parseDtrackAnswer('dtrack2 ok')).toEqual({ kind: 'ok' });
    expect(parseDtrackAnswer('dtrack2 err 5 "no valid body"')).toEqual({ kind: 'error', code: 5, text: 'no valid body' });
    expect(parseDtrackAnswer('dtrack2 set config active_config standard')).toMatchObject({ kind: 'set' });
    expect(parseDtrackAnswer('dtrack2 msg sync error 10 0x1 "x"')).toMatchObject({ kind: 'message' });
    expect(parseDtrackAnswer('hello')).toEqual({ kind: 'other', text: 'hello' });
  });

  it('cuts answers at the zero byte, in any chunks, and keeps no more than one', () => {
    const answers: unknown[] = [];
    const faults: string[] = [];
    const framer = new DTrackAnswerFramer(
      (a) => answers.push(a.kind),
      (code) => faults.push(code),
    );
    for (const byte of ascii('dtrack2 ok\0dtrack2 err 1 x\0')) framer.feed(Uint8Array.of(byte));
    expect(answers).toEqual(['ok', 'error']);
    framer.feed(new Uint8Array(100_000).fill(0x41));
    expect(framer.buffered).toBeLessThanOrEqual(200);
    framer.feed(ascii('\0dtrack2 ok\0'));
    expect(answers).toEqual(['ok', 'error', 'ok']);
    expect(faults).toEqual(['codec/oversize']);
  });
});

it('has bounds that its frame has room for', () => {
  const frame = new DTrackFrame();
  expect(frame.bodies.values.length).toBe(12 * DTRACK_LIMITS.targets);
  const many = Array.from({ length: DTRACK_LIMITS.targets }, (_, i) => `[${i} 1][0 0 0][1 0 0 0 1 0 0 0 1]`).join(' ');
  expect(decoded(datagram(['fr 1', `6d ${DTRACK_LIMITS.targets} ${many}`])).bodies.count).toBe(DTRACK_LIMITS.targets);
});
