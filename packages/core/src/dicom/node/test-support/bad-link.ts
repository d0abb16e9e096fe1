import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

/** What a link does to one request. */
export interface Fault {
  /** Answers with this status instead of asking the archive. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Ends the body there, as if it were whole. */
  readonly truncateAfter?: number;
  /** Waits before the answer. */
  readonly delayMs?: number;
  /** Lets nothing more through after so many bytes, and keeps the connection open. */
  readonly silentAfter?: number;
  /** Sends another body. */
  readonly body?: string;
  readonly contentType?: string;
  /** Cuts after the archive has taken the request, before anything of its answer comes. */
  readonly loseAnswer?: boolean;
}

/** A request that came through. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  /** Bytes of the answer's body that were let through. */
  bytes: number;
}

/** An HTTP link between a client and an archive that fails as it is told to. */
export interface BadLink {
  readonly url: string;
  readonly passed: Passed[];
  /** Asked for each request: what is to go wrong with it. */
  fault: (request: { readonly method: string; readonly path: string; readonly n: number }) => Fault | undefined;
  close(): Promise<void>;
}

/** What a link may be besides. */
export interface LinkOptions {
  /** Answers pages of this origin (CORS). */
  readonly allowOrigin?: string;
  /**
   * Speaks TLS with this certificate and key, in PEM, as a server in front of an archive does; with `clientCa` only to who has a certificate
   * from there.
   */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
}

/** A link to an archive's DICOMweb root. */
export async function badLink(target: string, { allowOrigin, tls }: LinkOptions = {}): Promise<BadLink> {
  const passed: Passed[] = [];
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (allowOrigin !== undefined) allow(outgoing, allowOrigin);
    if (incoming.method === 'OPTIONS') {
      outgoing.writeHead(204).end();
      return;
    }
    const path = (incoming.url ?? '').slice('/dicom-web'.length);
    const record: Passed = { method: incoming.method ?? '', path, authorization: incoming.headers.authorization, bytes: 0 };
    const fault = link.fault({ method: record.method, path, n: passed.length }) ?? {};
    passed.push(record);
    setTimeout(() => forward(target, incoming, outgoing, record, fault), fault.delayMs ?? 0);
  };
  const server = tls === undefined ? createServer(handle) : createTlsServer(secureOptions(tls), handle);
  const port = await listen(server);
  const link: BadLink = {
    url: `${tls === undefined ? 'http' : 'https'}://localhost:${port}/dicom-web`,
    passed,
    fault: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return link;
}

function secureOptions({ cert, key, clientCa }: NonNullable<LinkOptions['tls']>): Readonly<Record<string, unknown>> {
  return { cert, key, ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }) };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return (server.address() as { port: number }).port;
}

function allow(outgoing: ServerResponse, origin: string): void {
  outgoing.setHeader('access-control-allow-origin', origin);
  outgoing.setHeader('access-control-allow-headers', 'accept, authorization, content-type');
  outgoing.setHeader('access-control-allow-methods', 'GET, POST');
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse, record: Passed, fault: Fault): void {
  if (fault.status !== undefined || fault.body !== undefined) {
    incoming.resume();
    const type = fault.contentType === undefined ? {} : { 'content-type': fault.contentType };
    outgoing.writeHead(fault.status ?? 200, { ...type, ...fault.headers }).end(fault.body);
    return;
  }
  const { host: _, ...headers } = incoming.headers;
  const onward = request(target + record.path, { method: record.method, headers }, (answer) => {
    if (fault.loseAnswer) return void outgoing.destroy();
    const { 'content-length': length, ...rest } = answer.headers;
    const keep = fault.truncateAfter === undefined && length !== undefined ? { 'content-length': length } : {};
    outgoing.writeHead(answer.statusCode ?? 500, { ...rest, ...keep });
    answer.on('data', (piece: Buffer) => pass(piece, answer, outgoing, record, fault));
    answer.on('end', () => outgoing.end());
    answer.on('error', () => outgoing.destroy());
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

function pass(piece: Buffer, answer: IncomingMessage, outgoing: ServerResponse, record: Passed, fault: Fault): void {
  const most = Math.min(fault.cutAfter ?? Infinity, fault.truncateAfter ?? Infinity, fault.silentAfter ?? Infinity);
  const part = piece.subarray(0, Math.max(0, Math.min(piece.length, most - record.bytes)));
  record.bytes += part.length;
  if (record.bytes < most) {
    if (!outgoing.write(part)) {
      answer.pause();
      outgoing.once('drain', () => answer.resume());
    }
    return;
  }
  answer.pause();
  if (fault.cutAfter !== undefined) outgoing.write(part, () => outgoing.destroy());
  else if (fault.truncateAfter !== undefined) outgoing.end(part);
  else outgoing.write(part);
}
