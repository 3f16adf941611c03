// Every sentence of the page in the reader's language. Sentences of the API stay in English.

export const LANGUAGES = { en: "English", zh: "中文" };

const KEY = "actinium.language";

let sentences = {};
let plurals = new Intl.PluralRules("en");
export let language = "en";

/** Load the language that was chosen before, or else the browser's. */
export async function loadLanguage() {
  const stored = localStorage.getItem(KEY);
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((code) => code in LANGUAGES);
  await useLanguage(stored in LANGUAGES ? stored : (preferred ?? "en"));
}

/** Load a language, and keep it for the next visit. */
export async function chooseLanguage(code) {
  localStorage.setItem(KEY, code);
  await useLanguage(code);
}

async function useLanguage(code) {
  const files = code === "en" ? ["en"] : ["en", code, `${code}.api`];
  const loaded = await Promise.all(files.map(async (name) => (await fetch(`/static/strings/${name}.json`)).json()));
  useSentences(code, Object.assign({}, ...loaded));
}

/** Take these sentences, by key, as those of a language. */
export function useSentences(code, byKey) {
  sentences = byKey;
  language = code;
  plurals = new Intl.PluralRules(code);
}

/**
 * Return a sentence with its values filled in: `t("runs.count", { n: 3 })`.
 * Where the sentence has two forms (`one | many`), `n` selects one of them.
 */
export function t(key, values = {}) {
  const forms = (sentences[key] ?? key).split(" | ");
  const form = forms.length > 1 && plurals.select(values.n) === "one" ? forms[0] : forms.at(-1);
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Return sentences as one text, without those that are null or false. Chinese has no space between them. */
export function joined(parts) {
  return parts.filter(Boolean).join(language === "zh" ? "" : " ");
}

/** Return the sentence without values, or null where there is none. */
export function known(key) {
  return key in sentences ? t(key) : null;
}
