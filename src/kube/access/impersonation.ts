import type { Credentials } from './access.js';
import type { User } from './kubeconfigFile.js';

/** The headers of a user who acts `as` somebody else. */
export function impersonation(user: User): Credentials['headers'] {
  if (!user.as) return {};
  const extra = Object.entries(user['as-user-extra']).map(([key, values]) => [
    `Impersonate-Extra-${escapeKey(key)}`,
    values,
  ]);
  return {
    'Impersonate-User': user.as,
    ...(user['as-uid'] && { 'Impersonate-Uid': user['as-uid'] }),
    // One line for each group: a name may have a comma.
    ...(user['as-groups'].length > 0 && { 'Impersonate-Group': user['as-groups'] }),
    ...Object.fromEntries(extra),
  };
}

/** Percent-encodes bytes that a header's name must not have, and the percent sign, as the API server expects. */
function escapeKey(key: string): string {
  return Buffer.from(key)
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9!#$&'*+.^_`|~-]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}
