/** How a command ends. */

/** Takes the exit code of the command that ran. */
export type Done = (code: number) => void;
