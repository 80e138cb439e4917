/** How one name is written in files and on the wire, in programs, and as the name of an event. */

/** `restart_policy` becomes `restartPolicy`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `child_ready` becomes `ChildReady`; what is written so already stays. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
