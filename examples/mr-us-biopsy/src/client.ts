import type { Clock } from '@trocar/core';
import { type BridgeClient, browserSocket, type CreateSocket, connectBridge } from '@trocar/device-bridge/browser';
import { listeningSocket } from '../../suite/src/frame-numbers.js';
import type { BiopsyCase } from './case.js';
import { TOOLS } from './frames.js';
import type { LiveImages } from './live-images.js';
import { Procedure } from './procedure.js';
import type { RegisterSweep } from './register-step.js';
import { USUAL_ERRORS } from './truth.js';

/** What {@link connectProcedure} needs. */
export interface ClientOptions {
  /** WebSocket address of the bridge. */
  readonly url: string;
  readonly clock: Clock;
  readonly case: BiopsyCase;
  readonly register: RegisterSweep;
  readonly images: LiveImages;
  /** In Node `nodeSocket`; in a page the platform's own. */
  readonly createSocket?: CreateSocket;
  /** Called when a message from the bridge has been taken in: poses may have arrived. */
  readonly onMessage?: () => void;
}

/** A procedure whose poses come from a bridge, and whose pictures from {@link LiveImages}. */
export interface ConnectedProcedure {
  readonly procedure: Procedure;
  readonly bridge: BridgeClient;
  close(): void;
}

/** @throws NavError `bridge/bad-option` */
export function connectProcedure({
  url,
  clock,
  images,
  createSocket = browserSocket,
  onMessage,
  ...rest
}: ClientOptions): ConnectedProcedure {
  const procedure = new Procedure({ clock, case: rest.case, register: rest.register, trackerNoise: USUAL_ERRORS.tracker });
  const message = (): void => onMessage?.();
  const bridge = connectBridge({ url, clock, createSocket: listeningSocket(createSocket, { packet: () => undefined, message }) });
  for (const tool of TOOLS) bridge.attach(tool, procedure.buffers[tool]);
  const stop = images.subscribe((frame) => procedure.take(frame));
  return {
    procedure,
    bridge,
    close: () => {
      stop();
      bridge.close();
    },
  };
}
