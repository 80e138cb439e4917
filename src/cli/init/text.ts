/** The file that `reeve init` writes. */
import { basename } from "node:path";

/** What goes into it. */
export interface FirstFile {
  /** Name of the tree. */
  readonly name: string;
  /** What the first child runs, as it is typed into a shell; a loop that tells the time where absent. */
  readonly command?: string | undefined;
  /** What the file is called, for the comments. */
  readonly file: string;
}

const LOOP = 'while true; do echo "it is $(date +%H:%M:%S)"; sleep 2; done';

/** Words that a shell would hand on as they are. */
const PLAIN = /^[\w@%+=:,./-]+(?: +[\w@%+=:,./-]+)*$/;

/** Returns the text, which is a valid file with one child. */
export function firstFile({ name, command, file }: FirstFile): string {
  const shown = /[\p{Cc}\u2028\u2029]/u.test(file) ? "FILE" : file;
  return `# What runs here, and how it is kept alive.
#
#   reeve check ${shown}   every problem, with line and column
#   reeve run ${shown}     runs it; Ctrl-C stops it in order
#   reeve template    every key there is, with its default
#
# For help in your editor: reeve schema > supervisor.schema.json, and this as the first line of the file:
#   yaml-language-server: $schema=./supervisor.schema.json

name: ${quoted(name)}

children:
  - name: ${quoted(childName(command))}
    # A service is started again whenever it ends; a job only when it fails.
    task_role: service
    run:
${processOf(command)}
    # When others may count on it; without this, as soon as it runs. One of:
    # readiness: { mode: log_line, pattern: "listening" }
    # readiness: { mode: tcp, port: 8000 }
    # readiness: { mode: http, port: 8000, path: /health }

    # Asked again and again while it runs; what does not answer is started anew. One of:
    # health_check: { mode: http, port: 8000, path: /health, check_interval_secs: 10 }
    # health_check: { mode: exec, command: ./healthy.sh, check_interval_secs: 30 }

    # What it prints, in a file that begins anew at this size:
    # logs: { file: var/${fileName(childName(command))}.log, max_bytes: 10485760, keep: 5 }

  # A second child, which starts when the first one is ready and stops before it does:
  # - name: second
  #   task_role: service
  #   run: { process: { command: sleep, args: ["3600"] } }
  #   dependencies: [${quoted(childName(command))}]
`;
}

function processOf(command: string | undefined): string {
  const [first = "", ...args] = command === undefined ? ["sh", "-c", LOOP] : PLAIN.test(command) ? command.split(/ +/) : [];
  if (first === "") return `      # A line for sh -c\n      process: { command: ${quoted(command ?? "")}, shell: true }`;
  return `      process:\n        command: ${quoted(first)}\n        args: [${args.map(quoted).join(", ")}]`;
}

/** What runs names the child, unless that is a shell or there is no word for it. */
function childName(command: string | undefined): string {
  const [, word = ""] = /^([\w./-]+)(?: |$)/.exec(command ?? "") ?? [];
  const name = basename(word).replace(/\.\w+$/, "");
  return command === undefined ? "clock" : /^[A-Za-z][\w-]{0,40}$/.test(name) && !/^(?:ba|da|z)?sh$/.test(name) ? name : "first";
}

function fileName(name: string): string {
  return name.replace(/[^\w-]/g, "_");
}

/** A text of JSON is one of YAML. */
function quoted(text: string): string {
  const isPlain = /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
