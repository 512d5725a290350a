import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NativeStream } from "../src/player/native-stream";
import { type Source, SourceRing } from "../src/player/sources";
import type { StreamEvents } from "../src/player/stream";

/** What a media element does that is given a source, or loses it (HTML §4.8.11.5). */
class Element extends EventTarget {
  readonly HAVE_NOTHING = 0;
  readyState = 0;
  error: object | null = null;
  paused = true;
  currentTime = 0;
  playbackRate = 1;
  defaultPlaybackRate = 1;
  #src: string | null = null;

  get src(): string {
    return this.#src ?? "";
  }

  set src(url: string) {
    this.#src = url;
    this.load();
  }

  hasAttribute(): boolean {
    return this.#src !== null;
  }

  removeAttribute(): void {
    this.#src = null;
  }

  load(): void {
    this.error = null;
    this.readyState = 0;
    this.paused = true;
    this.currentTime = 0;
  }

  arrive(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("loadedmetadata"));
  }

  async play(): Promise<void> {
    if (!this.paused) return;
    this.paused = false;
    this.dispatchEvent(new Event("play"));
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }

  fail(): void {
    this.error = {};
    this.pause();
    this.dispatchEvent(new Event("error"));
  }
}

function playing(): [Element, NativeStream] {
  const element = new Element();
  const sources = ["eu", "us"].map((name) => ({ url: `https://${name}.example` }) as Source);
  const stream = new NativeStream(element as unknown as HTMLVideoElement, new SourceRing(sources), {
    onFailover() {},
  } as StreamEvents);
  stream.start(0);
  void element.play();
  return [element, stream];
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what played plays on at the next source", () => {
  const [element] = playing();
  element.fail();
  vi.runAllTimers();
  expect(element.src).toBe("https://us.example");
  expect(element.paused).toBe(false);
});

test("what the viewer paused before the next source stays paused", () => {
  const [element] = playing();
  element.fail();
  element.pause();
  vi.runAllTimers();
  expect(element.src).toBe("https://us.example");
  expect(element.paused).toBe(true);
});

test("a stream that was stopped before the next source does not start by itself", () => {
  const [element, stream] = playing();
  element.fail();
  stream.stop();
  vi.runAllTimers();
  expect(element.hasAttribute()).toBe(false);
});

test("the viewer's place outlasts sources that give nothing", () => {
  const [element] = playing();
  element.arrive();
  element.currentTime = 9;
  for (let failure = 0; failure < 3; failure += 1) {
    element.fail();
    vi.runAllTimers();
  }
  element.arrive();
  expect(element.currentTime).toBe(9);
});
