import { PoseView } from '@trocar/core';
import { formatBound } from '@trocar/core/guidance';
import { PALETTE } from '@trocar/core/render';
import { h, liveAttribute } from '../../suite/page/dom.js';
import { GUIDE, PLANE } from '../src/frames.js';
import { FAN, GUN } from '../src/probe.js';
import { IMAGE_STALE_MS, type Procedure } from '../src/procedure.js';
import { PIXEL_MM, RASTER, rasterised } from '../src/raster.js';
import { CELL_MM, CELLS, CrossSections } from './cross-sections.js';
import { LESION_COLOURS, pageFont } from './looks.js';
import { t } from './texts/index.js';

/** How a place of the plane is drawn: x to the right, z upwards, the probe at the bottom, as the rectum lies. */
interface Scale {
  readonly perMm: number;
  readonly x: (mm: number) => number;
  readonly y: (mm: number) => number;
}

/**
 * The live ultrasound as it is seen in the rectum: the probe below, the patient's front above, the patient's left at the right. Over it what
 * the MR has in this plane, the needle's way with its depths, and where the notch would come to lie. Without a live pose nothing of the MR
 * is drawn; an old image is dimmed under stripes and says so.
 */
export class LiveView {
  readonly canvas: HTMLCanvasElement;
  /** The picture as rows and columns: for the 3D view too. */
  readonly pixels = new Uint8Array(RASTER.width * RASTER.height);
  readonly #picture = h('canvas', { width: RASTER.width, height: RASTER.height });
  readonly #view = new PoseView();
  #sections: CrossSections | undefined;
  #sectionsOf: Procedure['case'] | undefined;
  #number = -1;

  constructor(host: HTMLElement) {
    this.canvas = liveAttribute(h('canvas'), 'aria-label', () => t('Live ultrasound with what the MR has in its plane'));
    host.append(this.canvas);
  }

  /** The number of the picture that is shown; −1 before the first. */
  get number(): number {
    return this.#number;
  }

  /** Once per drawn frame, or more often. */
  show(procedure: Procedure): void {
    const { latest } = procedure;
    if (latest !== undefined && latest.frame.number !== this.#number) {
      this.#number = latest.frame.number;
      rasterised(this.pixels, latest.frame.echoes);
      this.#paint();
    }
    this.#draw(procedure);
  }

  #paint(): void {
    const c = this.#picture.getContext('2d') as CanvasRenderingContext2D;
    const data = c.createImageData(RASTER.width, RASTER.height);
    for (let n = 0; n < this.pixels.length; n += 1) {
      const grey = this.pixels[n] as number;
      data.data.set([grey, grey, grey, grey > 0 ? 255 : 0], 4 * n);
    }
    c.putImageData(data, 0, 0);
  }

  #draw(procedure: Procedure): void {
    const c = this.#begin();
    const { width, height } = this.canvas;
    const dpr = width / Math.max(1, this.canvas.clientWidth);
    const scale = scaleOf(width, height, dpr);
    const stale = !(procedure.imageAgeMs <= IMAGE_STALE_MS);
    if (procedure.latest !== undefined) {
      c.globalAlpha = stale ? 0.35 : 1;
      this.#blit(c, this.#picture, scale, RASTER.left - PIXEL_MM / 2, PIXEL_MM, RASTER.width, RASTER.height);
      c.globalAlpha = 1;
    }
    const live = procedure.planeInMr(this.#view).status === 'ok' && !stale && procedure.registration !== undefined;
    if (live) {
      this.#sectionsIn(c, procedure, scale, dpr);
      if (procedure.stage === 'biopsy') needleWay(c, procedure, scale, dpr);
    }
    const unverified = live && procedure.needsVerification;
    letters(c, width, height, dpr, scale);
    if (procedure.latest === undefined)
      word(c, width, height, dpr, t('Waiting for the scanner’s first image'), 0.5, PALETTE.text);
    else if (stale) word(c, width, height, dpr, t('IMAGE STALE'));
    else if (procedure.stage === 'biopsy' && !live) word(c, width, height, dpr, t('PROBE NOT SEEN · MR NOT SHOWN'), 0.18);
    else if (unverified) word(c, width, height, dpr, t('MR NOT VERIFIED'), 0.18);
  }

  #begin(): CanvasRenderingContext2D {
    const dpr = Math.max(1, window.devicePixelRatio);
    const [w, hgt] = [Math.round(this.canvas.clientWidth * dpr), Math.round(this.canvas.clientHeight * dpr)];
    if (this.canvas.width !== w || this.canvas.height !== hgt) {
      this.canvas.width = Math.max(1, w);
      this.canvas.height = Math.max(1, hgt);
    }
    const c = this.canvas.getContext('2d') as CanvasRenderingContext2D;
    c.fillStyle = '#05070a';
    c.fillRect(0, 0, this.canvas.width, this.canvas.height);
    return c;
  }

  /** Rows run upwards: the plane's z grows away from the probe. */
  #blit(
    c: CanvasRenderingContext2D,
    from: HTMLCanvasElement,
    s: Scale,
    leftMm: number,
    cellMm: number,
    columns: number,
    rows: number,
  ): void {
    c.save();
    c.translate(s.x(leftMm), s.y(-cellMm / 2));
    c.scale(1, -1);
    c.imageSmoothingEnabled = true;
    c.drawImage(from, 0, 0, columns * cellMm * s.perMm, rows * cellMm * s.perMm);
    c.restore();
  }

  #sectionsIn(c: CanvasRenderingContext2D, procedure: Procedure, scale: Scale, dpr: number): void {
    if (this.#sections === undefined || this.#sectionsOf !== procedure.case) {
      this.#sections = new CrossSections(procedure.case);
      this.#sectionsOf = procedure.case;
    }
    const labels = this.#sections.cut(this.#view.matrix);
    const { lesions } = procedure.case;
    const dash = procedure.needsVerification ? [3 * dpr, 7 * dpr] : [];
    outline(c, labels, (label) => label !== 0, scale, { colour: '#e9eef2', width: 1.5 * dpr, dash: [5 * dpr, 5 * dpr] });
    lesions.forEach((lesion, n) => {
      const aimed = procedure.fire.target.name === lesion.name;
      const colour = LESION_COLOURS[n % LESION_COLOURS.length] as string;
      outline(c, labels, (label) => label === lesion.label, scale, {
        colour: '#000000',
        width: (aimed ? 6 : 4.5) * dpr,
        dash,
      });
      const at = outline(c, labels, (label) => label === lesion.label, scale, {
        colour,
        width: (aimed ? 3.5 : 2) * dpr,
        dash,
      });
      if (at !== undefined) text(c, lesion.name, at[0] + 8 * dpr, at[1] - 8 * dpr, dpr, colour, 13);
    });
  }
}

function scaleOf(width: number, height: number, dpr: number): Scale {
  const across = 2 * FAN.endMm * Math.sin(FAN.halfAngle);
  const up = FAN.endMm - FAN.startMm * Math.cos(FAN.halfAngle);
  const perMm = Math.min((width - 20 * dpr) / across, (height - 34 * dpr) / (up + 3));
  const bottom = height - 20 * dpr + FAN.startMm * Math.cos(FAN.halfAngle) * perMm;
  return { perMm, x: (mm) => width / 2 + perMm * mm, y: (mm) => bottom - perMm * mm };
}

/**
 * Draws the border of what is chosen, cell edge by cell edge. Returns where its right-most upper corner lies, in pixels; undefined where
 * nothing is.
 */
function outline(
  c: CanvasRenderingContext2D,
  labels: Int32Array,
  chosen: (label: number) => boolean,
  s: Scale,
  pen: { readonly colour: string; readonly width: number; readonly dash: readonly number[] },
): readonly [number, number] | undefined {
  let corner: readonly [number, number] | undefined;
  c.beginPath();
  const is = (i: number, j: number): boolean =>
    i >= 0 && j >= 0 && i < CELLS.width && j < CELLS.height && chosen(labels[i + CELLS.width * j] as number);
  const px = (i: number): number => s.x(CELLS.left + CELL_MM * (i - 0.5));
  const py = (j: number): number => s.y(CELL_MM * (j - 0.5));
  for (let j = 0; j <= CELLS.height; j += 1) {
    for (let i = 0; i <= CELLS.width; i += 1) {
      const own = is(i, j);
      if (own !== is(i - 1, j)) {
        c.moveTo(px(i), py(j));
        c.lineTo(px(i), py(j + 1));
      }
      if (own !== is(i, j - 1)) {
        c.moveTo(px(i), py(j));
        c.lineTo(px(i + 1), py(j));
      }
      if (own && (corner === undefined || px(i + 1) > corner[0])) corner = [px(i + 1), py(j + 1)];
    }
  }
  c.strokeStyle = pen.colour;
  c.lineWidth = pen.width;
  c.setLineDash([...pen.dash]);
  c.lineCap = 'round';
  c.stroke();
  c.setLineDash([]);
  return corner;
}

/** The guide's line with a tick every centimetre, and the notch after firing with the stop where it should be set. */
function needleWay(c: CanvasRenderingContext2D, procedure: Procedure, s: Scale, dpr: number): void {
  const m = procedure.graph.get(PLANE, GUIDE)?.matrix;
  if (m === undefined) return;
  const at = (mm: number): readonly [number, number] => [
    s.x((m[12] as number) + mm * (m[8] as number)),
    s.y((m[14] as number) + mm * (m[10] as number)),
  ];
  const line = (from: number, to: number, colour: string, width: number, dash: readonly number[] = []): void => {
    c.beginPath();
    c.moveTo(...at(from));
    c.lineTo(...at(to));
    c.strokeStyle = colour;
    c.lineWidth = width * dpr;
    c.setLineDash(dash.map((d) => d * dpr));
    c.stroke();
    c.setLineDash([]);
  };
  line(4, 62, '#000000', 4);
  line(4, 62, PALETTE.text, 1.5, [3, 5]);
  for (let mm = 10; mm <= 60; mm += 10) {
    const [x, y] = at(mm);
    c.beginPath();
    c.arc(x, y, 2.5 * dpr, 0, 2 * Math.PI);
    c.fillStyle = PALETTE.text;
    c.fill();
  }
  const { stop, probability, error95Mm } = procedure.aim;
  if (stop === undefined) return;
  const far = stop.settingMm + GUN.throwMm - GUN.deadEndMm;
  const colour = probability >= 0.9 ? '#33c48d' : '#f0b429';
  line(far - GUN.notchMm, far, '#000000', 9);
  line(far - GUN.notchMm, far, colour, 5);
  // How far the notch may really lie from there.
  const [x, y] = at(far - GUN.notchMm / 2);
  c.beginPath();
  c.arc(x, y, error95Mm * s.perMm, 0, 2 * Math.PI);
  c.strokeStyle = colour;
  c.lineWidth = 1.5 * dpr;
  c.setLineDash([2 * dpr, 4 * dpr]);
  c.stroke();
  c.setLineDash([]);
  text(
    c,
    t('notch, 95 % {bound}', { bound: formatBound(error95Mm) }),
    x - 14 * dpr,
    y + 5 * dpr,
    dpr,
    colour,
    13,
    'right',
    x - 24 * dpr,
  );
}

/** Whose left is where, and the dot of the probe's marked side. */
function letters(c: CanvasRenderingContext2D, width: number, height: number, dpr: number, s: Scale): void {
  text(c, 'R', 12 * dpr, height / 2, dpr, PALETTE.text, 17);
  text(c, 'L', width - 12 * dpr, height / 2, dpr, PALETTE.text, 17, 'right');
  text(c, t('Live ultrasound'), 12 * dpr, 22 * dpr, dpr, PALETTE.text, 14);
  const [x, y] = [s.x(FAN.startMm * Math.sin(FAN.halfAngle) + 5), s.y(FAN.startMm * Math.cos(FAN.halfAngle) - 1)];
  c.beginPath();
  c.arc(x, y, 5 * dpr, 0, 2 * Math.PI);
  c.fillStyle = '#56b4e9';
  c.fill();
}

function word(
  c: CanvasRenderingContext2D,
  width: number,
  height: number,
  dpr: number,
  said: string,
  at = 0.5,
  colour = '#ff6b4a',
): void {
  c.save();
  c.fillStyle = 'rgba(11, 14, 18, 0.82)';
  c.fillRect(0, height * at - 26 * dpr, width, 44 * dpr);
  c.restore();
  text(c, said, width / 2, height * at + 4 * dpr, dpr, colour, 22, 'center', width - 24 * dpr);
}

/** A line of text. @param px its size, CSS px. @param most no wider than this, device px: smaller where it would be */
function text(
  c: CanvasRenderingContext2D,
  said: string,
  x: number,
  y: number,
  dpr: number,
  colour: string,
  px: number,
  align: CanvasTextAlign = 'left',
  most = Number.POSITIVE_INFINITY,
): void {
  c.font = `600 ${px * dpr}px ${pageFont()}`;
  const width = c.measureText(said).width;
  if (width > most) c.font = `600 ${(px * dpr * most) / width}px ${pageFont()}`;
  c.textAlign = align;
  c.lineWidth = 4 * dpr;
  c.strokeStyle = '#0b0e12';
  c.lineJoin = 'round';
  c.strokeText(said, x, y);
  c.fillStyle = colour;
  c.fillText(said, x, y);
}
