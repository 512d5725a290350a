/** The `points` of an SVG polyline for values, newest at the right, 0 at the bottom. */
export function sparklinePoints(
  values: readonly number[],
  { width, height, places }: { width: number; height: number; places: number },
): string {
  const highest = Math.max(...values, 1);
  const step = width / (places - 1);
  const first = width - step * (values.length - 1);
  return values
    .map((value, index) => {
      const x = first + index * step;
      const y = height - (value / highest) * height;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
