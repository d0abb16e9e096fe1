export { type StructureOptions, structureField, structureLabel, structureMesh } from './structure-field.js';
export {
  type Contour,
  type ContourKind,
  readStructures,
  type Structure,
  type StructureSet,
  type StructureWarning,
} from './structures.js';
