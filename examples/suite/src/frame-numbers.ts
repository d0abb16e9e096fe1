import { isNavError } from '@trocar/core';
import { ClientDecoder } from '@trocar/device-bridge';
import type { CreateSocket } from '@trocar/device-bridge/browser';

/** What comes over a connection beside the poses, as it comes. */
export interface SocketListener {
  /**
   * One pose of a tool.
   * @param frameNumber the device's own counter
   * @param arrivedAtMs when its packet came to the bridge, on the BRIDGE's clock, ms
   */
  packet(tool: string, frameNumber: number, arrivedAtMs: number): void;
  /** A message has been dealt with: poses may have arrived. */
  message(): void;
}

/**
 * The same socket, which also tells when each tool's packets came to the bridge, by the device's own frame numbers: what `LinkWatch`
 * needs. A bridge client hands on poses alone, so the messages are decoded a second time here.
 */
export function listeningSocket(create: CreateSocket, listener: SocketListener): CreateSocket {
  return (url, events, access) => {
    const decoder = packetDecoder(listener);
    return create(
      url,
      {
        open: () => events.open(),
        closed: (code, reason) => events.closed(code, reason),
        message: (message) => {
          events.message(message);
          decoder(message);
          listener.message();
        },
      },
      access,
    );
  };
}

function packetDecoder({ packet }: Pick<SocketListener, 'packet'>): (message: Parameters<ClientDecoder['decode']>[0]) => void {
  let names: readonly string[] = [];
  const nothing = (): void => undefined;
  const decoder = new ClientDecoder({
    hello: ({ tools }) => {
      names = tools.map((t) => t.name);
    },
    event: (event) => {
      if (event.kind === 'tools') names = event.tools.map((t) => t.name);
    },
    pose: (tool, sample, frameNumber) => {
      const name = names[tool];
      if (name !== undefined && frameNumber > 0) packet(name, frameNumber, sample.values[1] as number);
    },
    batch: nothing,
    pong: nothing,
    heartbeat: nothing,
  });
  return (message) => {
    try {
      decoder.decode(message);
    } catch (error) {
      // The client refuses such a connection itself, and says why.
      if (!isNavError(error)) throw error;
    }
  };
}
