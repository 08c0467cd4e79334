/**
 * The other side, in place of a payment provider: prices, charges, refunds. It knows no idempotency keys, so that a
 * charge
 * asked for twice is made twice; it notes the key, as an order reference would be.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Charge {
  readonly id: string;
  readonly order: string;
  readonly amount: number;
  /** The Idempotency-Key that it came with. */
  readonly key: string;
  refunded: boolean;
}

export class Shop {
  readonly charges: Charge[] = [];
  /** The next charge is made, and the connection cut before it is answered. */
  cutNextCharge = false;
  readonly #token: string;
  readonly #server: Server;

  private constructor(token: string) {
    this.#token = token;
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body }) =>
          status === 0
            ? response.destroy()
            : response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  }

  static async open(token: string): Promise<Shop> {
    const shop = new Shop(token);
    shop.#server.listen(0, '127.0.0.1');
    await once(shop.#server, 'listening');
    return shop;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body?: unknown }> {
    const { method, url, headers } = request;
    if (method === 'GET' && url === '/version') return { status: 200, body: { prices: 'autumn' } };
    if (method === 'GET' && url?.startsWith('/prices/') === true)
      return { status: 200, body: { amount: 40 + url.length } };
    if (headers.authorization !== `Bearer ${this.#token}`) return { status: 401, body: { error: 'who are you?' } };
    const body = JSON.parse(await text(request)) as {
      readonly order: string;
      readonly amount: number;
      readonly charge: string;
    };
    if (method === 'POST' && url === '/charges') {
      const charge: Charge = {
        id: `ch_${this.charges.length + 1}`,
        order: body.order,
        amount: body.amount,
        key: String(headers['idempotency-key']),
        refunded: false,
      };
      this.charges.push(charge);
      if (!this.cutNextCharge) return { status: 201, body: { id: charge.id } };
      this.cutNextCharge = false;
      return { status: 0 };
    }
    if (method === 'POST' && url === '/refunds') {
      const charge = this.charges.find(({ id }) => id === body.charge);
      if (charge === undefined || charge.refunded) return { status: 409, body: { error: 'nothing to refund' } };
      charge.refunded = true;
      return { status: 201, body: {} };
    }
    return { status: 404, body: {} };
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
