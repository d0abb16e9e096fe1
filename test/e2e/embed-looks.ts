/**
 * What tests look at in a page that has a stage: functions for `page.evaluate`, each complete in itself.
 */

/** A part of the stage's canvas, in fractions from its upper left corner. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The letters in the middle of a view's four edges. */
export interface Letters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/**
 * Reads the orientation letters off the picture: at each edge the one of the six that its pixels look most like, or `?` where they
 * look like none.
 */
export async function lettersOf(part: Part): Promise<Letters> {
  const stage = document.querySelector('canvas') as HTMLCanvasElement;
  const [w, h] = [Math.round(part.width * stage.width), Math.round(part.height * stage.height)];
  const surface = (width: number, height: number): OffscreenCanvasRenderingContext2D =>
    new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  const picture = surface(w, h);
  // In the frame that drew it: what nobody drew in a frame is empty.
  for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame);
  picture.drawImage(stage, -Math.round(part.x * stage.width), -Math.round(part.y * stage.height));
  const dpr = devicePixelRatio;
  const size = Math.round(Math.min(34 * dpr, Math.max(16 * dpr, Math.min(w, h) * 0.07)));

  const greys = (
    context: OffscreenCanvasRenderingContext2D,
    x: number,
    y: number,
    width: number,
    height: number,
  ): Float64Array => {
    const { data } = context.getImageData(x, y, width, height);
    return Float64Array.from({ length: width * height }, (_, n) => data[4 * n] as number);
  };
  const likeness = (a: Float64Array, b: Float64Array): number => {
    const mean = (v: Float64Array): number => v.reduce((s, x) => s + x, 0) / v.length;
    const [ma, mb] = [mean(a), mean(b)];
    let [ab, aa, bb] = [0, 0, 0];
    for (let n = 0; n < a.length; n += 1) {
      const [p, q] = [(a[n] as number) - ma, (b[n] as number) - mb];
      ab += p * q;
      aa += p * p;
      bb += q * q;
    }
    return ab / Math.sqrt(aa * bb + 1e-9);
  };
  const shape = surface(size + 4, size + 4);
  const shapes = [...'RLAPSI'].map((letter) => {
    shape.fillStyle = '#000';
    shape.fillRect(0, 0, size + 4, size + 4);
    shape.fillStyle = '#e6edf5';
    shape.font = `700 ${size}px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif`;
    shape.textAlign = 'center';
    shape.textBaseline = 'middle';
    shape.fillText(letter, size / 2 + 2, size / 2 + 2);
    return { letter, pixels: greys(shape, 0, 0, size + 4, size + 4) };
  });
  const near = (x: number, y: number): string => {
    let best = { letter: '?', likeness: 0.7 };
    for (let dy = -6; dy <= 6; dy += 1) {
      for (let dx = -8; dx <= 8; dx += 1) {
        const seen = greys(picture, Math.round(x - size / 2) - 2 + dx, Math.round(y - size / 2) - 2 + dy, size + 4, size + 4);
        for (const { letter, pixels } of shapes) {
          const like = likeness(seen, pixels);
          if (like > best.likeness) best = { letter, likeness: like };
        }
      }
    }
    return best.letter;
  };
  return {
    left: near(0.75 * size, h / 2),
    right: near(w - 0.75 * size, h / 2),
    top: near(w / 2, 0.55 * size + 4 * dpr),
    bottom: near(w / 2, h - 0.55 * size - 4 * dpr),
  };
}

/** Mean grey, 0 … 255, of the middle half of a part of the stage, as it was just drawn. */
export async function greyOf(part: Part): Promise<number> {
  const stage = document.querySelector('canvas') as HTMLCanvasElement;
  for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame);
  const [w, h] = [Math.round((part.width * stage.width) / 2), Math.round((part.height * stage.height) / 2)];
  const context = new OffscreenCanvas(w, h).getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.drawImage(stage, -(part.x + part.width / 4) * stage.width, -(part.y + part.height / 4) * stage.height);
  const { data } = context.getImageData(0, 0, w, h);
  let sum = 0;
  for (let n = 0; n < data.length; n += 4) sum += (data[n] as number) + (data[n + 1] as number) + (data[n + 2] as number);
  return (4 * sum) / (3 * data.length);
}

/** From now on keeps an eye on every WebGL context that is made, without keeping it alive. */
export function watchContexts(): void {
  const contexts: WeakRef<WebGL2RenderingContext>[] = [];
  const own = HTMLCanvasElement.prototype.getContext as (this: HTMLCanvasElement, ...given: unknown[]) => RenderingContext | null;
  Object.assign(HTMLCanvasElement.prototype, {
    getContext(this: HTMLCanvasElement, ...given: unknown[]): RenderingContext | null {
      const context = own.apply(this, given);
      if (context instanceof WebGL2RenderingContext && !contexts.some((c) => c.deref() === context)) {
        contexts.push(new WeakRef(context));
      }
      return context;
    },
  });
  Object.assign(globalThis, { watchedContexts: contexts });
}

/** How many contexts were made since {@link watchContexts}, and how many of them still work. */
export function contextsNow(): { made: number; working: number } {
  const { watchedContexts } = globalThis as unknown as { watchedContexts: WeakRef<WebGL2RenderingContext>[] };
  return { made: watchedContexts.length, working: watchedContexts.filter((c) => c.deref()?.isContextLost() === false).length };
}

/** Presses the button that shows and closes the views so many times, and waits for nothing but React. */
export async function toggleQuickly(times: number): Promise<void> {
  const button = [...document.querySelectorAll('button')].find((one) => one.textContent === 'Show the views');
  for (let n = 0; n < times; n += 1) {
    button?.click();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** What a page's own code gets when it makes code of text; what a test has evaluated may. */
export function evalled(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => {
      try {
        resolve(new Function('return "allowed"')() as string);
      } catch (error) {
        resolve((error as Error).name);
      }
    });
  });
}
