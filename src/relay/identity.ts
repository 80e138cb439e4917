/** Who asks: by a certificate, a proxy, a token or the cookie that was given for one. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIPv6 } from "node:net";
import { TLSSocket } from "node:tls";
import { cleanText } from "../base/mod.ts";
import type { RelaySettings } from "../config/mod.ts";
import type { Login } from "./login.ts";
import { roleOf } from "./roles.ts";
import type { Refusal } from "./server.ts";
import type { Identity } from "./session.ts";
import type { TokenCheck } from "./tokens.ts";

/** Somebody of whom it is not yet known what they may do. */
export type Known = Omit<Identity, "role">;

/** Whether this says why somebody is not let in. */
export function isTurnedAway<T extends object>(answer: T | Refusal): answer is Refusal {
  return "status" in answer;
}

/** What people are known by. */
export interface IdentifierOptions {
  readonly trustedProxy: RelaySettings["trustedProxy"];
  /** Whether client certificates are asked for. */
  readonly hasAuthority: boolean;
  readonly tokens: TokenCheck;
  readonly login: Login;
  readonly roles: RelaySettings["roles"];
}

/** Finds out who asks. */
export class Identifier {
  readonly #options: IdentifierOptions;
  readonly #isProxy: (address: string) => boolean;

  constructor(options: IdentifierOptions) {
    this.#options = options;
    this.#isProxy = rangeCheck(options.trustedProxy?.addresses ?? []);
  }

  /** Who asks, or why they are refused. */
  async identify(request: IncomingMessage): Promise<Identity | Refusal> {
    const known = await this.#know(request);
    if (isTurnedAway(known)) return known;
    const role = roleOf(this.#options.roles, known);
    return role === null ? { status: 403, reason: "you have no role here" } : { ...known, role };
  }

  async #know(request: IncomingMessage): Promise<Known | Refusal> {
    const { tokens, login, trustedProxy, hasAuthority } = this.#options;
    if (tokens.isUsed && isSentTwice(request, "authorization")) return { status: 401, reason: "there are two Authorization headers" };
    const { authorization = "", cookie } = request.headers;
    // Other schemes are for somebody between: a proxy passes on what it was asked with.
    if (tokens.isUsed && /^bearer\b/i.test(authorization)) return await tokens.check(authorization);
    const before = login.find(cookie);
    if (before !== null) return before;
    if (trustedProxy !== null) {
      if (this.#isProxy(request.socket.remoteAddress ?? "")) return proxied(request, trustedProxy.header);
      if (!hasAuthority) return { status: 403, reason: "only the proxy may ask" };
    }
    return hasAuthority ? certified(request) : { status: 401, reason: "say who you are: with a token, or at /login" };
  }
}

/** Whether a header was sent more than once: the runtimes join what was sent, or take the first, so that the last word is not the proxy's. */
export function isSentTwice({ headersDistinct }: IncomingMessage, header: string): boolean {
  return (headersDistinct[header]?.length ?? 0) > 1;
}

function proxied(request: IncomingMessage, header: string): Known | Refusal {
  // Several headers of that name are several opinions.
  if (isSentTwice(request, header)) return { status: 401, reason: "the proxy says twice who you are" };
  const name = request.headersDistinct[header]?.[0]?.trim() ?? "";
  if (name === "" || name.length > 1_024) return { status: 401, reason: "the proxy does not say who you are" };
  const principal = cleanText(name, 1_024);
  return { clientIdentity: `trusted_proxy:${principal}`, principal, source: "trusted_proxy", expiresAtMs: null };
}

function certified({ socket }: IncomingMessage): Known | Refusal {
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return { status: 401, reason: "show a certificate that is known here" };
  const principal = cleanText(certificate.subject?.split("\n").join(", ") ?? "", 1_024);
  if (principal.trim() === "") return { status: 401, reason: "the certificate names nobody" };
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const expiresAtMs = Date.parse(certificate.validTo);
  return {
    clientIdentity: `mtls_cert_fingerprint:${fingerprint}`,
    principal,
    source: "mtls",
    expiresAtMs: Number.isNaN(expiresAtMs) ? 0 : expiresAtMs,
  };
}

/** Whether an address is one of these, or in one of these ranges; IPv4 inside IPv6 is IPv4. */
export function rangeCheck(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    list.addSubnet(address, Number(bits ?? (family === "ipv6" ? 128 : 32)), family);
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
    return plain !== "" && list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  };
}
