/** A button with a menu of choices (the WAI-ARIA menu button pattern). */

import { el } from "../shared/dom";
import { type IconName, icon } from "../shared/icons";

export interface Choice {
  label: string;
  note?: string;
}

export class Menu {
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #text = el("span", { class: "menu-text" });
  readonly #list: HTMLElement;
  readonly #label: string;
  readonly #onChoose: (index: number) => void;

  /** On narrow screens the icon, if there is one, stands for the text. */
  constructor(label: string, onChoose: (index: number) => void, narrow?: IconName) {
    this.#label = label;
    this.#onChoose = onChoose;
    this.#list = el("div", { class: "menu-list", role: "menu", "aria-label": label, hidden: true });
    this.#button = el(
      "button",
      {
        type: "button",
        class: "control text",
        title: label,
        "aria-haspopup": "menu",
        "aria-expanded": "false",
      },
      narrow ? icon(narrow) : null,
      this.#text,
    );
    this.element = el("div", { class: "menu" }, this.#button, this.#list);
    this.#button.addEventListener("click", () => this.#open(Boolean(this.#list.hidden)));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) this.#open(false);
    });
  }

  /** Shows these choices, one of them chosen, and this text on the button. */
  update(text: string, choices: readonly Choice[], chosen: number): void {
    this.element.hidden = choices.length < 2;
    this.#text.textContent = text;
    this.#button.dataset.chosen = String(chosen);
    this.#button.setAttribute("aria-label", `${this.#label}: ${text}`);
    const open = !this.#list.hidden;
    const focused = this.#items().indexOf(document.activeElement as HTMLElement);
    this.#list.replaceChildren(
      ...choices.map((choice, index) => this.#item(choice, index, index === chosen)),
    );
    if (!open) return;
    this.#open(true); // it closed when the focused choice was taken away
    this.#items()[focused]?.focus();
  }

  #item({ label, note }: Choice, index: number, chosen: boolean): HTMLElement {
    const item = el(
      "button",
      { type: "button", role: "menuitemradio", "aria-checked": String(chosen), tabindex: "-1" },
      icon("check"),
      el("span", { class: "menu-label" }, label),
      note ? el("span", { class: "menu-note" }, note) : null,
    );
    item.addEventListener("click", () => {
      this.#open(false);
      this.#button.focus();
      this.#onChoose(index);
    });
    return item;
  }

  #items(): HTMLElement[] {
    return [...this.#list.querySelectorAll<HTMLElement>("[role=menuitemradio]")];
  }

  #open(open: boolean): void {
    if (this.#list.hidden !== open) return;
    this.#list.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
    if (open) this.#list.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (this.#list.hidden) return;
    const items = this.#items();
    const focused = items.indexOf(document.activeElement as HTMLElement);
    const targets: Record<string, number> = {
      ArrowDown: (focused + 1) % items.length,
      ArrowUp: (focused - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    event.stopPropagation();
    const target = targets[event.key];
    if (target !== undefined) {
      event.preventDefault();
      items[target]?.focus();
    } else if (event.key === "Escape") {
      this.#open(false);
      this.#button.focus();
    }
  }
}
