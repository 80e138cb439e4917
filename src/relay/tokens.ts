/** Tokens of programs: fixed ones, which are known by their hash, and those that somebody else issues. */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cleanText, ReeveError, thrownMessage } from "../base/mod.ts";
import type { RelaySettings } from "../config/mod.ts";
import type { Known } from "./identity.ts";
import type { Refusal } from "./server.ts";

/** Tells whose a token is. */
export interface TokenCheck {
  /** Whether there can be any. */
  readonly isUsed: boolean;
  /** Whose the header is. */
  check(authorization: string): Promise<Known | Refusal>;
}

/** Tokens that can be read again. */
export class Tokens implements TokenCheck {
  readonly #settings: Pick<RelaySettings, "tokens" | "oidc">;
  readonly #verify: Verify | null;
  #fixed: readonly FixedToken[];

  private constructor(settings: Pick<RelaySettings, "tokens" | "oidc">, fixed: readonly FixedToken[], verify: Verify | null) {
    this.#settings = settings;
    this.#fixed = fixed;
    this.#verify = verify;
  }

  /** Reads the tokens; rejects with `relay_not_started`. */
  static async read(settings: Pick<RelaySettings, "tokens" | "oidc">): Promise<Tokens> {
    return new Tokens(settings, await readFixed(settings), settings.oidc === null ? null : await verifier(settings.oidc));
  }

  get isUsed(): boolean {
    return this.#fixed.length > 0 || this.#verify !== null;
  }

  /** Reads the files of fixed tokens again; resolves with what installs them, and says the names of those that are other ones now. */
  async readAgain(): Promise<() => ReadonlySet<string>> {
    const fixed = await readFixed(this.#settings);
    return () => {
      const before = new Map(this.#fixed.map(({ name, hash }) => [name, hash]));
      this.#fixed = fixed;
      return new Set(fixed.filter(({ name, hash }) => before.get(name)?.equals(hash) !== true).map(({ name }) => name));
    };
  }

  async check(authorization: string): Promise<Known | Refusal> {
    const [, token = ""] = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization) ?? [];
    if (token === "" || token.length > LONGEST) return { status: 401, reason: "the Authorization header is no bearer token" };
    const hash = hashOf(token);
    // All of them, so that the time tells nothing.
    const found = this.#fixed.filter((known) => timingSafeEqual(known.hash, hash))[0];
    if (found !== undefined) {
      return { clientIdentity: `token:${found.name}`, principal: found.name, source: "token", expiresAtMs: null };
    }
    return await this.#verify?.(token) ?? { status: 401, reason: "the token is not known here, or not good any more" };
  }
}

interface FixedToken {
  readonly name: string;
  readonly hash: Buffer;
}

/** Longest token in characters; they come in a header. */
const LONGEST = 8_192;

/** Shortest token of a file: shorter ones can be guessed. */
const SHORTEST = 16;

/** Signatures that are taken: none that anybody can make who knows the public key. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** Clocks differ, in seconds. */
const TOLERANCE_SECONDS = 30;

type Verify = (token: string) => Promise<Known | null>;

function readFixed({ tokens }: Pick<RelaySettings, "tokens">): Promise<readonly FixedToken[]> {
  return Promise.all(tokens.map(async ({ name, file, sha256 }) => ({
    name,
    hash: sha256 === null ? await hashOfFile(name, file ?? "") : Buffer.from(sha256, "hex"),
  })));
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function hashOfFile(name: string, file: string): Promise<Buffer> {
  const refuse = (why: string, cause?: unknown): ReeveError =>
    new ReeveError("relay_not_started", `The token of "${cleanText(name, 128)}" cannot be read from "${file}": ${why}`, {
      path: file,
      cause,
    });
  let token: string;
  try {
    token = (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw refuse(thrownMessage(error, 256), error);
  }
  if (token.length < SHORTEST) throw refuse(`it has ${token.length} characters, must have at least ${SHORTEST}`);
  return hashOf(token);
}

async function verifier({ issuer, audience, jwksUrl, principalClaim }: NonNullable<RelaySettings["oidc"]>): Promise<Verify> {
  const { createRemoteJWKSet, jwtVerify } = await import("jose");
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 5_000 });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: TOLERANCE_SECONDS,
        requiredClaims: ["exp"],
      });
      const named: unknown = payload[principalClaim];
      if (typeof named !== "string" || named.trim() === "") return null;
      // An address that nobody has looked at is whatever its owner wrote there.
      if (principalClaim === "email" && payload["email_verified"] !== true) return null;
      const principal = cleanText(named, 1_024);
      const expiresAtMs = 1_000 * ((payload.exp ?? 0) + TOLERANCE_SECONDS);
      return { clientIdentity: `oidc:${principal}`, principal, source: "oidc", expiresAtMs };
    } catch {
      return null;
    }
  };
}
