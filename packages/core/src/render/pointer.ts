/** What pointers ask of a stage; positions in device pixels from the canvas's upper left corner. */
export interface PointerHandler {
  /** Left button or one finger, down or dragged. `began` is where the drag began, dx and dy how far since the last call. */
  primary(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** Right button dragged, or three fingers. */
  secondary(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** Middle button, or left with shift, dragged. */
  middle(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** One finger that began in a view's right margin was moved up or down: through the slices. */
  strip(dy: number, beganX: number, beganY: number): void;
  /** Whether that margin is here. */
  inStrip(x: number, y: number): boolean;
  /** Two fingers: their middle is here and was (dx, dy) ago; they are `factor` times as far apart as they were. */
  pinch(x: number, y: number, dx: number, dy: number, factor: number): void;
  /** Wheel turned: notches, down positive; `zoom` with the control key or a pinch. */
  wheel(x: number, y: number, notches: number, zoom: boolean): void;
  /** The pointer is here, dragging or not. */
  hover(x: number, y: number): void;
  /** The pointer is elsewhere. */
  leave(): void;
  /** Double click, or two taps of one finger: back to the beginning. */
  reset(x: number, y: number): void;
}

/** A finger that moved less than this has tapped, CSS pixels. */
const TAP_PX = 8;
/** Two taps are a double one when the second is lifted so soon after the first, ms, and so near to it, CSS pixels. */
const DOUBLE_MS = 350;
const DOUBLE_PX = 24;
/** A browser that makes a double click of a double tap says so within this time of it, ms: it was answered already. */
const ECHO_MS = 500;

type Kind = 'primary' | 'secondary' | 'middle' | 'strip';

/** Where a pointer went down and where it is, device pixels. */
interface Down {
  readonly x0: number;
  readonly y0: number;
  x: number;
  y: number;
}

/** Listens to a canvas and says what was meant. Returns what ends it. */
export function attachPointer(canvas: HTMLCanvasElement, handler: PointerHandler): () => void {
  const end = new AbortController();
  const on = { signal: end.signal } as const;
  const listener = new PointerListener(canvas, handler);
  const { touchAction } = canvas.style;
  // Or the browser takes a finger's drag for a scroll of the page.
  canvas.style.touchAction = 'none';
  canvas.addEventListener('pointerdown', (e) => listener.down(e), on);
  canvas.addEventListener('pointermove', (e) => listener.move(e), on);
  canvas.addEventListener('pointerup', (e) => listener.up(e, true), on);
  canvas.addEventListener('pointercancel', (e) => listener.up(e, false), on);
  canvas.addEventListener('wheel', (e) => listener.wheel(e), { ...on, passive: false });
  canvas.addEventListener('pointerleave', () => handler.leave(), on);
  canvas.addEventListener('contextmenu', (e) => e.preventDefault(), on);
  canvas.addEventListener('dblclick', (e) => listener.doubleClick(e), on);
  return () => {
    end.abort();
    canvas.style.touchAction = touchAction;
  };
}

class PointerListener {
  readonly #canvas: HTMLCanvasElement;
  readonly #handler: PointerHandler;
  #drag: (Down & { readonly id: number; readonly kind: Kind }) | undefined;
  readonly #fingers = new Map<number, Down>();
  /** Whether the fingers that are down have done something else than a tap. */
  #moved = false;
  /** The most fingers since the first went down: lifting one of three is no pinch. */
  #most = 0;
  /** The last tap: where, device pixels, and when, ms of the events' time; NaN without one. */
  readonly #tap = Float64Array.of(Number.NaN, Number.NaN, Number.NaN);
  #doubleTapAt = Number.NEGATIVE_INFINITY;

  constructor(canvas: HTMLCanvasElement, handler: PointerHandler) {
    this.#canvas = canvas;
    this.#handler = handler;
  }

  place(e: MouseEvent): [number, number] {
    const box = this.#canvas.getBoundingClientRect();
    return [(e.clientX - box.left) * this.#scale(box), (e.clientY - box.top) * this.#scale(box)];
  }

  down(e: PointerEvent): void {
    const [x, y] = this.place(e);
    if (e.isTrusted) this.#canvas.setPointerCapture(e.pointerId);
    e.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    if (e.pointerType === 'touch') {
      if (this.#fingers.size === 0) [this.#moved, this.#most] = [false, 0];
      this.#fingers.set(e.pointerId, { x0: x, y0: y, x, y });
      this.#most = Math.max(this.#most, this.#fingers.size);
      return;
    }
    if (this.#drag !== undefined) return;
    const kind = e.button === 2 ? 'secondary' : e.button === 1 || e.shiftKey ? 'middle' : 'primary';
    this.#drag = { id: e.pointerId, kind, x0: x, y0: y, x, y };
    this.#handler[kind](x, y, 0, 0, x, y);
  }

  move(e: PointerEvent): void {
    const [x, y] = this.place(e);
    const finger = this.#fingers.get(e.pointerId);
    if (finger !== undefined) {
      this.#moveFinger(finger, x, y);
      return;
    }
    this.#handler.hover(x, y);
    const drag = this.#drag;
    if (drag?.id !== e.pointerId || drag.kind === 'strip') return;
    this.#handler[drag.kind](x, y, x - drag.x, y - drag.y, drag.x0, drag.y0);
    drag.x = x;
    drag.y = y;
  }

  /** @param lifted or taken away by the system */
  up(e: PointerEvent, lifted: boolean): void {
    if (this.#drag?.id === e.pointerId) this.#drag = undefined;
    const finger = this.#fingers.get(e.pointerId);
    if (finger === undefined) return;
    this.#fingers.delete(e.pointerId);
    if (lifted && !this.#moved && this.#most === 1) this.#tapped(finger, e.timeStamp);
    else this.#tap.fill(Number.NaN);
    this.#handler.leave();
  }

  wheel(e: WheelEvent): void {
    e.preventDefault();
    // Lines and pages are whole notches; pixels are what a touch pad sends.
    const notches = e.deltaMode === 0 ? e.deltaY / 100 : Math.sign(e.deltaY);
    this.#handler.wheel(...this.place(e), notches, e.ctrlKey);
  }

  doubleClick(e: MouseEvent): void {
    if (e.timeStamp - this.#doubleTapAt > ECHO_MS) this.#handler.reset(...this.place(e));
  }

  /** One finger tapped. Not every browser makes a double click of two taps where the page's own gestures are off. */
  #tapped({ x, y, x0, y0 }: Down, at: number): void {
    const [lastX, lastY, lastAt] = this.#tap as unknown as [number, number, number];
    const near = Math.hypot(x - lastX, y - lastY) <= DOUBLE_PX * this.#scale(this.#canvas.getBoundingClientRect());
    if (near && at - lastAt <= DOUBLE_MS) {
      this.#tap.fill(Number.NaN);
      this.#doubleTapAt = at;
      this.#handler.reset(x, y);
      return;
    }
    this.#tap.set([x, y, at]);
    this.#handler.primary(x, y, 0, 0, x0, y0);
  }

  #moveFinger(finger: Down, x: number, y: number): void {
    const before = { x: finger.x, y: finger.y };
    const first = !this.#moved;
    const far = Math.hypot(x - finger.x0, y - finger.y0) > TAP_PX * this.#scale(this.#canvas.getBoundingClientRect());
    if (first && !far && this.#most === 1) return;
    this.#moved = true;
    const spread = this.#spread();
    finger.x = x;
    finger.y = y;
    const [dx, dy] = [x - before.x, y - before.y];
    if (this.#most === 1) this.#dragOne(finger, dx, dy);
    else if (this.#most === 2 && this.#fingers.size === 2) {
      const now = this.#spread();
      this.#handler.pinch(now.x, now.y, now.x - spread.x, now.y - spread.y, now.apart / Math.max(1, spread.apart));
    } else if (this.#most === 3 && this.#fingers.size === 3) {
      // Each of three fingers tells of a third of the way that all go.
      this.#handler.secondary(x, y, dx / 3, dy / 3, finger.x0, finger.y0);
    }
  }

  #dragOne({ x, y, x0, y0 }: Down, dx: number, dy: number): void {
    if (this.#handler.inStrip(x0, y0)) this.#handler.strip(dy, x0, y0);
    else {
      this.#handler.hover(x, y);
      this.#handler.primary(x, y, dx, dy, x0, y0);
    }
  }

  /** The middle of two fingers and how far they are apart. */
  #spread(): { x: number; y: number; apart: number } {
    const [a, b] = [...this.#fingers.values()];
    if (a === undefined || b === undefined) return { x: a?.x ?? 0, y: a?.y ?? 0, apart: 1 };
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  /** Device pixels to a CSS pixel of the canvas. */
  #scale(box: DOMRect): number {
    return box.width > 0 ? this.#canvas.width / box.width : 1;
  }
}
