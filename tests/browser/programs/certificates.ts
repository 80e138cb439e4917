/** Writes certificates for a relay and for those who look at it, NAME.pem and NAME.key, into the folder that is the argument. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Authority } from "../../support/certificates.ts";

const [authority, foreign] = [new Authority(), new Authority("somebody else")];
const write = (name: string, text: string): void => writeFileSync(join(process.argv[2] ?? "", name), text);
const issue = (name: string, of: Authority, organisation: string, commonName = name): void => {
  const { cert, key } = of.issue([["O", organisation], ["CN", commonName]]);
  write(`${name}.pem`, cert);
  write(`${name}.key`, key);
};

write("ca.pem", authority.cert);
issue("relay", authority, "relays", "localhost");
issue("renewed", authority, "relays", "renewed");
for (const name of ["ada", "grace"]) issue(name, authority, "ops");
issue("kim", authority, "shop");
issue("rea", authority, "guests");
issue("sam", authority, "nobody");
issue("eve", foreign, "ops");
issue("odd", authority, "ops", '<img src=x onerror="document.title=`owned`">\u202e\u001b[31m');
process.stdout.write("written\n");
