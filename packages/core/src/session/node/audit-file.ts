import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { NavError } from '../../base/index.js';

/** A message in the file, and where it ends. */
export interface FiledMessage {
  readonly xml: string;
  readonly end: number;
}

/** Audit messages in a file, one a line, each synced to the disk; beside it `FILE.sent` says up to where they were sent. */
export interface AuditFile {
  /** How long the file is, bytes. */
  readonly length: number;
  /** Up to where it was sent, bytes. */
  readonly sent: number;
  append(xml: string): Promise<FiledMessage>;
  /** At most `limit` messages that were not sent, from `from` on. */
  read(from: number, limit: number): Promise<FiledMessage[]>;
  keepSent(end: number): Promise<void>;
  close(): Promise<void>;
}

const LINE_FEED = 0x0a;
const READ_BYTES = 1 << 20;

/** @throws NavError `audit/write-failed` */
export async function auditFile(path: string): Promise<AuditFile> {
  const file = await attempt(path, () => open(path, 'a+', 0o600));
  let length = await attempt(path, () => wholeLines(file));
  let sent = Math.min(await readSent(`${path}.sent`), length);
  return {
    get length() {
      return length;
    },
    get sent() {
      return sent;
    },
    append: (xml) =>
      attempt(path, async () => {
        const line = new TextEncoder().encode(`${xml}\n`);
        await file.appendFile(line);
        await file.datasync();
        length += line.length;
        return { xml, end: length };
      }),
    read: (from, limit) => attempt(path, () => readLines(file, from, limit)),
    keepSent: (end) =>
      attempt(path, async () => {
        const next = await open(`${path}.sent.new`, 'w', 0o600);
        await next.writeFile(`${end}\n`);
        await next.sync();
        await next.close();
        await rename(`${path}.sent.new`, `${path}.sent`);
        sent = end;
      }),
    close: () => file.close(),
  };
}

/** The length of the file's whole lines; half a line, which a crash left, is ended so that the next stands alone. */
async function wholeLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  if (size === 0) return 0;
  const last = new Uint8Array(1);
  await file.read(last, 0, 1, size - 1);
  if (last[0] === LINE_FEED) return size;
  await file.appendFile('\n');
  await file.datasync();
  return size + 1;
}

async function readSent(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '0\n';
    throw failed(path, cause);
  });
  if (!/^\d{1,15}\n$/.test(text)) throw failed(path, new Error('it holds no number: all messages would be sent again'));
  return Number(text);
}

async function readLines(file: FileHandle, from: number, limit: number): Promise<FiledMessage[]> {
  const found: FiledMessage[] = [];
  let at = from;
  let rest = new Uint8Array(0);
  for (;;) {
    const chunk = new Uint8Array(READ_BYTES);
    const { bytesRead } = await file.read(chunk, 0, READ_BYTES, at + rest.length);
    if (bytesRead === 0) return found;
    const bytes = new Uint8Array(rest.length + bytesRead);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, bytesRead), rest.length);
    let begin = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, begin)) {
      const xml = new TextDecoder().decode(bytes.subarray(begin, end));
      begin = end + 1;
      found.push({ xml, end: at + begin });
      if (found.length === limit) return found;
    }
    rest = bytes.slice(begin);
    at += begin;
  }
}

async function attempt<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw failed(path, cause);
  }
}

function failed(path: string, cause: unknown): NavError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NavError('audit/write-failed', `The audit file "${path}" cannot be used: ${why}. Events are not recorded there.`, {
    cause,
  });
}
