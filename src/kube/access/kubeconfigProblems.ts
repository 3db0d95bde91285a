import type { Cluster, User } from './kubeconfigFile.js';

// Conflicts that kubectl refuses too, in words. Undefined: nothing is wrong.

export function problemOfCluster(cluster: Cluster, name: string): string | undefined {
  const ca = both(cluster, 'certificate-authority', 'certificate-authority-data');
  if (ca) return `cluster "${name}" ${ca}`;
  const hasCA = cluster['certificate-authority'] || cluster['certificate-authority-data'];
  if (!hasCA || !cluster['insecure-skip-tls-verify']) return undefined;
  return `cluster "${name}" has a certificate-authority and insecure-skip-tls-verify; remove one of them`;
}

export function problemOfUser(user: User, name: string): string | undefined {
  const problem =
    both(user, 'client-certificate', 'client-certificate-data') ??
    both(user, 'client-key', 'client-key-data') ??
    both(user, 'token', 'username') ??
    both(user, 'exec', 'auth-provider') ??
    missing(user);
  return problem && `user "${name}" ${problem}`;
}

function missing(user: User): string | undefined {
  const { as, exec } = user;
  const hasCertificate = user['client-certificate'] || user['client-certificate-data'];
  const hasKey = user['client-key'] || user['client-key-data'];
  if (hasCertificate && !hasKey) return 'has a client-certificate without a client-key';
  const others = [user['as-uid'], ...user['as-groups'], ...Object.keys(user['as-user-extra'])];
  if (!as && others.some(Boolean)) return 'has as-uid, as-groups or as-user-extra without as';
  if (exec && !(exec.command && exec.apiVersion)) return 'has an exec without command or apiVersion';
  return undefined;
}

function both<T extends object>(
  fields: T,
  one: keyof T & string,
  other: keyof T & string,
): string | undefined {
  return fields[one] && fields[other] ? `has ${one} and ${other}; remove one of them` : undefined;
}
