// The language that the document says it is in.

import { language } from "../lib/text.js";

/** Say that the document is in the reader's language. */
export function setDocumentLanguage() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : language;
}
