/**
 * Keys of whole segments, which outlive the hls.js that asked for them.
 *
 * Playback tokens expire while one watches: whoever has a key already needs none any more.
 */

import Hls, { LoaderContextType, type LoaderResponse } from "hls.js";

const Loader = Hls.DefaultConfig.loader;
type Load = InstanceType<typeof Loader>["load"];

export class KeptKeys {
  readonly #answers = new Map<string, LoaderResponse>();

  /** What hls.js loads keys with, and whatever else it has no other loader for. */
  get loader(): typeof Loader {
    const answers = this.#answers;
    return class extends Loader {
      override load(...[context, config, callbacks]: Parameters<Load>): void {
        if (context.type !== LoaderContextType.KEY) {
          super.load(context, config, callbacks);
          return;
        }
        const name = nameOf(context.url);
        const answer = answers.get(name);
        if (answer) {
          queueMicrotask(() => callbacks.onSuccess(answer, this.stats, context, null));
          return;
        }
        super.load(context, config, {
          ...callbacks,
          onSuccess: (response, ...rest) => {
            answers.set(name, response);
            callbacks.onSuccess(response, ...rest);
          },
        });
      }
    };
  }
}

/** What a key's URL has in common at all sources. */
function nameOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
