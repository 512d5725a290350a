/** The library page: upload, search, and the grid of videos. */

import "../styles/library.css";
import { fetchFromUrl } from "../shared/api";
import { byId } from "../shared/dom";
import { icon } from "../shared/icons";
import { bindThemeButton } from "../shared/theme";
import { toastError } from "../shared/toast";
import { acceptDrops } from "./drop";
import { Grid } from "./grid";
import { UploadList } from "./uploads";

const SEARCH_PAUSE_MS = 250;

const grid = new Grid({
  list: byId("videos"),
  more: byId<HTMLButtonElement>("more"),
  empty: byId("empty"),
  nothingFound: byId("nothing-found"),
});

const uploads = new UploadList(byId("uploads"), {
  onCreated: (id) => grid.hide(id),
  onDone: (id) => void grid.reveal(id),
});

bindThemeButton(byId<HTMLButtonElement>("theme"));
byId("drop-icon").append(icon("upload"));
byId("search-icon").append(icon("search"));
byId("empty-icon").append(icon("film"));
bindFileChooser(byId<HTMLInputElement>("files"));
bindUrlForm(byId<HTMLFormElement>("fetch-url"));
bindSearch(byId<HTMLInputElement>("search"));
acceptDrops(byId("drop"), (files) => uploads.add(files));
void grid.search("");

function bindFileChooser(input: HTMLInputElement): void {
  input.addEventListener("change", () => {
    uploads.add(input.files ?? []);
    input.value = "";
  });
}

function bindUrlForm(form: HTMLFormElement): void {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = byId<HTMLInputElement>("url");
    try {
      grid.addFirst(await fetchFromUrl(input.value.trim()));
      form.reset();
    } catch (error) {
      toastError(error);
    }
  });
}

function bindSearch(input: HTMLInputElement): void {
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void grid.search(input.value.trim()), SEARCH_PAUSE_MS);
  });
}
