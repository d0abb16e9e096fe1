import { connect, type TLSSocket } from 'node:tls';
import { NavError } from '../../base/index.js';

/** Where audit messages go: a syslog server over TLS (RFC 5425). */
export interface SyslogServer {
  readonly host: string;
  /** Default 6514 (RFC 5425, 4.1). */
  readonly port?: number;
  /** PEM of who vouches for the server. Default: who the system trusts. */
  readonly ca?: string;
  /** The name in the server's certificate. Default: `host`. */
  readonly serverName?: string;
  /** PEM of our own certificate and key, where the server asks who sends. */
  readonly identity?: { readonly cert: string; readonly key: string };
  /** First and longest wait before connecting again, ms. Default 1000 and 30 000: it doubles. */
  readonly retryMs?: readonly [first: number, most: number];
}

/** One frame on its way. */
export interface OutgoingFrame {
  readonly frame: Uint8Array;
  /** Called once the frame was handed over on a connection that stood. */
  readonly sent: () => Promise<void>;
}

const PORT = 6514;
const RETRY_MS = [1000, 30_000] as const;
/** A handshake that takes longer has failed, ms. */
const HANDSHAKE_MS = 10_000;

/**
 * A connection that is made anew whenever it breaks. Frames go out one by one in their order; one that was not handed over when the
 * connection broke goes out again. Syslog has no receipts: what the server's machine had taken and lost is not known here.
 */
export class SyslogLink {
  readonly #server: SyslogServer;
  readonly #queue: OutgoingFrame[] = [];
  readonly #tell: (error: NavError) => void;
  #socket: TLSSocket | undefined;
  #ready = false;
  #busy = false;
  #closed = false;
  #waitMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell hears of each failed connection */
  constructor(server: SyslogServer, tell: (error: NavError) => void) {
    this.#server = server;
    this.#tell = tell;
    this.#waitMs = (server.retryMs ?? RETRY_MS)[0];
    this.#connect();
  }

  get waiting(): number {
    return this.#queue.length;
  }

  push(frame: OutgoingFrame): void {
    this.#queue.push(frame);
    void this.#pump();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.end();
    this.#socket?.destroySoon();
  }

  #connect(): void {
    const { host, port = PORT, ca, serverName, identity } = this.#server;
    const socket = connect({
      host,
      port,
      servername: serverName ?? host,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca !== undefined && { ca }),
      ...(identity !== undefined && identity),
    });
    this.#socket = socket;
    let why = 'the server closed the connection';
    const handshake = setTimeout(() => socket.destroy(new Error(`no answer within ${HANDSHAKE_MS} ms`)), HANDSHAKE_MS);
    socket.once('secureConnect', () => {
      clearTimeout(handshake);
      this.#ready = true;
      this.#waitMs = (this.#server.retryMs ?? RETRY_MS)[0];
      void this.#pump();
    });
    // A syslog server says nothing; what it says is read away, so that the end of the connection is seen.
    socket.resume();
    socket.on('error', (error: Error) => {
      why = error.message;
    });
    socket.once('close', () => {
      clearTimeout(handshake);
      this.#ready = false;
      this.#again(why);
    });
  }

  #again(why: string): void {
    if (this.#closed) return;
    const { host, port = PORT } = this.#server;
    this.#tell(
      new NavError(
        'audit/refused',
        `The audit server ${host}:${port} takes no messages: ${why}. ${this.waiting} wait; next attempt in ${this.#waitMs} ms.`,
        {
          detail: { waiting: this.waiting },
        },
      ),
    );
    this.#timer = setTimeout(() => this.#connect(), this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, (this.#server.retryMs ?? RETRY_MS)[1]);
  }

  async #pump(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#ready && this.#queue.length > 0) {
        const next = this.#queue[0] as OutgoingFrame;
        if (!(await this.#write(next.frame))) return;
        this.#queue.shift();
        await next.sent();
      }
    } finally {
      this.#busy = false;
    }
  }

  #write(frame: Uint8Array): Promise<boolean> {
    const socket = this.#socket as TLSSocket;
    return new Promise((resolve) => {
      const broken = (): void => resolve(false);
      socket.once('close', broken);
      socket.write(frame, (error) => {
        socket.off('close', broken);
        resolve(error === undefined || error === null);
      });
    });
  }
}
