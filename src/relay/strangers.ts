/** Connections of those who are not let in yet: one address may not have all of them. */
import type { Socket } from "node:net";
import { Counts } from "./counts.ts";

/** Counts them by address. */
export class Strangers {
  readonly #most: number;
  /** Addresses by place, of those who are strangers still. */
  readonly #places = new Map<string, string>();
  readonly #counts = new Counts();

  constructor(most: number) {
    this.#most = most;
  }

  /** Somebody has connected; returns whether there is room for one more of that address. */
  add(socket: Socket): boolean {
    const place = placeOf(socket);
    const { remoteAddress: address = "" } = socket;
    if (this.#counts.of(address) >= this.#most) return false;
    this.#counts.add(address);
    this.#places.set(place, address);
    socket.once("close", () => this.#forget(place));
    return true;
  }

  /** Somebody is no stranger any more. */
  letIn(socket: Socket): void {
    this.#forget(placeOf(socket));
  }

  #forget(place: string): void {
    const address = this.#places.get(place);
    if (address === undefined) return;
    this.#places.delete(place);
    this.#counts.remove(address);
  }
}

/** TLS has a socket of its own for the same connection. */
function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
