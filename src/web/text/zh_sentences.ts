/**
 * What events say, in Chinese. Targets send a sentence in English and little else of an event, so this is a catalogue of their sentences:
 * `{slots}` stand for what differs, `[brackets]` for what may be missing.
 */
import { zh } from "./zh.ts";

/** A sentence as it is sent, and as it is said here. */
type Entry = readonly [sent: string, said: string];

const EXITS: readonly Entry[] = [
  ["finished", "已完成"],
  ["cancelled", "已取消"],
  ["killed", "被强制结束"],
  ["failed: exited with code {number}", "失败：退出码 {number}"],
  ["failed: ended by signal {signal}", "失败：被信号 {signal} 结束"],
  ["failed: {text}", "失败：{text}"],
];

const DECISIONS: readonly Entry[] = [
  ["back when what it is bound to is ready", "待其绑定的子项就绪后恢复"],
  ["back with its siblings", "与同级子项一起恢复"],
  ["back at once", "立即恢复"],
  ["back in {time}", "{time}后恢复"],
  ["back in {time}, slowed down at its limit", "{time}后恢复，因达到限额而放慢"],
  ["back in {time}, when the budget has a restart for it", "{time}后恢复，待预算允许重启"],
  ["back in {time}, when its fuse lets it", "{time}后恢复，待熔断器放行"],
  ["back in {time}, when the fuse of its group lets it", "{time}后恢复，待其组的熔断器放行"],
  ["fatal, stays down until someone starts it", "致命错误，不再运行，直到有人启动"],
  ["never started again after such a failure, stays down until someone starts it", "此类失败后不再启动，直到有人启动"],
  ["its decide function wants it down, until someone starts it", "其决策函数要求不再运行，直到有人启动"],
  ["over its restart limit, stays down until someone starts it", "超过重启限额，不再运行，直到有人启动"],
  ["a fault of its own, the supervisor gives up", "自身缺陷，监督者放弃"],
  ["too many failures under this supervisor, the supervisor gives up", "此监督者下失败过多，监督者放弃"],
  ["its decide function wants that, the supervisor gives up", "其决策函数如此要求，监督者放弃"],
  ["over its restart limit, the supervisor gives up", "超过重启限额，监督者放弃"],
  ["nothing can run with this configuration, the tree ends", "此配置下无法运行，整棵树结束"],
  ["not started again, as its supervisor stops", "不再启动，因为其监督者正在停止"],
  ["stays down, as its restart policy is temporary", "不再启动，因为其重启策略为 temporary"],
  ["stays down, as wanted", "按预期不再启动"],
];

const FUSES: readonly Entry[] = [
  ["it restarts in rapid succession", "短时间内连续重启"],
  ["too many restarts soon after the start", "启动后不久重启过多"],
  ["too many restarts", "重启过多"],
  ["too many failures of its members", "成员失败过多"],
  ['it depends on group "{name}", whose fuse is open', "它依赖的组“{name}”的熔断器已断开"],
];

const SKIPS: readonly Entry[] = [
  ["the one before goes on", "上一次仍在运行"],
  ["nobody was there when it was time", "到时间时无人值守"],
];

const COUNTS: readonly Entry[] = [
  ["{number} added", "新增 {number}"],
  ["{number} removed", "移除 {number}"],
  ["{number} started anew", "重新启动 {number}"],
  ["{number} changed at once", "即时变更 {number}"],
  ["{number} as before", "因失败而保持原样 {number}"],
];

/** What events say, by type. */
const SENTENCES: Readonly<Record<string, readonly Entry[]>> = {
  supervisor_started: [["supervising {number} child[ren]", "监督 {number} 个子项"]],
  supervisor_ready: [["everything is ready after {time}", "{time}后全部就绪"]],
  supervisor_escalated: [
    ['gives up because of "{name}": {text}', "因“{name}”而放弃：{text}"],
    ['ends the tree because of "{name}": {text}', "因“{name}”而结束整棵树：{text}"],
    ['quarantines what belongs together because of "{name}": {text}', "因“{name}”而隔离相关子项：{text}"],
  ],
  subscriber_lagged: [['"{name}", which reads {stream}, is too slow and missed {number}', "读取{stream}的“{name}”太慢，错过 {number} 条"]],
  backpressure_alert: [
    [
      '"{name}", which reads {stream}, is slow: {number} % of what is kept waits for it',
      "读取{stream}的“{name}”较慢：保留内容的 {number}% 在等它",
    ],
  ],
  backpressure_degradation: [
    ['"{name}", which reads {stream}, gets everything again', "读取{stream}的“{name}”重新收到全部内容"],
    ['"{name}", which reads {stream}, is too slow, and gets a part only', "读取{stream}的“{name}”太慢，只收到一部分"],
  ],
  sink_changed: [
    ["{sink} cannot be written: {text}", "无法写入{sink}：{text}"],
    ["{sink} is written again ({text})[, {number} {be} missing]", "{sink}恢复写入（{text}）[，缺少 {number} 条]"],
  ],
  fairness_probe_starvation: [
    [
      "the program does not get to its work: a message waited {time}, a timer was {late} late, {number} messages wait",
      "程序忙不过来：一条消息等了 {time}，一个定时器晚了 {late}，{number} 条消息在等待",
    ],
  ],
  registration_changed: [
    ["registers at the relay[: {text}]", "正在向中继登记[：{text}]"],
    ["is registered at the relay[: {text}]", "已在中继登记[：{text}]"],
    ["cannot renew its registration at the relay, which still counts[: {text}]", "无法续期在中继的登记，登记仍有效[：{text}]"],
    ["cannot register at the relay[: {text}]", "无法在中继登记[：{text}]"],
    ["was refused by the relay, and asks again now and then[: {text}]", "被中继拒绝，会不时再试[：{text}]"],
    ["is no longer registered at the relay[: {text}]", "在中继的登记已失效[：{text}]"],
  ],
  config_reloaded: [["reloaded by {who} ({why}): {counts}", "由 {who} 重载（{why}）：{counts}"]],
  child_added: [["added by {who}: {text}", "由 {who} 添加：{text}"]],
  child_declaration_rejected: [["was not added for {who}: {text}", "未能为 {who} 添加：{text}"]],
  child_addition_undone: [["its addition was undone: {text}", "添加已撤销：{text}"]],
  child_addition_recovered: [
    ["its addition, which the last end of the program cut short, is there", "上次程序结束时中断的添加已生效"],
    ["its addition was cut short by the last end of the program; nothing of it is left", "添加因上次程序结束而中断，没有留下任何内容"],
  ],
  state_restored: [
    [
      "{number} child[ren] go[es] on where the last run ended[, {held} of them held by an operator][; {gone} {be} not there any more]",
      "{number} 个子项从上次运行结束处继续[，其中 {held} 个由操作员保持][；{gone} 个已不存在]",
    ],
  ],
  leftover_process: [
    ["{process}, which the last run left behind, was ended: {text}", "上次运行遗留的{process}已结束：{text}"],
    ["{process}, which the last run left behind, still runs: {text}", "上次运行遗留的{process}仍在运行：{text}"],
    [
      "{process} may be one that the last run left behind, and was not touched: {text}",
      "{process}可能是上次运行遗留的，未作处理：{text}",
    ],
  ],
  child_removed: [["removed", "已移除"]],
  child_waiting: [["waits for {text}", "等待 {text}"]],
  child_run_skipped: [
    ["a run was left out: {skip}", "跳过一次运行：{skip}"],
    ["{number} runs were left out: {skip}", "跳过 {number} 次运行：{skip}"],
  ],
  child_starting: [["starting, attempt {number}", "启动中，第 {number} 次尝试"]],
  child_running: [["running, not ready yet", "运行中，尚未就绪"]],
  child_ready: [["ready after {time}", "{time}后就绪"]],
  child_not_ready: [["no longer ready", "不再就绪"]],
  child_failed: [
    [
      "{exit} after {time}[ (failure {number}, limit {most})]; {decision}",
      "运行 {time}后{exit}[（第 {number} 次失败，限额 {most}）]；{decision}",
    ],
  ],
  escalation_bifurcated: [
    ["failed, and it is critical", "失败，且为关键子项"],
    ["failed, and it is optional: nothing else follows", "失败，但为可选子项：不再有后续"],
  ],
  child_succeeded: [["finished after {time}; {decision}", "{time}后完成；{decision}"]],
  child_stopped: [["{exit}; {decision}", "{exit}；{decision}"]],
  backoff_scheduled: [["next attempt in {time}", "{time}后再次尝试"]],
  budget_exhausted: [['no restart is left[ for group "{name}"], the next in {time}', "[组“{name}”的]重启预算已用尽，{time}后可再重启"]],
  meltdown: [["its fuse is open: {fuse}", "熔断器已断开：{fuse}"]],
  group_fuse_triggered: [
    ['group "{name}" goes on although {fuse}', "组“{name}”继续运行，尽管{fuse}"],
    ['the fuse of group "{name}" is open: {fuse}', "组“{name}”的熔断器已断开：{fuse}"],
  ],
  group_fuse_on_trial: [['the fuse of group "{name}" lets one restart through', "组“{name}”的熔断器放行一次重启"]],
  child_restart_queued: [
    ['waits for its turn to restart[ in group "{name}"], {number} before it', "[在组“{name}”中]等待轮到它重启，前面有 {number} 个"],
  ],
  fuse_reset: [
    ["its fuse was reset by {who}: {text}", "熔断器由 {who} 复位：{text}"],
    ['its fuse and that of group "{name}" were reset by {who}: {text}', "熔断器及组“{name}”的熔断器由 {who} 复位：{text}"],
  ],
  child_restarting: [["restarting after {start}, restart {number}", "因{start}而重启，第 {number} 次重启"]],
  child_heartbeat_stale: [["no heartbeat for {time}", "{time}没有心跳"]],
  child_unhealthy: [["unhealthy: {text}", "不健康：{text}"]],
  child_lint: [
    ["runs for {time} and was never ready: see its readiness", "已运行 {time}却从未就绪：请检查其就绪设置"],
    ["beats, but was never ready in {time}: it must call ready()", "有心跳，但 {time}内从未就绪：它必须调用 ready()"],
    ["ignores for {time} that it is to stop", "{time}以来无视停止要求"],
    [
      "fails again and again after about {time}: look for a timeout, a leak or a limit around it",
      "每次约 {time}后失败：请查找相近的超时、泄漏或限制",
    ],
  ],
  child_healthy: [["healthy again", "恢复健康"]],
  child_draining: [["no longer ready ({cause}), asked to stop in {time}", "不再就绪（{cause}），{time}后要求停止"]],
  child_stopping: [["asked to stop ({cause})[, forced in {time}]", "已要求停止（{cause}）[，{time}后强制]"]],
  child_killing: [["forced to stop", "强制停止"]],
  child_abandoned: [["cannot be forced to stop; left behind, not started again until it ends", "无法强制停止；暂且放下，结束前不再启动"]],
  child_attempt_stale_report: [["a report of an attempt that is over was ignored ({text})", "已忽略一次过去尝试的报告（{text}）"]],
  child_shutdown: [
    ["was not running", "当时没有运行"],
    ["stopped in {time}", "{time}内停止"],
    ["forced to stop after {time}", "{time}后强制停止"],
    ["did not stop within {time} and cannot be forced", "{time}内没有停止，且无法强制"],
    ["ended late, after {time}", "{time}后才结束"],
  ],
  child_control_command_completed: [
    ["{command} by {who}: {text} (was so already)", "{who} 的命令“{command}”：{text}（原本如此）"],
    ["{command} by {who}: {text} (refused)", "{who} 的命令“{command}”：{text}（被拒绝）"],
    ["{command} by {who}: {text}", "{who} 的命令“{command}”：{text}"],
  ],
  child_control_operation_changed: [["{operation} by {who}: {text}", "由 {who} 改为{operation}：{text}"]],
  child_restart_fence_entered: [
    ["to be restarted by {who} when this attempt is gone: {text}", "{who} 要求重启，待此次尝试结束：{text}"],
  ],
  child_restart_fence_abort_requested: [["did not stop in time for its restart, is forced", "未能及时停止以便重启，强制停止"]],
  child_restart_fence_released: [["the attempt before is gone ({ending})", "上一次尝试已结束（{ending}）"]],
  child_restart_conflict: [["a restart was pending already when {person} asked for one", "{person} 要求重启时已有一次重启待执行"]],
  shutdown_requested: [
    ["forced shutdown by {who}: {text}", "由 {who} 强制关停：{text}"],
    ["shutdown by {who}: {text}", "由 {who} 关停：{text}"],
  ],
  shutdown_completed: [["shut down in {time}, exit code {number}", "{time}内关停，退出码 {number}"]],
};

const STARTS: Readonly<Record<string, string>> = {
  start: "启动",
  crash: "崩溃",
  completed: "完成",
  timeout: "超时",
  unhealthy: "不健康",
  sibling: "同级子项",
  dependency: "依赖",
  command: "命令",
  schedule: "计划",
  file: "文件变化",
};

const ENDINGS: Readonly<Record<string, string>> = {
  succeeded: "成功",
  cancelled: "已取消",
  killed: "被强制结束",
  failed: "失败",
  panicked: "异常",
  timed_out: "超时",
};

const UNITS: Readonly<Record<string, string>> = { ms: "毫秒", s: "秒", min: "分钟", h: "小时" };

/** Something that stands in a sentence: how it looks, and how it is said; `null` where nobody knows. */
interface Slot {
  readonly looks: string;
  readonly say?: (sent: string) => string | null;
}

const TIME: Slot = {
  looks: "\\d+(?:\\.\\d+)? (?:ms|s|min|h)",
  say: (sent) => {
    const [count = "", unit = ""] = sent.split(" ");
    return `${count} ${UNITS[unit] ?? unit}`;
  },
};
const NUMBER: Slot = { looks: "-?\\d+(?:\\.\\d+)?|Infinity", say: (sent) => sent === "Infinity" ? "不限" : sent };
const SHORT: Slot = { looks: ".*?" };

const SLOTS: Readonly<Record<string, Slot>> = {
  time: TIME,
  late: TIME,
  number: NUMBER,
  held: NUMBER,
  gone: NUMBER,
  most: NUMBER,
  be: { looks: "is|are" },
  signal: { looks: "\\w+" },
  name: SHORT,
  who: SHORT,
  why: SHORT,
  person: { looks: ".*" },
  text: { looks: ".*" },
  stream: { looks: "events|logs", say: (sent) => sent === "logs" ? "输出" : "事件" },
  sink: { looks: "the journal|the audit|output|the state", say: (sent) => known(SINKS, sent) },
  process: { looks: "a process|process \\d+", say: (sent) => sent === "a process" ? "进程" : sent.replace("process", "进程") },
  exit: { looks: "finished|cancelled|killed|failed: .*", say: (sent) => translated(EXITS, sent) },
  decision: { looks: ".*", say: (sent) => translated(DECISIONS, sent) },
  fuse: { looks: ".*", say: (sent) => translated(FUSES, sent) },
  skip: { looks: ".*", say: (sent) => translated(SKIPS, sent) },
  counts: { looks: ".*", say: sayCounts },
  start: { looks: "[a-z ]+", say: (sent) => known(STARTS, sent) },
  ending: { looks: "\\w+", say: (sent) => known(ENDINGS, sent) },
  cause: { looks: "[a-z ]+", say: (sent) => known(zh, `cause.${sent.replaceAll(" ", "_")}`) },
  operation: { looks: "\\w+", say: (sent) => known(zh, `operation.${sent}`) },
  command: { looks: "\\w+", say: (sent) => known(zh, `command.${sent}_child`) ?? known(zh, `command.${sent}`) ?? sent },
};

const SINKS: Readonly<Record<string, string>> = { "the journal": "事件日志", "the audit": "审计", output: "输出", "the state": "状态" };

function known(words: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(words, name) ? words[name] ?? null : null;
}

function sayCounts(sent: string): string | null {
  if (sent === "") return "没有变化";
  const said = sent.replace(", because it failed", "").split(", ").map((part) => translated(COUNTS, part));
  return said.includes(null) ? null : said.join("，");
}

/** What an event says, in Chinese; `null` where it says what nobody here knows. */
export function zhSentence(type: string, sent: string): string | null {
  return Object.hasOwn(SENTENCES, type) ? translated(SENTENCES[type] ?? [], sent) : null;
}

/** How a child ended, in Chinese; `null` where nobody here knows. */
export function zhExit(sent: string): string | null {
  return translated(EXITS, sent);
}

/** Patterns that were made, each when it was needed first. */
const patterns = new Map<string, RegExp>();

function translated(entries: readonly Entry[], sent: string): string | null {
  for (const [english, chinese] of entries) {
    const { groups, index } = patternOf(english).exec(sent) ?? {};
    if (index === undefined) continue;
    const said = filled(chinese, groups ?? {});
    if (said !== null) return said;
  }
  return null;
}

function patternOf(english: string): RegExp {
  let pattern = patterns.get(english);
  if (pattern === undefined) {
    const bracketed = english.replace(/[.()*+?|^$\\]/g, "\\$&").replaceAll("[", "(?:").replaceAll("]", ")?");
    const source = bracketed.replace(/\{(\w+)\}/g, (_, name: string) => `(?<${name}>${SLOTS[name]?.looks})`);
    patterns.set(english, pattern = new RegExp(`^${source}$`, "s"));
  }
  return pattern;
}

/** Puts in what was found; a bracket of which nothing was found is left out. `null` where something is not known. */
function filled(chinese: string, found: Readonly<Record<string, string | undefined>>): string | null {
  let isKnown = true;
  const put = (_: string, name: string): string => {
    const sent = found[name] ?? "";
    const said = SLOTS[name]?.say === undefined ? sent : SLOTS[name].say(sent);
    if (said === null) isKnown = false;
    return said ?? "";
  };
  const said = chinese.replace(/\[([^\]]*)\]|\{(\w+)\}/g, (whole, part: string | undefined, name: string) => {
    if (part === undefined) return put(whole, name);
    const [, first = ""] = /\{(\w+)\}/.exec(part) ?? [];
    return found[first] === undefined ? "" : part.replace(/\{(\w+)\}/g, put);
  });
  return isKnown ? said : null;
}
