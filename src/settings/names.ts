/** The name of a namespace or a region: an RFC 1123 label, 1 to 63 of a-z 0-9 -. */
export const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
