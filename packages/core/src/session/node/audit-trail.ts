import { NavError } from '../../base/index.js';
import {
  type AuditEvent,
  auditMessageXml,
  checkAuditMessage,
  type SyslogSender,
  syslogFrame,
  syslogMessage,
} from '../audit-events/index.js';
import { type AuditFile, auditFile, type FiledMessage } from './audit-file.js';
import { SyslogLink, type SyslogServer } from './syslog-link.js';

/** Where audit events go: at least one of the two. */
export interface AuditTrailOptions {
  /** One message a line. It is the record: what is in it is sent later, also after a restart. */
  readonly file?: string;
  readonly syslog?: SyslogServer & { readonly sender: SyslogSender };
  /** How many messages wait in memory for the server, at most. Default 10 000. */
  readonly queue?: number;
  /** Hears of connections that fail and messages that cannot be sent; the trail goes on. */
  readonly onProblem?: (error: NavError) => void;
}

/** A running audit trail. */
export interface AuditTrail {
  /**
   * Resolves once the event is on the disk (with a file) or in the queue (without).
   * @throws NavError `audit/write-failed`; without a file `audit/overflow` where the queue is full: the event is recorded nowhere
   */
  record(event: AuditEvent): Promise<void>;
  /** Messages that the server has not got yet, as far as they are counted: those in memory, and 1 more where more lie in the file. */
  readonly waiting: number;
  /** Resolves to whether all was sent within the time, ms. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends the connection. What was not sent stays in the file; without one it is lost, and onProblem hears of it. */
  close(): Promise<void>;
}

const QUEUE = 10_000;
const POLL_MS = 20;

/**
 * Audit events to a file and to a syslog server over TLS (PS3.15, A.6; RFC 5424, RFC 5425), in their order. While the server is away they
 * wait: in the file without limit, in memory up to `queue`. A message may arrive twice after a broken connection, never in another order.
 * @throws NavError `audit/bad-option`, `audit/write-failed`
 */
export async function auditTrail(options: AuditTrailOptions): Promise<AuditTrail> {
  const { file: path, syslog, queue = QUEUE, onProblem = () => undefined } = options;
  if (path === undefined && syslog === undefined)
    throw new NavError('audit/bad-option', 'An audit trail needs a file, a syslog server, or both.');
  if (!Number.isInteger(queue) || queue < 1)
    throw new NavError('audit/bad-option', `The queue holds 1 message or more, not ${queue}.`);
  const file = path === undefined ? undefined : await auditFile(path);
  const trail = new Trail(file, syslog, queue, onProblem);
  await trail.fill();
  return trail;
}

class Trail implements AuditTrail {
  readonly #file: AuditFile | undefined;
  readonly #link: SyslogLink | undefined;
  readonly #sender: SyslogSender | undefined;
  readonly #most: number;
  readonly #tell: (error: NavError) => void;
  /** Up to where the file's messages were queued. */
  #queuedTo: number;
  #closed = false;
  /** Writes one after the other, so that the file, the queue and time agree. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: AuditFile | undefined, syslog: AuditTrailOptions['syslog'], most: number, tell: (error: NavError) => void) {
    this.#file = file;
    this.#link = syslog === undefined ? undefined : new SyslogLink(syslog, tell);
    this.#sender = syslog?.sender;
    this.#most = most;
    this.#tell = tell;
    this.#queuedTo = file?.sent ?? 0;
  }

  get waiting(): number {
    const behind = this.#link !== undefined && this.#file !== undefined && this.#queuedTo < this.#file.length ? 1 : 0;
    return (this.#link?.waiting ?? 0) + behind;
  }

  record(event: AuditEvent): Promise<void> {
    return this.#inTurn(() => this.#record(event));
  }

  async #record(event: AuditEvent): Promise<void> {
    if (this.#closed) throw new NavError('audit/write-failed', 'The audit trail is closed: the event is recorded nowhere.');
    const xml = auditMessageXml(event);
    checkAuditMessage(xml);
    if (this.#file !== undefined) {
      await this.#file.append(xml);
      await this.#fill();
      return;
    }
    if (this.waiting >= this.#most) {
      throw new NavError(
        'audit/overflow',
        `${this.waiting} audit messages wait for the server, and no more are taken: this event is recorded nowhere. Give the trail a file.`,
      );
    }
    this.#push({ xml, end: 0 });
  }

  /** Queues what lies in the file and was not sent, as far as the queue goes. */
  fill(): Promise<void> {
    return this.#inTurn(() => this.#fill());
  }

  async #fill(): Promise<void> {
    if (this.#file === undefined || this.#link === undefined || this.#closed) return;
    const room = this.#most - this.#link.waiting;
    if (room <= 0 || this.#queuedTo >= this.#file.length) return;
    for (const message of await this.#file.read(this.#queuedTo, room)) {
      this.#queuedTo = message.end;
      this.#push(message);
    }
  }

  #push(message: FiledMessage): void {
    let frame: Uint8Array;
    try {
      frame = syslogFrame(syslogMessage(message.xml, this.#sender as SyslogSender));
    } catch (cause) {
      // Half a line that a crash left, or a line that somebody changed: it stays in the file, and is told.
      this.#tell(
        new NavError(
          'audit/bad-message',
          `A line of the audit file that ends at byte ${message.end} is no audit message and is not sent.`,
          { cause },
        ),
      );
      return;
    }
    this.#link?.push({ frame, sent: () => this.#sent(message.end) });
  }

  async #sent(end: number): Promise<void> {
    if (this.#file === undefined) return;
    try {
      await this.#file.keepSent(end);
      if ((this.#link?.waiting ?? 0) === 0) void this.fill();
    } catch (error) {
      this.#tell(error as NavError);
    }
  }

  async flush(timeoutMs: number): Promise<boolean> {
    await this.#last.catch(() => undefined);
    for (let left = timeoutMs; this.waiting > 0 && left > 0; left -= POLL_MS)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return this.waiting === 0;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    if (this.#closed) return;
    this.#closed = true;
    const { waiting } = this;
    this.#link?.close();
    await this.#file?.close();
    if (waiting > 0 && this.#file === undefined) {
      this.#tell(
        new NavError('audit/overflow', `${waiting} audit messages were not sent when the trail was closed, and are lost.`),
      );
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#last.catch(() => undefined).then(run);
    this.#last = next;
    return next;
  }
}
