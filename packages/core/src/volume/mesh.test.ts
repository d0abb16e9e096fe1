import { describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { mesh } from './index.js';

const CT = frame('ct');
const corners = (): Float64Array => new Float64Array([0, 0, 0, 1, 0, 0, 0, 1, 0]);

function refusal(positions: Float64Array, triangles: Uint32Array): string {
  try {
    mesh({ frame: CT, positions, triangles });
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
  return 'taken';
}

describe('mesh', () => {
  it('takes what is a surface', () => {
    expect(refusal(corners(), new Uint32Array([0, 1, 2]))).toBe('taken');
  });

  it('refuses what is none: no triangle, a vertex that is not there, a coordinate that is none, half a triangle', () => {
    expect(refusal(corners(), new Uint32Array(0))).toBe('mesh/empty');
    expect(refusal(corners(), new Uint32Array([0, 1, 3]))).toBe('mesh/bad-geometry');
    expect(refusal(corners().fill(Number.NaN, 4, 5), new Uint32Array([0, 1, 2]))).toBe('mesh/bad-geometry');
    expect(refusal(corners(), new Uint32Array([0, 1]))).toBe('mesh/bad-geometry');
  });
});
