/** A movement of tissue: where a place in the undeformed body goes, and back. */
export interface Movement {
  /** Into `out`: where the undeformed place x, y, z is now, mm. */
  forward(out: Float64Array, x: number, y: number, z: number): void;
  /** Into `out`: what undeformed place is now at x, y, z. */
  back(out: Float64Array, x: number, y: number, z: number): void;
}

/**
 * Tissue pulled at one place, in an elastic body: a regularised Kelvinlet (de Goes & James 2017, ACM TOG 36:40, eq. 6),
 * ν = 0.45, scaled so that the place itself moves by `shift`.
 * @param reachMm the regularisation ε: how wide the pull is
 */
export function kelvinlet(place: ArrayLike<number>, shift: ArrayLike<number>, reachMm: number): Movement {
  const b = 1 / (4 * (1 - 0.45));
  // At the place itself the factor of the force is (1 − b + ½) / ε, with a = 1.
  const scale = reachMm / (1.5 - b);
  const f = [0, 1, 2].map((r) => scale * (shift[r] as number)) as [number, number, number];
  const [cx, cy, cz] = [place[0] as number, place[1] as number, place[2] as number];
  const displacement = (out: Float64Array, x: number, y: number, z: number): void => {
    const rx = x - cx;
    const ry = y - cy;
    const rz = z - cz;
    const re = Math.sqrt(rx * rx + ry * ry + rz * rz + reachMm * reachMm);
    const cubed = re * re * re;
    const along = (b * (rx * f[0] + ry * f[1] + rz * f[2])) / cubed;
    const own = (1 - b) / re + (reachMm * reachMm) / (2 * cubed);
    out[0] = own * f[0] + along * rx;
    out[1] = own * f[1] + along * ry;
    out[2] = own * f[2] + along * rz;
  };
  return {
    forward(out, x, y, z) {
      displacement(out, x, y, z);
      out[0] = (out[0] as number) + x;
      out[1] = (out[1] as number) + y;
      out[2] = (out[2] as number) + z;
    },
    back(out, x, y, z) {
      // A contraction as long as the pull is gentler than its reach.
      let [px, py, pz] = [x, y, z];
      for (let n = 0; n < 4; n += 1) {
        displacement(out, px, py, pz);
        px = x - (out[0] as number);
        py = y - (out[1] as number);
        pz = z - (out[2] as number);
      }
      out[0] = px;
      out[1] = py;
      out[2] = pz;
    },
  };
}
