import { Group, Matrix4, PerspectiveCamera, Scene, type Vector4, type WebGLRenderer } from 'three';
import { Signal } from '../../base/index.js';
import { type Frame, requireSameFrame, type Status, type Transform } from '../../frames/index.js';
import { identity4, transformPoint, vec3 } from '../../math/index.js';
import type { AnyVolume } from '../../volume/index.js';
import { type AirLevels, airLevels } from '../air.js';
import { centreOf, extentOf, patientAxes, SLICE_VIEWS } from '../planes.js';
import { EyeRays } from './eye-rays.js';
import type { XrHost } from './host.js';
import { ModelSign } from './model-sign.js';
import { PatientMarks } from './patient-marks.js';
import { pickOnSlices, rayInPatient } from './pick.js';
import { Pointers } from './pointers.js';
import { RayBudget } from './ray-budget.js';
import { inFrontOf, metresFromPatient, newRoom, type RigidPose, transformOfPose, type XrRoom } from './room.js';

/**
 * Where the patient stands in the room: not known, and nothing is drawn; as a registration says; or anywhere, as a model to look at
 * that has no place.
 */
export type XrPlacement = 'none' | 'registered' | 'tableTop';

/** Nearer than this and further than this nothing is drawn, metres. */
const [NEAR_M, FAR_M] = [0.05, 20];
/** The rhythm of a headset that does not tell its own. */
const USUAL_HZ = 72;
/** From a model's lowest point down to its plate's middle, metres. */
const SIGN_BELOW_M = 0.05;

/**
 * A stage in a headset, or through a phone held up: the 3D view of the same stage, with its slices where they cut, its plan and its
 * tools. While the session lasts the page itself draws nothing.
 *
 * Nothing of the patient is drawn before it is said where the patient stands: {@link place}, or {@link placeTableTop}. It goes within
 * the frame in which the headset loses itself, and for good when its coordinates begin anew.
 */
export class XrStage<in out F extends string> {
  readonly session: XRSession;
  /** Emitted with every change of {@link status}. */
  readonly statusChanged: Signal<Status> = new Signal();
  /** The room began anew: what was placed by a registration is not any more. */
  readonly roomChanged: Signal<Frame<XrRoom>> = new Signal();
  readonly #frame: Frame<F>;
  readonly #host: XrHost;
  readonly #root = new Scene();
  readonly #patient = new Group();
  readonly #pointers: Pointers;
  readonly #sign: ModelSign;
  readonly #marks: PatientMarks;
  readonly #rays: EyeRays;
  readonly #budget = new RayBudget();
  /** Where the head is, m, and its quaternion: what the rays' quality is chosen by. */
  readonly #head = new Float64Array(7);
  /** The frame's time and the headset's rhythm, ms. */
  readonly #times = new Float64Array(2);
  readonly #camera = new PerspectiveCamera(60, 1, NEAR_M, FAR_M);
  /** The eyes in the patient, mm: what marks of a size on the screen are measured by. */
  readonly #eyes = new PerspectiveCamera();
  readonly #metresFromPatient = identity4();
  readonly #patientFromMetres = new Matrix4();
  readonly #end = new AbortController();
  #room = newRoom();
  #placement: XrPlacement = 'none';
  #modelScale = 1;
  #modelStands = false;
  #status: Status = 'missing';
  /** What of a volume is air: found when a ray first asks. */
  #air: { readonly of: AnyVolume; readonly levels: AirLevels } | undefined;

  /** Made by {@link startXr}. */
  constructor(frame: Frame<F>, host: XrHost, session: XRSession) {
    this.#frame = frame;
    this.#host = host;
    this.session = session;
    this.#patient.matrixAutoUpdate = false;
    this.#patient.visible = false;
    this.#patient.add(host.scene.graph);
    this.#marks = new PatientMarks(this.#patient);
    this.#pointers = new Pointers(this.#root);
    this.#sign = new ModelSign(this.#root);
    this.#rays = new EyeRays(this.#root);
    this.#root.add(this.#patient);
    const on = { signal: this.#end.signal } as const;
    session.addEventListener('end', () => this.#ended(), on);
    session.addEventListener('select', (event) => this.#select(event), on);
    // A session that is not seen draws no frame in which this would be found.
    const hidden = (): void => {
      if (session.visibilityState === 'hidden') this.#tell('unknown');
    };
    session.addEventListener('visibilitychange', hidden, on);
    this.space.addEventListener('reset', () => this.#begunAnew(), on);
    host.ended.addEventListener('abort', () => void this.dispose(), on);
    host.renderer.xr.setAnimationLoop((_, frame) => frame && this.#turn(frame));
  }

  /** The coordinates that the headset's poses are in; {@link room} is the same place in mm. */
  get space(): XRReferenceSpace {
    return this.#host.renderer.xr.getReferenceSpace() as XRReferenceSpace;
  }

  /** The frame of the headset's coordinates, mm. Another one after each time they begin anew. */
  get room(): Frame<XrRoom> {
    return this.#room;
  }

  /** How the patient came to stand where it is drawn. */
  get placement(): XrPlacement {
    return this.#placement;
  }

  /**
   * Whether what is drawn is drawn at its place now: `ok`; `unknown` where the headset does not know where it is, or nothing was
   * placed; `missing` before the first frame; `disconnected` after the last.
   */
  get status(): Status {
    return this.#status;
  }

  /**
   * Draws the patient where a registration says: true size, true place. For a patient that moves, with every frame.
   * @param xrFromPatient found in the coordinates of {@link room} as they are now
   * @throws NavError `frame/mismatch`: another patient's, or found before the room began anew
   */
  place(xrFromPatient: Transform<XrRoom, F>): void {
    requireSameFrame(this.#room, xrFromPatient.to, 'Placing the patient in the room');
    requireSameFrame(this.#frame, xrFromPatient.from, 'Placing the patient in the room');
    this.#placement = 'registered';
    metresFromPatient(this.#metresFromPatient, xrFromPatient.matrix);
  }

  /**
   * Draws the patient as a model in front of whoever looks, to be walked around; a plate under it says that it is one. Where the patient
   * lies, nothing is drawn.
   * @param scale of the model; 1 is true size
   */
  placeTableTop(scale = 1): void {
    this.#placement = 'tableTop';
    this.#modelScale = scale;
    this.#modelStands = false;
  }

  /** Draws nothing of the patient any more. */
  unplace(): void {
    this.#placement = 'none';
    this.#patient.visible = false;
  }

  /**
   * A pose that the session gave relative to {@link space}, as a transform in mm: of a controller's grip, say, that touches fiducials.
   * @param of the frame of what it is the pose of
   * @throws NavError `frame/not-rigid` where it is not finite
   */
  roomFrom<T extends string>(of: Frame<T>, pose: { readonly transform: RigidPose }): Transform<XrRoom, T> {
    return transformOfPose(this.#room, of, pose.transform);
  }

  /** Ends the session; the page draws again. Twice is once. */
  async dispose(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#host.renderer.xr.setAnimationLoop(null);
    // three gives the page's picture back first, then we: both when the session says that it ended. One that ended by itself
    // meanwhile is what was wanted.
    await this.session.end().catch(() => {});
    this.#ended();
  }

  #turn(frame: XRFrame): void {
    const pose = frame.getViewerPose(this.space);
    // A position that the headset only guesses, from how a neck moves, is no place for a patient.
    const eyes = pose !== undefined && pose !== null && !pose.emulatedPosition ? pose.transform : undefined;
    let drawable = false;
    try {
      // Whoever follows a patient that moves places it in here, and sees it there in this frame.
      drawable = this.#host.prepare();
    } finally {
      const shown = eyes !== undefined && this.#placement !== 'none';
      this.#patient.visible = shown;
      if (shown) this.#stand(eyes);
      this.#tell(shown ? 'ok' : 'unknown');
      this.#draw(frame, drawable && shown ? eyes : undefined);
    }
  }

  #draw(frame: XRFrame, eyes: RigidPose | undefined): void {
    const { renderer } = this.#host;
    // Before the first pose three has not bound the headset's picture, and clearing would clear the page's.
    if (renderer.getRenderTarget() === null) return;
    if (eyes === undefined) {
      this.#clear();
      return;
    }
    this.#pointers.update(frame, this.session, this.space);
    this.#lookFrom(eyes);
    const { z: width, w: height } = viewportOf(renderer);
    this.#arrange(width, height);
    this.#marks.update(this.#host.model, width, height);
    const model = this.#placement === 'tableTop';
    this.#sign.shown = model;
    if (model) this.#sign.speak(this.#host.model.words);
    this.#sign.face(eyes.position);
    this.#drawRays(eyes);
    this.#clear();
    renderer.render(this.#root, this.#camera);
  }

  /** Before the headset's picture is begun: leaving it half-way is what its GPU is worst at. */
  #drawRays({ position: p, orientation: q }: RigidPose): void {
    const { renderer, scene, model } = this.#host;
    const head = this.#head;
    head[0] = p.x;
    head[1] = p.y;
    head[2] = p.z;
    head[3] = q.x;
    head[4] = q.y;
    head[5] = q.z;
    head[6] = q.w;
    this.#times[0] = model.now[0] as number;
    this.#times[1] = 1000 / (this.session.frameRate ?? USUAL_HZ);
    const quality = this.#budget.choose(this.#times, head);
    this.#rays.draw(renderer, scene.rays, this.#root, this.#patient.matrix, quality, this.#camera, model);
  }

  #clear(): void {
    const { renderer } = this.#host;
    renderer.setClearColor(0x000000, this.session.environmentBlendMode === 'opaque' ? 1 : 0);
    renderer.clear();
  }

  /** Errors are as large in a room as they are: there is no glass to write on that they are not. */
  #arrange(width: number, height: number): void {
    const { scene, model } = this.#host;
    const factor = model.errorScale;
    model.errorScale = 1;
    try {
      scene.arrange(this.#eyes, width, height, model);
    } finally {
      model.errorScale = factor;
    }
  }

  /** Puts the patient's node where it is to be in this frame. */
  #stand(eyes: RigidPose): void {
    if (this.#placement === 'tableTop' && !this.#modelStands) this.#standModel(eyes);
    this.#patient.matrix.fromArray(this.#metresFromPatient);
    this.#patient.matrixWorldNeedsUpdate = true;
  }

  #standModel(eyes: RigidPose): void {
    const { volume, focus } = this.#host.model;
    const middle = volume === undefined ? focus : centreOf(volume);
    const lowest = volume === undefined ? middle[2] : extentOf(volume, patientAxes('axial')).low[2];
    const scale = this.#modelScale;
    const m = metresFromPatient(this.#metresFromPatient, inFrontOf(identity4(), eyes, middle, scale), scale);
    const [x, y, z] = transformPoint(vec3(0, 0, 0), m, [middle[0] as number, middle[1] as number, lowest as number]);
    this.#sign.stand(scale, x as number, (y as number) - SIGN_BELOW_M, z as number);
    this.#modelStands = true;
  }

  #lookFrom({ position: p, orientation: q }: RigidPose): void {
    const eyes = this.#eyes;
    eyes.position.set(p.x, p.y, p.z);
    eyes.quaternion.set(q.x, q.y, q.z, q.w);
    eyes.updateMatrix();
    eyes.matrix
      .premultiply(this.#patientFromMetres.copy(this.#patient.matrix).invert())
      .decompose(eyes.position, eyes.quaternion, eyes.scale);
    eyes.updateMatrixWorld();
    // How many millimetres a pixel is does not depend on which eye.
    eyes.fov = (360 / Math.PI) * Math.atan(1 / (this.#camera.projectionMatrix.elements[5] as number));
  }

  #select({ frame, inputSource }: XRInputSourceEvent): void {
    const { model } = this.#host;
    const pose = frame.getPose(inputSource.targetRaySpace, this.space);
    if (pose === undefined || pose === null || this.#status !== 'ok' || model.volume === undefined) return;
    const ray = rayInPatient(pose.transform.matrix, this.#metresFromPatient);
    const planes = SLICE_VIEWS.map((view) => this.#host.plane(view));
    const { volume, window } = model;
    if (this.#air?.of !== volume) this.#air = { of: volume, levels: airLevels(volume) };
    const at = pickOnSlices(ray, planes, { volume, window, air: this.#air.levels });
    if (at !== undefined) this.#host.moveCrosshair(at);
  }

  /** The headset's coordinates are others from here on: nothing that was found in the old ones holds. */
  #begunAnew(): void {
    this.#room = newRoom();
    if (this.#placement === 'registered') this.unplace();
    this.#patient.visible = false;
    this.#modelStands = false;
    this.#tell('unknown');
    this.roomChanged.emit(this.#room);
  }

  #ended(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    const { renderer, scene, ended, hold } = this.#host;
    renderer.xr.setAnimationLoop(null);
    renderer.xr.enabled = false;
    this.#patient.remove(scene.graph);
    this.#pointers.dispose();
    this.#sign.dispose();
    this.#marks.dispose();
    this.#rays.dispose();
    if (!ended.aborted) hold(false);
    this.#tell('disconnected');
  }

  #tell(status: Status): void {
    if (status === this.#status) return;
    this.#status = status;
    this.statusChanged.emit(status);
  }
}

/** The pixels of one eye. */
function viewportOf(renderer: WebGLRenderer): Vector4 | { readonly z: number; readonly w: number } {
  const eye = renderer.xr.getCamera().cameras[0] as { readonly viewport?: Vector4 } | undefined;
  return eye?.viewport ?? { z: 1, w: 1 };
}
