/**
 * Subscribers of the socket's benchmark, a process of its own that runs in Node: each reads every line of output that is pushed, and counts those it missed or
 * saw twice.
 *
 * Arguments: path of the socket, number of subscribers, number of lines. Prints lines per second of all together.
 */
import { connect } from "node:net";
import process from "node:process";

const [path, subscribers, lines] = process.argv.slice(2);
const wanted = Number(lines);
let ready = 0;
let missed = 0;
let beganAtMs = 0;

function read(index) {
  return new Promise((resolve, reject) => {
    const socket = connect(
      path,
      () => socket.write(`{"request_id":"${process.pid}-${index}","method":"logs.tail","params":{"session_established":true}}\n`),
    );
    let rest = "";
    let last = 0;
    let count = 0;
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop();
      for (const part of parts) {
        if (part.includes('"ok":true')) {
          if (++ready === Number(subscribers)) console.log("ready");
          continue;
        }
        beganAtMs ||= performance.now();
        const sequence = Number(/"sequence":(\d+)/.exec(part)?.[1] ?? NaN);
        if (last !== 0 && sequence !== last + 1) missed++;
        last = sequence;
        if (++count < wanted) continue;
        socket.destroy();
        resolve();
      }
    });
  });
}

await Promise.all(Array.from({ length: Number(subscribers) }, (_, index) => read(index)));
const seconds = (performance.now() - beganAtMs) / 1_000;
console.log(JSON.stringify({ perSecond: wanted / seconds, missed }));
