// Waiting, and doing things not too often.

/** Return a function that calls `action` at most once per so many milliseconds, and once more after the last call. */
export function throttle(milliseconds, action) {
  let timer = null;
  let due = 0;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, due - performance.now());
    timer = setTimeout(() => {
      timer = null;
      due = performance.now() + milliseconds;
      action();
    }, wait);
  };
}

/** Wait so many milliseconds, or until `signal` aborts. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/** Return a function that calls `action`, with its last argument, once it was not called for so long. */
export function debounce(milliseconds, action) {
  let timer = 0;
  return (argument) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(argument), milliseconds);
  };
}
