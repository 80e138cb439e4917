import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { chmod, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { doctor } from "../../src/cli/commands/doctor.ts";
import { clock, openFiles, processTable, runtime, timeZones } from "../../src/cli/doctor/machine.ts";
import { paths, socketFolder } from "../../src/cli/doctor/places.ts";
import { type Check, type Finding, fine, type Patient, unknown, warning, wrong } from "../../src/cli/doctor/types.ts";
import { loadFile } from "../../src/config/mod.ts";
import { withFolder } from "../support/folder.ts";
import { RecordingIo, withFile } from "./helpers.ts";

const TREE = "name: shop\nchildren:\n  - name: web\n    run: { process: { command: sh } }\n";

async function findings(check: Check, patient: Patient = { file: null }): Promise<readonly Finding[]> {
  const found = await check(patient);
  return "check" in found ? [found] : found;
}

async function patientOf(path: string): Promise<Patient> {
  return { file: { path, loaded: await loadFile(path) } };
}

Deno.test("doctor() ends with 0 unless something is wrong, and says what to do", () =>
  withFile(TREE, async (file) => {
    for (
      const [check, code, said] of [
        [() => fine("disk", "it is there"), 0, "0 wrong, 0 warnings, 2 fine\n"],
        [() => warning("disk", "it is slow", "Buy one"), 0, "warning  disk         it is slow\n                      → Buy one\n"],
        [() => wrong("disk", "it is gone", "Buy one"), 1, "WRONG    disk         it is gone\n                      → Buy one\n"],
        [() => unknown("disk", "nobody knows"), 0, "0 wrong, 0 warnings, 1 fine, 1 unknown"],
        [() => Promise.reject(new Error("the check broke")), 0, "unknown  check        the check broke"],
      ] as const
    ) {
      const io = new RecordingIo();
      assertEquals(await doctor({ file, json: false }, io, [check]), code, said);
      assertStringIncludes(io.out, said);
      assertEquals(io.err, "");
    }
  }));

Deno.test("doctor() ends with 2 where the file cannot be read, and 1 where it is refused", () =>
  withFile("children: [{ name: a, colour: red }]\n", async (file) => {
    for (
      const [path, code, said] of [[`${file}.not`, 2, /unknown +file +.*cannot be read/], [
        file,
        1,
        /WRONG +file .*is refused: \d problem/,
      ]] as const
    ) {
      const io = new RecordingIo();
      assertEquals(await doctor({ file: path, json: false }, io, []), code);
      assertMatch(io.out, said);
    }
  }));

Deno.test("doctor() prints JSON for programs", () =>
  withFile(TREE, async (file) => {
    const io = new RecordingIo();
    assertEquals(await doctor({ file, json: true }, io, [() => wrong("disk", "it is gone", "Buy one")]), 1);
    const { ok, counts, findings } = JSON.parse(io.out);
    assertEquals([ok, counts], [false, { fine: 1, warning: 0, wrong: 1, unknown: 0 }]);
    assertEquals(findings[1], { check: "disk", verdict: "wrong", found: "it is gone", fix: "Buy one" });
  }));

Deno.test("doctor() says which command of a file is not there", () =>
  withFile(TREE.replace("command: sh", "command: reeve-no-such-command"), async (file) => {
    const io = new RecordingIo();
    assertEquals(await doctor({ file, json: false }, io, []), 1);
    assertMatch(io.out, /WRONG +file .*reeve-no-such-command/);
  }));

Deno.test("doctor: runtime, time zones, clock and processes are fine where tests run", async () => {
  for (const check of [runtime, timeZones, clock, processTable]) {
    const [finding] = await findings(check);
    assertEquals(finding?.verdict, "fine", JSON.stringify(finding));
  }
});

Deno.test("doctor: too many processes for the limit of open files are wrong, and the fix has a number", () =>
  withFile(TREE.replace("name: web", "name: web\n    instances: 1000"), async (file) => {
    const patient = await patientOf(file);
    assert(patient.file !== null);
    const { loaded } = patient.file;
    const children = Array.from({ length: 2_000_000 }, () => loaded.spec.children[0]!);
    const [finding] = await findings(openFiles, { file: { path: file, loaded: { ...loaded, spec: { ...loaded.spec, children } } } });
    // Where there is no limit, nothing is too many.
    if (!finding?.found.startsWith("unlimited")) assertMatch(finding?.fix ?? "", /ulimit -n \d+/);
  }));

Deno.test("doctor: a file of the future tells that the clock went back", () =>
  withFile(TREE, async (file) => {
    const later = new Date(Date.now() + 86_400_000);
    await utimes(file, later, later);
    const [finding] = await findings(clock, await patientOf(file));
    assertEquals([finding?.verdict, finding?.found], ["warning", "the file was changed in the future"]);
  }));

Deno.test("doctor: paths that the file writes are looked at one by one", () =>
  withFolder({
    "a.yaml":
      `${TREE}    logs: { file: var/web.log }\nobservability: { journal: { path: deep/er/journal.jsonl } }\naudit: { enabled: true, file_path: folder }\n`,
  }, async (folder) => {
    await mkdir(join(folder, "folder"));
    const found = await findings(paths, await patientOf(join(folder, "a.yaml")));
    assertEquals(found.map(({ check, verdict }) => [check, verdict]), [["journal", "fine"], ["audit", "wrong"], ["log of web", "fine"]]);
    assertMatch(found[0]?.found ?? "", /can be written, .* are free/);
    assertMatch(found[1]?.found ?? "", /is no file/);
  }));

Deno.test("doctor: the socket of a dashboard must not be where others may write, nor have too long a name", () =>
  withFolder({}, async (folder) => {
    const tree = (path: string): string => `${TREE}dashboard: { target_id: shop, path: "${path}" }\n`;
    const open = join(folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    for (
      const [path, verdict, said] of [
        [join(folder, "s.sock"), "fine", /nobody else/],
        [join(open, "s.sock"), "wrong", /anybody may write/],
        [join(folder, "x".repeat(120), "s.sock"), "wrong", /bytes too long/],
        [join(folder, "nowhere", "s.sock"), "wrong", /is not there/],
      ] as const
    ) {
      const file = join(folder, "a.yaml");
      await writeFile(file, tree(path));
      const loaded = await loadFile(file).catch(() => null);
      // A path that no system takes is refused before.
      if (loaded === null) continue;
      const [finding] = await findings(socketFolder, { file: { path: file, loaded } });
      assertEquals(finding?.verdict, verdict, finding?.found);
      assertMatch(finding?.found ?? "", said);
    }
  }));
