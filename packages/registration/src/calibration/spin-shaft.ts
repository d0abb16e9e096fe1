import { requireSameFrame, type Transform, transform } from '@trocar/core';
import { product } from '../accuracy/matrices.js';
import { at } from '../points/rigid-fit.js';
import type { SpinCalibration } from './spin.js';

/**
 * Marker from tip with +z along the shaft, out of the tip: what a pivot gives, turned by a spin. x is the marker's axis
 * that lies most across the shaft, made orthogonal to it; the roll about the shaft is this definition, and without error.
 * The covariance holds the tip's error and the axis', as independent.
 * @param stylusFromTip of the pivot
 * @throws NavError `frame/mismatch`
 */
export function alongShaft<To extends string, From extends string, Tip extends string>(
  stylusFromTip: Transform<From, Tip>,
  spin: SpinCalibration<To, From>,
): Transform<From, Tip> {
  requireSameFrame(stylusFromTip.to, spin.from, 'Turning a tip along its shaft');
  const z = spin.axis;
  let least = 0;
  for (let i = 1; i < 3; i += 1) if (Math.abs(at(z, i)) < Math.abs(at(z, least))) least = i;
  const raw = [0, 1, 2].map((i) => (i === least ? 1 : 0) - at(z, least) * at(z, i));
  const size = Math.hypot(...raw);
  const x = raw.map((v) => v / size);
  const y = cross(z, x);
  const p = [12, 13, 14].map((i) => at(stylusFromTip.matrix, i));
  const matrix = Float64Array.of(...x, 0, ...y, 0, ...z, 0, ...p, 1);
  const known = stylusFromTip.covariance;
  const freedom = Math.min(stylusFromTip.degreesOfFreedom ?? Number.POSITIVE_INFINITY, spin.degreesOfFreedom);
  return transform(stylusFromTip.to, stylusFromTip.from, matrix, {
    ...(known !== undefined && { covariance: jointCovariance(known, spin.covariance, z, p) }),
    ...(Number.isFinite(freedom) && { degreesOfFreedom: freedom }),
    provenance: {
      method: 'pivot+spin',
      ...(stylusFromTip.provenance?.inputs !== undefined && { inputs: stylusFromTip.provenance.inputs }),
    },
  });
}

function cross(a: ArrayLike<number>, b: ArrayLike<number>): [number, number, number] {
  return [
    at(a, 1) * at(b, 2) - at(a, 2) * at(b, 1),
    at(a, 2) * at(b, 0) - at(a, 0) * at(b, 2),
    at(a, 0) * at(b, 1) - at(a, 1) * at(b, 0),
  ];
}

/** The tip's δp = ρ + φ × p and the axis' φ = z × δz as one ξ = (ρ, φ) about the marker's origin: ρ = δp + [p]× φ. */
function jointCovariance(
  tip: ArrayLike<number>,
  axis: ArrayLike<number>,
  z: ArrayLike<number>,
  p: ArrayLike<number>,
): Float64Array {
  const turned = product(
    product(skew(z), axis),
    skew(z).map((x) => -x),
  );
  const mixed = product(skew(p), turned);
  const moved = product(
    mixed,
    skew(p).map((x) => -x),
  );
  const out = new Float64Array(36);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      out[6 * i + j] = at(tip, 6 * i + j) + (at(moved, 3 * i + j) + at(moved, 3 * j + i)) / 2;
      out[6 * (3 + i) + 3 + j] = (at(turned, 3 * i + j) + at(turned, 3 * j + i)) / 2;
      out[6 * i + 3 + j] = out[6 * (3 + j) + i] = at(mixed, 3 * i + j);
    }
  }
  return out;
}

/** [v]×, row-major. */
function skew(v: ArrayLike<number>): number[] {
  return [0, -at(v, 2), at(v, 1), at(v, 2), 0, -at(v, 0), -at(v, 1), at(v, 0), 0];
}
