import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { encodePoints } from '@trocar/core/io';
import { quaternionOf } from '@trocar/core/math';
import type { CalibrationPose } from '../../calibration/poses.js';
import { runRegisterCommand } from '../register-command.js';

/** Real data for tests: under TROCAR_DATA, else beside the checkout. */
export const DATA: string = resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../shared/data'));

/** What a run of the command gave. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export async function run(...args: readonly string[]): Promise<Run> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runRegisterCommand(args, { version: '9.9.9', out: (l) => out.push(l), error: (l) => error.push(l) });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

/** The one object that --json prints. */
export interface Answer {
  readonly code: number;
  readonly json: { readonly [key: string]: unknown } & {
    readonly outcome: string;
    readonly code: string | null;
    readonly fixedFromMoving: number[][];
    readonly residuals: {
      readonly label: string;
      readonly mm: number;
      readonly leaveOneOutMm: number;
      readonly inlier: boolean;
    }[];
    readonly tre95Mm: number[];
    readonly freMm: number;
    readonly fleMm: number;
    readonly warnings: { readonly code: string; readonly message: string }[];
  };
  readonly error: string;
}

export async function ask(...args: readonly string[]): Promise<Answer> {
  const { code, out, error } = await run(...args, '--json');
  return { code, json: JSON.parse(out) as Answer['json'], error };
}

/** A folder for a test file's files. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'trocar-register-'));

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  /** Points as a file, called A, B, … */
  points(
    name: string,
    places: readonly ArrayLike<number>[],
    labels: readonly string[] = places.map((_, k) => labelOf(k)),
  ): string {
    return this.write(
      name,
      encodePoints(
        places.map((xyz, k) => ({ label: labels[k] as string, xyz })),
        name,
      ),
    );
  }

  poses(name: string, poses: readonly CalibrationPose[], stepMs = 20): string {
    const q = new Float64Array(4);
    const rows = poses.map((p, k) => {
      const t = p.timeMs ?? stepMs * k;
      if (p.status !== undefined && p.status !== 'ok') return `${t},,,,,,,,${p.status}`;
      quaternionOf(q, p.matrix);
      return [t, p.matrix[12], p.matrix[13], p.matrix[14], ...q, p.status ?? 'ok'].join(',');
    });
    return this.write(name, `t_ms,x,y,z,qx,qy,qz,qw,status\n${rows.join('\n')}\n`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function labelOf(k: number): string {
  return String.fromCharCode(65 + (k % 26)) + (k >= 26 ? String(Math.floor(k / 26)) : '');
}

/** The largest difference of rows from a column-major matrix: rotation elements times 100 mm, and mm. */
export function differenceMm(rows: readonly (readonly number[])[], matrix: ArrayLike<number>): number {
  let worst = 0;
  for (let r = 0; r < 4; r += 1) {
    for (let c = 0; c < 4; c += 1) {
      worst = Math.max(worst, (c < 3 ? 100 : 1) * Math.abs((rows[r]?.[c] as number) - (matrix[4 * c + r] as number)));
    }
  }
  return worst;
}

/** The reverse of four rows: a column-major matrix. */
export function matrixOf(rows: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from({ length: 16 }, (_, i) => rows[i % 4]?.[i >> 2] as number);
}
