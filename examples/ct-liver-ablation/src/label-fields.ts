import { type AblationTarget, labelTarget } from '@trocar/core/guidance';
import { distanceToLabel, type SignedField, type Volume } from '@trocar/core/volume';

type Labels = Volume<'ct'>;

const targets = new WeakMap<Labels, Map<number, AblationTarget<'ct'>>>();
const fields = new WeakMap<Labels, Map<number, SignedField<'ct'>>>();

/** The target that a label is, worked out once for a label map. @throws NavError as `labelTarget` */
export function targetOf(labels: Labels, label: number): AblationTarget<'ct'> {
  return once(targets, labels, label, () => labelTarget(labels, label));
}

/** The distance to a label, mm, negative within it: worked out once for a label map. @throws NavError as `distanceToLabel` */
export function fieldOf(labels: Labels, label: number): SignedField<'ct'> {
  return once(fields, labels, label, () => distanceToLabel(labels, label));
}

function once<T>(known: WeakMap<Labels, Map<number, T>>, labels: Labels, label: number, make: () => T): T {
  const own = known.get(labels) ?? new Map<number, T>();
  known.set(labels, own);
  const made = own.get(label) ?? make();
  own.set(label, made);
  return made;
}
