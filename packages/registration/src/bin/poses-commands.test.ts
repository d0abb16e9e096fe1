import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NavErrorCode, PoseSample } from '@trocar/core';
import { fromQuaternion, invertRigid, multiply4, quaternionOf, Random, rotationVectorOf } from '@trocar/core/math';
import { memoryOutput, PoseTable, recordPoseTable, sequenceOfPoses, writeTrackedSequence } from '@trocar/core/recording';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { CalibrationPose } from '../calibration/poses.js';
import { handEyeRecording } from '../testing/hand-eye.js';
import { pivotRecording, turn } from '../testing/poses.js';
import { ask, DATA, differenceMm, Folder, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const seed = inject('seed');

const apart = (a: unknown, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(b, (x, i) => x - ((a as number[])[i] as number)));

async function refused(code: NavErrorCode, ...args: readonly string[]): Promise<string> {
  const { code: exit, json, error } = await ask(...args);
  expect([exit, json.outcome, json.code]).toEqual([1, 'refused', code]);
  expect(error).toContain(`${code}: `);
  return json['message'] as string;
}

const good = pivotRecording(new Random(seed), { count: 300, coneRad: 0.6, positionSdMm: 0.2, rotationSdRad: 0.002 });

/** The poses as a table of one tool, as recordings are written from. */
function tableOf(tools: Readonly<Record<string, readonly CalibrationPose[]>>): PoseTable {
  const table = new PoseTable();
  const sample = new PoseSample();
  const names = Object.keys(tools);
  const count = Math.max(...names.map((name) => tools[name]?.length ?? 0));
  for (let k = 0; k < count; k += 1) {
    for (const [n, name] of names.entries()) {
      const m = tools[name]?.[k]?.matrix ?? [];
      sample.values.fill(Number.NaN);
      sample.status = 'ok';
      sample.values[0] = sample.values[1] = 1000 + 20 * k;
      const q = new Float64Array(4);
      const r = rotationVectorOf(new Float64Array(3), m);
      const angle = Math.hypot(...r);
      const s = angle > 0 ? Math.sin(angle / 2) / angle : 0.5;
      q.set([...r.map((x) => x * s), Math.cos(angle / 2)]);
      sample.setPose(
        m[12] as number,
        m[13] as number,
        m[14] as number,
        q[0] as number,
        q[1] as number,
        q[2] as number,
        q[3] as number,
      );
      table.add(table.toolNumber(name), sample, k, n === names.length - 1);
    }
  }
  return table;
}

describe('trocar-register pivot', () => {
  it('finds the tip from CSV, with an error bound that holds', async () => {
    const { code, json } = await ask('pivot', '--poses', folder.poses('p.csv', good.list.poses));
    expect([code, json.outcome, json.code, json['poses']]).toEqual([0, 'ok', null, 300]);
    expect(apart(json['tipMm'], good.tip)).toBeLessThan(2 * (json['tip95Mm'] as number));
    expect(apart(json['pivotMm'], good.pivot)).toBeLessThan(1);
    expect(json['tip95Mm']).toBeLessThan(0.5);
    expect(json['inliers']).toBeGreaterThan(250);
    expect(json['rmsMm']).toBeGreaterThan(0.1);
    expect(json['coneDeg']).toBeGreaterThan(20);
    expect(json.warnings).toEqual([]);
  });

  it('reads the same from a CSV without status or without a header, from .igs.mha and from .mcap', async () => {
    const { json } = await ask('pivot', '--poses', folder.poses('p.csv', good.list.poses));
    const text = readFileSync(join(folder.path, 'p.csv'), 'utf8');
    const bare = folder.write('bare.csv', text.split('\n').slice(1).join('\n'));
    const untold = folder.write('untold.csv', text.replace(/,ok$/gm, '').replace(',status', ''));
    const headless = folder.write('headless.csv', text.split('\n').slice(1).join('\n').replace(/,ok$/gm, ''));
    const table = tableOf({ stylus: good.list.poses });
    const mha = folder.write('p.igs.mha', await writeTrackedSequence(await sequenceOfPoses(table)));
    const output = memoryOutput();
    await recordPoseTable(table, output);
    const mcap = folder.write('p.mcap', output.bytes());
    for (const [path, notes, exact] of [
      [bare, [], true],
      [untold, ['status-unknown'], true],
      [headless, ['status-unknown'], true],
      [mha, [], false],
      [mcap, [], true],
    ] as const) {
      const other = (await ask('pivot', '--poses', path)).json;
      expect([path, other.outcome, other.warnings.map((w) => w.code)]).toEqual([path, 'ok', notes]);
      expect(apart(other['tipMm'], json['tipMm'] as number[])).toBeLessThan(exact ? 1e-6 : 1e-2);
    }
    const broken = folder.write('broken.csv', headlessLine(readFileSync(headless, 'utf8')));
    expect(await refused('csv/bad-row', 'pivot', '--poses', broken)).toContain('line 3');
  });

  it('takes quaternions that are a little too long or of three digits, and refuses a header alone by name', async () => {
    const q = new Float64Array(4);
    const rows = (change: (x: number) => string): string => {
      const body = good.list.poses.map(({ matrix: m }, k) => {
        quaternionOf(q, m);
        return [20 * k, m[12], m[13], m[14], ...Array.from(q, change)].join(',');
      });
      return `t_ms,x,y,z,qx,qy,qz,qw\n${body.join('\n')}\n`;
    };
    for (const change of [(x: number) => String(1.008 * x), (x: number) => x.toFixed(3)]) {
      const { code, json } = await ask('pivot', '--poses', folder.write('long.csv', rows(change)));
      expect([code, json.outcome, json.code]).toEqual([0, 'ok', null]);
      expect(apart(json['tipMm'], good.tip)).toBeLessThan(0.3);
    }
    const header = folder.write('header.csv', 't_ms,x,y,z,qx,qy,qz,qw\n');
    expect(await refused('calibration/too-few-poses', 'pivot', '--poses', header)).toContain('no poses');
  });

  it('picks the tool by name, and works in the frame of a reference that moves', async () => {
    const random = new Random(seed + 1);
    const moving = good.list.poses.map(() =>
      fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [random.between(-50, 50), 0, -1000]),
    );
    const seen = good.list.poses.map((p, k) => ({
      matrix: multiply4(new Float64Array(16), moving[k] as Float64Array, p.matrix),
    }));
    const table = tableOf({ StylusToTracker: seen, ReferenceToTracker: moving.map((matrix) => ({ matrix })) });
    const mha = folder.write('two.igs.mha', await writeTrackedSequence(await sequenceOfPoses(table)));
    expect(await refused('calibration/bad-option', 'pivot', '--poses', mha)).toContain('"StylusToTracker", "ReferenceToTracker"');
    expect(await refused('calibration/bad-option', 'pivot', '--poses', mha, '--tool', 'Probe')).toContain('no tool "Probe"');
    for (const tool of ['Stylus', 'stylustotracker', 'StylusToTracker']) {
      const { json } = await ask('pivot', '--poses', mha, '--tool', tool, '--reference', 'Reference');
      expect([json.outcome, json['tool']]).toEqual(['ok', 'StylusToTracker']);
      expect(apart(json['tipMm'], good.tip)).toBeLessThan(0.3);
      expect(apart(json['pivotMm'], good.pivot)).toBeLessThan(1);
    }
  });

  it('with 20 % gross outliers is right with --robust huber, and not with none', async () => {
    const spoilt = pivotRecording(new Random(seed + 2), {
      count: 300,
      coneRad: 0.6,
      positionSdMm: 0.2,
      rotationSdRad: 0.002,
      outlierShare: 0.2,
      outlierMm: 40,
    });
    const path = folder.poses('spoilt.csv', spoilt.list.poses);
    const huber = await ask('pivot', '--poses', path, '--robust', 'huber');
    expect([huber.code, apart(huber.json['tipMm'], spoilt.tip) < 0.4]).toEqual([0, true]);
    const outliers = huber.json['outliers'] as number[];
    const grossly = spoilt.spoilt.flatMap((is, k) => (is ? [k] : []));
    expect(outliers.filter((k) => grossly.includes(k)).length).toBeGreaterThan(0.8 * grossly.length);
    const none = await ask('pivot', '--poses', path, '--robust', 'none');
    expect([none.code, none.json.outcome]).toEqual([1, 'failed']);
  });

  it('refuses what holds no answer, by name', async () => {
    const still = good.list.poses.map((_, k) => ({ matrix: good.list.poses[0]?.matrix ?? [], timeMs: k }));
    const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const narrow = pivotRecording(new Random(seed + 3), { count: 200, coneRad: (2.5 * Math.PI) / 180, spinRad: 0.02 });
    const metres = good.list.poses.map((p) => ({
      matrix: Float64Array.from(p.matrix, (x, i) => (i >= 12 && i < 15 ? x / 1000 : x)),
    }));
    const files: [NavErrorCode, readonly CalibrationPose[]][] = [
      ['calibration/motionless', still],
      ['calibration/identity-poses', good.list.poses.map(() => ({ matrix: identity }))],
      ['calibration/narrow', narrow.list.poses],
      ['calibration/hidden', good.list.poses.map((p, k) => (k % 5 === 0 ? p : { ...p, status: 'missing' as const }))],
      ['calibration/too-few-poses', good.list.poses.slice(0, 3)],
      ['calibration/units', metres],
    ];
    for (const [code, poses] of files) await refused(code, 'pivot', '--poses', folder.poses('bad.csv', poses));
    const { json } = await ask('pivot', '--poses', folder.poses('metres.csv', metres), '--unit', 'm');
    expect([json.outcome, json.warnings.map((w) => w.code)]).toEqual(['ok', ['unit-converted']]);
    await refused('io/not-found', 'pivot', '--poses', '/no/such/file');
    await refused('io/not-found', 'pivot', '--poses', folder.path);
    await refused('csv/bad-header', 'pivot', '--poses', folder.write('empty.csv', ''));
    await refused(
      'csv/bad-header',
      'pivot',
      '--poses',
      folder.write(
        'noise.csv',
        Uint8Array.from({ length: 500 }, (_, k) => (k * 37) % 256),
      ),
    );
  });

  it('prints lengths with units for a person', async () => {
    const { code, out } = await run('pivot', '--poses', folder.poses('p.csv', good.list.poses));
    expect(code).toBe(0);
    for (const words of ['pivot: ok', 'tip in the marker', '95 % below', 'no patient axes']) expect(out).toContain(words);
  });

  const sequences = join(DATA, 'tracked-ultrasound/sequences');
  it.skipIf(!existsSync(sequences))('refuses real recordings that are no pivot, each for its reason (TROCAR_DATA)', async () => {
    const of = (name: string): string[] => ['pivot', '--poses', join(sequences, `${name}.igs.mha`), '--tool', 'Stylus'];
    await refused('calibration/hidden', ...of('NwirePhantomFreehand'));
    await refused('calibration/narrow', ...of('BoneUltrasound_L14'));
    await refused('calibration/motionless', ...of('SpinePhantomFreehand'));
    await refused('calibration/bad-option', ...of('TransformInterpolationTest'));
    await refused('sequence/not-a-sequence', ...of('UltrasonixCurvilinearBrightnessData'));
    const landmarks = await ask(...of('EightLandmarkPointsTrackedForPhantomRegistration'));
    expect([landmarks.code, landmarks.json.outcome, landmarks.json['poses']]).toEqual([1, 'failed', 1000]);
  });
});

describe('trocar-register spin', () => {
  const random = new Random(seed + 6);
  const axis = [0.2, -0.3, 0.93].map((x, _, all) => x / Math.hypot(...all)) as [number, number, number];
  const base = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [10, -50, -900]);
  const spun = Array.from({ length: 200 }, (_, k) => {
    const noise = turn([random.normal(), random.normal(), random.normal()], 0.001 * random.normal());
    const m = multiply4(new Float64Array(16), base, multiply4(new Float64Array(16), turn(axis, (k / 200) * 4), noise));
    return { matrix: m };
  });
  const path = folder.poses('spin.csv', spun);

  it('finds the axis, and its direction from what pivot printed', async () => {
    const { code, json } = await ask('spin', '--poses', path);
    expect(code).toBe(0);
    const found = json['axis'] as number[];
    const cosine = axis.reduce((sum, x, i) => sum + x * (found[i] as number), 0);
    expect(Math.acos(Math.min(1, Math.abs(cosine))) * (180 / Math.PI)).toBeLessThan(2 * (json['axis95Deg'] as number));
    expect([json['sign'], json['poses'], (json['spinDeg'] as number) > 200]).toEqual(['largest-component', 200, true]);
    const pivot = folder.write('pivot.json', JSON.stringify({ tipMm: axis.map((x) => -150 * x) }));
    for (const more of [
      ['--pivot', pivot],
      ['--tip', axis.map((x) => -150 * x).join(',')],
    ]) {
      const turned = (await ask('spin', '--poses', path, ...more)).json;
      expect([turned['sign'], (turned['axis'] as number[]).every((x, i) => Math.abs(x + (axis[i] as number)) < 0.01)]).toEqual([
        'tip',
        true,
      ]);
    }
    expect((await run('spin', '--poses', path)).out).toContain('Which end is the tip is unknown');
  });

  it('refuses a tool that was hardly turned, and a file that is no pivot', async () => {
    await refused('calibration/narrow', 'spin', '--poses', folder.poses('short.csv', spun.slice(0, 20)));
    await refused('calibration/bad-option', 'spin', '--poses', path, '--pivot', folder.write('no.json', '{}'));
    for (const more of [
      ['--tip', '1,2'],
      ['--tip', '1,2,3', '--pivot', 'x'],
      ['--robust', 'tukey'],
    ])
      expect((await run('spin', '--poses', path, ...more)).code).toBe(2);
  });
});

/** The third line with a word in place of a number. */
function headlessLine(text: string): string {
  const lines = text.split('\n');
  lines[2] = (lines[2] as string).replace(/^[^,]*,[^,]*/, '40,x');
  return lines.join('\n');
}

describe('trocar-register hand-eye', () => {
  const scene = { count: 40, handSd: [0.05, 0.0005], targetSd: [0.2, 0.002] } as const;
  const recording = handEyeRecording(new Random(seed + 4), scene);
  const hand = folder.poses('hand.csv', recording.baseFromHand.poses);

  it('AX = XB: where the eye sits in the hand', async () => {
    const eye = folder.poses('eye.csv', recording.eyeFromTarget.poses);
    const { code, json } = await ask('hand-eye', '--hand', hand, '--eye', eye);
    expect([code, json.outcome, json.code, json['inliers']]).toEqual([0, 'ok', null, 40]);
    // The target is 900 mm away and turns with 0.002 rad: its own error is 1.8 mm in each pose.
    expect(differenceMm(json.fixedFromMoving, recording.x)).toBeLessThan(1.5);
    expect(differenceMm(json.fixedFromMoving, invertRigid(new Float64Array(16), recording.x))).toBeGreaterThan(5);
    expect(differenceMm(json['baseFromTarget'] as number[][], recording.y)).toBeLessThan(2);
    expect((json['holdOut'] as { rmsMm: number }).rmsMm).toBeLessThan(2);
    expect((await run('hand-eye', '--hand', hand, '--eye', eye)).out).toContain('hand from eye (mm)');
  });

  it('AX = YB with --world: the tracker in the robot’s base too', async () => {
    const eye = folder.poses('world.csv', recording.targetFromEye.poses);
    const { code, json } = await ask('hand-eye', '--hand', hand, '--eye', eye, '--world');
    expect([code, json.outcome]).toEqual([0, 'ok']);
    // The target is 900 mm away and turns with 0.002 rad: its own error is 1.8 mm in each pose.
    expect(differenceMm(json.fixedFromMoving, recording.x)).toBeLessThan(1.5);
    expect(differenceMm(json['baseFromWorld'] as number[][], recording.y)).toBeLessThan(2);
    expect(differenceMm(json['worldFromBase'] as number[][], invertRigid(new Float64Array(16), recording.y))).toBeLessThan(2);
  });

  it('recordings of different moments are paired by their times, and it is said', async () => {
    // A hand that turns smoothly, seen by a slower eye.
    const x = recording.x;
    const y = recording.y;
    const at = (t: number): Float64Array => {
      const a = turn([0.3, 0.5, 0.8], 0.8 * Math.sin(t / 900));
      const b = turn([0.9, -0.3, 0.2], 0.9 * Math.cos(t / 1300));
      const m = multiply4(new Float64Array(16), a, b);
      m.set([200 * Math.sin(t / 1100), 150 * Math.cos(t / 700), 400 + 100 * Math.sin(t / 500)], 12);
      return m;
    };
    const hands = Array.from({ length: 300 }, (_, k) => ({ matrix: at(20 * k), timeMs: 20 * k }));
    const eyes = Array.from({ length: 60 }, (_, k) => {
      const t = 7 + 83.3 * k;
      const seen = multiply4(new Float64Array(16), at(t), x);
      return { matrix: multiply4(new Float64Array(16), invertRigid(new Float64Array(16), seen), y), timeMs: t };
    });
    const { json } = await ask('hand-eye', '--hand', folder.poses('h600.csv', hands), '--eye', folder.poses('e150.csv', eyes));
    expect(json.warnings.map((w) => w.code)).toEqual(['paired-in-time']);
    expect(differenceMm(json.fixedFromMoving, x)).toBeLessThan(0.5);
    await refused(
      'calibration/unpaired',
      'hand-eye',
      '--hand',
      folder.poses('h600.csv', hands),
      '--eye',
      folder.poses('e150.csv', eyes),
      '--pair',
      'order',
    );
  });

  const robot = join(DATA, 'tracking/hand-eye/robot_arm_w_color_camera_real/robot_arm');
  it.skipIf(!existsSync(robot))(
    'of a real robot and camera, from headerless files in metres and seconds (TROCAR_DATA)',
    async () => {
      // A fourth of the camera's poses: the whole recording takes its time.
      const thinned = (name: string, every: number): string => {
        const lines = readFileSync(join(robot, `robot_arm_complete_bag_color_and_ir_${name}.csv`), 'utf8')
          .trim()
          .split('\n');
        return folder.write(`${name}.csv`, lines.filter((_, k) => k % every === 0).join('\n'));
      };
      const args = [
        '--hand',
        thinned('base_link_sr300_hinge', 1),
        '--eye',
        thinned('target_ir', 4),
        '--unit',
        'm',
        '--time-unit',
        's',
      ];
      // The file has the camera in the target's frame.
      await refused('calibration/inverted', 'hand-eye', ...args);
      const { json } = await ask('hand-eye', ...args, '--invert-eye', '--offset-ms', 'auto');
      const notes = ['status-unknown', 'unit-converted', 'status-unknown', 'unit-converted', 'paired-in-time'];
      expect([json.outcome, json.warnings.map((w) => w.code)]).toEqual(['ok', notes]);
      // A camera is mounted within reach of the hand, and fits it to a few millimetres.
      expect(Math.hypot(...json.fixedFromMoving.slice(0, 3).map((row) => row[3] as number))).toBeLessThan(300);
      expect((json['holdOut'] as { medianMm: number }).medianMm).toBeLessThan(10);
    },
  );

  it('refuses parallel axes, transposed recordings and missing halves', async () => {
    const flat = handEyeRecording(new Random(seed + 5), { count: 30, axis: [0, 0, 1] });
    await refused(
      'calibration/parallel-axes',
      'hand-eye',
      '--hand',
      folder.poses('ha.csv', flat.baseFromHand.poses),
      '--eye',
      folder.poses('ea.csv', flat.eyeFromTarget.poses),
    );
    const turned = await ask('hand-eye', '--hand', hand, '--eye', folder.poses('world.csv', recording.targetFromEye.poses));
    expect([turned.code, turned.json.outcome === 'ok']).toEqual([1, false]);
    expect((await run('hand-eye', '--hand', hand)).code).toBe(2);
    expect((await run('hand-eye', '--eye', hand)).code).toBe(2);
  });
});
