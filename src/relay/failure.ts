/** What clients are told of a target that gave no answer, or refused. */
import { cleanText } from "../base/mod.ts";
import { DashboardError } from "../client/mod.ts";
import { TargetAwayError } from "./target_link.ts";
import type { RelayError } from "./wire.ts";

/** Longest code, and longest sentence, that is passed on, in characters. */
const LONGEST_CODE = 128;
const LONGEST_MESSAGE = 1_024;

/** What there is to say of a failure. */
export type Failure = Pick<RelayError, "code" | "stage" | "message" | "retryable">;

const AWAY: Failure = {
  code: "ipc_connect_failed",
  stage: "ipc_connect",
  message: "the target cannot be reached, or does not answer",
  retryable: true,
};

/** It may have been sent, and done. */
const UNKNOWN: Failure = {
  code: "outcome_unknown",
  stage: "ipc_response",
  message: "the target did not answer: whether it was done is not known",
  retryable: false,
};

/** The words of the target where it refused; else words that name no place of this machine: the rest is for the log. */
export function failureOf(error: unknown, isCommand: boolean): Failure {
  if (error instanceof DashboardError) {
    const { code, stage, message, retryable } = error.wire;
    return {
      code: cleanText(code, LONGEST_CODE),
      stage: cleanText(stage, LONGEST_CODE),
      message: cleanText(message, LONGEST_MESSAGE),
      retryable,
    };
  }
  return isCommand && !(error instanceof TargetAwayError) ? UNKNOWN : AWAY;
}

/** The error inside of a result, which is as long as its target likes. */
export function boundedError(error: object): object {
  const { code, stage, target_id: targetId, message, retryable }: Record<string, unknown> = { ...error };
  return {
    code: cleanText(String(code ?? "failed"), LONGEST_CODE),
    stage: typeof stage === "string" ? cleanText(stage, LONGEST_CODE) : null,
    target_id: typeof targetId === "string" ? cleanText(targetId, 256) : null,
    message: cleanText(String(message ?? ""), LONGEST_MESSAGE),
    retryable: retryable === true,
  };
}
