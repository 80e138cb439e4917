import { assert, assertEquals } from "@std/assert";
import { Command } from "commander";
import type { RunArgs } from "../../../src/cli/commands/run.ts";
import { backgroundWords } from "../../../src/cli/detach/words.ts";
import { addRunning } from "../../../src/cli/program/running.ts";
import { RecordingIo } from "../helpers.ts";

Deno.test("backgroundWords() hands every option of run on", () => {
  const program = new Command();
  addRunning(program, new RecordingIo(), () => {});
  const run = program.commands.find((command) => command.name() === "run");
  assert(run !== undefined);
  const args: RunArgs = {
    file: "--odd.yaml",
    forSecs: 3,
    verbose: true,
    json: true,
    output: false,
    socket: false,
    health: { host: "::1", port: 80 },
    metrics: { host: "127.0.0.1", port: 81 },
    watchdogSecs: 5,
  };
  const words = backgroundWords(args, { pidFile: "a.pid", logFile: "a.log" }, 60, "report");
  const given = words.filter((word) => word.startsWith("--")).map((word) => word.split("=")[0]);
  const known = run.options.map(({ long }) => long).filter((long) => long !== "--detach");
  assertEquals(given.filter((word) => word !== "--" && word !== "--odd.yaml").sort(), known.sort());
  assertEquals(words.slice(-2), ["--", "--odd.yaml"]);
  run.parseOptions(words.slice(1));
  const { for: forSecs, health, metrics, output, background } = run.opts();
  assertEquals([forSecs, health, metrics, output, background], [3, args.health, args.metrics, false, "report"]);
});
