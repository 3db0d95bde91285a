/**
 * `node cloud.mjs FOLDER IP`: the simulated CCE behind TLS on IP:443, with FOLDER's server.crt and server.key. Its jobs run
 * from the start, by the scripts that come as a list of JSON on standard input. Needs dist/.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { json } from 'node:stream/consumers';
import { createServer } from 'node:tls';
import { startCce } from '../../dist/sandbox/cce/server.js';

const [folder = '.', ip] = process.argv.slice(2);
const cce = await startCce();
for (const script of await json(process.stdin)) cce.jobs.add(script);
const port = Number(new URL(cce.url).port);
const certificate = {
  key: readFileSync(join(folder, 'server.key')),
  cert: readFileSync(join(folder, 'server.crt')),
};
// What passes is not changed: the signature covers it.
createServer(certificate, (client) => {
  const server = connect(port, '127.0.0.1');
  for (const socket of [client, server]) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      client.destroy();
      server.destroy();
    });
  }
  client.pipe(server).pipe(client);
}).listen(443, ip, () => process.stdout.write('listening\n'));
