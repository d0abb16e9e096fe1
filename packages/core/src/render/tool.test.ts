import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PoseView, STATUSES, type Status } from '../frames/index.js';
import { statusStyle } from './palette.js';
import { Tool, type VisibilityChange } from './tool.js';

function pose(status: Status, at: number): PoseView {
  const view = new PoseView();
  view.status = status;
  view.times[0] = at;
  if (view.hasPose) view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10, 20, 30, 1]);
  return view;
}

const at = (ms: number): Float64Array => Float64Array.of(ms);
const make = (): Tool => new Tool('needle', { kind: 'needle', lengthMm: 150, radiusMm: 1 }, { remove: () => {} });

describe('a tool', () => {
  it('draws nothing before its first pose', () => {
    const tool = make();
    tool.settle(at(0), 250);
    expect(tool.shown).toBe(false);
    expect(tool.live).toBe(false);
  });

  for (const status of STATUSES) {
    it(`keeps the status ${status}`, () => {
      const tool = make();
      tool.update(pose(status, 1000));
      tool.settle(at(1010), 250);
      expect(tool.status).toBe(status);
      expect(tool.live).toBe(status === 'ok' || status === 'predicted');
      expect(tool.shown).toBe(status !== 'missing' && status !== 'disconnected');
      expect(tool.style.form === 'none').toBe(!tool.shown);
    });
  }

  it('goes stale by itself when nobody renews its pose', () => {
    const tool = make();
    tool.update(pose('ok', 1000));
    tool.settle(at(1250), 250);
    expect(tool.status).toBe('ok');
    tool.settle(at(1250.001), 250);
    expect(tool.status).toBe('stale');
    expect(tool.live).toBe(false);
  });

  it('takes a pose of no known time for stale', () => {
    const tool = make();
    tool.update(pose('ok', Number.NaN));
    tool.settle(at(0), 250);
    expect(tool.status).toBe('stale');
  });

  it('takes a pose that is not finite for missing', () => {
    const tool = make();
    const view = pose('ok', 1000);
    view.matrix[12] = Number.NaN;
    tool.update(view);
    tool.settle(at(1000), 250);
    expect(tool.status).toBe('missing');
  });

  it('copies the pose: what happens to the view afterwards is not drawn', () => {
    const tool = make();
    const view = pose('ok', 1000);
    tool.update(view, 2.5);
    view.matrix.fill(0);
    expect(Array.from(tool.matrix.subarray(12))).toEqual([10, 20, 30, 1]);
    expect(tool.tipError95Mm).toBe(2.5);
    tool.update(pose('ok', 1016));
    expect(tool.tipError95Mm).toBeNaN();
  });

  it('tells of every change of what is drawn, once', () => {
    const tool = make();
    const seen: VisibilityChange[] = [];
    tool.visibility.subscribe((change) => seen.push(change));
    for (const [status, ms] of [
      ['ok', 0],
      ['ok', 16],
      ['missing', 32],
      ['missing', 48],
      ['ok', 64],
    ] as const) {
      tool.update(pose(status, ms));
      tool.settle(at(ms), 250);
    }
    tool.settle(at(1000), 250);
    expect(seen).toEqual([
      { tool: 'needle', status: 'ok', live: true },
      { tool: 'needle', status: 'missing', live: false },
      { tool: 'needle', status: 'ok', live: true },
      { tool: 'needle', status: 'stale', live: false },
    ]);
  });

  it('takes a million poses without one garbage collection', async () => {
    const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
    const flags = ['--expose-gc', '--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx', probe];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: fileURLToPath(new URL('.', import.meta.url)) });
    const result = JSON.parse(stdout) as { collections: number; control: number; x: number; status: string };
    expect(result.x).toBeCloseTo(999.999, 6);
    expect(result.status).toBe('ok');
    expect(result.control).toBeGreaterThan(3);
    expect(result.collections).toBe(0);
  });
});

describe('status styles', () => {
  it('differ in colour and in form for every status that has a pose', () => {
    const drawn = STATUSES.filter((s) => s !== 'missing' && s !== 'disconnected').map(statusStyle);
    expect(new Set(drawn.map((s) => s.colour)).size).toBe(drawn.length);
    expect(new Set(drawn.map((s) => `${s.form} ${s.dash}`)).size).toBe(drawn.length);
  });

  it('is solid and unbroken for ok alone', () => {
    const whole = STATUSES.filter((s) => statusStyle(s).form === 'solid' && statusStyle(s).dash === undefined);
    expect(whole).toEqual(['ok']);
  });
});
