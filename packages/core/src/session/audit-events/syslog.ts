import { NavError } from '../../base/index.js';
import { checkAuditMessage } from './check-message.js';

/** Who sends, for the head of syslog messages. */
export interface SyslogSender {
  /** The machine's full name, or its address. */
  readonly host: string;
  /** At most 48 characters. Default `trocar`. */
  readonly application?: string;
  /** Which process of it. Default `-`. */
  readonly process?: string;
}

/** Facility 10 (security), severity 5 (notice) and 4 (warning): RFC 5424, 6.2.1; PS3.15, A.6. */
const FACILITY = 10;
const NOTICE = 5;
const WARNING = 4;
/** The kind of message, by PS3.15, A.6. */
const MESSAGE_ID = 'DICOM+RFC3881';
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * An audit message as a syslog message (RFC 5424, 6; PS3.15, A.6): head, no structured data, byte order mark, XML.
 * @param xml from {@link auditMessageXml}
 * @throws NavError `audit/bad-option` where the sender's names are not printable ASCII, `audit/bad-message`
 */
export function syslogMessage(xml: string, { host, application = 'trocar', process = '-' }: SyslogSender): Uint8Array {
  for (const [name, text, most] of [
    ['host', host, 255],
    ['application', application, 48],
    ['process', process, 128],
  ] as const) {
    if (!PRINTABLE.test(text) || text.length > most) {
      throw new NavError('audit/bad-option', `The syslog sender's ${name} has 1 to ${most} printable characters without blanks.`);
    }
  }
  const what = checkAuditMessage(xml).children[0]?.attributes ?? {};
  const priority = FACILITY * 8 + (what['EventOutcomeIndicator'] === '0' ? NOTICE : WARNING);
  const head = `<${priority}>1 ${what['EventDateTime']} ${host} ${application} ${process} ${MESSAGE_ID} - `;
  return new TextEncoder().encode(`${head}\ufeff${xml}`);
}

/** A message as TLS carries it: its length in bytes, a blank, the message (RFC 5425, 4.3). */
export function syslogFrame(message: Uint8Array): Uint8Array {
  const length = new TextEncoder().encode(`${message.length} `);
  const frame = new Uint8Array(length.length + message.length);
  frame.set(length);
  frame.set(message, length.length);
  return frame;
}
