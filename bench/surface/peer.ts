import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Mesh } from '@trocar/core/volume';

/** One run of VTK's ICP. */
export interface PeerJob {
  /** x, y, z of the points, moved by the start pose, mm. */
  readonly points: readonly number[];
  readonly iterations: number;
  /** At most so many points are used; VTK's default is 200. */
  readonly landmarks: number;
}

/** What came of it. */
export interface PeerAnswer {
  /** Motion after the start pose: 16 numbers, column-major, mm. */
  readonly matrix: Float64Array;
  /** Processor time, ms, the locator's making left out. */
  readonly ms: number;
}

/** A Python with VTK (Debian: python3-vtk9), or undefined. */
export function findVtk(): string | undefined {
  return ['python3', '/usr/bin/python3'].find(
    (python) => spawnSync(python, ['-c', 'import vtk'], { timeout: 60_000 }).status === 0,
  );
}

/** Runs VTK's ICP on all jobs in one process. */
export function runVtk(python: string, mesh: Mesh<'ct'>, jobs: readonly PeerJob[]): PeerAnswer[] {
  const script = fileURLToPath(new URL('./vtk-icp.py', import.meta.url));
  const input = JSON.stringify({ positions: Array.from(mesh.positions), triangles: Array.from(mesh.triangles), jobs });
  const { status, stdout, stderr } = spawnSync(python, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`VTK's ICP failed: ${stderr.slice(-2000)}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const { matrix, ms } = JSON.parse(line) as { matrix: number[]; ms: number };
      return { matrix: Float64Array.from({ length: 16 }, (_, n) => matrix[4 * (n % 4) + Math.floor(n / 4)] as number), ms };
    });
}
