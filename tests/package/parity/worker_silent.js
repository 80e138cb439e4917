/** A worker that serves nothing. */
export const nothing = 0;
