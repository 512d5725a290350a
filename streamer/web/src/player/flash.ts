/** A word in the middle of the picture that says what a key or a tap did. */

const SHOWN_MS = 700;

/** The function that shows a word in this element for a moment. */
export function flashIn(element: HTMLElement): (text: string) => void {
  let timer = 0;
  return (text) => {
    element.textContent = text;
    element.classList.add("on");
    clearTimeout(timer);
    timer = window.setTimeout(() => element.classList.remove("on"), SHOWN_MS);
  };
}
