import type { AnyVolume } from '../volume/index.js';

/** Connected voxels of one label. */
export interface Component {
  /** Their places in the array, in no order. */
  readonly indices: Int32Array;
  /** First and last i, j, k. */
  readonly box: readonly [number, number, number, number, number, number];
}

/** Components of the voxels that hold a stored value, connected through faces, edges and corners (26 neighbours), each flooded from its first voxel. */
export function componentsOf({ voxels, size: [ni, nj, nk] }: AnyVolume, stored: number): Component[] {
  const seen = new Uint8Array(voxels.length);
  const found: Component[] = [];
  let stack = new Int32Array(1024);
  for (let seed = 0; seed < voxels.length; seed += 1) {
    if (seen[seed] === 1 || voxels[seed] !== stored) continue;
    let count = 1;
    stack[0] = seed;
    seen[seed] = 1;
    const box: [number, number, number, number, number, number] = [ni, nj, nk, -1, -1, -1];
    // What was taken stays in the array: at the end it holds the whole component.
    for (let next = 0; next < count; next += 1) {
      const n = stack[next] as number;
      const at = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))] as const;
      for (let r = 0; r < 3; r += 1) {
        box[r] = Math.min(box[r] as number, at[r] as number);
        box[3 + r] = Math.max(box[3 + r] as number, at[r] as number);
      }
      if (count + 26 > stack.length) {
        const wider = new Int32Array(2 * stack.length);
        wider.set(stack);
        stack = wider;
      }
      for (let k = Math.max(0, at[2] - 1); k <= Math.min(nk - 1, at[2] + 1); k += 1) {
        for (let j = Math.max(0, at[1] - 1); j <= Math.min(nj - 1, at[1] + 1); j += 1) {
          for (let i = Math.max(0, at[0] - 1); i <= Math.min(ni - 1, at[0] + 1); i += 1) {
            const m = i + ni * (j + nj * k);
            if (seen[m] === 1 || voxels[m] !== stored) continue;
            seen[m] = 1;
            stack[count] = m;
            count += 1;
          }
        }
      }
    }
    found.push({ indices: stack.slice(0, count), box });
  }
  return found;
}
