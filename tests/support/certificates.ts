/** Certificates for tests, made without any other program. */
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Makes certificates. */
export class Authority {
  readonly #name: Buffer;
  readonly #key: KeyObject;
  /** Its own certificate, PEM. */
  readonly cert: string;

  constructor(name = "test authority") {
    const { privateKey, publicKey } = newKey();
    this.#key = privateKey;
    this.#name = nameOf([["CN", name]]);
    this.cert = this.#issue(this.#name, publicKey, 3_600_000, [
      extension([2, 5, 29, 19], sequence(der(0x01, Buffer.from([0xff]))), true),
    ]);
  }

  /** A certificate of somebody; the first names come first. */
  issue(subject: readonly (readonly [kind: "O" | "CN", text: string])[], goodForMs = 3_600_000): Certificate {
    const { privateKey, publicKey } = newKey();
    const names = sequence(der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1])));
    const cert = this.#issue(nameOf(subject), publicKey, goodForMs, [extension([2, 5, 29, 17], names, false)]);
    return { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
  }

  #issue(subject: Buffer, publicKey: KeyObject, goodForMs: number, extensions: readonly Buffer[]): string {
    const algorithm = sequence(identifier([1, 2, 840, 10045, 4, 3, 2]));
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
      algorithm,
      this.#name,
      sequence(timeOf(Date.now() - 60_000), timeOf(Date.now() + goodForMs)),
      subject,
      publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = Buffer.concat([Buffer.from([0]), sign("sha256", body, this.#key)]);
    const lines = sequence(body, algorithm, der(0x03, signature)).toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

function newKey(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function identifier([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = [40 * first + second];
  for (const number of rest) {
    const digits = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 0x7f));
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

function extension(id: readonly number[], content: Buffer, isCritical: boolean): Buffer {
  return sequence(identifier(id), ...isCritical ? [der(0x01, Buffer.from([0xff]))] : [], der(0x04, content));
}

function nameOf(parts: readonly (readonly [kind: "O" | "CN", text: string])[]): Buffer {
  return sequence(
    ...parts.map(([kind, text]) =>
      der(0x31, sequence(identifier(kind === "CN" ? [2, 5, 4, 3] : [2, 5, 4, 10]), der(0x0c, Buffer.from(text))))
    ),
  );
}

function timeOf(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "").slice(2)}`));
}
