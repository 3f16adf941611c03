// Where the points of learning curves lie: at their epochs, or at the time that training took up to them.

/** Return how many of a line's epochs have a time. */
function timedEpochs({ seconds }) {
  const end = seconds.indexOf(null);
  return end < 0 ? seconds.length : end;
}

/** Return the places of a line's points: its epochs, or the seconds to the end of each as far as these are known. */
export function placesOf(line, { epochs, byTime }) {
  return byTime ? line.seconds.slice(0, timedEpochs(line)) : epochs;
}

/** Return the places where values are read out: all epochs, or the times of the line that took longest. */
export function stopsOf(shown, lines) {
  if (!shown.byTime) return shown.epochs;
  const times = lines.map((line) => placesOf(line, shown));
  return times.reduce((longest, own) => ((own.at(-1) ?? 0) > (longest.at(-1) ?? 0) ? own : longest), []);
}

/** Return the index of a line's last point up to a place; -1 before its first and after its last one. */
export function pointAt(line, place, shown) {
  const places = placesOf(line, shown);
  if (!places.length || place > places.at(-1)) return -1;
  let [low, high] = [0, places.length]; // the places below low are not beyond, those from high are
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] <= place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
