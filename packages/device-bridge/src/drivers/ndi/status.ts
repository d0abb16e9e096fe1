import type { Status } from '@trocar/core';
import { type Bx2Reply, HANDLE_STATE, type NdiFrame, PORT_STATUS, SIX_D, VALUES } from '../../codec/ndi/index.js';

/** NDI's mark for "no number" is −3.697314e28. */
const BAD_FLOAT = -3e28;

/** Whether the seven numbers of a transform are numbers. */
function isMeasured(values: Float64Array, at: number): boolean {
  for (let k = 0; k < 7; k += 1) {
    const v = values[at + k] as number;
    if (!(v > BAD_FLOAT && v < Number.POSITIVE_INFINITY)) return false;
  }
  return true;
}

/**
 * What a TX, BX or GX reply says of one handle, as our status.
 *
 * A transform that the device itself doubts (interference, exception, fell behind, limits) is `unknown`, never `ok`;
 * one without finite numbers is `missing`.
 */
export function statusOf(frame: NdiFrame, i: number): Status {
  const state = frame.state[i];
  if (state === HANDLE_STATE.disabled || state === HANDLE_STATE.unoccupied) return 'disconnected';
  const port = frame.portStatus[i] as number;
  if ((port & PORT_STATUS.occupied) === 0) return 'disconnected';
  if (state !== HANDLE_STATE.valid) return 'missing';
  if (!isMeasured(frame.values, i * VALUES)) return 'missing';
  if ((port & (PORT_STATUS.outOfVolume | PORT_STATUS.partlyOutOfVolume)) !== 0) return 'outOfVolume';
  return (port & PORT_STATUS.doubtful) !== 0 ? 'unknown' : 'ok';
}

/**
 * What BX2 says of one tool, as our status. `missing` where there is no transform, whatever the reason; a transform
 * with a code that is neither "ok" nor "out of volume" is doubted by the device: `unknown`.
 */
export function sixDStatusOf(reply: Bx2Reply, i: number): Status {
  const bits = reply.sixDStatus[i] as number;
  const code = bits & 0xff;
  if (code === SIX_D.notEnabled || code === SIX_D.unplugged) return 'disconnected';
  if ((bits & SIX_D.missingBit) !== 0 || code === SIX_D.missing) return 'missing';
  if (!isMeasured(reply.sixDValues, 8 * i)) return 'missing';
  if (code === SIX_D.ok) return 'ok';
  return code === SIX_D.outOfVolume || code === SIX_D.partlyOutOfVolume ? 'outOfVolume' : 'unknown';
}
