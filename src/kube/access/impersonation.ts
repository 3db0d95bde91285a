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
    // One line each: a comma is a part of a name.
    ...(user['as-groups'].length > 0 && { 'Impersonate-Group': user['as-groups'] }),
    ...Object.fromEntries(extra),
  };
}

/** The bytes that no header's name may have, and the per cent sign, as the API server reads them. */
function escapeKey(key: string): string {
  return Buffer.from(key)
    .toString('latin1')
    .replace(
      /[^A-Za-z0-9!#$&'*+.^_`|~-]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}
