// The colours that stand for numbers.

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
// Parts of plasma, from the worst to the best, of which every colour stands out from the theme's ground by 3 to 1.
export const LINE_COLOURS = {
  light: ["#e16462", "#cc4778", "#b12a90", "#8f0da4", "#6a00a8", "#41049d", "#0d0887"],
  dark: ["#b12a90", "#cc4778", "#e16462", "#f2844b", "#fca636", "#fcce25", "#f0f921"],
};
/** Above this, black text has more contrast than white. */
const BRIGHT = 0.179;

/** Return the background of a share between 0 and 1, and a text colour that stands out from it. */
export function heatColours(share) {
  const mixed = between(CIVIDIS, share);
  return { background: `rgb(${mixed.join(" ")})`, color: luminance(mixed) > BRIGHT ? "#000" : "#fff" };
}

/** Return the colour of a line in a theme, from the worst (0) to the best (1). */
export function lineColour(share, theme) {
  return `rgb(${between(LINE_COLOURS[theme], share).join(" ")})`;
}

/** Return the colour at a share of a row of colours. */
function between(colours, share) {
  const place = share * (colours.length - 1);
  const index = Math.min(colours.length - 2, Math.floor(place));
  const [from, to] = [rgb(colours[index]), rgb(colours[index + 1])];
  return from.map((part, channel) => Math.round(part + (to[channel] - part) * (place - index)));
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
