import type { Clock } from '@trocar/core';
import { type BridgeClient, browserSocket, type CreateSocket, connectBridge } from '@trocar/device-bridge/browser';
import { listeningSocket } from '../../suite/src/frame-numbers.js';
import { BODIES, type BodyName } from '../../suite/src/frames.js';
import { Monitoring } from '../../suite/src/monitoring.js';
import { storedStylus, USUAL_ERRORS } from '../../suite/src/truth.js';
import type { NavigationCase } from './case.js';
import { Procedure, type ProcedureOptions } from './procedure.js';

/** What {@link connectProcedure} needs. */
export interface ClientOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly case: NavigationCase;
  /** In Node `nodeSocket`; in a page the platform's own. */
  readonly createSocket?: CreateSocket;
  readonly procedure?: Partial<Pick<ProcedureOptions, 'touchLimits' | 'guidanceLimits' | 'staleAfterMs'>>;
  /** Called when a message from the bridge has been taken in: poses may have arrived. A page leaves it out and draws frames. */
  readonly onMessage?: () => void;
}

/** A procedure whose tools are filled from a bridge. */
export interface ConnectedProcedure {
  readonly procedure: Procedure;
  /** Fed with the bridge's packets; whoever runs the procedure ticks it. */
  readonly monitoring: Monitoring<BodyName>;
  readonly bridge: BridgeClient;
  close(): void;
}

/** Of the simulated tracker, ms. */
const PERIOD_MS = 1000 / 60;
/** Within this of the target, as displayed, the tip is on it, mm: the size of what the registration can promise. */
const ON_TARGET_MM = 2;

/**
 * A procedure fed by a bridge: the same in a page and in Node. Call its `update` once per drawn frame.
 * @throws NavError `bridge/bad-option`
 */
export function connectProcedure(options: ClientOptions): ConnectedProcedure {
  const procedure = new Procedure({
    clock: options.clock,
    case: options.case,
    storedStylus: storedStylus(USUAL_ERRORS.tipSdMm),
    trackerNoise: USUAL_ERRORS.tracker,
    guidanceLimits: { onTargetMm: ON_TARGET_MM },
    ...options.procedure,
  });
  const { sensing } = procedure;
  const monitoring = new Monitoring({
    sensing,
    needed: ['stylus', 'reference'],
    reference: { body: 'reference', anchor: 'anchor' },
    periodMs: PERIOD_MS,
  });
  const bridge = connectBridge({
    url: options.url,
    clock: options.clock,
    createSocket: listeningSocket(options.createSocket ?? browserSocket, {
      packet: (tool, frameNumber, arrivedAtMs) => monitoring.packet(tool, frameNumber, arrivedAtMs),
      message: () => options.onMessage?.(),
    }),
  });
  for (const tool of BODIES) bridge.attach(tool, procedure.buffers[tool]);
  return { procedure, monitoring, bridge, close: () => bridge.close() };
}
