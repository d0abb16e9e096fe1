import { NavError } from '../../base/index.js';
import type { Dataset } from './part10.js';

/** A coded concept (PS3.3, 8.8): value, scheme (`DCM`, `SCT`, `UCUM`, a local one that begins with 99) and its meaning in words. */
export interface Code {
  /** At most 16 characters. */
  readonly value: string;
  readonly scheme: string;
  /** At most 64 characters. */
  readonly meaning: string;
}

/** A code of DICOM's own scheme (PS3.16, D). */
export const dcm = (value: string, meaning: string): Code => ({ value, scheme: 'DCM', meaning });
/** A SNOMED CT code. */
export const sct = (value: string, meaning: string): Code => ({ value, scheme: 'SCT', meaning });
/** A unit of UCUM: its code is its symbol. */
export const ucum = (value: string, meaning: string = value): Code => ({ value, scheme: 'UCUM', meaning });
/** A code of Trocar's own scheme, for what no public scheme names as we mean it. */
export const local = (value: string, meaning: string): Code => ({ value, scheme: '99TROCAR', meaning });

/** The item of a code sequence. @throws NavError `dicom/bad-object` for an empty part */
export function codeItem(code: Code): Dataset {
  if ([code.value, code.scheme, code.meaning].some((part) => part.trim() === '')) {
    throw new NavError('dicom/bad-object', 'A code needs a value, a scheme and a meaning (PS3.3, 8.8).', { detail: { code } });
  }
  return { CodeValue: code.value, CodingSchemeDesignator: code.scheme, CodeMeaning: code.meaning };
}

/** Codes of what a procedure's segments and findings are: type and, where it is anatomy, category. */
export const STRUCTURE: Readonly<
  Record<
    | 'abnormal'
    | 'anatomical'
    | 'tissue'
    | 'spatial'
    | 'physicalObject'
    | 'neoplasm'
    | 'lesion'
    | 'organ'
    | 'liver'
    | 'kidney'
    | 'prostate'
    | 'brain'
    | 'lung'
    | 'bloodVessel'
    | 'needle'
    | 'ablationZone'
    | 'safetyMargin',
    Code
  >
> = {
  /** PS3.16, CID 7150: the category of what is neither anatomy nor instrument. */
  abnormal: sct('49755003', 'Morphologically Abnormal Structure'),
  anatomical: sct('123037004', 'Anatomical Structure'),
  tissue: sct('85756007', 'Tissue'),
  spatial: sct('309825002', 'Spatial and Relational Concept'),
  physicalObject: sct('260787004', 'Physical object'),
  neoplasm: sct('108369006', 'Neoplasm'),
  lesion: sct('52988006', 'Lesion'),
  organ: sct('113343008', 'Organ'),
  liver: sct('10200004', 'Liver'),
  kidney: sct('64033007', 'Kidney'),
  prostate: sct('41216001', 'Prostate'),
  brain: sct('12738006', 'Brain'),
  lung: sct('39607008', 'Lung'),
  bloodVessel: sct('59820001', 'Blood vessel'),
  needle: sct('79068005', 'Needle'),
  /** Tissue destroyed by heat, cold or current, as planned or confirmed. */
  ablationZone: local('ABLATION_ZONE', 'Ablation zone'),
  /** The rim around a tumour that the ablation zone is to cover. */
  safetyMargin: local('SAFETY_MARGIN', 'Safety margin around target'),
};

/** How a registration was found (PS3.16, CID 7100). */
export const REGISTRATION_METHOD: Readonly<Record<'identity' | 'fiducials' | 'equipment' | 'imageContent' | 'visual', Code>> = {
  identity: dcm('125021', 'Frame of Reference Identity'),
  fiducials: dcm('125022', 'Fiducial Alignment'),
  equipment: dcm('125023', 'Acquisition Equipment Alignment'),
  imageContent: dcm('125024', 'Image Content-based Alignment'),
  visual: dcm('125025', 'Visual Alignment'),
};
