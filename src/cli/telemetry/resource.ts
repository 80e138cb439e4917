/** Whose metrics and traces these are. */
import { hostname } from "node:os";
import process from "node:process";
import type { Resource } from "@opentelemetry/resources";
import { cleanText, VERSION } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import { loadPackage } from "./packages.ts";

/** Longest value in characters. */
const LONGEST = 255;

/** The variable that says more of it. */
const MORE = "OTEL_RESOURCE_ATTRIBUTES";

/** Describes this program; what the variables `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say wins. */
export async function resourceOf(treeName: string, onTrouble: (text: string) => void): Promise<Resource> {
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = await loadPackage("@opentelemetry/resources");
  const said = detectResources({ detectors: [envDetector] });
  // One fault in the variable makes OpenTelemetry take nothing of it, without a word.
  const isLost = (process.env[MORE] ?? "").trim() !== "" && Object.keys(said.attributes).every((key) => key === "service.name");
  if (isLost) onTrouble(`${MORE} cannot be read, must be such as key=value,other=value with %-encoded values`);
  const host = hostName();
  return defaultResource().merge(resourceFromAttributes({
    "service.name": cleanText(treeName, LONGEST),
    "service.version": VERSION,
    "process.pid": process.pid,
    ...host === null ? {} : { "host.name": host },
  })).merge(said);
}

/** `null` where it may not be asked: asking for what is not allowed would ask the user. */
function hostName(): string | null {
  if (platform.name === "deno" && platform.ownUid() === null) return null;
  try {
    return cleanText(hostname(), LONGEST);
  } catch {
    return null;
  }
}
