// The API reference: Scalar draws /openapi.json. Everything that would ask another host is switched off.

const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
const theme = document.documentElement.dataset.theme ?? (prefersDark ? "dark" : "light");

window.Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  // The description names no server, so that one file serves all; samples of requests need one.
  servers: [{ url: location.origin }],
  authentication: { preferredSecurityScheme: "key" },
  forceDarkModeState: theme,
  hideDarkModeToggle: true,
  modelsSectionLabel: "Schemas",
  orderSchemaPropertiesBy: "preserve",
  orderRequiredPropertiesFirst: false,
  documentDownloadType: "none",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
});
