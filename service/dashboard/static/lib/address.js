// What a reader has chosen in a view, held in the address, so that going back, reloading and sharing keep it.

/** The choices of a view; those at their default are not in the address. */
export class Choices {
  /**
   * @param defaults   the value of each choice, a text, before anything is chosen
   * @param parameters the query of the address
   */
  constructor(defaults, parameters) {
    this.defaults = defaults;
    this.values = Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, parameters.get(name) ?? value]),
    );
  }

  get(name) {
    return this.values[name];
  }

  /** Choose, and write it into the address without entering the view again. */
  set(name, value) {
    this.values[name] = value;
    const [path, search] = location.hash.split("?");
    const parameters = new URLSearchParams(search);
    if (value === this.defaults[name]) parameters.delete(name);
    else parameters.set(name, value);
    const written = parameters.toString();
    history.replaceState(history.state, "", written ? `${path}?${written}` : path || "#/");
  }
}
