import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromRotationVector, transformDirection, vec3 } from '../math/index.js';
import { scaleBarMm } from './furniture.js';
import { cellAt, pixelRect, primaryLayout, quadLayout, singleLayout } from './layout.js';
import { Orbit } from './orbit.js';
import { rgb } from './palette.js';
import { cross, dot, extentOf, orientationLetters, outOf, PlaneView, patientAxes, SLICE_VIEWS, volumeAxes } from './planes.js';
import { SlicePosition } from './slice-position.js';
import { draggedWindow } from './stage-pointer.js';

const finite = fc.double({ min: -500, max: 500, noNaN: true });
const direction = fc.tuple(finite, finite, finite).filter(([x, y, z]) => Math.hypot(x, y, z) > 1);

describe('orientation letters', () => {
  it('are LPS: x to the left, y to the back, z to the head', () => {
    expect(
      [
        [1, 0, 0],
        [-1, 0, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, 0, 1],
        [0, 0, -1],
      ].map(orientationLetters),
    ).toEqual(['L', 'R', 'P', 'A', 'S', 'I']);
  });

  it('name the strongest direction first, and lesser ones past 11 degrees', () => {
    expect(orientationLetters([0.9, -0.43, 0])).toBe('LA');
    expect(orientationLetters([0.19, 0.98, 0])).toBe('P');
    expect(orientationLetters([-0.5, 0.6, -0.62])).toBe('IPR');
  });

  it('turn into their opposites with the direction', () => {
    const opposite: Record<string, string> = { L: 'R', R: 'L', P: 'A', A: 'P', S: 'I', I: 'S' };
    fc.assert(
      fc.property(direction, (d) => {
        const other = orientationLetters(d.map((x) => -x));
        return [...orientationLetters(d)].map((l) => opposite[l]).join('') === other && other.length > 0;
      }),
    );
  });
});

describe('slice axes', () => {
  it('are radiological', () => {
    const edges = SLICE_VIEWS.map((view) => {
      const { right, up } = patientAxes(view);
      const minus = (v: ArrayLike<number>): number[] => Array.from(v, (x) => -x);
      return [minus(right), right, up, minus(up), outOf({ right, up })].map(orientationLetters).join(' ');
    });
    // Left, right, top, bottom of the screen, and towards whoever looks.
    expect(edges).toEqual(['R L A P I', 'R L S I A', 'A P S I L']);
  });

  it('of a volume are the patient axes for every flip and order of its grid', () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const order of orders) {
      for (let flips = 0; flips < 8; flips += 1) {
        const m = new Float64Array(16);
        m[15] = 1;
        order.forEach((axis, c) => {
          m[4 * c + axis] = (flips >> c) & 1 ? -0.7 : 0.7;
        });
        for (const view of SLICE_VIEWS) {
          const axes = volumeAxes({ frameFromIndex: m }, view);
          expect(Array.from(axes.right, (x) => x + 0)).toEqual(Array.from(patientAxes(view).right, (x) => x + 0));
          expect(Array.from(axes.up, (x) => x + 0)).toEqual(Array.from(patientAxes(view).up, (x) => x + 0));
        }
      }
    }
  });

  it('of an oblique or tilted volume are its rows, perpendicular, and less than 45 degrees from the patient', () => {
    const small = fc.double({ min: -0.4, max: 0.4, noNaN: true });
    fc.assert(
      fc.property(small, small, small, small, (x, y, z, shear) => {
        const m = fromRotationVector(new Float64Array(16), [x, y, z]);
        for (let k = 0; k < 3; k += 1) m[8 + k] = (m[8 + k] as number) + shear * (m[4 + k] as number);
        for (const view of SLICE_VIEWS) {
          const { right, up } = volumeAxes({ frameFromIndex: m }, view);
          const off = [dot(right, up), dot(right, right) - 1, dot(up, up) - 1];
          if (!off.every((x) => Math.abs(x) < 1e-12)) return false;
          if (!(dot(right, patientAxes(view).right) > 0.6 && dot(up, patientAxes(view).up) > 0.6)) return false;
        }
        return true;
      }),
    );
  });
});

describe('a plane view', () => {
  const viewOf = (about: readonly number[]): PlaneView => {
    const m = fromRotationVector(new Float64Array(16), about);
    const view = new PlaneView();
    view.axes = { right: transformDirection(vec3(0, 0, 0), m, [1, 0, 0]), up: transformDirection(vec3(0, 0, 0), m, [0, 1, 0]) };
    view.centre.set([12, -40, 900]);
    view.mmPerPx = 0.37;
    view.width = 311;
    view.height = 200;
    return view;
  };

  it('projects what it unprojects, and knows the distance from the plane', () => {
    fc.assert(
      fc.property(direction, finite, finite, finite, (r, x, y, d) => {
        const view = viewOf(r.map((v) => v / 300));
        const p = view.unproject(vec3(0, 0, 0), x, y);
        const n = outOf(view.axes);
        const off = p.map((v, k) => v + d * (n[k] as number));
        const back = view.project(vec3(0, 0, 0), off);
        return (
          Math.abs((back[0] as number) - x) < 1e-8 &&
          Math.abs((back[1] as number) - y) < 1e-8 &&
          Math.abs((back[2] as number) - d) < 1e-8
        );
      }),
    );
  });

  it('moves along its normal only', () => {
    fc.assert(
      fc.property(direction, finite, finite, finite, (r, x, y, z) => {
        const view = viewOf(r.map((v) => v / 300));
        const before = Float64Array.from(view.centre);
        view.passThrough([x, y, z]);
        const moved = vec3(0, 0, 0).map((_, k) => (view.centre[k] as number) - (before[k] as number));
        const n = outOf(view.axes);
        const distance = view.project(vec3(0, 0, 0), [x, y, z])[2] as number;
        const across = cross(moved, n);
        return Math.abs(distance) < 1e-8 && Math.hypot(...across) < 1e-8 * (1 + Math.hypot(...moved));
      }),
    );
  });

  it('has pixel centres at halves, as its reslice plane has', () => {
    const view = viewOf([0.3, -0.2, 0.9]);
    const { frameFromPixel: m } = view.reslicePlane();
    for (const [column, row] of [
      [0, 0],
      [310, 0],
      [0, 199],
      [17, 93],
    ] as const) {
      const p = view.unproject(vec3(0, 0, 0), column + 0.5, row + 0.5);
      for (let k = 0; k < 3; k += 1) {
        const q = (m[k] as number) * column + (m[4 + k] as number) * row + (m[12 + k] as number);
        expect(q).toBeCloseTo(p[k] as number, 9);
      }
    }
  });
});

describe('the extent of a volume', () => {
  it('counts whole voxels', () => {
    const m = Float64Array.of(-2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 100, 10, -6, 1);
    const { low, high } = extentOf({ size: [5, 4, 3], frameFromIndex: m }, patientAxes('axial'));
    // Right is x: 91 … 101. Up is −y: −13.5 … −9.5. Out is −z: −1.5 … 7.5.
    expect(low).toEqual([91, -13.5, -1.5]);
    expect(high).toEqual([101, -9.5, 7.5]);
  });
});

describe('the 3D camera', () => {
  it('has the head up, and left and right as whoever stands before the patient sees them', () => {
    const orbit = new Orbit();
    orbit.azimuth = 0;
    orbit.elevation = 0;
    const { right, up } = orbit.axes();
    expect([orientationLetters(right), orientationLetters(up), orientationLetters(orbit.eye())]).toEqual(['L', 'S', 'A']);
  });

  it('looks along its own axes, wherever it stands', () => {
    const angle = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(angle, fc.double({ min: -1.4, max: 1.4, noNaN: true }), (azimuth, elevation) => {
        const orbit = new Orbit();
        orbit.azimuth = azimuth;
        orbit.elevation = elevation;
        orbit.distance = 1;
        const axes = orbit.axes();
        const out = outOf(axes);
        const eye = orbit.eye();
        return out.every((x, k) => Math.abs(x - (eye[k] as number)) < 1e-12) && (axes.up[2] as number) > 0;
      }),
    );
  });

  it('never tips over', () => {
    const orbit = new Orbit();
    orbit.turn(0, 10);
    expect(orbit.axes().up[2] as number).toBeGreaterThan(0);
    orbit.turn(0, -20);
    expect(orbit.axes().up[2] as number).toBeGreaterThan(0);
  });
});

describe('layouts', () => {
  it('cover the canvas without overlapping', () => {
    for (const layout of [quadLayout(), singleLayout('3d'), primaryLayout('coronal')]) {
      const [width, height] = [301, 203];
      const cover = new Uint8Array(width * height);
      for (const cell of layout) {
        const r = pixelRect(cell, width, height, 2);
        for (let y = r.y; y < r.y + r.height; y += 1)
          for (let x = r.x; x < r.x + r.width; x += 1) cover[y * width + x] = (cover[y * width + x] as number) + 1;
      }
      expect(Math.max(...cover)).toBe(1);
      const gaps = cover.filter((n) => n === 0).length;
      expect(gaps).toBeLessThanOrEqual((layout.length - 1) * 2 * Math.max(width, height));
      expect(layout.length === 1 ? gaps : 1).toBe(layout.length === 1 ? 0 : 1);
    }
  });

  it('know which view lies under a position', () => {
    expect(cellAt(quadLayout(), 100, 100, 75, 25)?.view).toBe('3d');
    expect(cellAt(quadLayout(), 100, 100, 25, 75)?.view).toBe('coronal');
    expect(cellAt(quadLayout(), 100, 100, -1, 75)).toBeUndefined();
  });
});

describe('small things', () => {
  it('a scale bar is 1, 2 or 5 of a decade and fits', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 2000, noNaN: true }), (max) => {
        const mm = scaleBarMm(max);
        const lead = mm / 10 ** Math.floor(Math.log10(mm) + 1e-9);
        return mm <= max && mm > max / 2.5 - 1e-9 && [1, 2, 5].some((s) => Math.abs(s - lead) < 1e-6);
      }),
    );
  });

  it('a slice says where it lies in the patient', () => {
    const view = new PlaneView();
    const position = new SlicePosition();
    const positionOf = (plane: PlaneView): string => {
      expect(position.read(plane)).toBe(true);
      expect(position.read(plane)).toBe(false);
      return String(position);
    };
    view.centre.set([10, 20, -32.46]);
    expect(positionOf(view)).toBe('I 32.5 mm');
    view.axes = patientAxes('sagittal');
    expect(positionOf(view)).toBe('L 10.0 mm');
    view.axes = patientAxes('coronal');
    expect(positionOf(view)).toBe('P 20.0 mm');
  });

  it('a drag to the right widens the window, a drag down lowers the level', () => {
    const before = { width: 400, level: 40 };
    expect(draggedWindow(before, 1, 0)).toEqual({ width: 3200, level: 40 });
    expect(draggedWindow(before, 0, 0.5)).toEqual({ width: 400, level: -160 });
  });

  it('colours are read as they are written', () => {
    expect(rgb('#ff8000')).toEqual([1, 128 / 255, 0]);
  });
});
