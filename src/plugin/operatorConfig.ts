import { POD_IDENTITY_ENV } from '../cloud/auth/workload.js';
import type { Config } from '../settings/config.js';
import { readSettings } from '../settings/settings.js';

/** Only the operator's pod has the variables of Pod Identity; the plugin reads only the regions of the config. */
const PLACEHOLDERS = {
  [POD_IDENTITY_ENV.uri]: 'http://127.0.0.1/',
  [POD_IDENTITY_ENV.tokenFile]: '/nowhere',
};

/** The operator's config file; without one, its defaults. @throws UsageError */
export function readOperatorConfig(file: string | undefined): Config {
  return readSettings(file === undefined ? [] : ['--config', file], PLACEHOLDERS).config;
}
