/** What the free part of the panel says of this moment, and a key that changes when it has to be built anew. */
export interface Detail {
  readonly key: string;
  build(): HTMLElement[];
}
