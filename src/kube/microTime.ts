/** metav1.MicroTime: six fraction digits. @param at milliseconds since the epoch */
export function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}
