// Every sentence of the page in the reader's language, its own and those of the API, which are English.

export const LANGUAGES = { en: "English", zh: "中文" };

const KEY = "actinium.language";
/** The place of a value in a text. */
const PLACE = /\{(\w+)\}/;

let sentences = {};
/** The API's texts in the reader's language: by the text, and those with values as patterns. */
let translations = new Map();
let templates = [];
let plurals = new Intl.PluralRules("en");
export let language = "en";

/** Load the language that was chosen before, or else the browser's. */
export async function loadLanguage() {
  const stored = localStorage.getItem(KEY);
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage);
  await useLanguage(isLanguage(stored) ? stored : (preferred ?? "en"));
}

function isLanguage(code) {
  return Object.hasOwn(LANGUAGES, code);
}

/** Load a language, and keep it for the next visit. */
export async function chooseLanguage(code) {
  localStorage.setItem(KEY, code);
  await useLanguage(code);
}

async function useLanguage(code) {
  const read = async (name) => (await fetch(`/static/strings/${name}.json`)).json();
  const own = code === "en" ? ["en"] : ["en", code, `${code}.api`];
  const [texts, ...loaded] = await Promise.all([code === "en" ? {} : read(`${code}.texts`), ...own.map(read)]);
  useSentences(code, Object.assign({}, ...loaded));
  useTranslations(texts);
}

/** Take these texts, by the API's English ones, as those of the language; `{name}` stands for any value. */
export function useTranslations(byText) {
  translations = new Map(Object.entries(byText));
  const literal = ([text]) => text.replace(/\{\w+\}/g, "").length;
  templates = Object.entries(byText)
    .filter(([text]) => PLACE.test(text))
    .sort((one, other) => literal(other) - literal(one)) // "{a} is {b}, at most {c}." before "{a} is {b}."
    .map(template);
}

/** Take these sentences, by key, as those of a language. */
export function useSentences(code, byKey) {
  sentences = byKey;
  language = code;
  plurals = new Intl.PluralRules(code);
}

/** Return the pattern of a sentence with values, and what it is in the reader's language. */
function template([text, translation]) {
  const escaped = text.split(/(\{\w+\})/).map((part) => {
    const [, name] = part.match(PLACE) ?? [];
    return name ? `(?<${name}>.+?)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return [new RegExp(`^${escaped.join("")}$`, "s"), translation];
}

/** Return a text of the API in the reader's language, whole or sentence by sentence; null where part of it is unknown. */
export function translated(text) {
  if (!translations.size || !text) return null;
  const parts = text.split(/(?<=\.) /);
  const found = [];
  for (let start = 0, end; start < parts.length; start = end) {
    // A text of several sentences, or with an abbreviation, is known as a whole.
    end = parts.length;
    while (end > start + 1 && !translations.has(parts.slice(start, end).join(" "))) end--;
    found.push(translatedSentence(parts.slice(start, end).join(" ")));
  }
  return found.includes(null) ? null : joined(found);
}

/** Return a sentence in the reader's language, by itself or around its values. */
function translatedSentence(sentence) {
  const whole = translations.get(sentence);
  if (whole !== undefined) return whole;
  for (const [pattern, translation] of templates) {
    const found = pattern.exec(sentence);
    if (found) return fill(translation, (name) => translations.get(found.groups[name]) ?? found.groups[name]);
  }
  return null;
}

/** Return a sentence with a value in each of its places; a value that is missing is empty. */
function fill(sentence, find) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => find(name) ?? "");
}

/**
 * Return a sentence with its values filled in: `t("runs.count", { n: 3 })`.
 * Where the sentence has two forms (`one | many`), `n` selects one of them.
 */
export function t(key, values = {}) {
  const forms = (sentences[key] ?? key).split(" | ");
  const form = forms.length > 1 && plurals.select(values.n) === "one" ? forms[0] : forms.at(-1);
  return fill(form, (name) => values[name]);
}

/** Return what stands between two sentences; nothing in Chinese. */
export function space() {
  return language === "zh" ? "" : " ";
}

/** Return sentences as one text, without those that are null or false. */
export function joined(parts) {
  return parts.filter(Boolean).join(space());
}

/** Return the sentence without values, or null where there is none. */
export function known(key) {
  return key in sentences ? t(key) : null;
}
