/** What is accepted of a socket that a process gets. */
import { isIP } from "node:net";
import { checkFields, nameOf, number, refuse, type Rule, type Rules, text } from "./check.ts";

const address: Rule = (value, pointer, report) => {
  if (typeof value === "string" && isIP(value) !== 0) return;
  refuse(
    report,
    pointer,
    "not_an_address",
    `is ${nameOf(value)}, must be an address as a number`,
    'Write "127.0.0.1", "::1", or "0.0.0.0" for all',
  );
};

const socketName = text(/^[A-Za-z0-9_.-]{1,255}$/, "letters, digits and _ . -");
const octalMode = text(/^0?[0-7]{3}$/, "an octal mode such as 0660");
const LISTEN_RULES: Rules = {
  name: socketName,
  port: number({ min: 1, max: 65_535, integer: true }),
  host: address,
  path: text(/^(?=[^]*\S)[^\0\n]+$/, "a text that is not blank, without line breaks and the character NUL"),
  permissions: octalMode,
  inherited: socketName,
};

/** Which options belong to which way to listen. */
const LISTEN_WAYS = [["port", ["host"]], ["path", ["permissions"]], ["inherited", []]] as const;

/** Accepts one socket. */
export const listenRule: Rule = (value, pointer, report) => {
  if (!checkFields(value, pointer, LISTEN_RULES, report)) return;
  const ways = LISTEN_WAYS.filter(([way]) => value[way] !== undefined);
  if (ways.length !== 1) {
    const reason = ways.length === 0
      ? 'needs one of "port", "path", "inherited"'
      : `has ${ways.map(([way]) => `"${way}"`).join(" and ")}, must have one`;
    return refuse(report, pointer, "listen_ambiguous", reason);
  }
  for (const [way, options] of LISTEN_WAYS) {
    if (way === ways[0]![0]) continue;
    for (const option of options) {
      if (value[option] === undefined) continue;
      refuse(
        report,
        `${pointer}/${option}`,
        "option_not_for_kind",
        `does not fit a socket with "${ways[0]![0]}"`,
        `It belongs to "${way}"`,
      );
    }
  }
};
