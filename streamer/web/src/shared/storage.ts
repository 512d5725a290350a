/** Texts that the browser keeps for the pages; those it refuses to keep last until the page is left. */

export class TextStorage {
  readonly #open: () => Storage;
  readonly #refused = new Map<string, string>();

  /** `open` throws where the person blocks site data. */
  constructor(open: () => Storage) {
    this.#open = open;
  }

  /** The text that a key has; null for none. */
  get(key: string): string | null {
    return this.#refused.get(key) ?? this.#storage()?.getItem(key) ?? null;
  }

  /** Gives a key a text. */
  set(key: string, text: string): void {
    try {
      this.#open().setItem(key, text);
      this.#refused.delete(key);
    } catch {
      this.#refused.set(key, text);
    }
  }

  /** All keys with their texts. */
  entries(): [key: string, text: string][] {
    return Object.entries({ ...this.#storage(), ...Object.fromEntries(this.#refused) });
  }

  #storage(): Storage | null {
    try {
      return this.#open();
    } catch {
      return null;
    }
  }
}

/** Kept for good. */
export const inBrowser = new TextStorage(() => localStorage);
/** Kept for this tab only. */
export const inTab = new TextStorage(() => sessionStorage);
