import { defaultClientConditions, defineConfig } from 'vite';

/** The packages from their sources, as everything in this repository; an application of yours needs no such line. */
export default defineConfig({ resolve: { conditions: ['@trocar/source', ...defaultClientConditions] } });
