/** Short messages at the edge of the page, read out by screen readers. */

import { el } from "./dom";

const SHOWN_MS = 7000;
let region: HTMLElement | null = null;

/** Shows a message for a few seconds. */
export function toast(message: string, kind: "error" | "info" = "info"): void {
  region ??= document.body.appendChild(
    el("div", { class: "toasts", role: "status", "aria-live": "polite" }),
  );
  const note = el("p", { class: `toast ${kind}` }, message);
  region.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}

/** Shows what went wrong. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), "error");
}
