import type { Clock } from '@trocar/core';
import { type BridgeClient, browserSocket, type CreateSocket, connectBridge } from '@trocar/device-bridge/browser';
import { listeningSocket } from '../../suite/src/frame-numbers.js';
import { Monitoring } from '../../suite/src/monitoring.js';
import type { AblationCase } from './case.js';
import { TOOLS, type ToolName } from './frames.js';
import { Procedure } from './procedure.js';
import type { ProcedureOptions } from './procedure-options.js';
import { APPLICATOR_TIP_MM, storedStylus, USUAL_ERRORS } from './truth.js';

/** What {@link connectProcedure} needs. */
export interface ClientOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly case: AblationCase;
  /** In Node `nodeSocket`; in a page the platform's own. */
  readonly createSocket?: CreateSocket;
  readonly procedure: Pick<ProcedureOptions, 'registerPost'> & Partial<Omit<ProcedureOptions, 'clock' | 'case' | 'registerPost'>>;
  /** Called when a message from the bridge has been taken in: poses may have arrived. */
  readonly onMessage?: () => void;
}

/** A procedure whose tools are filled from a bridge. */
export interface ConnectedProcedure {
  readonly procedure: Procedure;
  /** Fed with the bridge's packets; whoever runs the procedure ticks it. */
  readonly monitoring: Monitoring<ToolName>;
  readonly bridge: BridgeClient;
  close(): void;
}

/** Of the simulated tracker, ms. */
const PERIOD_MS = 1000 / 60;

/**
 * A procedure fed by a bridge: the same in a page and in Node. Call its `update` once per drawn frame.
 * @throws NavError `bridge/bad-option`, and as {@link Procedure}
 */
export function connectProcedure({
  url,
  clock,
  case: given,
  createSocket,
  procedure: more,
  onMessage,
}: ClientOptions): ConnectedProcedure {
  const procedure = new Procedure({
    clock,
    case: given,
    storedStylus: storedStylus(USUAL_ERRORS.tipSdMm),
    applicatorTipMm: APPLICATOR_TIP_MM,
    trackerNoise: USUAL_ERRORS.tracker,
    ...more,
  });
  const monitoring = new Monitoring<ToolName>({
    sensing: procedure.sensing,
    needed: ['applicator', 'reference'],
    reference: { body: 'reference', anchor: 'anchor' },
    periodMs: PERIOD_MS,
  });
  const bridge = connectBridge({
    url,
    clock,
    createSocket: listeningSocket(createSocket ?? browserSocket, {
      packet: (tool, frameNumber, arrivedAtMs) => monitoring.packet(tool, frameNumber, arrivedAtMs),
      message: () => onMessage?.(),
    }),
  });
  for (const tool of TOOLS) bridge.attach(tool, procedure.buffers[tool]);
  return { procedure, monitoring, bridge, close: () => bridge.close() };
}
