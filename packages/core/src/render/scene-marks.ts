import {
  ConeGeometry,
  CylinderGeometry,
  GreaterDepth,
  Group,
  type Material,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  Quaternion,
  type Scene,
  SphereGeometry,
  Vector3,
} from 'three';
import type { PlanMarks, StageModel } from './model.js';
import { PALETTE, type StatusStyle } from './palette.js';
import { approach, copyMatrix, scaledDash, vector } from './slice-marks.js';
import { Stroke } from './stroke.js';
import type { Tool, ToolGeometry } from './tool.js';

/** A tool in the 3D view: its body, and a centre line with depth marks that shows through everything. */
export class ToolInScene {
  readonly tool: Tool;
  readonly #group = new Group();
  readonly #body = new MeshLambertMaterial();
  readonly #error: Mesh<SphereGeometry, MeshBasicMaterial>;
  readonly #line: Stroke;
  readonly #parts: Mesh[];
  #style: StatusStyle | undefined;
  #dpr = 0;

  constructor(tool: Tool, scene: Scene) {
    this.tool = tool;
    this.#parts = bodyParts(tool.geometry, this.#body);
    this.#error = new Mesh(
      new SphereGeometry(1, 24, 16),
      new MeshBasicMaterial({ transparent: true, opacity: 0.18, depthWrite: false }),
    );
    this.#line = new Stroke(1, { roundEnds: true });
    const { shaft: s, lengthMm } = tool.geometry;
    this.#line.segment(0, 0, 0, 0, ...([0, 1, 2].map((k) => (s[k] as number) * lengthMm) as [number, number, number]));
    this.#line.show(1);
    this.#line.object.renderOrder = 30;
    this.#group.add(...this.#parts, this.#error, this.#line.object);
    this.#group.matrixAutoUpdate = false;
    scene.add(this.#group);
  }

  update(width: number, height: number, dpr: number): void {
    const { tool } = this;
    this.#group.visible = tool.shown;
    if (!tool.shown) return;
    copyMatrix(this.#group, tool.matrix);
    this.#showBody(tool.bodyInScene);
    this.#line.viewport(width, height);
    const error = tool.tipError95Mm;
    this.#error.visible = error > 0;
    if (error > 0) this.#error.scale.setScalar(error);
    const { style } = tool;
    if (style === this.#style && dpr === this.#dpr) return;
    this.#style = style;
    this.#dpr = dpr;
    this.#restyle(style, dpr);
  }

  #showBody(shown: boolean): void {
    this.#line.object.visible = shown;
    for (let n = 0; n < this.#parts.length; n += 1) (this.#parts[n] as Mesh).visible = shown;
  }

  #restyle({ colour, form, dash, opacity }: StatusStyle, dpr: number): void {
    const solid = form === 'solid';
    this.#body.color.set(colour);
    this.#body.emissive.set(colour).multiplyScalar(0.25);
    this.#body.opacity = solid ? 1 : 0.25;
    if (this.#body.transparent === solid) {
      this.#body.transparent = !solid;
      this.#body.needsUpdate = true;
    }
    this.#error.material.color.set(colour);
    this.#line.style({
      colour,
      opacity: solid ? 0.85 : opacity,
      // Dots have less ink than a line: of its width, grey ones would hardly be there.
      widthPx: (solid ? 2 : 3.5) * dpr,
      dash: scaledDash(dash, dpr),
      tickMm: solid ? this.tool.geometry.depthMarkMm : 0,
      tickHalfPx: 4 * dpr,
    });
  }

  dispose(): void {
    this.#group.removeFromParent();
    for (const part of this.#parts) part.geometry.dispose();
    this.#body.dispose();
    this.#error.geometry.dispose();
    this.#error.material.dispose();
    this.#line.dispose();
  }
}

/** Tip, shaft and handle along the tool's own axis, from the tip at the origin. */
function bodyParts(g: Required<ToolGeometry>, material: Material): Mesh[] {
  const needle = g.kind === 'needle';
  const handleMm = Math.min(g.lengthMm * 0.35, needle ? 24 : 60);
  const handleRadius = Math.max(g.radiusMm * 3, needle ? 3.5 : 6);
  const tipMm = needle ? Math.min(4 * g.radiusMm, g.lengthMm / 4) : 0;
  // Cylinders and cones of three lie along y, around their middle; a cone points to +y and a tip points away from it.
  const tip = needle
    ? new ConeGeometry(g.radiusMm, tipMm, 16).rotateX(Math.PI).translate(0, tipMm / 2, 0)
    : new SphereGeometry(g.radiusMm, 16, 12).translate(0, g.radiusMm, 0);
  const shaftMm = g.lengthMm - handleMm - tipMm;
  const shaft = new CylinderGeometry(g.radiusMm, g.radiusMm, shaftMm, 16).translate(0, tipMm + shaftMm / 2, 0);
  const handle = new CylinderGeometry(handleRadius, handleRadius * 0.75, handleMm, 20).translate(0, g.lengthMm - handleMm / 2, 0);
  const turn = new Quaternion().setFromUnitVectors(new Vector3(0, 1, 0), vector(g.shaft).normalize());
  return [tip, shaft, handle].map((geometry) => new Mesh(geometry.applyQuaternion(turn), material));
}

/** The plan in the 3D view: corridor, path, entry and target. */
export class PlanInScene {
  readonly #group = new Group();
  readonly #corridor = new Mesh(
    new CylinderGeometry(1, 1, 1, 32, 1, true),
    new MeshBasicMaterial({ color: PALETTE.plan, transparent: true, opacity: 0.16, depthWrite: false }),
  );
  readonly #entry = new Mesh(new SphereGeometry(1, 20, 14), new MeshLambertMaterial({ color: PALETTE.plan }));
  readonly #target = new Mesh(new SphereGeometry(1, 28, 20), new MeshLambertMaterial({ color: PALETTE.target }));
  /** The target where something lies before it. */
  readonly #hidden = new Mesh(
    this.#target.geometry,
    new MeshBasicMaterial({
      color: PALETTE.target,
      transparent: true,
      opacity: 0.45,
      depthWrite: false,
      depthFunc: GreaterDepth,
    }),
  );
  readonly #path = new Stroke(1, { colour: PALETTE.plan });
  readonly #approach = new Stroke(1);
  #drawn: PlanMarks | undefined;
  #dpr = 0;

  constructor(scene: Scene) {
    for (const mesh of [this.#entry, this.#target]) mesh.material.emissive.copy(mesh.material.color).multiplyScalar(0.3);
    this.#corridor.renderOrder = 20;
    this.#path.object.renderOrder = 25;
    this.#group.add(this.#corridor, this.#entry, this.#target, this.#hidden, this.#path.object, this.#approach.object);
    scene.add(this.#group);
  }

  update(width: number, height: number, model: StageModel): void {
    const { plan, dpr } = model;
    this.#group.visible = plan !== undefined;
    if (plan === undefined) return;
    if (plan !== this.#drawn || dpr !== this.#dpr) this.#layOut(plan, dpr);
    this.#drawn = plan;
    this.#dpr = dpr;
    this.#approach.viewport(width, height);
    this.#path.viewport(width, height);
  }

  #layOut(plan: PlanMarks, dpr: number): void {
    const e = vector(plan.entry);
    const t = vector(plan.target);
    const along = t.clone().sub(e);
    const length = along.length();
    this.#corridor.position.copy(e).add(t).multiplyScalar(0.5);
    this.#corridor.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), along.normalize());
    this.#corridor.visible = plan.corridorRadiusMm > 0;
    this.#corridor.scale.set(plan.corridorRadiusMm, length, plan.corridorRadiusMm);
    this.#entry.position.copy(e);
    this.#entry.scale.setScalar(Math.max(2, plan.corridorRadiusMm * 0.7));
    this.#target.position.copy(t);
    this.#target.scale.setScalar(plan.targetRadiusMm);
    this.#hidden.position.copy(t);
    this.#hidden.scale.setScalar(plan.targetRadiusMm);
    approach(this.#approach, plan, dpr);
    this.#path.segment(0, e.x, e.y, e.z, t.x, t.y, t.z);
    this.#path.show(1);
    this.#path.style({ widthPx: 2 * dpr, dash: [7 * dpr, 5 * dpr] });
  }

  dispose(): void {
    this.#group.removeFromParent();
    for (const mesh of [this.#corridor, this.#entry, this.#target]) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.#hidden.material.dispose();
    this.#path.dispose();
    this.#approach.dispose();
  }
}
