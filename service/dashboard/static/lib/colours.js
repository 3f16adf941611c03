// The colours of heat maps.

// cividis, the colours of the API's heat maps: lightness rises evenly, for every eye and in grey.
export const CIVIDIS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];
/** Above this, black text has more contrast than white. */
const BRIGHT = 0.179;

/** Return the background of a share between 0 and 1, and a text colour that stands out from it. */
export function heatColours(share) {
  const place = share * (CIVIDIS.length - 1);
  const index = Math.min(CIVIDIS.length - 2, Math.floor(place));
  const [from, to] = [rgb(CIVIDIS[index]), rgb(CIVIDIS[index + 1])];
  const mixed = from.map((part, channel) => Math.round(part + (to[channel] - part) * (place - index)));
  return { background: `rgb(${mixed.join(" ")})`, color: luminance(mixed) > BRIGHT ? "#000" : "#fff" };
}

function rgb(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

/** Relative luminance by WCAG 2.1. */
function luminance(colour) {
  const [red, green, blue] = colour
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
