/** The language of the socket, `dashboard-ipc.v1`: runs in a browser too. */
export {
  COMMAND_METHODS,
  EXTENSIONS,
  isMethod,
  type Method,
  type MethodRisk,
  METHODS,
  type ReeveMethod,
  type ReferenceMethod,
} from "../base/mod.ts";
export * from "./command.ts";
export * from "./errors.ts";
export * from "./names.ts";
export * from "./request.ts";

/** Name and version of the language. */
export const PROTOCOL_VERSION = "dashboard-ipc.v1";
