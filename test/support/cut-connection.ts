/** A way to a server that is cut at a moment: what goes through it is handed on until then. */
import { once } from 'node:events';
import net from 'node:net';

/** `before`: the bytes that hold the text never arrive. `after`: they do, and no answer to them comes back. */
export type Cut = { readonly at: string; readonly when: 'before' | 'after' };

export interface CutConnection extends AsyncDisposable {
  /** The URL that leads through it. */
  readonly url: string;
  /** Undefined: nothing is cut any more. */
  cut: Cut | undefined;
  /** How many were cut. */
  readonly cuts: number;
  /** Cuts all that are there; who comes after that gets through. */
  cutAll(): void;
}

/** @param url of the server, with host and port */
export async function cutConnection(url: string): Promise<CutConnection> {
  const target = new URL(url);
  const sockets = new Set<net.Socket>();
  let cuts = 0;
  const way: { cut: Cut | undefined } = { cut: undefined };
  const server = net.createServer((client) => {
    const behind = net.connect(Number(target.port), target.hostname);
    let isMute = false;
    const end = (): void => {
      client.destroy();
      behind.destroy();
    };
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        end();
        sockets.delete(socket);
      });
    }
    client.on('data', (bytes) => {
      if (way.cut === undefined || !bytes.includes(way.cut.at)) return void behind.write(bytes);
      cuts += 1;
      if (way.cut.when === 'before') return end();
      isMute = true;
      behind.write(bytes);
    });
    // The server has done it once it answers.
    behind.on('data', (bytes) => (isMute ? end() : void client.write(bytes)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as net.AddressInfo).port);
  return {
    url: through.href,
    get cut() {
      return way.cut;
    },
    set cut(cut) {
      way.cut = cut;
    },
    get cuts() {
      return cuts;
    },
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
