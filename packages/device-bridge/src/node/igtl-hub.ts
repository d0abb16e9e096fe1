import type { NavErrorCode, PoseSample } from '@trocar/core';
import type { ConnectionState, DriverFault, PoseSink, ToolInfo } from '../driver.js';
import { type IgtlClientSocket, ServedIgtlClient, type ServedSettings, TICK_MS } from './igtl-client.js';

/** How a hub treats its clients, beside what it tells each. */
export interface HubSettings extends Omit<ServedSettings, 'status' | 'onFault'> {
  readonly maxClients: number;
  /** Bytes of unfinished messages, over all clients. */
  readonly maxBufferedBytes: number;
  readonly onFault: (fault: DriverFault) => void;
}

/** Codes of STATUS, as the protocol numbers them. */
const STATUS: Readonly<Record<ConnectionState, number>> = { connected: 1, connecting: 13, disconnected: 7 };

/** What joins one driver with many OpenIGTLink clients, whatever they are connected by. */
export class IgtlHub implements PoseSink {
  readonly #settings: HubSettings;
  readonly #served: ServedSettings;
  readonly #clients = new Set<ServedIgtlClient>();
  readonly #changed = new Set<number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #state: ConnectionState = 'connecting';
  #reason = '';
  #droppedBefore = 0;

  constructor(settings: HubSettings) {
    this.#settings = settings;
    this.#served = {
      ...settings,
      status: () => ({ code: STATUS[this.#state], message: this.#reason.slice(0, 500).replaceAll('\0', '') }),
      onFault: (code: NavErrorCode, message: string) => settings.onFault({ code, message }),
    };
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get full(): boolean {
    return this.#clients.size >= this.#settings.maxClients;
  }

  /** Poses replaced by newer ones because a client did not keep up, over all clients ever. */
  get dropped(): number {
    let sum = this.#droppedBefore;
    for (const client of this.#clients) sum += client.dropped;
    return sum;
  }

  /** Takes a new connection; the caller hands on what comes, and says when it is gone. */
  add(socket: IgtlClientSocket): ServedIgtlClient {
    const client = new ServedIgtlClient(socket, this.#served);
    this.#clients.add(client);
    return client;
  }

  /** Bytes of one client; it is let go where all of them together hold too many that are no message yet. */
  data(client: ServedIgtlClient, bytes: Uint8Array): void {
    client.data(bytes);
    if (client.buffered <= 65_536) return;
    let sum = 0;
    for (const one of this.#clients) sum += one.buffered;
    if (sum > this.#settings.maxBufferedBytes) client.close('codec/oversize', `${sum} bytes of unfinished messages are held.`);
  }

  remove(client: ServedIgtlClient): void {
    client.end();
    if (this.#clients.delete(client)) this.#droppedBefore += client.dropped;
  }

  #tick(): void {
    for (const client of this.#clients) client.drain();
  }

  tools(list: readonly ToolInfo[]): void {
    this.#settings.messages.setTools(list);
  }

  pose(tool: number, sample: PoseSample): void {
    this.#settings.messages.take(tool, sample);
    this.#changed.add(tool);
  }

  flush(): void {
    if (this.#changed.size === 0) return;
    for (const client of this.#clients) client.offer(this.#changed);
    this.#changed.clear();
  }

  connection(state: ConnectionState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    if (state !== 'connected') this.#settings.messages.allGone();
    for (let tool = 0; tool < this.#settings.messages.count; tool += 1) this.#changed.add(tool);
    this.flush();
    for (const client of this.#clients) client.tellStatus();
  }

  fault(fault: DriverFault): void {
    this.#settings.onFault(fault);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.close();
  }
}
