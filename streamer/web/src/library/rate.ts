/** How fast an upload goes, from what it sent in the last seconds. */

const WINDOW_MS = 8000;

export interface Sample {
  /** Milliseconds of any monotonic clock. */
  at: number;
  sent: number;
}

/** The samples with a new one, without those that are too old to matter. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples.filter((old) => sample.at - old.at <= WINDOW_MS), sample];
}

/** Bytes a second over the samples; null until they tell. */
export function bytesPerSecond(samples: readonly Sample[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < 500) return null;
  const rate = ((last.sent - first.sent) * 1000) / (last.at - first.at);
  return rate > 0 ? rate : null;
}
