import { frame, type Instant, PoseView, point } from '@trocar/core';
import { createStage, type Stage, type Tool } from '@trocar/core/render';
import type { LiveState, LiveTool } from '@trocar/core/session';
import type { Volume } from '@trocar/core/volume';

const CT = frame('ct');
const SHAPES = {
  needle: { kind: 'needle', lengthMm: 150, radiusMm: 1 },
  other: { kind: 'stylus', lengthMm: 120, radiusMm: 2 },
} as const;

/** The pictures of an observer: the same images, and over them what the operator has. A tool that is not live is drawn as such by the stage. */
export class ObserverView {
  readonly stage: Stage<'ct'>;
  readonly #tools = new Map<string, { readonly tool: Tool; readonly view: PoseView }>();
  #plan = '';
  #annotations = '';
  #followed = '';

  constructor(canvas: HTMLCanvasElement, volume: Volume<'ct'>) {
    this.stage = createStage(canvas, { frame: CT, antialias: false });
    this.stage.setVolume(volume);
    this.stage.fit();
  }

  /** Shows a state with the next picture; undefined takes everything but the images away. @param now of the page's clock */
  show(state: LiveState | undefined, now: Instant): void {
    this.#showPlan(state?.plan);
    this.#showAnnotations(state?.annotations ?? []);
    const shown = state?.tools ?? [];
    for (const one of shown) this.#showTool(one, now);
    for (const [name, { tool }] of this.#tools) {
      if (shown.some((one) => one.name === name)) continue;
      tool.remove();
      this.#tools.delete(name);
    }
    this.#follow(state);
  }

  #showTool(one: LiveTool, now: Instant): void {
    let there = this.#tools.get(one.name);
    if (there === undefined) {
      const geometry = one.name === 'needle' ? SHAPES.needle : SHAPES.other;
      there = { tool: this.stage.addTool({ name: one.name, geometry }), view: new PoseView() };
      this.#tools.set(one.name, there);
    }
    const { tool, view } = there;
    view.status = one.status;
    if (one.matrix === undefined) view.matrix.fill(Number.NaN);
    else view.matrix.set(one.matrix);
    view.times[0] = now;
    view.times[1] = now - one.ageMs;
    tool.update(view, one.error95Mm);
  }

  /** What the operator accepted, with who proposed it. */
  #showAnnotations(annotations: LiveState['annotations']): void {
    const key = JSON.stringify(annotations);
    if (key === this.#annotations) return;
    this.#annotations = key;
    const marks = annotations.flatMap(({ points, by, text }) =>
      points.map((at) => ({ point: point(CT, at), label: `${by}: ${text}` })),
    );
    this.stage.setFiducials(marks);
  }

  #showPlan(plan: LiveState['plan']): void {
    const key = JSON.stringify(plan ?? null);
    if (key === this.#plan) return;
    this.#plan = key;
    this.stage.setPlan(plan && { entry: point(CT, plan.entry), target: point(CT, plan.target), targetRadiusMm: 3 });
  }

  /** The slices go where the operator's axial one is. */
  #follow(state: LiveState | undefined): void {
    const centre = state?.views.find((one) => one.name === 'axial')?.centre;
    const key = String(centre);
    if (centre === undefined || key === this.#followed) return;
    this.#followed = key;
    this.stage.setCrosshair(point(CT, centre));
  }
}
