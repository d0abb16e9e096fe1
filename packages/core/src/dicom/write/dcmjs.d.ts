/** The part of dcmjs that we use; it ships no types of its own. */
declare module 'dcmjs' {
  /** An element in dcmjs' keeping: tags are eight hexadecimal digits in capitals. */
  interface DcmjsElement {
    readonly vr: string;
    readonly Value: readonly unknown[];
  }
  interface DcmjsDictionaryEntry {
    /** `(0010,0010)`. */
    readonly tag: string;
    readonly vr: string;
    readonly name: string;
    readonly vm: string;
    /** `DICOM` for standard attributes, `PrivateTag` for vendors'. */
    readonly version: string;
  }
  export const data: {
    readonly DicomDict: new (meta: Record<string, DcmjsElement>) => { dict: Record<string, DcmjsElement>; write(): ArrayBuffer };
    readonly DicomMetaDictionary: {
      readonly nameMap: Readonly<Record<string, DcmjsDictionaryEntry | undefined>>;
      readonly dictionary: Readonly<Record<string, DcmjsDictionaryEntry | undefined>>;
    };
  };
}
