/** The methods of the socket: what can be asked, and what asking it may do. */

/** What a method may do: tell, change, or take something away. */
export type MethodRisk = "read" | "write" | "destructive";

/** A method of the reference. */
export type ReferenceMethod =
  | "hello"
  | "state"
  | "events.subscribe"
  | "logs.tail"
  | "command.restart_child"
  | "command.pause_child"
  | "command.resume_child"
  | "command.quarantine_child"
  | "command.add_child"
  | "command.remove_child"
  | "command.shutdown_tree";

/** A method of our own, which `hello` tells. */
export type ReeveMethod =
  | "reeve.status"
  | "reeve.events"
  | "reeve.logs"
  | "reeve.describe"
  | "reeve.audit"
  | "reeve.metrics"
  | "reeve.start_child"
  | "reeve.terminate_child"
  | "reeve.release_child"
  | "reeve.reset_fuse"
  | "reeve.start_template"
  | "reeve.scale"
  | "reeve.rolling_restart"
  | "reeve.reload";

/** A method of the socket. */
export type Method = ReferenceMethod | ReeveMethod;

/** A method that changes nothing. */
export type ReadMethod =
  | "hello"
  | "state"
  | "events.subscribe"
  | "logs.tail"
  | "reeve.status"
  | "reeve.events"
  | "reeve.logs"
  | "reeve.describe"
  | "reeve.audit"
  | "reeve.metrics";

/** Methods of our own, with what they may do. */
export const EXTENSIONS: Readonly<Record<ReeveMethod, MethodRisk>> = Object.freeze({
  "reeve.status": "read",
  "reeve.events": "read",
  "reeve.logs": "read",
  "reeve.describe": "read",
  "reeve.audit": "read",
  "reeve.metrics": "read",
  "reeve.start_child": "write",
  "reeve.terminate_child": "write",
  "reeve.release_child": "write",
  "reeve.reset_fuse": "write",
  "reeve.start_template": "write",
  "reeve.scale": "destructive",
  "reeve.rolling_restart": "write",
  "reeve.reload": "destructive",
});

const OF_THE_REFERENCE: Readonly<Record<ReferenceMethod, MethodRisk>> = {
  "hello": "read",
  "state": "read",
  "events.subscribe": "read",
  "logs.tail": "read",
  "command.restart_child": "write",
  "command.pause_child": "write",
  "command.resume_child": "write",
  "command.quarantine_child": "write",
  "command.add_child": "write",
  "command.remove_child": "destructive",
  "command.shutdown_tree": "destructive",
};

/** Every method, with what it may do. */
export const METHODS: Readonly<Record<Method, MethodRisk>> = Object.freeze({ ...OF_THE_REFERENCE, ...EXTENSIONS });

/** Whether there is a method of this name. */
export function isMethod(name: unknown): name is Method {
  return typeof name === "string" && Object.hasOwn(METHODS, name);
}

/** Methods that change something. */
export const COMMAND_METHODS: readonly string[] = Object.freeze(
  Object.entries(METHODS).filter(([, risk]) => risk !== "read").map(([method]) => method),
);
