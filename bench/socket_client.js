/**
 * The client of the socket's benchmark, a process of its own that runs in Node: it writes lines and counts those that come back, and looks into none.
 *
 * Arguments: path of the socket, method, connections, requests at a time on each, milliseconds. Prints requests per second, and the times of a round in
 * milliseconds at the middle and at 99 of 100.
 */
import { connect } from "node:net";
import process from "node:process";

const [path, method, connections, depth, milliseconds] = process.argv.slice(2);
const endAtMs = performance.now() + Number(milliseconds);
const rounds = [];
let count = 0;
let next = 0;

function request() {
  return `{"request_id":"${process.pid}-${next++}","method":"${method}","params":null}\n`;
}

function talk() {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let missing = 0;
    let beganAtMs = 0;
    const ask = () => {
      beganAtMs = performance.now();
      missing = Number(depth);
      let text = "";
      for (let left = missing; left > 0; left--) text += request();
      socket.write(text);
    };
    socket.on("connect", ask);
    socket.on("error", reject);
    socket.on("data", (block) => {
      for (let at = block.indexOf(10); at !== -1; at = block.indexOf(10, at + 1)) {
        count++;
        if (--missing > 0) continue;
        const nowMs = performance.now();
        rounds.push(nowMs - beganAtMs);
        if (nowMs < endAtMs) ask();
        else {
          socket.destroy();
          resolve();
        }
      }
    });
  });
}

const startedAtMs = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, talk));
const seconds = (performance.now() - startedAtMs) / 1_000;
rounds.sort((a, b) => a - b);
const at = (share) => rounds[Math.floor((rounds.length - 1) * share)];
console.log(JSON.stringify({ perSecond: count / seconds, p50: at(0.5), p99: at(0.99) }));
