import { NavError } from '@trocar/core';
import { type ParameterMap, parseParameterMap } from './parameters.js';

/** Whether a text is written as elastix writes its files: its first line that says anything is in brackets. */
export function isElastixText(text: string): boolean {
  return /^(?:\/\/[^\n]*\n|\s)*\(/.test(text);
}

/**
 * The transform in a TransformParameters file of elastix.
 * @param name the file's, for messages
 * @throws NavError `transform/corrupt`, `transform/unsupported`
 */
export function elastixTransform(text: string, name: string): ParameterMap {
  const map = parsed(text, name);
  if (map['Transform'] === undefined || map['TransformParameters'] === undefined) {
    throw new NavError('transform/corrupt', `"${name}" holds no transform: it has no Transform or no TransformParameters.`);
  }
  const refusals: readonly (readonly [string, (value: string) => boolean, string])[] = [
    ['FixedImageDimension', (v) => v !== '3', 'it is not of three dimensions'],
    ['MovingImageDimension', (v) => v !== '3', 'it is not of three dimensions'],
    ['UseBinaryFormatForTransformationParameters', (v) => v === 'true', 'its parameters are in a binary file beside it'],
    ['UseDirectionCosines', (v) => v === 'false', 'it ignores the direction of the images, so it is not in patient coordinates'],
    ['HowToCombineTransforms', (v) => v === 'Add' && earlierName(map) !== undefined, 'it is added to an earlier transform'],
  ];
  for (const [key, refuses, why] of refusals) {
    const value = map[key]?.[0];
    if (value !== undefined && refuses(value)) {
      throw new NavError('transform/unsupported', `"${name}" cannot be read: ${why} (${key} "${value}").`, {
        detail: { key, value },
      });
    }
  }
  return map;
}

/** The file whose transform is applied before this one; elastix has spelt the parameter in two ways. */
export function earlierName(map: ParameterMap): string | undefined {
  const name = (map['InitialTransformParameterFileName'] ?? map['InitialTransformParametersFileName'])?.[0];
  return name === undefined || name === '' || name === 'NoInitialTransform' ? undefined : name;
}

function parsed(text: string, name: string): ParameterMap {
  try {
    return parseParameterMap(text);
  } catch (cause) {
    throw new NavError('transform/corrupt', `"${name}" is not as elastix writes it: ${(cause as Error).message}`, { cause });
  }
}
