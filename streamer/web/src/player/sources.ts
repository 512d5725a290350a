/** Where the stream can be loaded from, best first, and what to do when a source fails. */

import type { EdgeResource } from "../shared/api";

export interface Source {
  url: string;
  /** The region of the edge; null for the origin itself. */
  region: string | null;
}

export interface Wish {
  /** `?edge=`: the address of an edge. */
  edge: string | null;
  /** `?region=` */
  region: string | null;
}

const LONGEST_PAUSE_MS = 8000;

/** The edges that may be used for a wish: exactly those it names, or all when it names none that lives. */
export function eligibleEdges(edges: readonly EdgeResource[], wish: Wish): EdgeResource[] {
  const named = edges.filter(
    (edge) => sameOrigin(edge.url, wish.edge) || (!wish.edge && edge.region === wish.region),
  );
  return named.length > 0 ? named : [...edges];
}

/** The sources for a playback URL: the edges in this order, then the origin. */
export function sourcesFor(playbackUrl: URL, edges: readonly EdgeResource[]): Source[] {
  const path = playbackUrl.pathname + playbackUrl.search;
  return [
    ...edges.map((edge) => ({ url: new URL(path, edge.url).href, region: edge.region })),
    { url: playbackUrl.href, region: null },
  ];
}

/** Goes round the sources; waits longer each time all of them failed in a row. */
export class SourceRing {
  readonly #sources: readonly Source[];
  #index = 0;
  #failures = 0;

  /** `sources` must not be empty. */
  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  get size(): number {
    return this.#sources.length;
  }

  get current(): Source {
    const source = this.#sources[this.#index];
    if (!source) throw new RangeError("a ring needs a source");
    return source;
  }

  /** Something arrived: earlier failures do not count any more. */
  succeed(): void {
    this.#failures = 0;
  }

  /** Moves to the next source; returns how many milliseconds to wait before using it. */
  fail(): number {
    this.#failures += 1;
    this.#index = (this.#index + 1) % this.#sources.length;
    const rounds = Math.floor(this.#failures / this.#sources.length);
    return rounds === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, 250 * 2 ** rounds);
  }
}

function sameOrigin(url: string, wished: string | null): boolean {
  return wished !== null && URL.canParse(wished) && new URL(wished).origin === new URL(url).origin;
}
