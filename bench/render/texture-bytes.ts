/**
 * Counts the bytes of textures at the GL calls: what every texture that is alive holds, and the most that ever was. Installed
 * before a library makes its context. A format's size is what WebGL 2 requires it to hold; drivers may pad.
 */
export interface TextureBytes {
  /** Of the textures that are alive now. */
  live(): number;
  /** The most that was alive at once. */
  peak(): number;
}

/** Bytes of a texel, by internal format (WebGL 2, tables of OpenGL ES 3.0 §3.8.3 and EXT_texture_norm16). */
const SIZES: ReadonlyMap<number, number> = new Map([
  // R8, R8_SNORM, R8I, R8UI, ALPHA, LUMINANCE, RED
  ...[0x8229, 0x8f94, 0x8231, 0x8232, 0x1906, 0x1909, 0x1903].map((f) => [f, 1] as const),
  // RG8, RG8I, RG8UI, R16F, R16I, R16UI, R16, R16_SNORM, DEPTH16, LUMINANCE_ALPHA, RGB565
  ...[0x822b, 0x8237, 0x8238, 0x822d, 0x8233, 0x8234, 0x822a, 0x8f98, 0x81a5, 0x190a, 0x8d62].map((f) => [f, 2] as const),
  // RGB8, RGB8UI, RGB8I, RGB, SRGB8
  ...[0x8051, 0x8d7d, 0x8d8f, 0x1907, 0x8c41].map((f) => [f, 3] as const),
  // RGBA8, RGBA8UI, RGBA8I, RGBA, SRGB8_ALPHA8, R32F, R32I, R32UI, RG16F, RG16I, RG16UI, RG16, DEPTH24, DEPTH24_STENCIL8, DEPTH32F
  ...[0x8058, 0x8d7c, 0x8d8e, 0x1908, 0x8c43, 0x822e, 0x8235, 0x8236, 0x822f, 0x8239, 0x823a].map((f) => [f, 4] as const),
  ...[0x822c, 0x81a6, 0x88f0, 0x8cac].map((f) => [f, 4] as const),
  // RGBA16F, RGBA16I, RGBA16UI, RGBA16, RG32F
  ...[0x881a, 0x8d88, 0x8d76, 0x805b, 0x8230].map((f) => [f, 8] as const),
  [0x881b, 6],
  [0x8815, 12],
  [0x8814, 16],
]);

const FLOAT = 0x1406;

/** Unsized formats take their size from the type as well. */
function texel(format: number, type?: number): number {
  const size = SIZES.get(format);
  if (size === undefined) throw new Error(`The texture counter does not know the internal format 0x${format.toString(16)}.`);
  const unsized = format >= 0x1903 && format <= 0x190a;
  return unsized && type === FLOAT ? 4 * size : size;
}

/** From now on, every texture of this page is counted. */
export function countTextureBytes(): TextureBytes {
  const held = new Map<WebGLTexture, Map<string, number>>();
  let peak = 0;
  const live = (): number => [...held.values()].reduce((sum, levels) => sum + [...levels.values()].reduce((a, b) => a + b, 0), 0);
  const note = (gl: WebGL2RenderingContext, target: number, key: string, bytes: number): void => {
    const texture = boundTo(gl, target);
    if (texture === null) return;
    const levels = held.get(texture) ?? new Map<string, number>();
    held.set(texture, levels.set(key, bytes));
    peak = Math.max(peak, live());
  };
  const proto = WebGL2RenderingContext.prototype;
  before(proto, 'texStorage2D', (gl, [target, levels, format, w, h]) => {
    note(gl, target, 'all', texel(format) * texels(levels, w, h, 1, false));
  });
  before(proto, 'texStorage3D', (gl, [target, levels, format, w, h, d]) => {
    note(gl, target, 'all', texel(format) * texels(levels, w, h, d, target === gl.TEXTURE_3D));
  });
  before(proto, 'texImage3D', (gl, [target, level, format, w, h, d, , , type]) => {
    note(gl, target, `${target} ${level}`, texel(format, type) * w * h * d);
  });
  before(proto, 'texImage2D', (gl, args) => {
    const [target, level, format] = args;
    const source = args[5] as unknown as { readonly width: number; readonly height: number };
    const [w, h, type] = args.length > 6 ? [args[3], args[4], args[7]] : [source.width, source.height, args[4]];
    note(gl, target, `${target} ${level}`, texel(format, type) * w * h);
  });
  before(proto, 'deleteTexture', (_, [texture]) => held.delete(texture as unknown as WebGLTexture));
  return { live, peak: () => peak };
}

function texels(levels: number, w: number, h: number, d: number, deep: boolean): number {
  let sum = 0;
  for (let n = 0; n < levels; n += 1) sum += Math.max(1, w >> n) * Math.max(1, h >> n) * (deep ? Math.max(1, d >> n) : d);
  return sum;
}

function boundTo(gl: WebGL2RenderingContext, target: number): WebGLTexture | null {
  if (target === gl.TEXTURE_3D) return gl.getParameter(gl.TEXTURE_BINDING_3D) as WebGLTexture | null;
  if (target === gl.TEXTURE_2D_ARRAY) return gl.getParameter(gl.TEXTURE_BINDING_2D_ARRAY) as WebGLTexture | null;
  return gl.getParameter(target === gl.TEXTURE_2D ? gl.TEXTURE_BINDING_2D : gl.TEXTURE_BINDING_CUBE_MAP) as WebGLTexture | null;
}

type Arguments = readonly [number, number, number, number, number, number, number, number, number];

function before(
  proto: WebGL2RenderingContext,
  name: 'texStorage2D' | 'texStorage3D' | 'texImage2D' | 'texImage3D' | 'deleteTexture',
  look: (gl: WebGL2RenderingContext, args: Arguments) => void,
): void {
  const original = proto[name] as (...args: unknown[]) => unknown;
  Object.defineProperty(proto, name, {
    value(this: WebGL2RenderingContext, ...args: unknown[]) {
      look(this, args as unknown as Arguments);
      return original.apply(this, args);
    },
  });
}
