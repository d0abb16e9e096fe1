/** What pointers ask of a stage; positions in device pixels from the canvas's upper left corner. */
export interface PointerHandler {
  /** Left button down, or dragged. `began` is where the drag began, dx and dy how far since the last call. */
  primary(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** Right button dragged. */
  secondary(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** Middle button, or left with shift, dragged. */
  middle(x: number, y: number, dx: number, dy: number, beganX: number, beganY: number): void;
  /** Wheel turned: notches, down positive; `zoom` with the control key or a pinch. */
  wheel(x: number, y: number, notches: number, zoom: boolean): void;
  /** The pointer is here, dragging or not. */
  hover(x: number, y: number): void;
  /** The pointer is elsewhere. */
  leave(): void;
  /** Double click: back to the beginning. */
  reset(x: number, y: number): void;
}

/** Listens to a canvas and says what was meant. Returns what ends it. */
export function attachPointer(canvas: HTMLCanvasElement, handler: PointerHandler): () => void {
  const end = new AbortController();
  const on = { signal: end.signal } as const;
  let drag: { id: number; kind: 'primary' | 'secondary' | 'middle'; x0: number; y0: number; x: number; y: number } | undefined;
  const place = (e: MouseEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    const scaleX = box.width > 0 ? canvas.width / box.width : 1;
    const scaleY = box.height > 0 ? canvas.height / box.height : 1;
    return [(e.clientX - box.left) * scaleX, (e.clientY - box.top) * scaleY];
  };
  canvas.addEventListener(
    'pointerdown',
    (e) => {
      if (drag !== undefined) return;
      const [x, y] = place(e);
      const kind = e.button === 2 ? 'secondary' : e.button === 1 || e.shiftKey ? 'middle' : 'primary';
      drag = { id: e.pointerId, kind, x0: x, y0: y, x, y };
      if (e.isTrusted) canvas.setPointerCapture(e.pointerId);
      e.preventDefault();
      handler[kind](x, y, 0, 0, x, y);
    },
    on,
  );
  canvas.addEventListener(
    'pointermove',
    (e) => {
      const [x, y] = place(e);
      handler.hover(x, y);
      if (drag?.id !== e.pointerId) return;
      handler[drag.kind](x, y, x - drag.x, y - drag.y, drag.x0, drag.y0);
      drag.x = x;
      drag.y = y;
    },
    on,
  );
  for (const type of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(
      type,
      (e) => {
        if (drag?.id === e.pointerId) drag = undefined;
      },
      on,
    );
  }
  canvas.addEventListener(
    'wheel',
    (e) => {
      e.preventDefault();
      // Lines and pages are whole notches; pixels are what a touch pad sends.
      const notches = e.deltaMode === 0 ? e.deltaY / 100 : Math.sign(e.deltaY);
      handler.wheel(...place(e), notches, e.ctrlKey);
    },
    { ...on, passive: false },
  );
  canvas.addEventListener('pointerleave', () => handler.leave(), on);
  canvas.addEventListener('contextmenu', (e) => e.preventDefault(), on);
  canvas.addEventListener('dblclick', (e) => handler.reset(...place(e)), on);
  return () => end.abort();
}
