/**
 * Encrypted samples: the browser decrypts them, with W3C Clear Key.
 *
 * hls.js takes the keys of SAMPLE-AES playlists for those of MPEG-TS, and keeps one set of keys for
 * each instance, which Chromium refuses to exchange while something plays. So it is told nothing of
 * them: what it appends opens as soon as the media element has the key. It gets no playlist before
 * that: an element that learns of keys while it decodes may stop for good. And a playlist whose key
 * its source does not give is one that could not be loaded: the next source is asked for both.
 */

import Hls, { type PlaylistLoaderConstructor } from "hls.js";
import { DEADLINE_MS } from "./hls-config";

const SYSTEM = "org.w3.clearkey";
const CODECS = { contentType: 'video/mp4; codecs="avc1.42e01e"' };
const KEY_TAG = /^#EXT-X-KEY:METHOD=SAMPLE-AES,.*?URI="([^"]*)".*\n/gm;
/** The answer to who holds no token for a key. */
export const FORBIDDEN = 403;

const Loader = Hls.DefaultConfig.loader;
type Load = InstanceType<typeof Loader>["load"];

/** The keys of one media element. */
export class ClearKey {
  readonly #video: HTMLVideoElement;
  readonly #onRefused: () => void;
  /** The ids of the keys that the element has: they need no token any more. */
  readonly #obtained = new Set<string>();
  /** What is being asked for, by its address. */
  readonly #asked = new Map<string, Promise<void>>();
  #keys: Promise<MediaKeys> | null = null;

  /** `onRefused` is called when a key is for others: no source gives it. */
  constructor(video: HTMLVideoElement, onRefused: () => void) {
    this.#video = video;
    this.#onRefused = onRefused;
  }

  /** What hls.js loads playlists with. */
  get playlistLoader(): PlaylistLoaderConstructor {
    const isMissing = (keyUrl: URL) => !this.#obtained.has(keyIdIn(keyUrl));
    const ask = (keyUrl: URL) => this.#ask(keyUrl);
    class PlaylistLoader extends Loader {
      #isOver = false;

      override abort(): void {
        this.#isOver = true;
        super.abort();
      }

      override destroy(): void {
        this.#isOver = true;
        super.destroy();
      }

      override load(...[context, config, callbacks]: Parameters<Load>): void {
        super.load(context, config, {
          ...callbacks,
          onSuccess: (response, stats, ...rest) => {
            const { playlist, keyUrls } = withoutKeys(String(response.data), context.url);
            const succeed = () => {
              if (this.#isOver) return;
              callbacks.onSuccess({ ...response, data: playlist }, stats, ...rest);
            };
            const fail = (error: unknown) => {
              if (this.#isOver) return;
              callbacks.onError({ code: 0, text: String(error) }, context, null, stats);
            };
            const missing = keyUrls.filter(isMissing);
            if (missing.length === 0) succeed();
            else void Promise.all(missing.map(ask)).then(succeed, fail);
          },
        });
      }
    }
    return PlaylistLoader as unknown as PlaylistLoaderConstructor;
  }

  /** Asks a source for a key, once for all playlists that wait for it. */
  #ask(keyUrl: URL): Promise<void> {
    const asked = this.#asked.get(keyUrl.href) ?? this.#obtain(keyUrl);
    this.#asked.set(keyUrl.href, asked);
    return asked.finally(() => this.#asked.delete(keyUrl.href));
  }

  async #obtain(keyUrl: URL): Promise<void> {
    const keyId = keyIdIn(keyUrl);
    const session = (await this.#lock()).createSession();
    const asking = new Promise<ArrayBuffer>((resolve) => {
      session.addEventListener("message", ({ message }) => resolve(message), { once: true });
    });
    await session.generateRequest("keyids", keyIds(keyId));
    try {
      const answer = await askForLicense(keyUrl, await asking);
      if (answer.status === FORBIDDEN) this.#onRefused();
      await session.update(await licenseIn(answer));
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#obtained.add(keyId);
  }

  #lock(): Promise<MediaKeys> {
    this.#keys ??= lock(this.#video).catch((error) => {
      this.#keys = null;
      throw error;
    });
    return this.#keys;
  }
}

/** A playlist without the keys of its samples, and where they are had. */
export function withoutKeys(text: string, url: string): { playlist: string; keyUrls: URL[] } {
  const keyUrls = [...text.matchAll(KEY_TAG)].map(([, uri]) => new URL(uri ?? "", url));
  return { playlist: text.replace(KEY_TAG, ""), keyUrls };
}

/** Init data that asks for the key of a hexadecimal id. */
export function keyIds(keyId: string): Uint8Array<ArrayBuffer> {
  const bytes = keyId.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  const text = btoa(String.fromCharCode(...bytes));
  const kid = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return new TextEncoder().encode(JSON.stringify({ kids: [kid] }));
}

function keyIdIn(keyUrl: URL): string {
  return keyUrl.searchParams.get("kid") ?? "";
}

async function lock(video: HTMLVideoElement): Promise<MediaKeys> {
  const wanted = [{ initDataTypes: ["keyids"], videoCapabilities: [CODECS] }];
  const access = await navigator.requestMediaKeySystemAccess(SYSTEM, wanted);
  const keys = await access.createMediaKeys();
  await video.setMediaKeys(keys);
  return keys;
}

/** Licenses are had beside the key, for the same token. */
function askForLicense(keyUrl: URL, request: ArrayBuffer): Promise<Response> {
  const url = new URL(`license${keyUrl.search}`, keyUrl);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  return fetch(url, { method: "POST", body: request, signal });
}

async function licenseIn(answer: Response): Promise<ArrayBuffer> {
  if (!answer.ok) throw new Error(`no license: ${answer.status}`);
  return answer.arrayBuffer();
}
