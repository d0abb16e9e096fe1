import type { Reader } from './reader.js';

/** A rigid body's definition. Lengths in mm. */
export interface RigidBodyModel {
  readonly kind: 'rigidBody';
  readonly name: string;
  readonly id: number;
  readonly parentId: number;
  readonly offsetMm: ReadonlyArray<number | null>;
  /** From 4.2: x y z w. */
  readonly orientation?: ReadonlyArray<number | null>;
  readonly markerPositionsMm: ReadonlyArray<ReadonlyArray<number | null>>;
  readonly requiredActiveLabels: readonly number[];
  readonly markerNames?: readonly string[];
}

/** Any other definition: its kind, and its fields as plain values. */
export interface OtherModel {
  readonly kind: 'markerSet' | 'skeleton' | 'forcePlate' | 'device' | 'camera' | 'asset' | 'unknown';
  readonly [field: string]: unknown;
}

/** One model that the server tracks. */
export type NatNetModel = RigidBodyModel | OtherModel;

/**
 * The models of a model definitions message (5), from the payload's beginning to its end.
 * @param version as versionNumber makes it
 * @throws NavError `natnet/truncated`, `natnet/bad-count`, `natnet/size-mismatch`, `natnet/unsupported`, `natnet/bad-value`
 */
export function readModels(r: Reader, version: number): NatNetModel[] {
  const n = r.count(4);
  const models: NatNetModel[] = [];
  const end = r.end;
  for (let i = 0; i < n; i += 1) {
    const type = r.i32();
    if (version < 0x401) {
      models.push(readModel(r, type, version));
      continue;
    }
    const size = r.i32();
    if (size < 0 || size > r.left) r.refuse('natnet/size-mismatch', `a model of ${size} bytes, and ${r.left} follow`);
    r.end = r.at + size;
    models.push(type > 6 || type < 0 ? unknownModel(r, type) : readModel(r, type, version));
    if (version <= 0x401 && r.left !== 0) r.refuse('natnet/size-mismatch', `a model has ${r.left} bytes too many`);
    r.at = r.end;
    r.end = end;
  }
  if (r.left !== 0) r.refuse('natnet/size-mismatch', `${r.left} bytes follow the last model`);
  return models;
}

/** From 4.1 a model says its size, so that those nobody knows yet can be passed. */
function unknownModel(r: Reader, type: number): NatNetModel {
  const bytes = r.left;
  r.skip(bytes);
  return { kind: 'unknown', type, bytes };
}

function readModel(r: Reader, type: number, version: number): NatNetModel {
  switch (type) {
    case 0:
      return { kind: 'markerSet', name: r.text(), markerNames: texts(r, r.count(1)) };
    case 1:
      return readRigidBody(r, version);
    case 2:
      return { kind: 'skeleton', name: r.text(), id: r.i32(), rigidBodies: readRigidBodies(r, version) };
    case 3:
      return readForcePlate(r);
    case 4:
      return readDevice(r);
    case 5:
      return { kind: 'camera', name: r.text(), positionMm: r.pointMm(), orientation: r.floatList(4) };
    case 6:
      return readAsset(r, version);
    default:
      r.at -= 4;
      return r.refuse('natnet/unsupported', `a model of type ${type}, which has no size to pass it by`);
  }
}

function texts(r: Reader, n: number): string[] {
  return Array.from({ length: n }, () => r.text());
}

function readRigidBodies(r: Reader, version: number): RigidBodyModel[] {
  return Array.from({ length: r.count(20) }, () => readRigidBody(r, version));
}

function readRigidBody(r: Reader, version: number): RigidBodyModel {
  const name = r.text();
  const id = r.i32();
  const parentId = r.i32();
  const offsetMm = r.pointMm();
  const orientation = version >= 0x402 ? r.floatList(4) : undefined;
  const markers = version >= 0x300 ? r.count(16) : 0;
  const markerPositionsMm = r.pointsMm(markers);
  const requiredActiveLabels = Array.from({ length: markers }, () => r.i32());
  return {
    kind: 'rigidBody',
    name,
    id,
    parentId,
    offsetMm,
    ...(orientation && { orientation }),
    markerPositionsMm,
    requiredActiveLabels,
    ...(version >= 0x400 && { markerNames: texts(r, markers) }),
  };
}

function readForcePlate(r: Reader): OtherModel {
  return {
    kind: 'forcePlate',
    id: r.i32(),
    serialNumber: r.text(),
    sizeMm: r.floatList(2, 1000),
    originMm: r.pointMm(),
    calibration: r.floatList(144),
    cornersMm: r.pointsMm(4),
    plateType: r.i32(),
    channelDataType: r.i32(),
    channelNames: texts(r, r.count(1)),
  };
}

function readDevice(r: Reader): OtherModel {
  return {
    kind: 'device',
    id: r.i32(),
    name: r.text(),
    serialNumber: r.text(),
    deviceType: r.i32(),
    channelDataType: r.i32(),
    channelNames: texts(r, r.count(1)),
  };
}

function readAsset(r: Reader, version: number): OtherModel {
  return {
    kind: 'asset',
    name: r.text(),
    assetType: r.i32(),
    id: r.i32(),
    rigidBodies: readRigidBodies(r, version),
    markers: Array.from({ length: r.count(23) }, () => readMarker(r)),
  };
}

function readMarker(r: Reader): unknown {
  return { name: r.text(), id: r.i32(), positionMm: r.pointMm(), sizeMm: r.floatList(1, 1000)[0], params: r.u16() };
}
