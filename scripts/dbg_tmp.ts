import { step } from "../src/core/mod.ts";
import { simulate } from "../src/testing/mod.ts";
const seed = Number(Deno.args[0]); const last: string[] = []; let n=0;
const r = simulate(seed, { step: (s, m, e) => { const fx = step(s, m, e); n++; if (n> Number(Deno.args[1]) && n < Number(Deno.args[2])) { console.log(n, e.now.toFixed(0), JSON.stringify({...m, exit: (m as any).exit?.kind, cause: undefined}), fx.map(x=> x.type==="emit"? `${x.event.type}(${x.event.path})` : x.type+":"+((x as any).child??"")+(x.type==="setTimer"?"@"+x.dueMs.toFixed(0):"")).join(" ")); } return fx; } });
console.log(r);
