/** What somebody prefers, and what follows from it. */
import type { Raw } from "./read.ts";

/** Themes: as the browser wants, by the time of day, or always the same. */
export const THEMES = ["system", "time", "light", "dark"] as const;

/** A theme. */
export type Theme = (typeof THEMES)[number];

/** What somebody prefers; the language is `null` where the browser says which. */
export interface Preferred {
  readonly theme: Theme;
  readonly language: "en" | "zh" | null;
  readonly isUtc: boolean;
}

/** Reads what was kept; whatever else stands there counts for nothing. */
export function readPreferred({ theme, language, isUtc }: Raw): Preferred {
  return {
    theme: THEMES.find((known) => known === theme) ?? "system",
    language: language === "en" || language === "zh" ? language : null,
    isUtc: isUtc === true,
  };
}

/** It is dark from this hour on, and light from that. */
const [DARK_FROM, LIGHT_FROM] = [19, 6];

/** How the page is to look now; `null` where the browser says so. */
export function shadeOf(theme: Theme, now: Date): "light" | "dark" | null {
  switch (theme) {
    case "system":
      return null;
    case "time":
      return now.getHours() >= DARK_FROM || now.getHours() < LIGHT_FROM ? "dark" : "light";
    case "light":
    case "dark":
      return theme;
  }
}
