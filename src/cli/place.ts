/** A place to listen on, as it is written: `127.0.0.1:9464`, `localhost:0`, `[::1]:9464`. */

/** An address and a port. */
export interface Place {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
}

/** Reads a place; `undefined` for what is none. */
export function placeOf(text: string): Place | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

/** Writes a place as {@linkcode placeOf} reads it. */
export function placeText({ host, port }: Place): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
