import { requireSameFrame } from '@trocar/core';
import { identity4, invert4, multiply4 } from '@trocar/core/math';
import { type Deformation, deformationOf, inverterOf, type JacobianMap, type PointMap, product9 } from './deformation.js';

/**
 * One map after another: p ↦ outer(inner(p)). Its derivative is the product of theirs (the chain rule), its linear part the
 * product of their linear parts.
 * @throws NavError `frame/mismatch` where `inner` does not end in the frame that `outer` starts from
 */
export function composeDeformations<To extends string, Between extends string, From extends string>(
  outer: Deformation<To, Between>,
  inner: Deformation<Between, From>,
): Deformation<To, From> {
  requireSameFrame(outer.from, inner.to, 'Composing deformations');
  const between = new Float64Array(3);
  const [a, b] = [new Float64Array(9), new Float64Array(9)];
  const map: PointMap = (out, p) => outer.map(out, inner.map(between, p));
  const jacobian: JacobianMap = (out, p) => {
    inner.jacobian(b, p);
    outer.jacobian(a, inner.map(between, p));
    return product9(out, a, b);
  };
  const linear = multiply4(identity4(), outer.linear, inner.linear);
  return deformationOf(outer.to, inner.from, { map, jacobian, linear, provenance: { method: 'composed-deformation' } });
}

/**
 * The inverse map, place by place by Newton's method to 1e-6 mm; its derivative is the inverse of the map's where it comes from.
 * `map` gives NaN, and `apply` throws, where the deformation folds and so has no inverse.
 * @throws NavError `transform/corrupt` where the linear part cannot be inverted
 */
export function inverseDeformation<To extends string, From extends string>(
  deformation: Deformation<To, From>,
): Deformation<From, To> {
  const { to, from, provenance } = deformation;
  const invert = inverterOf(deformation);
  const linear = identity4();
  invert4(linear, deformation.linear);
  const back: PointMap = (out, p) => {
    if (!invert(out, p)) out.fill(Number.NaN);
    return out;
  };
  const x = new Float64Array(3);
  const m = identity4();
  const jacobian: JacobianMap = (out, p) => {
    deformation.jacobian(out, back(x, p));
    m.fill(0);
    for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = out[3 * c + r] as number;
    m[15] = 1;
    if (!invert4(m, m)) out.fill(Number.NaN);
    else for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) out[3 * c + r] = m[4 * c + r] as number;
    return out;
  };
  const named = provenance && { provenance: { method: `${provenance.method}-inverse` } };
  const made = deformationOf(from, to, { map: back, jacobian, linear, ...named });
  return { ...made, applyInverse: (p) => deformation.apply(p) };
}
