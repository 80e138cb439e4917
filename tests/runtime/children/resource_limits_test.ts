import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { findCpuGroups, makeCpuGroup } from "../../../src/runtime/children/cpu_group.ts";
import { limitChecker, type LimitFacts, wrapCommand } from "../../../src/runtime/children/resource_limits.ts";
import { inFolder } from "../../support/folder.ts";

function facts(more: Partial<LimitFacts> = {}): LimitFacts {
  return {
    filesReason: () => Promise.resolve(null),
    memoryReason: () => Promise.resolve(null),
    cpuGroups: () => ({ folder: "/groups" }),
    ...more,
  };
}

const ALL = { maxMemoryMb: 512, maxCpuPercent: 50, maxFileDescriptors: 1024 };

// --- what can be limited -----------------------------------------------------------------------------------------------------------------

Deno.test("limitChecker() refuses nothing where everything can be limited, and asks nothing where nothing is", async () => {
  assertEquals(await limitChecker(facts())(ALL), null);
  const never = (): never => {
    throw new Error("nobody wanted to know");
  };
  const check = limitChecker({ filesReason: never, memoryReason: never, cpuGroups: never });
  assertEquals(await check({}), null);
  assertEquals(await check({ maxMemoryMb: null, maxCpuPercent: null, maxFileDescriptors: null }), null);
});

const CASES: readonly (readonly [keyof typeof ALL, Partial<LimitFacts>, RegExp])[] = [
  ["maxFileDescriptors", { filesReason: () => Promise.resolve({ reason: "no prlimit", hint: "Install it" }) }, /^no prlimit$/],
  ["maxMemoryMb", { memoryReason: () => Promise.resolve("not permitted") }, /^Cannot measure memory: not permitted$/],
  ["maxCpuPercent", { cpuGroups: () => ({ reason: "no cgroup" }) }, /^Cannot limit the share of a processor: no cgroup$/],
];

for (const [key, missing, reason] of CASES) {
  Deno.test(`limitChecker() refuses ${key} where it cannot be kept, and says what to do`, async () => {
    const check = limitChecker(facts(missing));
    const refusal = await check(ALL);
    assertEquals([refusal?.rule, refusal?.key], ["unsupported_limit", key]);
    assertMatch(refusal!.reason, reason);
    assertEquals(refusal!.hint !== "", true);
    assertEquals(await check({ ...ALL, [key]: null }), null);
  });
}

Deno.test("limitChecker() finds each thing out once, for each user apart", async () => {
  const asked: unknown[] = [];
  const check = limitChecker(facts({ filesReason: (...question) => Promise.resolve(void asked.push(question)).then(() => null) }));
  for (const user of [{}, {}, { uid: 1, gid: 1 }, { uid: 1, gid: 1 }]) await check({ maxFileDescriptors: 10 }, user);
  assertEquals(asked, [[10, {}], [10, { uid: 1, gid: 1 }]]);
});

Deno.test("limitChecker() refuses a share of a processor for another user, who could not enter the group", async () => {
  assertEquals((await limitChecker(facts())({ maxCpuPercent: 50 }, { uid: 1, gid: 1 }))?.key, "maxCpuPercent");
});

// --- the command -------------------------------------------------------------------------------------------------------------------------

Deno.test("wrapCommand() leaves a command without such limits as it is", () => {
  const { file, argv } = wrapCommand({ maxMemoryMb: 5, maxFileDescriptors: null }, "run", ["-x"]);
  assertEquals([file, argv], ["run", ["-x"]]);
});

Deno.test("wrapCommand() limits open files, and takes nothing of the command for an option of its own", () => {
  const { file, argv } = wrapCommand({ maxFileDescriptors: 64 }, "--help", ["--nofile=1"]);
  assertEquals([file, argv], ["prlimit", ["--nofile=64:64", "--", "--help", "--nofile=1"]]);
});

Deno.test("wrapCommand() throws where the group cannot be made", () => {
  assertThrows(() => wrapCommand({ maxCpuPercent: 50 }, "run", [], () => ({ reason: "none" })), Error, "none");
});

// --- cgroups, in a folder that looks like them -------------------------------------------------------------------------------------------

async function fakeSystem(root: string, own: string, controllers: string): Promise<void> {
  await mkdir(join(root, "proc/self"), { recursive: true });
  await writeFile(join(root, "proc/self/cgroup"), `4:memory:/x\n0::${own}\n`);
  await writeFile(join(root, "proc/self/mounts"), "proc /proc proc rw 0 0\ncgroup2 /cg cgroup2 rw 0 0\n");
  await mkdir(join(root, "cg", own), { recursive: true });
  await writeFile(join(root, "cg", own, "../cgroup.controllers"), controllers);
  await writeFile(join(root, "cg", own, "../cgroup.subtree_control"), "");
}

Deno.test("findCpuGroups() touches nothing where the group of the program was not given to it by name", async () => {
  await inFolder(async (root) => {
    await fakeSystem(root, "/system.slice/shop.service", "cpu memory\n");
    assertEquals(findCpuGroups(root), { reason: "the program does not run in a cgroup (version 2) of its own" });
    assertEquals(await readFile(join(root, "cg/system.slice/cgroup.subtree_control"), "utf8"), "");
  });
});

Deno.test("findCpuGroups() wants the controller, and then a group in which there is the file of the limit", async () => {
  await inFolder(async (root) => {
    await fakeSystem(root, "/shop.service/reeve", "memory\n");
    assertEquals(findCpuGroups(root), { reason: "its cgroup was not given the controller cpu" });
    await writeFile(join(root, "cg/shop.service/cgroup.controllers"), "cpu memory\n");
    const found = findCpuGroups(root);
    assertMatch("reason" in found ? found.reason : "", /^no cgroup can be made: .*cpu\.max/);
    assertEquals(await readFile(join(root, "cg/shop.service/cgroup.subtree_control"), "utf8"), "+cpu");
    assertEquals(existsSync(join(root, `cg/shop.service/reeve-check-${process.pid}`)), false, "the attempt is removed");
  });
});

Deno.test("makeCpuGroup() removes what it could not finish", async () => {
  await inFolder((folder) => {
    assertThrows(() => makeCpuGroup(folder, "a", 50));
    assertEquals(existsSync(join(folder, "reeve-a")), false);
    return Promise.resolve();
  });
});
