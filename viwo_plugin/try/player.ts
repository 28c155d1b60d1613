/** A player at the other end of viwo's WebSocket. */

import { HOME, until } from "./processes";

interface Notification {
  method: string;
  params: any;
}

export class Player {
  readonly heard: Notification[] = [];
  id = 0;
  /** Bytes of the last frame. */
  lastFrame = 0;
  #socket: WebSocket;
  #waiting = new Map<number, (reply: any) => void>();
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data));
      this.lastFrame = Buffer.byteLength(String(data));
      if ("id" in message) {
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
      } else {
        this.heard.push(message);
        if (message.method === "player_id") {
          this.id = message.params.playerId;
        }
      }
    };
  }

  static async join(as?: number, port = HOME.port): Promise<Player> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const player = new Player(socket);
    await until("a connection", () => player.id);
    if (as !== undefined) {
      await player.ask("login", { entityId: as });
    }
    return player;
  }

  leave(): void {
    this.#socket.close();
  }

  /** A JSON-RPC request; its whole reply. */
  request(method: string, params: unknown): Promise<any> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  async ask(method: string, params: unknown): Promise<any> {
    const reply = await this.request(method, params);
    if (reply.error) {
      throw new Error(`${method}: ${reply.error.message}`);
    }
    return reply.result;
  }

  rpc(method: string, params: unknown = {}): Promise<any> {
    return this.ask("plugin_rpc", { method, params });
  }

  /** A verb of an entity, written as a builder writes it. */
  verb(entity: number, name: string, source: string): Promise<any> {
    return this.ask("update_verb", { entityId: entity, name, source });
  }

  do(verb: string, ...args: unknown[]): Promise<any> {
    return this.ask("execute", [verb, ...args]);
  }

  /** The next notification of a kind after now (or after a mark), once it fits. */
  async hears(method: string, fits: (params: any) => unknown = () => true, after = 0, seconds = 60): Promise<any> {
    let found: Notification | undefined;
    await until(
      `${method} (heard ${this.heard.slice(after).map((each) => each.method).join(", ")})`,
      () => (found = this.heard.slice(after).find((each) => each.method === method && fits(each.params))),
      seconds,
    );
    return found!.params;
  }
}
