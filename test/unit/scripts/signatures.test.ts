import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { signedAdHoc, withoutSignature } from '../../../scripts/plugin/signatures.mjs';

/** Two segments, of code and of links, with that much room for more load commands. */
function macho(room: number): Buffer {
  const file = Buffer.alloc(9_001, 'x').fill(0, 0, 1_000);
  const commands = { text: 32, linkedit: 32 + 152, end: 32 + 152 + 72 };
  file.writeUInt32LE(0xfeedfacf, 0);
  file.writeUInt32LE(2, 16);
  file.writeUInt32LE(152 + 72, 20);
  file.writeUInt32LE(0x19, commands.text);
  file.writeUInt32LE(152, commands.text + 4);
  file.write('__TEXT', commands.text + 8);
  file.writeBigUInt64LE(8_000n, commands.text + 48);
  file.writeUInt32LE(commands.end + room, commands.text + 72 + 48);
  file.writeUInt32LE(0x19, commands.linkedit);
  file.writeUInt32LE(72, commands.linkedit + 4);
  file.write('__LINKEDIT', commands.linkedit + 8);
  file.writeBigUInt64LE(8_000n, commands.linkedit + 40);
  file.writeBigUInt64LE(1_001n, commands.linkedit + 48);
  return file;
}

describe('the signature of an executable for macOS', () => {
  it('is at its end, in the segment of links, with a hash of each page', () => {
    const signed = signedAdHoc(macho(16), 'plugin');

    const command = [0, 4, 8, 12].map((at) => signed.readUInt32LE(256 + at));
    const [, , start = 0, size = 0] = command;
    expect(command).toEqual([0x1d, 16, 9_008, signed.length - 9_008]);
    expect([signed.readUInt32LE(16), signed.readUInt32LE(20)]).toEqual([3, 152 + 72 + 16]);
    expect(signed.readBigUInt64LE(32 + 152 + 48)).toBe(BigInt(start + size - 8_000));
    const directory = signed.subarray(start + 20);
    const hashes = directory.readUInt32BE(16);
    expect(directory.toString('latin1', directory.readUInt32BE(20), hashes)).toBe('plugin\0');
    for (const page of [0, 1, 2]) {
      const signedPart = signed.subarray(page * 4_096, Math.min((page + 1) * 4_096, start));
      expect(directory.subarray(hashes + 32 * page).subarray(0, 32)).toEqual(
        createHash('sha256').update(signedPart).digest(),
      );
    }
    expect(directory.length).toBe(hashes + 3 * 32);
  });

  it('is refused where one is, where there is no room, and for other files', () => {
    expect(() => signedAdHoc(signedAdHoc(macho(16), 'plugin'), 'plugin')).toThrow('is signed already');
    expect(() => signedAdHoc(macho(15), 'plugin')).toThrow('no room');
    expect(() => signedAdHoc(Buffer.alloc(100), 'plugin')).toThrow('not for macOS');
  });
});

describe('an executable for Windows', () => {
  function exe(certificates: number, size: number): Buffer {
    const file = Buffer.alloc(600, 'x').fill(0, 0, 500);
    file.writeUInt32LE(64, 0x3c);
    file.writeUInt16LE(0x20b, 88);
    file.writeUInt32LE(certificates, 88 + 144);
    file.writeUInt32LE(size, 88 + 148);
    return file;
  }

  it('loses its signature, and the entry that names it', () => {
    expect(withoutSignature(exe(560, 40))).toEqual(exe(0, 0).subarray(0, 560));
    expect(withoutSignature(exe(0, 0))).toEqual(exe(0, 0));
  });

  it('is refused where the signature is not at its end', () => {
    expect(() => withoutSignature(exe(500, 40))).toThrow('not at the end');
    expect(() => withoutSignature(Buffer.alloc(600))).toThrow('not for Windows');
  });
});
