/** An endpoint that answers with the headers of the request, and keeps them. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EchoServer {
  readonly url: string;
  /** Headers of each request, in order. */
  readonly received: readonly IncomingHttpHeaders[];
  close(): void;
}

export async function startEchoServer(): Promise<EchoServer> {
  const received: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    received.push(headers);
    response.writeHead(200, { 'x-echo': String(headers.authorization) }).end(JSON.stringify(headers));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
