/** Device pixels a canvas should have, and how many there are to a CSS pixel. */
export interface CanvasSize {
  readonly width: number;
  readonly height: number;
  readonly dpr: number;
}

/**
 * How many pixels a canvas should have, at least one each way.
 * @param pixelRatio device pixels per CSS pixel; undefined: the window's
 */
export function canvasSize(
  canvas: HTMLCanvasElement,
  pixelRatio: number | undefined,
  entry: ResizeObserverEntry | undefined,
): CanvasSize {
  const dpr = pixelRatio ?? globalThis.devicePixelRatio ?? 1;
  const { clientWidth, clientHeight } = canvas;
  // Where the browser knows the exact device pixels, one pixel drawn is one pixel seen, also at 125 %.
  const exact = pixelRatio === undefined ? entry?.devicePixelContentBoxSize?.[0] : undefined;
  // A canvas outside the document has no CSS size: its own pixels count.
  const shown = clientWidth > 0 && clientHeight > 0;
  const width = exact?.inlineSize ?? (shown ? Math.round(clientWidth * dpr) : canvas.width);
  const height = exact?.blockSize ?? (shown ? Math.round(clientHeight * dpr) : canvas.height);
  return { width: Math.max(1, width), height: Math.max(1, height), dpr };
}

/** Observes device pixels, which also change with the zoom and with the monitor; else CSS pixels. */
export function observeSize(observer: ResizeObserver, canvas: HTMLCanvasElement): void {
  try {
    observer.observe(canvas, { box: 'device-pixel-content-box' });
  } catch {
    observer.observe(canvas);
  }
}
