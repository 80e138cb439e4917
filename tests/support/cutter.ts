/** A socket between a client and its target, which can be cut like a rope. */
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes everything on until it is told to cut. */
export class Cutter {
  readonly #server: Server;
  readonly #path: string;
  readonly #ends = new Set<Socket>();
  /** Lines that clients sent, in order, and how often they connected. */
  readonly asked: string[] = [];
  connections = 0;
  /** Cuts the connection instead of passing on the answer to this method: it was done, and nobody heard. */
  cutsAnswersTo: string | null = null;
  /** Cuts whoever comes after that. */
  refusesThen = false;
  /** Cuts whoever comes. */
  refuses = false;
  /** Takes connections and passes nothing on. */
  isSilent = false;

  private constructor(path: string, target: string) {
    this.#path = path;
    this.#server = createServer((client) => this.#join(client, target));
  }

  static async between(path: string, target: string): Promise<Cutter> {
    const cutter = new Cutter(path, target);
    await new Promise<void>((resolve) => cutter.#server.listen(path, resolve));
    return cutter;
  }

  /** How often a method was asked for. */
  count(method: string): number {
    return this.asked.filter((line) => line.includes(`"method":"${method}"`)).length;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const end of this.#ends) end.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#path, { force: true });
  }

  #join(client: Socket, path: string): void {
    this.connections++;
    this.#keep(client);
    if (this.refuses) return void client.destroy();
    if (this.isSilent) return;
    const target = connect(path);
    this.#keep(target);
    let isDeaf = false;
    client.on("data", (block) => {
      for (const line of String(block).split("\n").filter((part) => part !== "")) {
        this.asked.push(line);
        if (this.cutsAnswersTo !== null && line.includes(`"method":"${this.cutsAnswersTo}"`)) isDeaf = true;
      }
      target.write(block);
    });
    target.on("data", (block) => {
      if (!isDeaf) return void client.write(block);
      this.refuses ||= this.refusesThen;
      client.destroy();
    });
    for (const [end, other] of [[client, target], [target, client]] as const) end.on("close", () => other.destroy());
  }

  #keep(end: Socket): void {
    this.#ends.add(end);
    end.on("error", () => {});
    end.on("close", () => this.#ends.delete(end));
  }
}
