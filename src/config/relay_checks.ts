/** Looks at what the schema of a relay's file cannot tell, under the codes of the reference. */
import { isIP } from "node:net";
import type { Problem } from "../base/mod.ts";
import type { Report } from "./check_tools.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** What the reference calls a problem at one of its keys. */
const CODES: readonly (readonly [pointer: RegExp, code: string])[] = [
  [/^\/listen\/bind$/, "invalid_bind_address"],
  [/^\/listen\/public_url$/, "invalid_public_url"],
  [/^\/tls(\/certificate_path|\/private_key_path)?$/, "missing_tls_identity"],
  [/^\/tls\/client_ca_path$/, "missing_client_ca"],
  [/^\/trusted_proxy\/allowed_remote_addrs$/, "empty_trusted_proxy_addrs"],
  [/^\/trusted_proxy\/allowed_remote_addrs\/\d+$/, "invalid_trusted_proxy_addr"],
  [/^\/trusted_proxy\/identity_header$/, "empty_identity_header"],
  [/^\/registration\/listen_path$/, "relative_registration_path"],
  [/^\/registration\/allowed_ipc_path_prefixes$/, "empty_allowed_ipc_path_prefixes"],
  [/^\/registration\/allowed_ipc_path_prefixes\/\d+$/, "relative_allowed_ipc_path_prefix"],
  [/^\/registration\/(default|max)_lease_seconds$/, "invalid_registration_lease_policy"],
];

/** The problem under the code of the reference, where it has one. */
export function underItsCode(problem: Problem): Problem {
  const code = CODES.find(([pointer]) => pointer.test(problem.pointer))?.[1];
  return code === undefined || problem.rule === "unknown_key" ? problem : { ...problem, rule: code };
}

/** An IP address and a port; `undefined` where a text is something else. */
export function socketAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, six, four, digits = ""] = /^(?:\[([^\]]{2,64})\]|([^:[\]]{7,15})):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four ?? "";
  const port = Number(digits);
  return isIP(host) === 0 || port > 65_535 ? undefined : { host, port };
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return /^127\./.test(host) || host === "::1" || host === "localhost" || host === "[::1]";
}

/** Whether a text is an address, or a range of addresses. */
export function isRange(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** Whether an address is one of IPv4 in the clothes of IPv6: proxies are known by their IPv4 address then. */
function isMapped(text: string): boolean {
  return /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(urlOf(`http://[${text.split("/")[0] ?? ""}]`)?.hostname ?? "");
}

/** Reports what is wrong. */
export function checkRelay(raw: Raw, report: Report): void {
  const at = (key: string): Raw => isRaw(raw[key]) ? raw[key] : {};
  const no = (pointer: string, reason: string, hint?: string): void => report("error", "wrong_text", pointer, reason, hint);
  checkListen(at("listen"), no);
  checkProxy(at("trusted_proxy"), no);
  checkTls(raw, no);
  checkIdentities(raw, no);
  if (raw["registration"] !== undefined) checkRegistration(at("registration"), no);
  entriesOf(raw["targets"]).forEach((target, index) => {
    const path = isRaw(target) ? target["path"] : undefined;
    if (typeof path === "string" && !path.startsWith("/")) no(`/targets/${index}/path`, `is ${quoted(path)}, must be absolute`);
  });
  const { listen } = at("metrics");
  if (typeof listen === "string") {
    const address = socketAddress(listen);
    if (address === undefined) no("/metrics/listen", `is ${quoted(listen)}, must be an IP address and a port`);
    else if (!isLoopback(address.host)) {
      no("/metrics/listen", `is ${quoted(listen)}, must be a loopback address: nobody is asked who they are`);
    }
  }
  if (raw["registration"] === undefined && entriesOf(raw["targets"]).length === 0) {
    report("warning", "no_targets", "", "neither `registration` nor `targets` is there: there will never be a target");
  }
}

type No = (pointer: string, reason: string, hint?: string) => void;

function checkListen({ bind, public_url: url, origins }: Raw, no: No): void {
  if (typeof bind === "string" && socketAddress(bind) === undefined) {
    no("/listen/bind", `is ${quoted(bind)}, must be an IP address and a port, such as 0.0.0.0:9443`);
  }
  if (typeof url === "string" && urlOf(url)?.protocol !== "wss:") {
    no("/listen/public_url", `is ${quoted(url)}, must be an address that begins with wss://`);
  }
  entriesOf(origins).forEach((origin, index) => {
    if (typeof origin === "string" && urlOf(origin)?.origin !== origin) {
      no(`/listen/origins/${index}`, `is ${quoted(origin)}, must be an origin, such as https://ops.example`);
    }
  });
}

function checkProxy({ enabled, allowed_remote_addrs: addresses, identity_header: header }: Raw, no: No): void {
  if (enabled !== true) return;
  if (addresses === undefined || (Array.isArray(addresses) && addresses.length === 0)) {
    no("/trusted_proxy/allowed_remote_addrs", "is empty, must name the addresses of the proxy");
  }
  entriesOf(addresses).forEach((address, index) => {
    const pointer = `/trusted_proxy/allowed_remote_addrs/${index}`;
    if (typeof address !== "string") return;
    if (!isRange(address)) no(pointer, `is ${quoted(address)}, must be an IP address or a range such as 10.0.0.0/8`);
    else if (isMapped(address)) no(pointer, `is ${quoted(address)}, must be written as IPv4, such as 10.0.0.0/8`);
  });
  if (typeof header === "string" && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)) {
    no("/trusted_proxy/identity_header", `is ${quoted(header)}, must be the name of a header`);
  }
}

function checkTls(raw: Raw, no: No): void {
  const tls = raw["tls"];
  if (tls === undefined) {
    return no("/tls", "is missing, must name a certificate and its key", "docs/guide/relay.md makes some for a first try");
  }
  if (!isRaw(tls)) return;
  for (const key of ["certificate_path", "private_key_path"]) {
    const path = tls[key];
    if (path === undefined || (typeof path === "string" && path.trim() === "")) no(`/tls/${key}`, `"${key}" is missing`);
  }
  const { client_ca_path: authority } = tls;
  const isKnownOtherwise = (isRaw(raw["trusted_proxy"]) && raw["trusted_proxy"]["enabled"] === true) || raw["oidc"] !== undefined ||
    entriesOf(raw["tokens"]).length > 0;
  if (typeof authority === "string" ? authority.trim() === "" : authority === undefined && !isKnownOtherwise) {
    no("/tls/client_ca_path", "is missing: nobody could say who they are", "Name it, or set trusted_proxy, tokens or oidc");
  }
}

function checkIdentities(raw: Raw, no: No): void {
  const names = new Set<unknown>();
  entriesOf(raw["tokens"]).forEach((token, index) => {
    if (!isRaw(token)) return;
    const { name, file, sha256 } = token;
    if (names.has(name)) no(`/tokens/${index}/name`, `is ${quoted(String(name))}, which is there twice`);
    names.add(name);
    if ((file === undefined) === (sha256 === undefined)) no(`/tokens/${index}`, "must have file or sha256, and not both");
    if (typeof sha256 === "string" && !/^[0-9a-f]{64}$/i.test(sha256)) no(`/tokens/${index}/sha256`, "must be 64 hexadecimal digits");
  });
  const keys = isRaw(raw["oidc"]) ? raw["oidc"]["jwks_url"] : undefined;
  if (typeof keys !== "string") return;
  const url = urlOf(keys);
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && isLoopback(url.hostname))) {
    no("/oidc/jwks_url", `is ${quoted(keys)}, must begin with https://`);
  }
}

function checkRegistration(section: Raw, no: No): void {
  const { listen_path: path, permissions, allowed_ipc_path_prefixes: prefixes } = section;
  const { default_lease_seconds: usual = 45, max_lease_seconds: longest = 300 } = section;
  if (path === undefined) no("/registration/listen_path", '"listen_path" is missing');
  else if (typeof path === "string" && !path.startsWith("/")) no("/registration/listen_path", `is ${quoted(path)}, must be absolute`);
  if (typeof permissions === "string" && !/^(0o?)?[0-7]{3}$/.test(permissions)) {
    no("/registration/permissions", `is ${quoted(permissions)}, must be an octal mode such as 0660`);
  }
  if (prefixes === undefined || (Array.isArray(prefixes) && prefixes.length === 0)) {
    no("/registration/allowed_ipc_path_prefixes", "is empty, must name the folders in which sockets of targets may be");
  }
  entriesOf(prefixes).forEach((prefix, index) => {
    if (typeof prefix === "string" && (!prefix.startsWith("/") || prefix.split("/").includes(".."))) {
      no(`/registration/allowed_ipc_path_prefixes/${index}`, `is ${quoted(prefix)}, must be absolute and without ..`);
    }
  });
  if (typeof usual !== "number" || typeof longest !== "number") return;
  if (longest <= 0) no("/registration/max_lease_seconds", `is ${longest}, must be more than 0`);
  else if (usual <= 0 || usual > longest) {
    no("/registration/default_lease_seconds", `is ${usual}, must be more than 0 and at most max_lease_seconds, ${longest}`);
  }
}

function entriesOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function urlOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
