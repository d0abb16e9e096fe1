import type { Clock } from '@trocar/core';
import { type BridgeClient, browserSocket, type CreateSocket, connectBridge } from '@trocar/device-bridge/browser';
import { BODIES } from '../../suite/src/frames.js';
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
  readonly bridge: BridgeClient;
  close(): void;
}

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
  const bridge = connectBridge({
    url: options.url,
    clock: options.clock,
    createSocket: announcing(options.createSocket ?? browserSocket, options.onMessage),
  });
  for (const tool of BODIES) bridge.attach(tool, procedure.buffers[tool]);
  return { procedure, bridge, close: () => bridge.close() };
}

/** The same socket, which also says when a message has been dealt with. */
function announcing(create: CreateSocket, said: (() => void) | undefined): CreateSocket {
  if (said === undefined) return create;
  return (url, events) =>
    create(url, {
      open: () => events.open(),
      closed: (code, reason) => events.closed(code, reason),
      message: (message) => {
        events.message(message);
        said();
      },
    });
}
