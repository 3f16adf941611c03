// Tags as one line of text: `course: dl, owner: ada`. What would be read otherwise stands in quotes, as in JSON.

/** A word that is read as it stands: without quotes, commas, and spaces at its ends. */
const PLAIN = /^[^\s",:]([^",:\n]*[^\s",:])?$/;
const PLAIN_VALUE = /^[^\s",]([^",\n]*[^\s",])?$|^$/;
/** The next key or value: a text in quotes, or all before the character that ends it. */
const QUOTED = /\s*("(?:[^"\\]|\\.)*")\s*/y;

/** Return tags as text. */
export function writeTags(tags) {
  return Object.entries(tags)
    .map(([key, value]) => `${quoted(key, PLAIN)}: ${quoted(value, PLAIN_VALUE)}`)
    .join(", ");
}

/** Return the tags that a text stands for; a pair without a key is left out. */
export function readTags(text) {
  const tags = {};
  for (let at = 0; at < text.length; ) {
    const key = next(text, at, /[:,]/g);
    const hasValue = text[key.end] === ":";
    const value = hasValue ? next(text, key.end + 1, /,/g) : { word: "", end: key.end };
    if (key.word) tags[key.word] = value.word;
    at = value.end + 1;
  }
  return tags;
}

function quoted(word, plain) {
  return plain.test(word) ? word : JSON.stringify(word);
}

/** Return the word that begins at a place, and where it ends. */
function next(text, at, end) {
  QUOTED.lastIndex = at;
  const inQuotes = QUOTED.exec(text);
  end.lastIndex = inQuotes ? QUOTED.lastIndex : at;
  const stop = end.exec(text)?.index ?? text.length;
  const isWhole = inQuotes && stop === QUOTED.lastIndex;
  return { word: isWhole ? parsed(inQuotes[1]) : text.slice(at, stop).trim(), end: stop };
}

/** Return the text in quotes; as it stands where JSON would refuse it. */
function parsed(word) {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}
