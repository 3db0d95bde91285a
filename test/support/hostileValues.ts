import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that nobody may ever connect to. */
export class Decoy {
  connections = 0;
  readonly #server: Server = createServer((_, response) => {
    response.end(JSON.stringify({ kind: 'Job', status: { phase: 'Success' } }));
  }).on('connection', () => (this.connections += 1));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** Texts that lead elsewhere when they become a part of a URL, a header or a path without care. */
export function hostileTexts(decoy: string): readonly string[] {
  return [
    `http://${decoy}`,
    `http://${decoy}/`,
    `https://${decoy}`,
    `//${decoy}`,
    decoy,
    `@${decoy}`,
    `lab@${decoy}/`,
    `lab.${decoy}`,
    `lab/../../@${decoy}`,
    `\\\\${decoy}`,
    `/\\${decoy}`,
    'file:///etc/passwd',
    '169.254.169.254',
    '[::1]',
    'localhost',
    '.',
    '..',
    '../../..',
    '..\\..',
    '%2e%2e',
    '..%2f..%2fadmin',
    '%252e%252e%252f',
    'a/b',
    'a%2Fb',
    'a?b=c',
    'a#b',
    'a;b',
    'a b',
    `a\r\nHost: ${decoy}`,
    `a HTTP/1.1\r\nHost: ${decoy}\r\n\r\nGET /`,
    'a\n',
    'a\u0000b',
    'a\u2028b',
    '\uFF0E\uFF0E\uFF0F',
    '\u24DBab',
    '\uD800',
    '__proto__',
    'constructor',
    'toString',
    ' lab',
    'LAB',
    'x'.repeat(300),
  ];
}

/** What no schema allows, and an API server without one stores. */
export const HOSTILE_SHAPES: readonly unknown[] = [null, 0, true, [], ['lab'], { name: 'lab' }, {}];

/** Where redirects lead. */
export function hostileLocations(decoy: string): readonly string[] {
  return [
    `http://${decoy}/api`,
    `//${decoy}/`,
    `https://${decoy}/`,
    'file:///etc/passwd',
    'http://169.254.169.254/openstack/latest/securitykey',
    '/api/v3/projects/other/jobs/other',
    'not a URL \u0001',
  ];
}
