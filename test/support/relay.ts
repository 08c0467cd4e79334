/** A TCP way to a server that can be closed, made silent and led elsewhere while it is used. */
import { once } from 'node:events';
import net from 'node:net';

/**
 * `closed`: new connections are refused, and those that are there are cut. `silent`: whatever is sent is lost. `mute`:
 * whatever the server sends is lost.
 */
export type RelayState = 'open' | 'closed' | 'silent' | 'mute';

export class Relay implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #target: { readonly host: string; readonly port: number };
  #state: RelayState = 'open';

  private constructor(address: string) {
    this.#target = targetOf(address);
    this.#server = net.createServer((client) => this.#relay(client));
  }

  /** @param address `host:port` */
  static async to(address: string): Promise<Relay> {
    const relay = new Relay(address);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  /** `host:port` that leads through it. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** A URL that leads through it. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.host = this.address;
    return through.href;
  }

  set state(state: RelayState) {
    this.#state = state;
    if (state === 'closed') this.cut();
  }

  /** From the next connection on. */
  leadTo(address: string): void {
    this.#target = targetOf(address);
    this.cut();
  }

  /** Every connection that is there ends. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: net.Socket): void {
    if (this.#state === 'closed') return void client.destroy();
    const behind = net.connect(this.#target.port, this.#target.host);
    const end = (): void => {
      client.destroy();
      behind.destroy();
    };
    for (const [from, to] of [
      [client, behind],
      [behind, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => {
        const isLost = this.#state === 'silent' || (this.#state === 'mute' && from === behind);
        if (!isLost) to.write(bytes);
      });
      from.on('error', end).on('close', () => {
        this.#sockets.delete(from);
        end();
      });
    }
  }
}

function targetOf(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`tcp://${address}`);
  return { host: hostname, port: Number(port) };
}
