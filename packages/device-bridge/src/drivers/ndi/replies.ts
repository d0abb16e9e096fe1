import {
  Bx2Reply,
  decodeBx,
  decodeBx2,
  decodeGx,
  decodeTx,
  encodeCommand,
  GX_OPTION,
  hex,
  NDI_OPTION,
  NdiFrame,
  type NdiReply,
} from '../../codec/ndi/index.js';

/** The forms of tracking replies, newest first. */
export type ReplyForm = 'bx2' | 'bx' | 'tx' | 'gx';

/** What a device with port handles may know. GX names ports instead, so it is no way back from TX. */
const FORMS: readonly ReplyForm[] = ['bx2', 'bx', 'tx'];

/**
 * What a session asks for again and again, and how it reads what comes: reused frames, so that decoding allocates
 * nothing. Transforms are always asked for, also of tools outside the characterised volume.
 */
export class TrackingReplies {
  /** The last reply of TX, BX and GX. */
  readonly frame: NdiFrame = new NdiFrame();
  /** The last reply of BX2. */
  readonly bx2: Bx2Reply = new Bx2Reply();
  readonly #options: number;
  readonly #bx2Args: string;
  #form: ReplyForm = 'bx';
  #gxOptions = GX_OPTION.transforms | GX_OPTION.frameNumbers;
  #command: Uint8Array = new Uint8Array(0);

  /** @param strays also ask for markers of no tool; @param markers also for the markers of each tool (not with GX) */
  constructor(strays: boolean, markers: boolean) {
    this.#options =
      NDI_OPTION.transforms | NDI_OPTION.outOfVolume | (strays ? NDI_OPTION.strays : 0) | (markers ? NDI_OPTION.toolMarkers : 0);
    const points = strays && markers ? 'all' : strays ? 'strays' : markers ? 'tools' : 'none';
    this.#bx2Args = `--6d=tools --3d=${points} --1d=buttons`;
    this.use('bx');
  }

  get form(): ReplyForm {
    return this.#form;
  }

  /** The command that is polled. */
  get command(): Uint8Array {
    return this.#command;
  }

  /** The arguments of STREAM that make the device repeat the command by itself. */
  streamArgs(id: string): string {
    return `--id=${id} ${this.#form.toUpperCase()} ${this.#args()}`;
  }

  use(form: ReplyForm): void {
    this.#form = form;
    // NDI's own programs send BX2 in the space form only.
    this.#command = encodeCommand(form.toUpperCase(), this.#args(), form === 'bx2' ? 'plain' : 'crc');
  }

  /** Goes on with what an older device knows; false where there is nothing older. */
  useOlder(): boolean {
    if (this.#form === 'gx' && this.#gxOptions !== GX_OPTION.transforms) {
      // The oldest have no frame numbers.
      this.#gxOptions = GX_OPTION.transforms;
      this.use('gx');
      return true;
    }
    const older = this.#form === 'gx' ? undefined : FORMS[FORMS.indexOf(this.#form) + 1];
    if (older === undefined) return false;
    this.use(older);
    return true;
  }

  /** Whether each measurement has a number, by which it is known from the one before. */
  get numbered(): boolean {
    return this.#form !== 'gx' || (this.#gxOptions & GX_OPTION.frameNumbers) !== 0;
  }

  #args(): string {
    if (this.#form === 'bx2') return this.#bx2Args;
    return hex(this.#form === 'gx' ? this.#gxOptions : this.#options, 4);
  }

  /** Reads a reply into {@link frame} or {@link bx2}; false where it is none of this form. */
  decode(reply: NdiReply): boolean {
    if (this.#form === 'bx2') {
      return reply.kind !== 'text' && decodeBx2(this.bx2, reply.view, reply.start, reply.end);
    }
    if (this.#form === 'bx') {
      return reply.kind === 'binary' && decodeBx(this.frame, reply.view, reply.start, reply.end, this.#options);
    }
    if (reply.kind !== 'text') return false;
    return this.#form === 'tx'
      ? decodeTx(this.frame, reply.bytes, reply.start, reply.end, this.#options)
      : decodeGx(this.frame, reply.bytes, reply.start, reply.end, this.#gxOptions);
  }
}
