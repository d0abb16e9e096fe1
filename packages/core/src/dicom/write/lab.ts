/** sRGB to linear light (IEC 61966-2-1). */
const linear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
/** CIE 1976: the cube root, with its straight beginning. */
const bent = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27) * (t / 116) + 16 / 116);

/**
 * A colour as DICOM recommends it for display: CIELab under D50, each of 16 bits (PS3.3, C.10.7.1.1).
 * @param rgb sRGB, each 0 to 255
 */
export function labOf(rgb: readonly [number, number, number]): [number, number, number] {
  const [r, g, b] = rgb.map((c) => linear(c / 255)) as [number, number, number];
  // sRGB to XYZ under D50 (Bradford adaptation), relative to its white (0.9642, 1, 0.8252).
  const x = bent((0.4360747 * r + 0.3850649 * g + 0.1430804 * b) / 0.96422);
  const y = bent(0.2225045 * r + 0.7168786 * g + 0.0606169 * b);
  const z = bent((0.0139322 * r + 0.0971045 * g + 0.7141733 * b) / 0.82521);
  const word = (value: number, from: number, span: number): number =>
    Math.max(0, Math.min(65535, Math.round(((value - from) / span) * 65535)));
  return [word(116 * y - 16, 0, 100), word(500 * (x - y), -128, 255), word(200 * (y - z), -128, 255)];
}
