/** Whether a resourceVersion is earlier than another. Kubernetes' are whole numbers that grow; false for any others. */
export function isEarlierVersion(version: string, than: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(than) && BigInt(version) < BigInt(than);
}
