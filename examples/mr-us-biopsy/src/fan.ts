/** What a probe's data sheet says of its sector. */
export interface FanDescription {
  readonly lines: number;
  readonly samples: number;
  /** Along a line from one sample to the next, mm. */
  readonly stepMm: number;
  /** From the apex to the first sample, mm. */
  readonly startMm: number;
  /** From the middle beam to either side, rad. */
  readonly halfAngle: number;
}

/**
 * A sector of echoes in the probe's plane: the apex at the origin behind the face, z along the middle beam, x along the lines,
 * the first line at −x; mm. Samples are stored a line after the other.
 */
export class FanShape {
  readonly lines: number;
  readonly samples: number;
  readonly stepMm: number;
  readonly startMm: number;
  readonly halfAngle: number;
  #places: Float64Array | undefined;

  constructor({ lines, samples, stepMm, startMm, halfAngle }: FanDescription) {
    this.lines = lines;
    this.samples = samples;
    this.stepMm = stepMm;
    this.startMm = startMm;
    this.halfAngle = halfAngle;
  }

  /** From the apex to the deepest sample, mm. */
  get endMm(): number {
    return this.startMm + this.stepMm * (this.samples - 1);
  }

  /** x and z of every sample, mm: two numbers each, in their order. */
  places(): Float64Array {
    if (this.#places !== undefined) return this.#places;
    const places = new Float64Array(2 * this.lines * this.samples);
    for (let line = 0, n = 0; line < this.lines; line += 1) {
      const angle = this.halfAngle * ((2 * line) / (this.lines - 1) - 1);
      for (let s = 0; s < this.samples; s += 1, n += 2) {
        const r = this.startMm + this.stepMm * s;
        places[n] = r * Math.sin(angle);
        places[n + 1] = r * Math.cos(angle);
      }
    }
    this.#places = places;
    return places;
  }

  /** Points around the sector, mm: its two sides, and eight on the far arc. */
  outline(): readonly (readonly [number, number, number])[] {
    const at = (r: number, angle: number): readonly [number, number, number] => [r * Math.sin(angle), 0, r * Math.cos(angle)];
    const arc = Array.from({ length: 9 }, (_, n) => at(this.endMm, this.halfAngle * (n / 4 - 1)));
    return [at(this.startMm, -this.halfAngle), at(this.startMm, 0), at(this.startMm, this.halfAngle), ...arc];
  }

  /** Whether a place of the plane, mm, lies in the sector. */
  holds(x: number, z: number): boolean {
    const r = Math.hypot(x, z);
    return r >= this.startMm && r <= this.endMm && Math.abs(Math.atan2(x, z)) <= this.halfAngle;
  }

  /** The echo at a place of the plane: that of the nearest sample, or NaN outside the sector. */
  echoAt(echoes: Uint8Array, x: number, z: number): number {
    const r = Math.hypot(x, z);
    const sample = Math.round((r - this.startMm) / this.stepMm);
    const line = Math.round(((Math.atan2(x, z) / this.halfAngle + 1) * (this.lines - 1)) / 2);
    if (sample < 0 || sample >= this.samples || line < 0 || line >= this.lines) return Number.NaN;
    return echoes[line * this.samples + sample] as number;
  }
}
