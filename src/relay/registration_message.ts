/** What a target may say at the registration socket, and what it is answered. */
import { cleanText, refuseJson, toJson } from "../base/mod.ts";
import type { SupportedCommand } from "./wire.ts";

/** A registration, or the renewal of one. */
export interface Registration {
  readonly type: "register";
  readonly targetId: string;
  readonly displayName: string;
  readonly path: string;
  /** `null` where the relay is to choose. */
  readonly leaseSeconds: number | null;
  readonly supportedCommands: readonly SupportedCommand[];
}

/** The end of a registration; the reference has none. */
export interface Unregistration {
  readonly type: "unregister";
  readonly targetId: string;
}

/** Why a registration is refused. */
export interface RegistrationRefusal {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** What a target is answered. */
export type Acknowledgement =
  | { readonly targetId: string; readonly status: "registered" | "unregistered" }
  | RegistrationRefusal;

/** The line of an answer. */
export function acknowledgementLine(answer: Acknowledgement): string {
  return `${
    toJson(
      "status" in answer
        ? { ok: true, target_id: answer.targetId, status: answer.status, retryable: false }
        : { ok: false, error: { code: answer.code, message: answer.message }, retryable: answer.retryable },
    )
  }\n`;
}

/** A refusal; for good unless it says otherwise. */
export function refusal(code: string, message: string, retryable = false): RegistrationRefusal {
  return { code, message: cleanText(message, 512), retryable };
}

/** Whether this says why something is refused. */
export function isRefusal(value: object): value is RegistrationRefusal {
  return "code" in value;
}

const KEYS: ReadonlySet<string> = new Set(["type", "target_id", "display_name", "ipc_path", "lease_seconds", "supported_commands"]);
const COMMAND_KEYS: ReadonlySet<string> = new Set(["name", "idempotent", "timeout_seconds"]);

/** Deepest nesting, longest name, and most commands with the longest name of one: all sessions are told of them. */
const DEEPEST = 8;
const LONGEST_NAME = 256;
const MOST_COMMANDS = 64;
const LONGEST_COMMAND = 64;

type Raw = Readonly<Record<string, unknown>>;

function isRaw(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a line, or says what is wrong with it; what only the relay can tell is looked at later. */
export function readRegistration(line: string): Registration | Unregistration | RegistrationRefusal {
  if (refuseJson(line, DEEPEST) !== null) return refusal("invalid_registration_json", "the line is nested too deep, or has a member twice");
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refusal("invalid_registration_json", "the line is no JSON");
  }
  if (!isRaw(value)) return schema("must be an object");
  const unknown = Object.keys(value).find((key) => !KEYS.has(key));
  if (unknown !== undefined) return schema(`has the unknown member "${unknown.slice(0, 64)}"`);
  const { type = "register", target_id: targetId } = value;
  if (typeof targetId !== "string") return schema("needs target_id as a text");
  if (targetId.trim() === "") return refusal("empty_target_id", "target id must not be empty");
  if (targetId.length > LONGEST_NAME || targetId !== cleanText(targetId)) {
    return refusal("invalid_target_id", `target id must have at most ${LONGEST_NAME} characters, and no control characters`);
  }
  if (type === "unregister") return { type, targetId };
  return type === "register" ? readWhole(value, targetId) : schema('needs "register" or "unregister" as type, or none');
}

function readWhole(value: Raw, targetId: string): Registration | RegistrationRefusal {
  const { display_name: displayName, ipc_path: path, lease_seconds: lease = null, supported_commands: commands } = value;
  if (typeof displayName !== "string" || typeof path !== "string") return schema("needs display_name and ipc_path as texts");
  if (lease !== null && !Number.isInteger(lease)) return schema("needs lease_seconds as a whole number");
  if (!Array.isArray(commands) || commands.length > MOST_COMMANDS) {
    return schema(`needs a list of at most ${MOST_COMMANDS} supported_commands`);
  }
  const supportedCommands: SupportedCommand[] = [];
  for (const command of commands) {
    const read = isRaw(command) ? readCommand(command) : null;
    if (read === null) return schema("has a supported command that lacks name, idempotent or timeout_seconds, or has something else");
    supportedCommands.push(read);
  }
  return {
    type: "register",
    targetId,
    displayName: cleanText(displayName, LONGEST_NAME),
    path,
    leaseSeconds: lease === null ? null : Number(lease),
    supportedCommands,
  };
}

function readCommand(command: Raw): SupportedCommand | null {
  const { name, idempotent, timeout_seconds: timeoutSeconds } = command;
  const isWhole = typeof name === "string" && typeof idempotent === "boolean" && typeof timeoutSeconds === "number";
  if (!isWhole || Object.keys(command).some((key) => !COMMAND_KEYS.has(key))) return null;
  return { name: cleanText(name, LONGEST_COMMAND), idempotent, timeoutSeconds };
}

function schema(why: string): RegistrationRefusal {
  return refusal("invalid_registration_schema", `the registration ${why}`);
}
