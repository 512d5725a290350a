/** The API token: kept for this tab only, asked for when the origin refuses a request. */

import { promptFor } from "./dialog";
import { inTab } from "./storage";

/** What a person is told who did not give it. */
export const TOKEN_NEEDED = "This needs the API token.";

const KEY = "streamer.token";
/** What a header can carry (RFC 9110 §5.5, as `fetch` takes it). */
const SENDABLE = /^[\x20-\x7e\x80-\xff]+$/;
let question: Promise<string | null> | null = null;

/** The headers that authorise a request; empty when no token was given, or one that cannot be sent. */
export function authorisation(): Record<string, string> {
  const token = inTab.get(KEY);
  return token && SENDABLE.test(token) ? { Authorization: `Bearer ${token}` } : {};
}

/** Asks for a token, once for all requests that wait; resolves to whether one was given. */
export async function askForToken(): Promise<boolean> {
  question ??= promptFor({
    title: "API token",
    text: reason(inTab.get(KEY)),
    label: "Token",
    type: "password",
    action: "Continue",
  }).finally(() => {
    question = null;
  });
  const token = await question;
  if (!token) return false;
  inTab.set(KEY, token);
  return true;
}

function reason(before: string | null): string {
  if (before === null) return "This server asks for a token before it accepts changes.";
  return SENDABLE.test(before)
    ? "The server did not accept this token. Enter another one."
    : "This is no token: it has quotation marks or other characters that none has. Enter another one.";
}
