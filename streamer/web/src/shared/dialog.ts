/** Questions to the person, in a modal dialog. */

import { el } from "./dom";

export interface Question {
  title: string;
  text: string;
  action: string;
}

/** Asks for confirmation of something that cannot be undone. */
export async function confirmed(question: Question): Promise<boolean> {
  const dialog = build(question, [], "danger");
  return (await answer(dialog)) === "yes";
}

/** Asks for one line of text; null when the person declines. */
export async function promptFor(
  question: Question & { label: string; type: "password" | "text" },
): Promise<string | null> {
  const input = el("input", {
    type: question.type,
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    id: "dialog-input",
  });
  const label = el("label", { for: "dialog-input" }, question.label);
  return (await filledIn(question, [label, input])) ? input.value.trim() : null;
}

/** Shows fields to be filled in; whether the person did. */
export async function filledIn(question: Question, fields: HTMLElement[]): Promise<boolean> {
  return (await answer(build(question, fields, "primary"))) === "yes";
}

function build(question: Question, fields: HTMLElement[], look: string): HTMLDialogElement {
  const cancel = el("button", { type: "button", class: "button" }, "Cancel");
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    el(
      "form",
      { method: "dialog" },
      el("h2", { id: "dialog-title" }, question.title),
      el("p", {}, question.text),
      ...fields,
      el(
        "div",
        { class: "dialog-actions" },
        cancel,
        el("button", { class: `button ${look}`, value: "yes" }, question.action),
      ),
    ),
  );
  cancel.addEventListener("click", () => dialog.close());
  return dialog;
}

function answer(dialog: HTMLDialogElement): Promise<string> {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
