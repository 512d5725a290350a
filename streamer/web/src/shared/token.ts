/** The API token: kept for this tab only, asked for when the origin refuses a request. */

import { promptFor } from "./dialog";
import { inTab } from "./storage";

const KEY = "streamer.token";
let question: Promise<string | null> | null = null;

/** The headers that authorise a request; empty when no token was given. */
export function authorisation(): Record<string, string> {
  const token = inTab.get(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Asks for a token, once for all requests that wait; resolves to whether one was given. */
export async function askForToken(): Promise<boolean> {
  const refused = inTab.get(KEY) !== null;
  question ??= promptFor({
    title: "API token",
    text: refused
      ? "The server did not accept this token. Enter another one."
      : "This server asks for a token before it accepts changes.",
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
