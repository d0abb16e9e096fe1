import { isNavError, NavError } from '@trocar/core';
import {
  decodeNatnet,
  decodeNatnetFrame,
  encodeConnect,
  encodeEchoRequest,
  encodeEmpty,
  NATNET,
  NatNetFrame,
  type NatNetModel,
  type NatNetVersion,
  NEWEST_NATNET,
  natnetMessage,
  type ServerInfo,
} from '../../codec/natnet/index.js';
import type { DatagramHandler } from '../../transport.js';
import type { DriverSession } from '../kit/index.js';
import type { NatNetDriverOptions } from './options.js';
import type { NatNetTracking } from './tracking.js';

/** A question without an answer is asked again after this, ms: datagrams are lost. */
const ASK_AGAIN_MS = 250;
/** Asked so often for the models before tracking goes on without their names. */
const MODEL_TRIES = 4;
/** The first echoes come quickly, so that the clocks are compared within a fraction of a second. */
const FIRST_ECHOES = 16;
const FIRST_ECHO_MS = 20;
/** Answers to older echoes than these are not taken. */
const ECHOES_REMEMBERED = 16;

/** One connection to a NatNet server. */
export class NatNetSession {
  readonly #options: NatNetDriverOptions;
  readonly #session: DriverSession;
  readonly #tracking: NatNetTracking;
  readonly #onModels: (models: readonly NatNetModel[]) => void;
  readonly #frame = new NatNetFrame();
  #version: NatNetVersion = NEWEST_NATNET;
  #server: ServerInfo | undefined;
  #modelsKnown = false;
  #modelsAskedAt = Number.NEGATIVE_INFINITY;
  #waiting: (() => void) | undefined;
  #closed = false;
  #echoTimer: ReturnType<typeof setTimeout> | undefined;
  #askTimer: ReturnType<typeof setInterval> | undefined;
  readonly #echoes = new Float64Array(ECHOES_REMEMBERED).fill(Number.NaN);
  #echoCount = 0;

  constructor(
    options: NatNetDriverOptions,
    session: DriverSession,
    tracking: NatNetTracking,
    onModels: (models: readonly NatNetModel[]) => void,
  ) {
    this.#options = options;
    this.#session = session;
    this.#tracking = tracking;
    this.#onModels = onModels;
  }

  /** Asks the server who it is and what it tracks. @throws NavError as Driver.start */
  async open(): Promise<void> {
    const { command, data, version } = this.#options;
    const handler: DatagramHandler = {
      datagram: (bytes) => this.#packet(bytes),
      closed: (reason) => this.#session.lost(reason),
    };
    await command.open(handler);
    await data?.open(handler);
    const hello = encodeConnect(version ?? NEWEST_NATNET);
    await this.#ask(hello, Number.POSITIVE_INFINITY, () => this.#server !== undefined);
    const server = this.#server;
    if (server === undefined || this.#closed) return;
    if (server.multicast === true && data === undefined) {
      const where = `${server.multicastAddress}:${server.dataPort}`;
      const what = `The server multicasts its frames to ${where}, and no data transport was given to hear them with.`;
      throw new NavError('bridge/bad-option', what, { detail: { group: server.multicastAddress, port: server.dataPort } });
    }
    await this.#ask(encodeEmpty('requestModelDefinitions'), MODEL_TRIES, () => this.#modelsKnown);
    if (this.#closed) return;
    if (!this.#modelsKnown) {
      this.#session.fault('device/timeout', 'The server did not tell its models: tools can be known by their ids only.');
      this.#modelsKnown = true;
    }
    this.#echo();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#echoTimer);
    clearInterval(this.#askTimer);
    this.#waiting?.();
    this.#send(encodeEmpty('disconnect'));
  }

  /** Sends until `answered`, or so many times; also ends when the session is closed. */
  async #ask(question: Uint8Array, tries: number, answered: () => boolean): Promise<void> {
    if (answered() || this.#closed) return;
    await new Promise<void>((resolve) => {
      let left = tries;
      const done = (): void => {
        clearInterval(this.#askTimer);
        this.#waiting = undefined;
        resolve();
      };
      const send = (): void => {
        if (left <= 0) {
          done();
          return;
        }
        left -= 1;
        this.#send(question);
      };
      this.#waiting = () => {
        if (answered() || this.#closed) done();
      };
      this.#askTimer = setInterval(send, ASK_AGAIN_MS);
      send();
    });
  }

  #send(bytes: Uint8Array): void {
    try {
      this.#options.command.send(bytes);
    } catch (error) {
      if (!this.#closed && isNavError(error)) this.#session.lost(error);
    }
  }

  #packet(bytes: Uint8Array): void {
    if (this.#closed || !this.#session.arrived()) return;
    try {
      if (natnetMessage(bytes) === NATNET.frameOfData) this.#takeFrame(bytes);
      else this.#takeMessage(bytes);
    } catch (error) {
      if (isNavError(error)) this.#session.fault(error.code, error.message);
    }
  }

  #takeFrame(bytes: Uint8Array): void {
    // Before the server has said its version and its models nothing can be made of a frame.
    if (!this.#modelsKnown) return;
    decodeNatnetFrame(this.#frame, bytes, this.#version);
    this.#session.alive();
    this.#tracking.push(this.#frame);
    if (this.#frame.modelsChanged) this.#askForModels();
  }

  #askForModels(): void {
    const now = this.#session.poses.arrivedAt[0] as number;
    if (now - this.#modelsAskedAt < 4 * ASK_AGAIN_MS) return;
    this.#modelsAskedAt = now;
    this.#send(encodeEmpty('requestModelDefinitions'));
  }

  #takeMessage(bytes: Uint8Array): void {
    const message = decodeNatnet(bytes, this.#version);
    if (message.type === 'serverInfo') this.#takeServer(message);
    else if (message.type === 'modelDefinitions' && this.#server !== undefined) {
      this.#onModels(message.models);
      this.#modelsKnown = true;
    } else if (message.type === 'echoResponse') this.#takeEcho(Number(message.requestTime), Number(message.serverTicks));
    else if (message.type === 'disconnect' || message.type === 'disconnectByTimeout') {
      this.#session.lost(new NavError('device/disconnected', 'The NatNet server ended the connection.'));
    } else if (message.type === 'unrecognisedRequest') {
      this.#session.fault('device/refused', 'The NatNet server did not understand a request.');
    }
    this.#waiting?.();
  }

  #takeServer(server: ServerInfo): void {
    if (this.#server !== undefined) return;
    this.#server = server;
    this.#version = this.#options.version ?? server.version;
    this.#tracking.restart(server.ticksPerSecond ?? Number.NaN);
  }

  /** An echo now, and the next one later; a server that unicasts is told with it that somebody still listens. */
  #echo(): void {
    if (this.#closed) return;
    const microseconds = Math.round(this.#options.clock.now() * 1000);
    this.#echoes[this.#echoCount % ECHOES_REMEMBERED] = microseconds;
    this.#echoCount += 1;
    this.#send(encodeEchoRequest(microseconds));
    if (this.#server?.multicast !== true) this.#send(encodeEmpty('keepAlive'));
    const pause = this.#echoCount < FIRST_ECHOES ? FIRST_ECHO_MS : (this.#options.echoIntervalMs ?? 500);
    this.#echoTimer = setTimeout(() => this.#echo(), pause);
  }

  /** Only an echo that was asked for, and only once. */
  #takeEcho(microseconds: number, ticks: number): void {
    const place = this.#echoes.indexOf(microseconds);
    if (place < 0) return;
    this.#echoes[place] = Number.NaN;
    this.#tracking.echo(microseconds / 1000, ticks, this.#session.poses.arrivedAt[0] as number);
  }
}
