/**
 * Encrypted samples: the browser decrypts them, with W3C Clear Key.
 *
 * hls.js takes the keys of SAMPLE-AES playlists for those of MPEG-TS, and keeps one set of keys for
 * each instance, which Chromium refuses to exchange while something plays. So it is told nothing of
 * them: what it appends opens as soon as the media element has the key. It gets no playlist before
 * the element can have keys at all: one that learns of them while it decodes may stop for good.
 */

import Hls, { type PlaylistLoaderConstructor } from "hls.js";

const SYSTEM = "org.w3.clearkey";
const CODECS = { contentType: 'video/mp4; codecs="avc1.42e01e"' };
const KEY_TAG = /^#EXT-X-KEY:METHOD=SAMPLE-AES,.*?URI="([^"]*)".*\n/gm;
const RETRY_PAUSE_MS = 4000;
/** The answer to who holds no token for a key. */
export const FORBIDDEN = 403;

const Loader = Hls.DefaultConfig.loader;
type Load = InstanceType<typeof Loader>["load"];

/** The keys of one media element. */
export class ClearKey {
  readonly #video: HTMLVideoElement;
  readonly #onRefused: () => void;
  readonly #asked = new Set<string>();
  #keys: Promise<MediaKeys> | null = null;
  #isClosed = true;

  /** `onRefused` is called when a key is for others: it is not asked for again. */
  constructor(video: HTMLVideoElement, onRefused: () => void) {
    this.#video = video;
    this.#onRefused = onRefused;
  }

  /** What hls.js loads playlists with. */
  get playlistLoader(): PlaylistLoaderConstructor {
    const read = (text: string, url: string) => this.#read(text, url);
    const locked = () => this.#keys;
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
          onSuccess: (response, ...rest) => {
            const { data } = response;
            if (typeof data === "string") response.data = read(data, context.url);
            const succeed = () => {
              if (!this.#isOver) callbacks.onSuccess(response, ...rest);
            };
            const keys = locked();
            if (keys) void keys.then(succeed, succeed);
            else succeed();
          },
        });
      }
    }
    return PlaylistLoader as unknown as PlaylistLoaderConstructor;
  }

  /** Asks for the keys of what is read from now on. */
  open(): void {
    this.#isClosed = false;
  }

  /** Asks for nothing any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Asks for the keys of a playlist; returns it without them. */
  #read(text: string, url: string): string {
    const { playlist, keyUrls } = withoutKeys(text, url);
    for (const keyUrl of keyUrls) void this.#obtain(keyUrl);
    return playlist;
  }

  async #obtain(keyUrl: URL): Promise<void> {
    const keyId = keyUrl.searchParams.get("kid") ?? "";
    if (this.#isClosed || this.#asked.has(keyId)) return;
    this.#asked.add(keyId);
    try {
      this.#keys ??= lock(this.#video);
      const session = (await this.#keys).createSession();
      const asking = new Promise<ArrayBuffer>((resolve) => {
        session.addEventListener("message", ({ message }) => resolve(message), { once: true });
      });
      await session.generateRequest("keyids", keyIds(keyId));
      const answer = await askForLicense(keyUrl, await asking);
      if (answer.status === FORBIDDEN) this.#onRefused();
      else await session.update(await licenseIn(answer));
    } catch {
      // Its edge may be gone: then a playlist of the next one asks before this does again.
      this.#asked.delete(keyId);
      setTimeout(() => this.#obtain(keyUrl), RETRY_PAUSE_MS);
    }
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
  return fetch(url, { method: "POST", body: request });
}

async function licenseIn(answer: Response): Promise<ArrayBuffer> {
  if (!answer.ok) throw new Error(`no license: ${answer.status}`);
  return answer.arrayBuffer();
}
