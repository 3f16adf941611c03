// Smoothing of curves, as users of TensorBoard know it.

/** More than this leaves nothing of a curve but its mean. */
export const MOST_SMOOTHING = 0.99;

/**
 * Return a column of values (null: none) with each value as the exponential mean of those up to it, debiased:
 * s_i = w s_(i-1) + (1 - w) x_i from s_0 = 0, divided by 1 - w^i, so that the first values are not drawn towards zero
 * (Kingma and Ba, 2015, section 3). TensorBoard's scalar charts do the same. What is null stays null.
 *
 * @param weight w, from 0 (nothing is smoothed) to below 1
 */
export function smoothed(values, weight) {
  let sum = 0;
  let missing = 1; // the part of the weights that no value has had yet
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    missing *= weight;
    return sum / (1 - missing);
  });
}
