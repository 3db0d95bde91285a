export function withoutSignature(exe: Buffer): Buffer;
export function signedAdHoc(macho: Buffer, name: string): Buffer;
