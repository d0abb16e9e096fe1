import { DoubleSide, GLSL3, type IUniform, ShaderMaterial } from 'three';

/** A material of what lies over an image: blended, seen from both sides, in the order it is drawn and not by depth. */
export function overlayMaterial(
  vertexShader: string,
  fragmentShader: string,
  uniforms: Record<string, IUniform>,
): ShaderMaterial {
  return new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader,
    fragmentShader,
    transparent: true,
    side: DoubleSide,
    depthTest: false,
    depthWrite: false,
    uniforms,
  });
}
