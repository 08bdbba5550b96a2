// The forward pass of encoder and decoder, and the arithmetic of latent codes.
// Notation: z a latent code of d numbers, x 784 pixels on the scale 0..1.

/** Returns bias + input @ kernel for one input; the kernel is (inputs, outputs), row after row. */
export function dense({ inputs, outputs, kernel, bias }, input) {
  const sums = Float32Array.from(bias);
  for (let i = 0; i < inputs; i++) {
    const value = input[i];
    if (value === 0) continue; // most pixels of an image are black
    const row = i * outputs;
    for (let j = 0; j < outputs; j++) sums[j] += value * kernel[row + j];
  }
  return sums;
}

/** Returns what dense layers with tanh between them and a linear output make of `input`. */
export function forward(layers, input) {
  return layers.reduce(
    (values, layer, i) => dense(layer, i === 0 ? values : values.map(Math.tanh)),
    input,
  );
}

/** Returns (1 - f) a + f b: a step between two codes, or the blend of two pictures. */
export function mix(a, b, f) {
  return a.map((value, i) => (1 - f) * value + f * b[i]);
}

/** Returns row `index` of a matrix whose rows have `width` numbers. */
export function row(matrix, width, index) {
  return matrix.subarray(index * width, (index + 1) * width);
}

/** Returns mean + x axis_1 + y axis_2 + sum of amount_k axis_k over the further axes. */
export function codeAt({ mean, axes, further }, [x, y], amounts) {
  const code = Float32Array.from(mean, (value, k) => value + x * axes[0][k] + y * axes[1][k]);
  further.forEach(({ axis }, i) => axis.forEach((value, k) => (code[k] += amounts[i] * value)));
  return code;
}

/** Returns where a code lies on the map. */
export function placeOf({ mean, axes }, code) {
  return axes.map((axis) => amountAlong(axis, mean, code));
}

/** Returns how far `code` lies from the mean along `axis`, a unit vector. */
export function amountAlong(axis, mean, code) {
  return axis.reduce((sum, value, k) => sum + value * (code[k] - mean[k]), 0);
}
