"""One dense layer in training: its forward pass, back-propagation and Adam.

In the coordinates of `aemodel.soap`, with W = Q_L W' Q_R^T, inputs h (n, i) and outputs (n, o):

    s = h Q_L W' Q_R^T + b       h' = tanh(s) or s
    g = dLoss/ds                 dW' = (h Q_L)^T (g Q_R)      db = sum_n g
    dLoss/dh = g Q_R W'^T Q_L^T

Plain Adam has Q_L = Q_R = I. A basis rotates whichever has fewer rows, the n images or the kernel:
that is the cheaper of the two orders of the product.

Adam is Kingma & Ba (2015), algorithm 1 in the form of its section 2 (epsilon outside the bias
correction), as TensorFlow has it:

    m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
    w = w - lr_t m / (sqrt(v) + eps),     lr_t = lr sqrt(1 - b2^t) / (1 - b1^t)

Where the recipe has Nesterov's look-ahead, b1 m + (1 - b1) g takes the place of m in the last line
(Dozat 2016, "Incorporating Nesterov Momentum into Adam").
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aemodel.settings import Recipe
from aemodel.soap import Eigenbasis

if TYPE_CHECKING:
    import tensorflow as tf

Shards = list["tf.Tensor"]
"""Rows of a batch of n images, in parts that are computed side by side."""


@dataclass(frozen=True)
class ForwardCache:
    """What the forward pass keeps for back-propagation; all but `outputs` in the product type."""

    inputs: "Shards"
    """h (n, i)."""
    rotated: "Shards"
    """The left operands of the products with the kernel (n, i): h, or h Q_L."""
    kernel: "tf.Tensor"
    """The right operand (i, o): W', or W' with one or both rotations undone."""
    left: "tf.Tensor | None"
    """Q_L (i, i); None for the identity."""
    right: "tf.Tensor | None"
    """Q_R (o, o); None for the identity."""
    outputs: "Shards"
    """h' (n, o), in float32."""


class Layer:
    """The weights of a dense layer with Adam's moments, and the bases they are expressed in."""

    def __init__(
        self,
        kernel: "tf.Variable",
        bias: "tf.Variable",
        is_tanh: bool,
        left: Eigenbasis | None = None,
        right: Eigenbasis | None = None,
    ) -> None:
        """Take over `kernel` (i, o) and `bias` (o,), which are updated in place from then on.

        Args:
            left: basis of the inputs; None leaves the coordinates as they are.
            right: basis of the outputs' gradients; None as well.
        """
        import tensorflow as tf

        self.kernel, self.bias, self.is_tanh = kernel, bias, is_tanh
        self.left, self.right = left, right
        self.first_moments = [tf.Variable(tf.zeros_like(w)) for w in (kernel, bias)]
        self.second_moments = [tf.Variable(tf.zeros_like(w)) for w in (kernel, bias)]

    @property
    def bases(self) -> list[Eigenbasis]:
        """The bases that the layer has: none, one or both."""
        return [basis for basis in (self.left, self.right) if basis]

    def variables(self) -> "dict[str, list[tf.Variable]]":
        """Return all that the next update depends on: what a checkpoint must hold."""
        return {
            "weight": [self.kernel, self.bias],
            "first_moment": self.first_moments,
            "second_moment": self.second_moments,
            "covariance": [basis.covariance for basis in self.bases],
            "eigenvectors": [basis.eigenvectors for basis in self.bases],
        }

    def original_kernel(self) -> "tf.Tensor":
        """Return W = Q_L W' Q_R^T."""
        import tensorflow as tf

        kernel = self.kernel
        if self.left:
            kernel = tf.matmul(self.left.eigenvectors, kernel)
        if self.right:
            kernel = tf.matmul(kernel, self.right.eigenvectors, transpose_b=True)
        return kernel

    def forward(self, inputs: "Shards", product_type: Any) -> ForwardCache:
        """Run the layer on `inputs` (n, i), with the matrix products in `product_type`."""
        import tensorflow as tf

        inputs = [tf.cast(h, product_type) for h in inputs]
        rotated, kernel = inputs, tf.cast(self.kernel, product_type)
        left = tf.cast(self.left.eigenvectors, product_type) if self.left else None
        right = tf.cast(self.right.eigenvectors, product_type) if self.right else None
        if left is not None:
            if self._rotates_inputs(inputs):
                rotated = [tf.matmul(h, left) for h in inputs]
            else:
                kernel = tf.matmul(left, kernel)
        if right is not None and not self._rotates_outputs(inputs):
            kernel = tf.matmul(kernel, right, transpose_b=True)
        summed = [tf.matmul(h, kernel) for h in rotated]
        if right is not None and self._rotates_outputs(inputs):
            summed = [tf.matmul(s, right, transpose_b=True) for s in summed]
        outputs = [tf.nn.bias_add(tf.cast(s, tf.float32), self.bias) for s in summed]
        if self.is_tanh:
            outputs = [tf.tanh(s) for s in outputs]
        return ForwardCache(inputs, rotated, kernel, left, right, outputs)

    def backward(
        self,
        cache: ForwardCache,
        gradients: "Shards",
        *,
        update_factors: "tf.Tensor",
        needs_input_gradient: bool,
    ) -> "tuple[tuple[tf.Tensor, tf.Tensor], Shards]":
        """Return the gradients of W' (i, o) and of the bias (o,), and that of the inputs (n, i).

        Args:
            cache: of the forward pass.
            gradients: dLoss/dh' (n, o).
            update_factors: whether the bases take this batch into their factors; a boolean scalar.
            needs_input_gradient: False leaves it out, and returns dLoss/ds (n, o) as its place
                holder.
        """
        import tensorflow as tf

        left, right = cache.left, cache.right
        if self.is_tanh:
            gradients = [
                tf.raw_ops.TanhGrad(y=y, dy=g)
                for y, g in zip(cache.outputs, gradients, strict=True)
            ]
        d_bias = tf.add_n([tf.raw_ops.BiasAddGrad(out_backprop=g) for g in gradients])
        rotated = original = [tf.cast(g, cache.kernel.dtype) for g in gradients]
        if self.bases:
            tf.cond(update_factors, lambda: self._update_factors(cache.inputs, original), tf.no_op)
        if right is not None and self._rotates_outputs(cache.inputs):
            rotated = [tf.matmul(g, right) for g in rotated]
        d_kernel = tf.add_n(
            [
                tf.cast(tf.matmul(h, g, transpose_a=True), tf.float32)
                for h, g in zip(cache.rotated, rotated, strict=True)
            ]
        )
        if right is not None and not self._rotates_outputs(cache.inputs):
            d_kernel = tf.matmul(tf.cast(d_kernel, right.dtype), right)
        if left is not None and not self._rotates_inputs(cache.inputs):
            d_kernel = tf.matmul(left, tf.cast(d_kernel, left.dtype), transpose_a=True)
        if needs_input_gradient:
            gradients = [tf.matmul(g, cache.kernel, transpose_b=True) for g in rotated]
            if left is not None and self._rotates_inputs(cache.inputs):
                gradients = [tf.matmul(g, left, transpose_b=True) for g in gradients]
            gradients = [tf.cast(g, tf.float32) for g in gradients]
        return (tf.cast(d_kernel, tf.float32), d_bias), gradients

    def _update_factors(self, inputs: "Shards", gradients: "Shards") -> "tf.Operation":
        import tensorflow as tf

        if self.left:
            self.left.update_factor(inputs)
        if self.right:
            self.right.update_factor(gradients)
        return tf.no_op()

    def update(
        self,
        gradients: "tuple[tf.Tensor, tf.Tensor]",
        recipe: Recipe,
        learning_rate: "tf.Tensor",
        updates: "tf.Tensor",
    ) -> None:
        """Make Adam's update of W' and the bias; `updates` counts from 1, as float32."""
        import tensorflow as tf

        weights = (self.kernel, self.bias)
        moments = zip(self.first_moments, self.second_moments, strict=True)
        for variable, (m, v), gradient in zip(weights, moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=tf.pow(recipe.beta_1, updates),
                beta2_power=tf.pow(recipe.beta_2, updates),
                lr=learning_rate,
                beta1=recipe.beta_1,
                beta2=recipe.beta_2,
                epsilon=recipe.epsilon,
                grad=gradient,
                use_nesterov=recipe.nesterov,
            )

    def refresh(self, *, first: bool = False) -> None:
        """Refresh the bases, and rotate the weights and first moments with them.

        Second moments cannot be rotated; each stays with its basis vector.

        Args:
            first: set the bases to the eigenvectors themselves, not only nearer to them.
        """
        import tensorflow as tf

        kernel, mean, square = self.kernel, self.first_moments[0], self.second_moments[0]
        if self.left:
            rotation, order = self.left.decompose() if first else self.left.refresh()
            kernel.assign(tf.matmul(rotation, kernel))
            mean.assign(tf.matmul(rotation, mean))
            square.assign(tf.gather(square, order, axis=0))
        if self.right:
            rotation, order = self.right.decompose() if first else self.right.refresh()
            kernel.assign(tf.matmul(kernel, rotation, transpose_b=True))
            mean.assign(tf.matmul(mean, rotation, transpose_b=True))
            square.assign(tf.gather(square, order, axis=1))

    def _rotates_inputs(self, inputs: "Shards") -> bool:
        """Whether the left basis rotates the n inputs, rather than the rows of the kernel."""
        return _rows(inputs) < int(self.kernel.shape[1])

    def _rotates_outputs(self, inputs: "Shards") -> bool:
        """Whether the right basis rotates the n outputs, rather than the columns of the kernel."""
        return _rows(inputs) < int(self.kernel.shape[0])


def _rows(batch: Shards) -> int:
    return sum(int(part.shape[0]) for part in batch)
