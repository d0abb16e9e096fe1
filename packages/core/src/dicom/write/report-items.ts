import { type Code, codeItem } from './codes.js';
import { badObject, type InstanceReference, referenceItem, requireUid } from './object.js';
import type { Dataset } from './part10.js';

/** Content items of structured reports (PS3.3, C.17.3). */

type Relationship = 'CONTAINS' | 'HAS OBS CONTEXT' | 'HAS CONCEPT MOD' | 'HAS PROPERTIES' | 'INFERRED FROM';

function item(relationship: Relationship, valueType: string, name: Code | undefined, rest: Dataset): Dataset {
  return {
    RelationshipType: relationship,
    ValueType: valueType,
    ConceptNameCodeSequence: name && [codeItem(name)],
    ...rest,
  };
}

export function container(name: Code, content: readonly Dataset[], template?: string): Dataset {
  return item('CONTAINS', 'CONTAINER', name, {
    ContinuityOfContent: 'SEPARATE',
    ContentTemplateSequence: template === undefined ? undefined : [{ MappingResource: 'DCMR', TemplateIdentifier: template }],
    ContentSequence: content.length === 0 ? undefined : content,
  });
}

export function codeContent(relationship: Relationship, name: Code, value: Code): Dataset {
  return item(relationship, 'CODE', name, { ConceptCodeSequence: [codeItem(value)] });
}

export function textContent(relationship: Relationship, name: Code, value: string): Dataset {
  if (value.trim() === '') throw badObject(`the report's "${name.meaning}" must not be empty`, {});
  return item(relationship, 'TEXT', name, { TextValue: value });
}

export function uidContent(relationship: Relationship, name: Code, uid: string): Dataset {
  return item(relationship, 'UIDREF', name, { UID: requireUid(uid, name.meaning) });
}

export function personContent(relationship: Relationship, name: Code, person: string): Dataset {
  return item(relationship, 'PNAME', name, { PersonName: person });
}

export function imageContent(
  relationship: Relationship,
  name: Code | undefined,
  reference: InstanceReference,
  segment?: number,
): Dataset {
  return item(relationship, 'IMAGE', name, {
    ReferencedSOPSequence: [{ ...referenceItem(reference), ReferencedSegmentNumber: segment }],
  });
}

/**
 * A number with its unit. In full double precision beside the decimal string (Floating Point Value); without a value it is an
 * empty measurement and the reason.
 */
export function numberContent(
  relationship: Relationship,
  name: Code,
  value: number | undefined,
  unit: Code,
  rest: { readonly unknown?: Code; readonly content?: readonly Dataset[] } = {},
): Dataset {
  if (value !== undefined && !Number.isFinite(value)) {
    throw badObject(`"${name.meaning}" is ${value}: leave it out where it is not known`, {});
  }
  const { unknown, content = [] } = rest;
  return item(relationship, 'NUM', name, {
    MeasuredValueSequence:
      value === undefined
        ? []
        : [{ NumericValue: value, FloatingPointValue: value, MeasurementUnitsCodeSequence: [codeItem(unit)] }],
    NumericValueQualifierCodeSequence: value === undefined && unknown !== undefined ? [codeItem(unknown)] : undefined,
    ContentSequence: content.length === 0 ? undefined : content,
  });
}

/** Points in a frame of reference, LPS mm, in single precision (PS3.3, C.18.9). */
export function pointsContent(
  relationship: Relationship,
  name: Code,
  place: { readonly kind: string; readonly points: readonly ArrayLike<number>[]; readonly frameOfReferenceUid: string },
): Dataset {
  const numbers = place.points.flatMap((p) => Array.from(p));
  const legal = place.points.every((p) => p.length === 3) && numbers.every(Number.isFinite);
  const enough = place.kind === 'POINT' ? place.points.length === 1 : place.points.length >= (place.kind === 'POLYLINE' ? 2 : 1);
  if (!legal || !enough)
    throw badObject(`a ${place.kind} of ${place.points.length} points is none: each has three finite numbers`, {});
  return item(relationship, 'SCOORD3D', name, {
    GraphicType: place.kind,
    GraphicData: numbers,
    ReferencedFrameOfReferenceUID: requireUid(place.frameOfReferenceUid, 'a point’s frame of reference'),
  });
}
