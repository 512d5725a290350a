/** The video element with the limits of a stream that may still grow. */

export const SPEEDS: readonly number[] = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

export class Playback {
  readonly video: HTMLVideoElement;
  #expectedSeconds = 0;
  #isSought = false;

  constructor(video: HTMLVideoElement) {
    this.video = video;
    video.addEventListener("emptied", () => {
      this.#isSought = false;
    });
  }

  /** Says how long the whole video is, which the part that is packaged cannot tell. */
  expect(durationSeconds: number | null): void {
    this.#expectedSeconds = durationSeconds ?? 0;
  }

  /** The whole length in seconds; 0 before it is known. */
  get durationSeconds(): number {
    const loaded = Number.isFinite(this.video.duration) ? this.video.duration : 0;
    return Math.max(this.#expectedSeconds, loaded);
  }

  /** How far one can seek, in seconds: the end of what is packaged. */
  get availableSeconds(): number {
    const { seekable } = this.video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
  }

  /** How much is buffered ahead of the viewer, in seconds. */
  get bufferedSeconds(): number {
    const { buffered, currentTime } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      const holds =
        buffered.start(index) <= currentTime + 0.1 && currentTime <= buffered.end(index);
      if (holds) return buffered.end(index) - currentTime;
    }
    return 0;
  }

  /** Whether the element is where the viewer is: media that neither played nor were sought in are at their beginning. */
  get isUnderWay(): boolean {
    return this.#isSought || this.video.played.length > 0;
  }

  /** Plays or pauses. */
  toggle(): void {
    if (this.video.paused) void this.play();
    else this.video.pause();
  }

  /** Plays; resolves to whether the browser allowed it. */
  async play(): Promise<boolean> {
    try {
      await this.video.play();
      return true;
    } catch (error) {
      return !(error instanceof DOMException && error.name === "NotAllowedError");
    }
  }

  seekTo(seconds: number): void {
    this.#isSought = this.availableSeconds > 0;
    this.video.currentTime = Math.min(Math.max(0, seconds), this.availableSeconds);
  }

  seekBy(seconds: number): void {
    this.seekTo(this.video.currentTime + seconds);
  }

  /** Changes the volume; returns the new one, 0–1. */
  volumeBy(step: number): number {
    const volume = Math.min(1, Math.max(0, this.video.volume + step));
    this.video.volume = Math.round(volume * 100) / 100;
    this.video.muted = volume === 0;
    return this.video.volume;
  }

  /** Moves through `SPEEDS`; returns the new speed. */
  speedBy(steps: number): number {
    const index = SPEEDS.indexOf(this.video.playbackRate) + steps;
    this.video.playbackRate = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, index))] ?? 1;
    return this.video.playbackRate;
  }

  /** Shows or hides text of these kinds; returns whether it shows now, null when there is none. */
  toggleCaptions(kinds: readonly TextTrackKind[]): boolean | null {
    const tracks = [...this.video.textTracks].filter(({ kind }) => kinds.includes(kind));
    const [first] = tracks;
    if (!first) return null;
    const showing = tracks.some((track) => track.mode === "showing");
    for (const track of tracks) track.mode = "hidden";
    if (!showing) first.mode = "showing";
    return !showing;
  }
}
