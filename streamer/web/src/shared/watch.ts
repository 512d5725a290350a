/** Follows a video until its state is final: server-sent events, or polling where they fail. */

import { eventsPath, getVideo, isMissing } from "./api";
import { isFinal, type VideoResource } from "./video";

const POLL_MS = 1500;
/** Browsers open six connections to one HTTP/1.1 origin; uploads need some of them. */
const MOST_STREAMS = 3;
let streams = 0;

export interface VideoWatcher {
  onChange: (video: VideoResource) => void;
  onGone: () => void;
}

/** Reports each change of the video; returns the function that stops it. */
export function watchVideo(id: string, watcher: VideoWatcher): () => void {
  let stop = () => {};
  const relay: VideoWatcher = {
    onChange(video) {
      if (isFinal(video)) stop();
      watcher.onChange(video);
    },
    onGone() {
      stop();
      watcher.onGone();
    },
  };
  const poll = () => {
    stop = pollVideo(id, relay);
  };
  if (streams < MOST_STREAMS) stop = streamVideo(id, relay, poll);
  else poll();
  return () => stop();
}

function streamVideo(id: string, watcher: VideoWatcher, onFailure: () => void): () => void {
  const source = new EventSource(eventsPath(id));
  let counted = 1;
  streams += counted;
  const close = () => {
    source.close();
    streams -= counted;
    counted = 0;
  };
  source.addEventListener("video", (event) => watcher.onChange(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    close();
    onFailure();
  });
  return close;
}

function pollVideo(id: string, watcher: VideoWatcher): () => void {
  let timer = 0;
  let stopped = false;
  let seen = "";
  const ask = async () => {
    try {
      const video = await getVideo(id);
      if (stopped) return;
      const text = JSON.stringify(video);
      if (text !== seen) watcher.onChange(video);
      seen = text;
    } catch (error) {
      if (stopped) return;
      if (isMissing(error)) return watcher.onGone();
    }
    if (!stopped) timer = window.setTimeout(ask, POLL_MS);
  };
  void ask();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
