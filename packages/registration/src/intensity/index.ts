/**
 * `@trocar/registration/intensity`: images registered by what they show, with our own kernels.
 */
export {};
