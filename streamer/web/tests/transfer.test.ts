import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Transfer, type TransferListener } from "../src/library/transfer";

/** Who is asked for the token, and gives it or not. */
const person = { answer: Promise.resolve(false), questions: 0 };

/** A request of a browser, which gets its answer when the test says so. */
class Request extends EventTarget {
  static sent: Request[] = [];
  readonly upload = new EventTarget();
  status = 0;
  responseText = "";
  onload = () => {};
  onerror = (_error: Error) => {};

  open(): void {}

  setRequestHeader(): void {}

  getResponseHeader(): null {
    return null;
  }

  send(): void {
    Request.sent.push(this);
    sent();
  }

  abort(): void {
    this.dispatchEvent(new Event("loadend"));
  }

  /** Ends it, without a connection for status 0. */
  async answer(status: number): Promise<void> {
    this.status = status;
    if (status) this.onload();
    else this.onerror(new Error("no connection"));
    await callbacks(); // a browser, too, runs what waits for the answer before it tells of the end
    this.dispatchEvent(new Event("loadend"));
    await callbacks();
  }
}

let sent = () => {};
const told: string[] = [];

/** Returns once everything ran that waits for nothing else. */
function callbacks(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function nextRequest(): Promise<void> {
  return new Promise((resolve) => {
    sent = resolve;
  });
}

async function beginning(): Promise<[Transfer, Request]> {
  const events = ["onProgress", "onCreated", "onWaiting", "onDone", "onError", "onUnreadable"];
  const listener = {
    ...Object.fromEntries(
      [...events, "onUnauthorised"].map((event) => [event, () => told.push(event)]),
    ),
    askForToken() {
      person.questions += 1;
      return person.answer;
    },
  } as unknown as TransferListener;
  const transfer = new Transfer(new File(["abc"], "a.mp4"), listener);
  const creation = nextRequest();
  await transfer.start();
  await creation;
  return [transfer, Request.sent[0] as Request];
}

beforeEach(() => {
  vi.stubGlobal("XMLHttpRequest", Request);
  person.answer = Promise.resolve(true);
  person.questions = 0;
  Request.sent = [];
  told.length = 0;
});

afterEach(() => vi.unstubAllGlobals());

test.each([401, 403, 503, 0])(
  "nobody is told that a stopped upload was refused: %i",
  async (status) => {
    const [transfer, creation] = await beginning();
    const cancelled = transfer.cancel();
    await creation.answer(status);
    await cancelled;
    expect(Request.sent).toHaveLength(1);
    expect(person.questions).toBe(0);
    expect(told).toEqual([]);
  },
);

test.each([true, false])(
  "a token that comes after the end of an upload begins no other: %s",
  async (isGiven) => {
    let reply = (_isGiven: boolean) => {};
    person.answer = new Promise((resolve) => {
      reply = resolve;
    });
    const [transfer, creation] = await beginning();
    await creation.answer(401);
    expect(person.questions).toBe(1);
    await transfer.cancel();
    reply(isGiven);
    await callbacks();
    expect(Request.sent).toHaveLength(1);
    expect(told).toEqual([]);
  },
);

test("an upload goes on once the token is given", async () => {
  const [, creation] = await beginning();
  const again = nextRequest();
  await creation.answer(401);
  await again;
  expect(person.questions).toBe(1);
  expect(Request.sent).toHaveLength(2);
});

test("an upload that is hurried twice begins once", async () => {
  const [transfer, creation] = await beginning();
  await creation.answer(503);
  transfer.hurry();
  await Promise.resolve();
  transfer.hurry();
  await callbacks();
  expect(Request.sent).toHaveLength(2);
});

test("an upload that just began its next try by itself is not hurried", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const [transfer, creation] = await beginning();
  await creation.answer(503);
  vi.runOnlyPendingTimers();
  transfer.hurry();
  vi.useRealTimers();
  await callbacks();
  expect(Request.sent).toHaveLength(2);
});
