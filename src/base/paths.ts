/** Paths of children: names of supervisors with a slash before each. */

/** The path of the supervisor above. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last segment: the name that a child has in its supervisor. */
export function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
