/** process-compose's tests of its runner (src/app: system, regressions, probes, times, broadcaster, watch), case by case. */
import { type PeerCase, registerCases } from "./helpers.ts";
import { CASES as ORDER } from "./process_compose/order.ts";
import { CASES as RESTART } from "./process_compose/restart.ts";
import { CASES as STREAM } from "./process_compose/stream.ts";
import { CASES as WATCH } from "./process_compose/watch.ts";

const CASES: readonly PeerCase[] = [...RESTART, ...ORDER, ...STREAM, ...WATCH];

/** The cases, by file. */
const NAMES: Readonly<Record<string, string>> = {
  restart_pending_regression_test: `TestRestartWhilePendingOnDependency TestStopDuringRestartCancelsTheRestart
    TestStopWhilePendingReleasesTheProcess TestRestartWhilePendingPrematureProjectShutdown`,
  races: `ConcurrentRestartRaceCondition TerminatingWithOrphanedChildHoldingPipe StartProcessResetsStaleTerminatingState`,
  system_test: `TestSystem_TestFixtures TestSystem_TestComposeWithLog TestSystem_TestComposeChain TestSystem_TestComposeChainExit
    TestSystem_TestComposeCircular TestSystem_TestComposeScale TestSystem_TestTransitiveDependency TestSystem_TestProcListToRun
    TestSystem_TestProcListShutsDownInOrder TestSystem_TestProcShutDownNoRestart TestSystem_TestProcShutDownWithConfiguredTimeOut
    TestSystem_TestReadyLine TestUpdateProject TestSystem_TestRestartingProcessShutDown TestSystem_WaitForStartShutDown
    TestSystem_TestEnvCmds TestSystem_TestLogTruncate`,
  update_ready_regression_test: "TestUpdateProcessReadyLogLineHealthyDependentFailsWithoutHanging",
  probe_restart_test: "TestReadinessProbeRestart TestLivenessProbeRestart",
  process_timing_test: `TestSetProcHealth_SetsReadyTimeOnce TestSetProcHealth_NotReadyDoesNotSetTime
    TestSetProcHealth_ConcurrentReadyNoRace`,
  project_runner_test: `TestProject_GetDependenciesOrderNames TestProjectRunner_GetProjectName TestProjectRunner_EnvironmentExpansion`,
  state_broadcaster_test: `TestBroadcaster_SubscribeAndPublish TestBroadcaster_SubscribeWithSnapshot TestBroadcaster_Unsubscribe
    TestBroadcaster_SnapshotAtomicWithSubscribe TestBroadcaster_ConcurrentPublish TestBroadcaster_NilSnapshotFunc TestBroadcaster_Close`,
  watch_test: `TestWatch_RestartsProcessOnFileChange TestWatch_CascadeRestartsDependentsInOrder TestWatch_NoCascadeLeavesDependentAlone
    TestWatch_ExitOnEndSurvivesRestart TestWatch_ProcessStateIsWatching TestWatch_NoWatchFlagDisablesEverything
    TestWatch_StoppedProcessIsNotRestarted TestWatch_StopDisarmsWatchingProcess TestWatch_StartResumesPausedWatch`,
};

registerCases("process-compose", Object.values(NAMES).flatMap((names) => names.split(/\s+/)), CASES);
