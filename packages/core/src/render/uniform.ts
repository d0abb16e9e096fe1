import type { Object3D, ShaderMaterial } from 'three';

/** A uniform of one of our own materials, by its name in the shader: these are made with all of theirs. */
export function uniform<T>(material: ShaderMaterial, name: string): { value: T } {
  return material.uniforms[name] as { value: T };
}

/** Sets or takes away a `#define` of a material; compiled anew only where it changes. */
export function setDefine(material: ShaderMaterial, name: string, on: boolean): void {
  if (on === name in material.defines) return;
  if (on) material.defines[name] = 1;
  else delete material.defines[name];
  material.needsUpdate = true;
}

/** An object whose own shader places it: three need not keep matrices for it, nor leave it out. */
export function onGlass<T extends Object3D>(object: T): T {
  object.matrixAutoUpdate = false;
  object.matrixWorldAutoUpdate = false;
  object.frustumCulled = false;
  return object;
}
