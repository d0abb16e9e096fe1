import type { IncomingMessage } from 'node:http';
import type { ResultKind } from '../results.js';
import { BadOrder } from './orders.js';
import type { ResultsDesk } from './results-desk.js';

/** A result of a procedure is smaller, bytes. */
const LARGEST = 256 * 1024 * 1024;
const KEEP = /^\/results\/keep\/(registration|registration-after|segmentation|report|picture)$/;

/**
 * What a page asks about its results: `GET /results` where each is, `GET /results/origin` what they join, `POST /results/keep/KIND` a DICOM
 * file to be kept, `POST /results/send` to send what waits, which goes on after the answer. Nothing in an address names anybody.
 * @throws BadOrder for anything else; NavError as {@link ResultsDesk}
 */
export async function answerResults(desk: ResultsDesk, path: string, request: IncomingMessage): Promise<unknown> {
  const { method } = request;
  if (method === 'GET' && path === '/results') return desk.view();
  if (method === 'GET' && path === '/results/origin') return desk.origin;
  const kind = KEEP.exec(path)?.[1];
  if (method === 'POST' && kind !== undefined) {
    await desk.take(kind as ResultKind, await bodyOf(request));
    return desk.view();
  }
  if (method === 'POST' && path === '/results/send') {
    // How it ends is seen in the view.
    desk.send().catch(() => undefined);
    return desk.view();
  }
  throw new BadOrder('Of results one asks where they are, or has them kept or sent.');
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > LARGEST) throw new BadOrder('The object is too large for a result.');
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}
