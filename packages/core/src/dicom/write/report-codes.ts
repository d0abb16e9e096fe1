import { type Code, dcm, local, sct, ucum } from './codes.js';

/** Concepts of the measurement report (PS3.16, TID 1500, 1001, 1501). */
export const REPORT: Readonly<
  Record<
    | 'title'
    | 'language'
    | 'procedure'
    | 'observerType'
    | 'person'
    | 'device'
    | 'personName'
    | 'deviceUid'
    | 'deviceName'
    | 'deviceManufacturer'
    | 'deviceModel'
    | 'deviceSerial'
    | 'imageLibrary'
    | 'imageGroup'
    | 'measurements'
    | 'group'
    | 'trackingId'
    | 'trackingUid'
    | 'finding'
    | 'findingSite'
    | 'method'
    | 'segment'
    | 'standardDeviation'
    | 'upperBound'
    | 'coverage'
    | 'valueUnknown'
    | 'path',
    Code
  >
> = {
  title: dcm('126000', 'Imaging Measurement Report'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  procedure: dcm('121058', 'Procedure reported'),
  observerType: dcm('121005', 'Observer Type'),
  person: dcm('121006', 'Person'),
  device: dcm('121007', 'Device'),
  personName: dcm('121008', 'Person Observer Name'),
  deviceUid: dcm('121012', 'Device Observer UID'),
  deviceName: dcm('121013', 'Device Observer Name'),
  deviceManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceModel: dcm('121015', 'Device Observer Model Name'),
  deviceSerial: dcm('121016', 'Device Observer Serial Number'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageGroup: dcm('126200', 'Image Library Group'),
  measurements: dcm('126010', 'Imaging Measurements'),
  group: dcm('125007', 'Measurement Group'),
  trackingId: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  finding: dcm('121071', 'Finding'),
  findingSite: sct('363698007', 'Finding Site'),
  method: sct('370129005', 'Measurement Method'),
  segment: dcm('121191', 'Referenced Segment'),
  standardDeviation: sct('386136009', 'Standard Deviation'),
  /** No public code says "not beyond this, with that probability". */
  upperBound: local('UPPER_BOUND', 'Upper bound'),
  coverage: local('COVERAGE', 'Coverage probability of bound'),
  valueUnknown: dcm('114010', 'Value unknown'),
  path: dcm('121055', 'Path'),
};

/** What navigation measures. */
export const MEASUREMENT: Readonly<
  Record<
    | 'length'
    | 'diameter'
    | 'volume'
    | 'distance'
    | 'targetRegistrationError'
    | 'fiducialRegistrationError'
    | 'minimumMargin'
    | 'coveredFraction',
    Code
  >
> = {
  length: sct('410668003', 'Length'),
  diameter: sct('81827009', 'Diameter'),
  volume: sct('118565006', 'Volume'),
  distance: dcm('121206', 'Distance'),
  targetRegistrationError: local('TRE', 'Target registration error'),
  fiducialRegistrationError: local('FRE', 'Fiducial registration error'),
  minimumMargin: local('MINIMUM_MARGIN', 'Minimum ablation margin'),
  coveredFraction: local('COVERED', 'Fraction of target covered'),
};

/** What a group of measurements is about, beside `STRUCTURE`. */
export const FINDING: Readonly<Record<'biopsyCore' | 'registration' | 'ablationMargin', Code>> = {
  biopsyCore: local('BIOPSY_CORE', 'Biopsy core'),
  registration: local('REGISTRATION', 'Registration'),
  ablationMargin: local('ABLATION_MARGIN', 'Ablation margin'),
};

/** Units. */
export const UNIT: Readonly<Record<'mm' | 'ml' | 'degree' | 'ratio' | 'percent', Code>> = {
  mm: ucum('mm', 'millimeter'),
  ml: ucum('ml', 'milliliter'),
  degree: ucum('deg', 'degree'),
  ratio: ucum('1', 'no units'),
  percent: ucum('%', 'percent'),
};
