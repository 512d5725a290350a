/** One resumable upload (tus 1.0.0). The same file chosen again continues where it stopped. */

import type { DetailedError, HttpRequest, HttpResponse, Upload } from "tus-js-client";
import { authorisation } from "../shared/token";
import { claim } from "./interrupted";
import { watchSilence } from "./silence";

const ENDPOINT = "/api/v1/uploads";
/** For two days: as long as the origin keeps what was sent. */
const RETRY_DELAYS_MS = [0, 1000, 3000, 5000, 10_000, ...Array<number>(8640).fill(20_000)];

export interface TransferListener {
  onProgress: (sentBytes: number, totalBytes: number) => void;
  /** The origin knows the upload, which has the video's id. */
  onCreated: (videoId: string) => void;
  /** Nothing moves at the moment, and it goes on by itself. */
  onWaiting: (reason: string) => void;
  onDone: (videoId: string) => void;
  onError: (message: string) => void;
  /** Resolves to whether the person gave the token that the origin wants. */
  askForToken: () => Promise<boolean>;
  /** The person did not give it. */
  onUnauthorised: () => void;
  /** The file is gone or was changed since it was chosen: nothing more of it can be sent. */
  onUnreadable: () => void;
}

class OffsetUnknown extends Error {
  constructor(readonly originalResponse: HttpResponse) {
    super("the server does not say how much it has");
  }
}

export class Transfer {
  readonly #file: File;
  readonly #listener: TransferListener;
  #upload: Upload | null = null;
  #wanted = false;
  #waits = false;
  /** Resolves once no upload is being created: one that was cut off then would stay, and nobody would know of it. */
  #creation: Promise<void> = Promise.resolve();
  #videoId = "";
  #release = () => {};

  constructor(file: File, listener: TransferListener) {
    this.#file = file;
    this.#listener = listener;
  }

  /** Starts, or goes on after a pause or an error. */
  async start(): Promise<void> {
    this.#wanted = true;
    if (!(await this.#isReadable())) return;
    this.#upload ??= await this.#prepare();
    await this.#begin();
  }

  /** Tries again at once, if it waits for its next try. */
  hurry(): void {
    if (this.#waits) void this.#begin();
  }

  /** Stops sending; what was sent stays. */
  async pause(): Promise<void> {
    await this.#stop(false);
  }

  /** Stops and lets the origin forget what was sent. */
  async cancel(): Promise<void> {
    await this.#stop(true).finally(() => this.#release());
  }

  async #begin(): Promise<void> {
    await this.#creation;
    if (!this.#wanted) return;
    void this.#upload?.abort();
    this.#upload?.start();
  }

  async #stop(forget: boolean): Promise<void> {
    this.#wanted = false;
    await this.#creation;
    if (!this.#wanted) await this.#upload?.abort(forget);
  }

  async #prepare(): Promise<Upload> {
    const tus = await import("tus-js-client");
    const upload = new tus.Upload(this.#file, {
      endpoint: ENDPOINT,
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      metadata: {
        filename: this.#file.name,
        title: titleOf(this.#file.name),
        filetype: this.#file.type,
      },
      onBeforeRequest: (request) => {
        for (const [name, value] of Object.entries(authorisation())) request.setHeader(name, value);
        this.#follow(request);
      },
      onAfterResponse(request, response) {
        // tus-js-client takes any refusal to tell the offset for the end of the upload, and would create another.
        if (request.getMethod() === "HEAD" && !isTelling(response.getStatus())) {
          throw new OffsetUnknown(response);
        }
      },
      fingerprint: (file, options) => {
        // The first thing of every try, whoever begins it: two at the same time would send everything twice.
        this.#waits = false;
        return tus.defaultOptions.fingerprint(file, options);
      },
      onShouldRetry: (error) => {
        if (!this.#wanted) return false;
        // Browsers tell of a file that cannot be read as of a connection that broke.
        if (statusOf(error) === 0) void this.#isReadable();
        this.#waits = isPassing(statusOf(error));
        if (this.#waits) this.#listener.onWaiting(reasonToWait(error));
        return this.#waits;
      },
      onProgress: (sent, total) => this.#listener.onProgress(sent, total ?? 0),
      onUploadUrlAvailable: () => this.#created(videoIdOf(upload)),
      onSuccess: () => {
        this.#release();
        this.#listener.onDone(videoIdOf(upload));
      },
      onError: (error) => void this.#fail(error),
    });
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
    return upload;
  }

  #created(videoId: string): void {
    if (videoId !== this.#videoId) {
      this.#release();
      this.#release = claim(videoId);
      this.#videoId = videoId;
    }
    this.#listener.onCreated(videoId);
  }

  #follow(request: HttpRequest): void {
    const sent: XMLHttpRequest = request.getUnderlyingObject();
    if (request.getMethod() === "POST") {
      this.#creation = new Promise((resolve) => sent.addEventListener("loadend", () => resolve()));
    }
    if (!this.#wanted) return;
    watchSilence(sent, {
      onStill: () => this.#listener.onWaiting("Waiting for the server…"),
      onDead: () => {
        sent.abort();
        void this.#begin();
      },
    });
  }

  /** Whether the file can be read; ends the upload if it cannot. */
  async #isReadable(): Promise<boolean> {
    try {
      await this.#file.slice(0, 1).arrayBuffer();
      return true;
    } catch (error) {
      const isGone = error instanceof DOMException && error.name === "NotFoundError";
      // What was sent of a file that is back later can be continued, of a changed one it cannot.
      const end = isGone ? this.pause() : this.cancel();
      this.#listener.onUnreadable();
      await end.catch(() => {});
      this.#release();
      return false;
    }
  }

  /** A failed creation, which is waited for, is nobody's business any more once the upload was stopped. */
  async #fail(error: Error | DetailedError): Promise<void> {
    if (!this.#wanted) return;
    if (statusOf(error) !== 401) {
      this.#listener.onError(messageOf(error));
      return;
    }
    const isGiven = await this.#listener.askForToken();
    if (!this.#wanted) return;
    if (isGiven) await this.start();
    else this.#listener.onUnauthorised();
  }
}

/** A file's name as a title: without its extension, with spaces. */
export function titleOf(filename: string): string {
  const stem = filename.replace(/\.[^.]{1,5}$/, "");
  return stem.replaceAll(/[_\s]+/g, " ").trim() || filename;
}

/** Whether the same request may succeed later: no answer, a conflict of offsets, too many requests, or the server's own trouble. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
}

/** Whether an answer to HEAD says where an upload is, or that there is none any more. */
function isTelling(status: number): boolean {
  return status < 300 || status === 404 || status === 410;
}

function videoIdOf(upload: Upload): string {
  return new URL(upload.url ?? "", location.href).pathname.split("/").at(-1) ?? "";
}

/** The answer that an error tells of, or the error that caused it. */
function responseOf(error: Error | DetailedError | OffsetUnknown | null): HttpResponse | null {
  if (!error || !("originalResponse" in error)) return null;
  return (
    error.originalResponse ?? ("causingError" in error ? responseOf(error.causingError) : null)
  );
}

function statusOf(error: Error | DetailedError): number {
  return responseOf(error)?.getStatus() ?? 0;
}

function reasonToWait(error: Error | DetailedError): string {
  return statusOf(error)
    ? `Waiting for the server… ${messageOf(error)}`
    : "Waiting for the connection…";
}

function messageOf(error: Error | DetailedError): string {
  try {
    return JSON.parse(responseOf(error)?.getBody() ?? "").detail ?? "The server refused the file.";
  } catch {
    return statusOf(error)
      ? `The server answered ${statusOf(error)}.`
      : "The connection broke. Nothing that was sent is lost.";
  }
}
