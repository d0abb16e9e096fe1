import type { ShaderMaterial } from 'three';

/** A uniform of one of our own materials, by its name in the shader: these are made with all of theirs. */
export function uniform<T>(material: ShaderMaterial, name: string): { value: T } {
  return material.uniforms[name] as { value: T };
}
