import { CanvasTexture, LinearFilter, Mesh, MeshBasicMaterial, PlaneGeometry, type Scene, SRGBColorSpace } from 'three';
import { FONT } from '../label.js';
import { PALETTE } from '../palette.js';
import type { DrawnWords } from '../words.js';

/** Pixels of the plate, and how wide it is in the room, metres. */
const [WIDTH_PX, HEIGHT_PX, WIDTH_M] = [1024, 160, 0.36];

/** A plate under a model, in a scene in metres: that it is one, and does not lie where it is drawn. */
export class ModelSign {
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #texture: CanvasTexture;
  readonly #plate: Mesh<PlaneGeometry, MeshBasicMaterial>;
  #scale = 1;
  #said: DrawnWords | undefined;

  constructor(scene: Scene) {
    this.#canvas = typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(1, 1);
    this.#canvas.width = WIDTH_PX;
    this.#canvas.height = HEIGHT_PX;
    this.#texture = new CanvasTexture(this.#canvas as HTMLCanvasElement);
    this.#texture.colorSpace = SRGBColorSpace;
    this.#texture.generateMipmaps = false;
    this.#texture.minFilter = LinearFilter;
    const material = new MeshBasicMaterial({ map: this.#texture, transparent: true, depthTest: false, depthWrite: false });
    this.#plate = new Mesh(new PlaneGeometry(WIDTH_M, (WIDTH_M * HEIGHT_PX) / WIDTH_PX), material);
    this.#plate.renderOrder = 1000;
    this.#plate.visible = false;
    scene.add(this.#plate);
  }

  /** Whether it is drawn. */
  set shown(shown: boolean) {
    this.#plate.visible = shown;
  }

  /**
   * Puts it under a model.
   * @param scale of the model; 1 is true size
   * @param x metres, as y and z: the plate's middle
   */
  stand(scale: number, x: number, y: number, z: number): void {
    this.#plate.position.set(x, y, z);
    this.#scale = scale;
    this.#said = undefined;
  }

  /** Says what is drawn above it, where that is not said yet in these words. */
  speak(words: DrawnWords): void {
    if (words === this.#said) return;
    this.#said = words;
    this.#write(words.model(this.#scale));
  }

  /** Turns it, about up alone, to whoever looks; metres. */
  face({ x, z }: { readonly x: number; readonly z: number }): void {
    const { position, rotation } = this.#plate;
    rotation.set(0, Math.atan2(x - position.x, z - position.z), 0);
  }

  dispose(): void {
    this.#plate.removeFromParent();
    this.#plate.geometry.dispose();
    this.#plate.material.dispose();
    this.#texture.dispose();
  }

  #write(text: string): void {
    const c = this.#canvas.getContext('2d') as CanvasRenderingContext2D | null;
    if (c === null) return;
    c.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
    c.fillStyle = PALETTE.background;
    c.fillRect(0, 0, WIDTH_PX, HEIGHT_PX);
    c.strokeStyle = PALETTE.target;
    c.lineWidth = 8;
    c.strokeRect(4, 4, WIDTH_PX - 8, HEIGHT_PX - 8);
    c.fillStyle = PALETTE.target;
    c.font = `700 76px ${FONT}`;
    c.textAlign = 'center';
    c.textBaseline = 'middle';
    c.fillText(text, WIDTH_PX / 2, HEIGHT_PX / 2, WIDTH_PX - 48);
    this.#texture.needsUpdate = true;
  }
}
