import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** The version of this package. The build of the executables replaces this file by one with the version in it. */
export const VERSION = version;
