import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeVolume } from '@trocar/core/io';
import { headPhantom } from '@trocar/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { ptyLine } from '../../../suite/src/node/pty.js';
import { phantomCase } from '../case.js';
import { simulatedSecond } from '../second-image.js';
import { runHeadless } from './headless.js';
import type { HeadlessReport } from './headless-report.js';

const hasSocat = spawnSync('socat', ['-V']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'trocar-headless-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function expectGood(report: HeadlessReport): void {
  expect(report.checks.filter((c) => !c.held)).toEqual([]);
  expect(report.outcome).toBe('reached');
  expect(report.registration.residualsMm).toHaveLength(8);
  expect(report.target.expectedTre95Mm).toBeGreaterThan(0.1);
  expect(report.target.expectedTre95Mm).toBeLessThan(1.5);
  expect(report.target).toMatchObject({ limit95Mm: 2, withinLimit: true });
  expect(report.registration.residuals.map((r) => r.fiducial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  for (const r of report.registration.residuals) {
    expect(r.mm).toBeGreaterThan(0);
    expect(r.leaveOneOutMm).toBeGreaterThan(r.mm);
    expect(['fits', 'watch']).toContain(r.flag);
  }
  expect(report.latencyMs.p50).toBeGreaterThan(0);
  expect(report.latencyMs.p50).toBeLessThan(20);
  for (const { afterMs } of Object.values(report.covered)) expect(afterMs).toBeGreaterThan(0);
}

/** Runs the command as `npm start` does. */
function main(args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', '--conditions=@trocar/source', fileURLToPath(new URL('../main.ts', import.meta.url)), ...args],
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

// Real time, on a machine that may be busy.
describe('a headless run', { timeout: 180_000 }, () => {
  it('does the whole procedure over the bridge, and what is displayed agrees with the truth', async () => {
    const second = simulatedSecond(7, 'none', 4);
    const report = await runHeadless({ case: phantomCase(7, 4), seed: 7, fast: true, second });
    expectGood(report);
    expect(report.secondImage).toMatchObject({ modality: 'MR', outcome: 'ok', accepted: true, refusal: null, findings: [] });
    expect(report.secondImage?.trueErrorMm).toBeLessThan(0.7);
    expect(report.secondImage?.expectedTre95Mm).toBeLessThan(1.5);
    const { source, tip95Mm, trueErrorMm, pivot } = report.calibration;
    expect(source).toBe('pivot');
    expect(tip95Mm).toBeLessThan(0.2);
    expect(trueErrorMm).toBeLessThan(3 * tip95Mm);
    expect(pivot).toMatchObject({ outcome: 'ok', hidden: 0 });
    expect(pivot?.coneDeg).toBeGreaterThan(25);
  });

  it.skipIf(!hasSocat)('does so over a real pseudo-terminal (needs socat)', async () => {
    const line = await ptyLine();
    try {
      expectGood(await runHeadless({ case: phantomCase(8, 4), seed: 8, fast: true, line }));
    } finally {
      line.close();
    }
  });
});

describe('the command', { timeout: 180_000 }, () => {
  it('prints one JSON object and exits 0, on a file of its own format too, and tells nobody who it is', async () => {
    const path = join(folder, 'head.mha');
    await writeVolume(headPhantom({ spacingMm: 3 }).volume, path);
    const other = join(folder, 'other.nrrd');
    await writeVolume(simulatedSecond(3, 'none', 3).volume, other);
    const files = ['--volume', path, '--second', other];
    const { code, stdout } = await main(['--headless', '--json', '--fast', '--seed', '3', ...files]);
    const report = JSON.parse(stdout) as HeadlessReport;
    expectGood(report);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stdout).not.toMatch(/Phantom\^|TROCAR-|head\.mha|other\.nrrd/);
    // Of files nobody knows the truth.
    expect(report.secondImage).toMatchObject({ outcome: 'ok', accepted: true, trueErrorMm: null });
    expect(report.secondImage?.expectedTre95Mm).toBeGreaterThan(0.05);
  });

  it('ends in a refusal with its code where the plan allows less than can be expected, with a stored calibration too', async () => {
    const { code, stdout } = await main(['--headless', '--json', '--fast', '--stored', '--max-tre', '0.15']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'failed',
      error: { code: 'beyond-plan-limit', message: expect.stringMatching(/limit 0\.[12].mm, expected/u) },
    });
    expect((await main(['--max-tre', 'two'])).code).toBe(2);
    const loose = await main(['--headless', '--json', '--max-tre', '2000']);
    expect(loose.code).toBe(1);
    expect(JSON.parse(loose.stdout)).toMatchObject({ error: { code: 'guidance/bad-plan' } });
  });

  it('refuses a tilted volume, a missing one and nonsense, each with its own words and exit code', async () => {
    const path = join(folder, 'tilted.nrrd');
    await writeVolume(headPhantom({ spacingMm: 6, tiltDegrees: 18.5 }).volume, path);
    const tilted = await main(['--headless', '--json', '--volume', path]);
    expect(tilted.code).toBe(1);
    expect(JSON.parse(tilted.stdout)).toMatchObject({ outcome: 'failed', error: { code: 'volume/sheared' } });
    const missing = await main(['--headless', '--json', '--volume', join(folder, 'none.nii.gz')]);
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stdout)).toMatchObject({ error: { code: 'io/not-found' } });
    const second = await main(['--headless', '--json', '--second', join(folder, 'none.nrrd')]);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ outcome: 'failed', error: { code: 'io/not-found' } });
    expect((await main(['--second', path, '--no-second'])).code).toBe(2);
    const nonsense = await main(['--sead', '3']);
    expect(nonsense.code).toBe(2);
    expect(nonsense.stderr).toMatch(/Usage: npm start/);
  });
});
