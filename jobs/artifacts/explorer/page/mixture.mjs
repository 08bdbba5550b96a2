// The density that the run fitted to its codes, a mixture of k Gaussians over d numbers:
//
//     p(z) = sum_k w_k N(z | m_k, L_k L_k^T)
//
// `weights` are the w_k, `means` the m_k one after the other, and `triangles` the rows of the lower
// triangular L_k up to their diagonals.

/** Returns a standard normal number (Box and Muller 1958). */
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Returns a code drawn from the mixture; `random` gives numbers from 0 to 1, 1 excluded. */
export function drawCode({ weights, means, triangles }, random) {
  const size = means.length / weights.length;
  let left = random();
  const found = weights.findIndex((weight) => (left -= weight) < 0);
  const component = found < 0 ? weights.length - 1 : found;
  const noise = Array.from({ length: size }, () => normal(random));
  let next = component * triangles.length / weights.length;
  return Float32Array.from(noise, (_, i) => {
    let value = means[component * size + i];
    for (let j = 0; j <= i; j++) value += triangles[next++] * noise[j];
    return value;
  });
}

/** Returns p(code). */
export function density({ weights, means, triangles }, code) {
  const size = code.length;
  const scaled = new Float64Array(size);
  let [total, next] = [0, 0];
  for (let component = 0; component < weights.length; component++) {
    // With L s = code - mean the Gaussian is exp(-|s|^2 / 2) / (sqrt(2 pi)^d det L).
    let [squares, determinant] = [0, 1];
    for (let i = 0; i < size; i++) {
      let value = code[i] - means[component * size + i];
      for (let j = 0; j < i; j++) value -= triangles[next++] * scaled[j];
      determinant *= triangles[next];
      scaled[i] = value / triangles[next++];
      squares += scaled[i] ** 2;
    }
    total += (weights[component] * Math.exp(-squares / 2)) / determinant;
  }
  return total / (2 * Math.PI) ** (size / 2);
}
