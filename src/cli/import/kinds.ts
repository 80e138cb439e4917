/** The kinds of files that can be imported. */

/** All of them. */
export const IMPORT_KINDS = ["systemd", "pm2", "procfile", "process-compose"] as const;

/** One of {@linkcode IMPORT_KINDS}. */
export type ImportKind = typeof IMPORT_KINDS[number];
