/** Whether a resourceVersion is earlier than another. Kubernetes uses growing whole numbers; false for any others. */
export function isEarlierVersion(version: string, than: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);
}
