import type { Status } from '@trocar/core';
import { portStatusNames, SIX_D_CODES, systemStatusNames } from '../../codec/ndi/index.js';
import type { ToolInfo } from '../../driver.js';
import type { ReplyForm } from './replies.js';
import type { NdiTracking } from './tracking.js';

/** What the device last said of one tool, bit by bit. */
export interface NdiToolDetails {
  readonly name: string;
  readonly status: Status | undefined;
  /** The port handle; undefined where the tool has none now. */
  readonly handle: number | undefined;
  /** Of the last measurement; NaN where there is none. */
  readonly frameNumber: number;
  /** TX, BX and GX: the port status, and its bits by name. */
  readonly portStatus?: number;
  readonly portStatusBits?: readonly string[];
  /** BX2: the whole 6D status, and its code by name. */
  readonly sixDStatus?: number;
  readonly sixDCode?: string;
}

/** What a driver knows of its connection beyond poses: for a status page, a log, a service person. */
export interface NdiDetails {
  /** The form of tracking replies in use. */
  readonly replies: ReplyForm;
  /** Whether the device sends them by itself. */
  readonly streaming: boolean;
  /** Rate of the serial line; NaN where there is none. */
  readonly baudRate: number;
  /** TX, BX and GX: the system status of the last reply, and its bits by name. */
  readonly systemStatus: number;
  readonly systemStatusBits: readonly string[];
  readonly tools: readonly NdiToolDetails[];
  /** Tracking replies that were read, and replies that were damaged or stopped, on this connection. */
  readonly repliesRead: number;
  readonly repliesDamaged: number;
}

/** Gathers {@link NdiDetails}. Allocates: not for the hot path. */
export function gatherDetails(
  form: ReplyForm,
  rest: Pick<NdiDetails, 'streaming' | 'baudRate' | 'systemStatus' | 'repliesRead' | 'repliesDamaged'>,
  tools: readonly ToolInfo[],
  toolOf: Int16Array,
  tracking: NdiTracking,
): NdiDetails {
  return {
    replies: form,
    ...rest,
    systemStatusBits: systemStatusNames(rest.systemStatus),
    tools: tools.map(({ name }, tool) => {
      const handle = toolOf.indexOf(tool);
      const common = {
        name,
        status: tracking.statusOf(tool),
        handle: handle < 0 ? undefined : handle,
        frameNumber: tracking.frameOf(tool),
      };
      if (form === 'bx2') {
        const sixDStatus = tracking.sixDStatus[tool] as number;
        return { ...common, sixDStatus, sixDCode: SIX_D_CODES[sixDStatus & 0xff] ?? `code${sixDStatus & 0xff}` };
      }
      const portStatus = tracking.portStatus[tool] as number;
      return { ...common, portStatus, portStatusBits: portStatusNames(portStatus) };
    }),
  };
}
