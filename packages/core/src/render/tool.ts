import { Signal } from '../base/index.js';
import type { PoseView, Status } from '../frames/index.js';
import { DrawnStatus } from './drawn-status.js';
import type { StatusStyle } from './palette.js';

/** The shape of a tool, in its own frame: tip at the origin. */
export interface ToolGeometry {
  readonly kind: 'needle' | 'stylus';
  /** From the tip to the handle, mm. */
  readonly lengthMm: number;
  /** Radius of the shaft, mm. */
  readonly radiusMm: number;
  /** Unit vector from the tip towards the handle, in the tool's frame. Default +z. */
  readonly shaft?: ArrayLike<number>;
  /** Distance between depth marks, mm; every fifth is longer. 0: none. Default 10. */
  readonly depthMarkMm?: number;
}

/** What was visible before and is now. */
export interface VisibilityChange {
  readonly tool: string;
  readonly status: Status;
  /** Whether the tool is drawn as being there now. */
  readonly live: boolean;
}

/** What a {@link Tool} asks of its stage. */
export interface ToolHost {
  remove(tool: Tool): void;
}

/**
 * One tool on a stage. Give it every frame's pose; it is drawn by what the pose's status allows.
 *
 * A pose that is not renewed goes stale by itself: a page that stops calling {@link update} does not leave a tool
 * standing on the screen as if it were live.
 */
export class Tool {
  readonly name: string;
  readonly geometry: Required<ToolGeometry>;
  /** Emitted from `Stage.render()` when the drawn status changes: the hook for a "not visible" banner. */
  readonly visibility: Signal<VisibilityChange> = new Signal();
  /**
   * Whether the 3D view draws its body and line. False where a graphic of the application's stands for it there, as
   * `InstrumentGraphic` does: two drawings of one tool are one too many. The sphere of its error stays. Default true.
   */
  bodyInScene = true;
  /** frame-from-tip as last given, column-major, mm. */
  readonly matrix: Float64Array = new Float64Array(16).fill(Number.NaN);
  /** The error of the tip, mm, and when the pose was measured, ms. */
  readonly #numbers = Float64Array.of(Number.NaN, Number.NaN);
  readonly #host: ToolHost;
  readonly #drawn = new DrawnStatus();

  /** Made by {@link Stage.addTool}. */
  constructor(name: string, geometry: ToolGeometry, host: ToolHost) {
    this.name = name;
    this.geometry = { shaft: [0, 0, 1], depthMarkMm: 10, ...geometry };
    this.#host = host;
  }

  /**
   * Takes over a pose: 16 numbers, a status and three more numbers are copied, nothing is allocated.
   * @param view frame-from-tip, where frame is the stage's
   * @param tipError95Mm radius about the tip that holds the true tip with 95 % confidence, mm; NaN where not known
   */
  update(view: PoseView, tipError95Mm: number = Number.NaN): void {
    this.#drawn.give(view);
    this.#numbers[0] = tipError95Mm;
    this.#numbers[1] = view.times[1] as number;
    this.matrix.set(view.matrix);
  }

  /** What is drawn: the status given, or `stale` where no new pose came in time. Settled once a frame. */
  get status(): Status {
    return this.#drawn.status;
  }

  /** Whether it is drawn as being there now: `ok` or `predicted`. */
  get live(): boolean {
    return this.#drawn.live;
  }

  /** Whether anything of it is drawn. */
  get shown(): boolean {
    return this.#drawn.shown;
  }

  /** How it is drawn. */
  get style(): StatusStyle {
    return this.#drawn.style;
  }

  /** As given to {@link update}. */
  get tipError95Mm(): number {
    return this.#numbers[0] as number;
  }

  /** When the pose that is drawn was measured, ms of the host's clock; NaN where that is not known. */
  get measuredAt(): number {
    return this.#numbers[1] as number;
  }

  /**
   * Decides, for one drawn frame, what may be drawn. Called by the stage.
   * @param now one number in a typed cell, ms: a changing double passed by itself would be allocated
   */
  settle(now: Float64Array, staleAfterMs: number): void {
    if (!this.#drawn.settle(now, staleAfterMs)) return;
    const { status, live } = this.#drawn;
    this.visibility.emit({ tool: this.name, status, live });
  }

  /** Takes the tool off the stage. */
  remove(): void {
    this.#host.remove(this);
    // Whoever still holds it must not take its last pose for a live one.
    this.#drawn.clear();
  }
}
