/** Finds the edge that answers fastest. */

import type { EdgeResource } from "../shared/api";

const PATIENCE_MS = 1500;

/** The edges with the first one to answer a request for this path in front. */
export async function nearestFirst(
  edges: readonly EdgeResource[],
  path: string,
): Promise<EdgeResource[]> {
  if (edges.length < 2) return [...edges];
  try {
    const nearest = await Promise.any(edges.map((edge) => answers(edge, path)));
    return [nearest, ...edges.filter((edge) => edge !== nearest)];
  } catch {
    return [...edges];
  }
}

async function answers(edge: EdgeResource, path: string): Promise<EdgeResource> {
  const response = await fetch(new URL(path, edge.url), {
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!response.ok) throw new Error(`${edge.id} answered ${response.status}`);
  return edge;
}
