/** How hls.js is set up here. */

import type { HlsConfig, LoadPolicy } from "hls.js";
import { ErrorController } from "./error-controller";

/** Ahead of the viewer once all qualities are there. */
export const BUFFER_SECONDS = 30;
/** Ahead of the viewer while only the first quality is there: better ones should not have to wait. */
export const FIRST_BUFFER_SECONDS = 10;

/** As long as a source may take until it begins to answer. */
export const DEADLINE_MS = 8000;

const NO_RETRY = { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 };

/** A failed request is not repeated where it failed: the next source gets it at once. */
const ONE_TRY: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: DEADLINE_MS,
    maxLoadTimeMs: 60_000,
    timeoutRetry: NO_RETRY,
    errorRetry: NO_RETRY,
  },
};

/** The options for a stream with an expected bandwidth. It is started where the viewer is then. */
export function hlsConfig(bitsPerSecond: number | null): Partial<HlsConfig> {
  return {
    enableWorker: false,
    autoStartLoad: false,
    capLevelToPlayerSize: true,
    maxMaxBufferLength: BUFFER_SECONDS,
    backBufferLength: 60,
    manifestLoadPolicy: ONE_TRY,
    playlistLoadPolicy: ONE_TRY,
    fragLoadPolicy: ONE_TRY,
    keyLoadPolicy: ONE_TRY,
    preserveManualLevelOnError: true,
    errorController: ErrorController,
    ...(bitsPerSecond ? { abrEwmaDefaultEstimate: bitsPerSecond } : {}),
  };
}
