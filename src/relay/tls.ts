/** Certificates of a relay. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ReeveError, thrownMessage } from "../base/mod.ts";
import type { RelaySettings } from "../config/mod.ts";

/** What TLS is made of. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; absent where none are asked for. */
  readonly ca?: string;
}

/** Reads certificates and the key, and sees that they fit; rejects with `relay_not_started`. */
export async function readTls({ certificatePath, privateKeyPath, clientCaPath }: RelaySettings["tls"]): Promise<TlsMaterial> {
  const cert = await read(certificatePath, "cert_read_failed");
  const key = await read(privateKeyPath, "key_read_failed");
  const own = parsed(certificatePath, "cert_parse_failed", () => new X509Certificate(cert));
  const secret = parsed(privateKeyPath, "key_parse_failed", () => createPrivateKey(key));
  if (!own.checkPrivateKey(secret)) throw refused(privateKeyPath, "tls_config_failed", "the key is not that of the certificate");
  const ca = clientCaPath === null ? undefined : await read(clientCaPath, "client_ca_load_failed");
  if (ca !== undefined && clientCaPath !== null) {
    const authorities = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    if (authorities.length === 0) throw refused(clientCaPath, "client_ca_verifier_failed", "there is no certificate in it");
    for (const authority of authorities) parsed(clientCaPath, "client_ca_load_failed", () => new X509Certificate(authority));
  }
  const material = { cert, key, ...ca === undefined ? {} : { ca } };
  parsed(certificatePath, "tls_config_failed", () => createSecureContext(material));
  return material;
}

async function read(path: string, code: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw refused(path, code, thrownMessage(error, 256), error);
  }
}

function parsed<T>(path: string, code: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw refused(path, code, thrownMessage(error, 256), error);
  }
}

function refused(path: string, code: string, why: string, cause?: unknown): ReeveError {
  return new ReeveError("relay_not_started", `${code} at tls: "${path}": ${why}`, { path, cause });
}
