/** Listens to the keyboard for the whole page. */

import { type Command, commandFor } from "./keys";

/** What moves a slider that has the focus. */
const SLIDER_KEYS: ReadonlySet<string> = new Set([
  "ArrowLeft",
  "ArrowRight",
  "ArrowUp",
  "ArrowDown",
  "Home",
  "End",
  "PageUp",
  "PageDown",
]);

/** Runs the command of every keystroke that no other control wants. */
export function listenToKeys(run: (command: Command) => void): void {
  addEventListener("keydown", (event) => {
    const command = event.defaultPrevented || isTakenBy(event) ? null : commandFor(event);
    if (!command) return;
    event.preventDefault();
    run(command);
  });
}

function isTakenBy(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest("input[type=range]")) return SLIDER_KEYS.has(event.key);
  if (target.closest("input, textarea, select, dialog[open]")) return true;
  return event.key === " " && target.closest("button, a") !== null;
}
