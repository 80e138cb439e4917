/** The small exchange in which a browser gets a cookie for a token. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../base/mod.ts";
import { isTurnedAway, type Known } from "./identity.ts";
import { Rates } from "./rate.ts";
import type { Answer } from "./server.ts";
import type { TokenCheck } from "./tokens.ts";

/** Where a browser says its token, and where it gives its cookie back. */
export const LOGIN_PATH = "/login";
export const LOGOUT_PATH = "/logout";

/** A browser takes such a cookie only over TLS, and from the relay itself. */
const COOKIE = "__Host-reeve_relay";

/** How long a cookie is good, in milliseconds, and how many there are at most, in all and of one identity. */
const GOOD_MS = 12 * 3_600_000;
const MOST_COOKIES = 10_000;
const MOST_OF_ONE = 100;

/** Attempts of one address in a minute. */
const MOST_ATTEMPTS = 30;

/** Most bytes of the form. */
const LONGEST_FORM = 16_384;

const STYLE =
  ":root{color-scheme:light dark}body{display:grid;min-height:90vh;margin:0;place-items:center;font:16px/1.5 system-ui,sans-serif}" +
  "form{display:grid;gap:.75rem;width:min(22rem,90vw)}h1{margin:0;font-size:1.4rem}input,button{font:inherit;padding:.5rem .7rem}" +
  "label{display:grid;gap:.25rem}[role=alert]{margin:0;font-weight:600}form+form{margin-top:.75rem}";

const LOG_OUT = `<form method="post" action="${LOGOUT_PATH}"><button>Log out</button></form>`;

/** Nothing of it comes from elsewhere, also no icon. */
function pageOf(complaint: string, isIn = false): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Reeve relay</title><link rel="icon" href="data:,"><style>${STYLE}</style><main><form method="post" action="${LOGIN_PATH}"><h1>Reeve relay</h1>${complaint}<label>Token <input type="password" name="token" autocomplete="off" required autofocus></label><button>Log in</button></form>${
    isIn ? LOG_OUT : ""
  }</main></html>`;
}

const REFUSED = '<p role="alert">This token is not known here, or not good any more.</p>';
const TOO_OFTEN = '<p role="alert">That was too often: try again in a minute.</p>';

/** What is looked at of a request. */
export interface LoginRequest extends AsyncIterable<unknown> {
  readonly method?: string | undefined;
  readonly headers: { readonly cookie?: string | undefined };
  readonly socket: { readonly remoteAddress?: string | undefined };
}

interface Cookie {
  readonly known: Known;
  readonly endsAtMs: number;
}

/** Cookies that were given for tokens. */
export class Login {
  readonly #tokens: TokenCheck;
  readonly #clock: Clock;
  readonly #attempts: Rates;
  readonly #cookies = new Map<string, Cookie>();
  #tell: (loginId: string) => void = () => {};
  readonly #headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `default-src 'none'; img-src data:; style-src 'sha256-${
      createHash("sha256").update(STYLE).digest("base64")
    }'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    // With "no-referrer" a browser would not say from where the form is sent, and it would be taken for one of somebody else.
    "referrer-policy": "same-origin",
  };

  constructor(tokens: TokenCheck, clock: Clock) {
    this.#tokens = tokens;
    this.#clock = clock;
    this.#attempts = new Rates(clock, MOST_ATTEMPTS, 60_000);
  }

  /** Calls back when a cookie is given back, with the login that it was given for. */
  tellTo(tell: (loginId: string) => void): void {
    this.#tell = tell;
  }

  /** Who has the cookie; `null` where nobody has, or it is not good any more. */
  find(header?: string): Known | null {
    const value = valueIn(header);
    const cookie = this.#cookies.get(value);
    if (cookie === undefined) return null;
    if (cookie.endsAtMs > this.#clock.wallNow()) return cookie.known;
    this.#cookies.delete(value);
    return null;
  }

  /** Cookies that were given for these fixed tokens are good no more. */
  forget(names: ReadonlySet<string>): void {
    for (const [value, { known: { source, principal } }] of this.#cookies) {
      if (source === "token" && names.has(principal)) this.#cookies.delete(value);
    }
  }

  /** Answers where a token is said; `null` where there are no tokens at all. */
  async answer(request: LoginRequest): Promise<Answer | null> {
    if (!this.#tokens.isUsed) return null;
    if (request.method !== "POST") {
      return { status: 200, headers: this.#headers, text: pageOf("", this.find(request.headers.cookie) !== null) };
    }
    if (!this.#attempts.take(request.socket.remoteAddress ?? "")) {
      return { status: 429, headers: { ...this.#headers, "retry-after": "60" }, text: pageOf(TOO_OFTEN) };
    }
    const token = new URLSearchParams(await bodyOf(request)).get("token")?.trim() ?? "";
    const known = await this.#tokens.check(`Bearer ${token}`);
    if (isTurnedAway(known)) return { status: known.status, headers: this.#headers, text: pageOf(REFUSED) };
    const now = this.#clock.wallNow();
    const endsAtMs = Math.min(now + GOOD_MS, known.expiresAtMs ?? Infinity);
    this.#makeRoom(known.clientIdentity);
    const value = randomBytes(32).toString("base64url");
    this.#cookies.set(value, { known: { ...known, expiresAtMs: endsAtMs, loginId: randomUUID() }, endsAtMs });
    return sentOn("/", value, Math.max(0, Math.floor((endsAtMs - now) / 1_000)));
  }

  /** Answers where a cookie is given back. */
  leave({ method, headers: { cookie } }: LoginRequest): Answer | null {
    if (method !== "POST") return null;
    const value = valueIn(cookie);
    const loginId = this.#cookies.get(value)?.known.loginId;
    this.#cookies.delete(value);
    if (loginId !== undefined) this.#tell(loginId);
    return sentOn(LOGIN_PATH, "", 0);
  }

  /** Whoever logs in again and again loses cookies of their own. */
  #makeRoom(clientIdentity: string): void {
    const own = [...this.#cookies].filter(([, { known }]) => known.clientIdentity === clientIdentity);
    const old = own.length >= MOST_OF_ONE ? own[0] : this.#cookies.size >= MOST_COOKIES ? [...this.#cookies][0] : undefined;
    if (old !== undefined) this.#cookies.delete(old[0]);
  }
}

function sentOn(location: string, value: string, maxAge: number): Answer {
  const cookie = `${COOKIE}=${value}; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAge}`;
  return { status: 303, headers: { location, "set-cookie": cookie }, text: "" };
}

function valueIn(header = ""): string {
  const begin = `${COOKIE}=`;
  return header.split(";").map((part) => part.trim()).find((part) => part.startsWith(begin))?.slice(begin.length) ?? "";
}

async function bodyOf(request: LoginRequest): Promise<string> {
  let text = "";
  for await (const block of request) {
    text += String(block);
    if (text.length > LONGEST_FORM) throw new Error("the form is too long");
  }
  return text;
}
