import { Bx2Reply, type NdiFrame, STRAY_HANDLE } from '../../codec/ndi/index.js';

const MOST = 512;

/** Hands on the markers that belong to no tool, in storage of its own that is used again. */
export class StrayMarkers {
  readonly #tell: (positions: Float64Array, count: number) => void;
  readonly #positions = new Float64Array(3 * MOST);

  constructor(tell: (positions: Float64Array, count: number) => void) {
    this.#tell = tell;
  }

  /** Called with each tracking reply; a BX2 reply without a new frame says nothing of strays. */
  tell(reply: NdiFrame | Bx2Reply): void {
    if (reply instanceof Bx2Reply) {
      if (reply.frameCount > 0) this.#tell(this.#positions, this.#fromBx2(reply));
      return;
    }
    const count = Math.min(MOST, reply.strayCount);
    for (let k = 0; k < 3 * count; k += 1) this.#positions[k] = reply.strays[k] as number;
    this.#tell(this.#positions, count);
  }

  /** Those of the newest frame that were measured. */
  #fromBx2(reply: Bx2Reply): number {
    let count = 0;
    for (let i = 0; i < reply.threeDCount && count < MOST; i += 1) {
      if (reply.threeDHandle[i] !== STRAY_HANDLE || reply.threeDFrame[i] !== reply.frameCount - 1) continue;
      if (reply.threeDStatus[i] === 1) continue;
      for (let k = 0; k < 3; k += 1) this.#positions[3 * count + k] = reply.threeDValues[3 * i + k] as number;
      count += 1;
    }
    return count;
  }
}
