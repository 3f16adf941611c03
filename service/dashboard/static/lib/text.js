// Every sentence of the page, in the reader's language. API answers stay as they are.

export const LANGUAGES = { en: "English", zh: "中文" };

let strings = {};
let fallback = {};
let plurals = new Intl.PluralRules("en");
export let language = "en";

/** Load the language that was chosen before, or else the browser's. */
export async function loadLanguage() {
  const stored = localStorage.getItem("actinium.language");
  const preferred = navigator.languages.map((each) => each.slice(0, 2)).find((each) => each in LANGUAGES);
  await useLanguage(stored in LANGUAGES ? stored : (preferred ?? "en"));
}

/** Write the page in a language from now on. */
export async function useLanguage(chosen) {
  const load = async (name) => (await fetch(`/static/strings/${name}.json`)).json();
  fallback = await load("en");
  strings = chosen === "en" ? fallback : await load(chosen);
  language = chosen;
  plurals = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : chosen;
}

/**
 * Give a sentence with its values filled in: `t("runs.count", {n: 3})`.
 * Where it has two forms (`one | many`), `n` chooses.
 */
export function t(key, values = {}) {
  const found = strings[key] ?? fallback[key] ?? key;
  const forms = found.split(" | ");
  const form = forms.length > 1 && plurals.select(values.n) === "one" ? forms[0] : forms.at(-1);
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The same, or null where there is no such sentence. */
export function known(key) {
  return key in strings ? t(key) : null;
}
