/** The journal: every event of a tree in a file, and back. */
export * from "./journal.ts";
export { type DamagedLine, type JournalEntry, type JournalEvent, type JournalGap, type WantedEvents } from "./line.ts";
export { readJournal } from "./read.ts";
