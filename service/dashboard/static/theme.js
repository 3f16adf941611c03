// Runs before the first paint, so that a chosen theme does not flash.
const chosenTheme = localStorage.getItem("actinium.theme");
if (["light", "dark"].includes(chosenTheme)) document.documentElement.dataset.theme = chosenTheme;
