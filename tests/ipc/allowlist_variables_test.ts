/** C9: a program on the list is that program only while no variable makes it another one. */
import { assertEquals } from "@std/assert";
import { child } from "../../mod.ts";
import { refuseProgram } from "../../src/ipc/security/allowlist.ts";
import { securitySettings } from "../../src/ipc/security/settings.ts";

const { allowlist } = securitySettings({ allowlist: { allowedPaths: ["/srv/job.sh"] } });

function codeWith(name: string): string {
  const spec = child.process("p", { command: "/srv/job.sh", environment: [{ name, value: "/tmp/x" }] });
  return refuseProgram(allowlist, child.supervisor("s", { children: [spec] }))?.code ?? "ok";
}

Deno.test("C9: variables of the linker, of shells and of what runs scripts are refused", () => {
  const names = [
    ...["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "GCONV_PATH"],
    ...["PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PS4", "BASH_FUNC_ls%%"],
    ...[
      "NODE_OPTIONS",
      "NODE_PATH",
      "PYTHONPATH",
      "PYTHONHOME",
      "PYTHONSTARTUP",
      "PERL5OPT",
      "PERL5LIB",
      "PERLLIB",
      "PERL5DB",
      "RUBYOPT",
      "RUBYLIB",
    ],
    ...["JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "LUA_INIT", "PHPRC"],
  ];
  assertEquals(names.filter((name) => codeWith(name) !== "allowlist_denied"), []);
});

Deno.test("C9: a program's own variables are its own matter", () => {
  const names = ["NODE_ENV", "PYTHONUNBUFFERED", "PATHS", "MY_PATH", "PORT", "JAVA_HOME", "RUBY_ENV", "ENVIRONMENT", "LDAP_URL", "path"];
  assertEquals(names.filter((name) => codeWith(name) !== "ok"), []);
});
