import type { ProxyFor } from '../proxy.js';
import type { Regions } from './regions.js';

/** Which proxy is used for which regions, for people; undefined: no proxy is used. */
export function proxiedRegions(
  regions: Regions,
  proxyFor: ProxyFor,
): { readonly proxy: string; readonly regions: readonly string[] } | undefined {
  const found = regions.names().flatMap((name) => {
    const region = regions.find(name);
    if (region === undefined) return [];
    const proxy = proxyFor(new URL(region.cce)) ?? proxyFor(new URL(region.iam));
    return proxy === undefined ? [] : { name, proxy: proxy.toString() };
  });
  // There is one proxy at most: all endpoints are https, but for those on this machine.
  return found[0] && { proxy: found[0].proxy, regions: found.map(({ name }) => name) };
}
