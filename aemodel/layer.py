"""One dense layer in training: its forward pass, back-propagation and Adam.

In the coordinates of `aemodel.soap`, with W = Q_L W' Q_R^T, inputs h (n, i) and outputs (n, o):

    s = h Q_L W' Q_R^T + b       h' = tanh(s) or s
    g = dLoss/ds                 dW' = (h Q_L)^T (g Q_R)      db = sum_n g
    dLoss/dh = g Q_R W'^T Q_L^T

Plain Adam has Q_L = Q_R = I. A product of three matrices costs the less the fewer rows its first
product has, so a basis turns either the n images or the weights, whichever are fewer rows.

Adam is Kingma & Ba (2015), algorithm 1 in the form of its section 2 (epsilon outside the bias
correction), as TensorFlow has it:

    m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
    w = w - lr_t m / (sqrt(v) + eps),     lr_t = lr sqrt(1 - b2^t) / (1 - b1^t)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aemodel.settings import Recipe
from aemodel.soap import Eigenbasis

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves for back-propagation; all but `outputs` in the products' type."""

    inputs: "tf.Tensor"
    """h (n, i)."""
    turned: "tf.Tensor"
    """What the kernel was multiplied with: h, or h Q_L."""
    kernel: "tf.Tensor"
    """What it was multiplied with (i, o): W', or with one or both rotations undone."""
    left: "tf.Tensor | None"
    """Q_L (i, i); None for the identity."""
    right: "tf.Tensor | None"
    """Q_R (o, o); None for the identity."""
    outputs: "tf.Tensor"
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
        self.means = [tf.Variable(tf.zeros_like(w)) for w in (kernel, bias)]
        self.squares = [tf.Variable(tf.zeros_like(w)) for w in (kernel, bias)]

    def variables(self) -> "dict[str, list[tf.Variable]]":
        """Return all that the next update depends on: what a checkpoint must hold."""
        bases = [basis for basis in (self.left, self.right) if basis]
        return {
            "weight": [self.kernel, self.bias],
            "mean": self.means,
            "square": self.squares,
            "factor": [basis.factor for basis in bases],
            "vectors": [basis.vectors for basis in bases],
        }

    def original_kernel(self) -> "tf.Tensor":
        """Return W = Q_L W' Q_R^T."""
        import tensorflow as tf

        kernel = self.kernel
        if self.left:
            kernel = tf.matmul(self.left.vectors, kernel)
        if self.right:
            kernel = tf.matmul(kernel, self.right.vectors, transpose_b=True)
        return kernel

    def forward(self, inputs: "tf.Tensor", product_type: Any) -> Pass:
        """Run the layer on `inputs` (n, i), with the matrix products in `product_type`."""
        import tensorflow as tf

        inputs = tf.cast(inputs, product_type)
        turned, kernel = inputs, tf.cast(self.kernel, product_type)
        left = tf.cast(self.left.vectors, product_type) if self.left else None
        right = tf.cast(self.right.vectors, product_type) if self.right else None
        if left is not None:
            if self._turns_inputs(inputs):
                turned = tf.matmul(inputs, left)
            else:
                kernel = tf.matmul(left, kernel)
        if right is not None and not self._turns_outputs(inputs):
            kernel = tf.matmul(kernel, right, transpose_b=True)
        summed = tf.matmul(turned, kernel)
        if right is not None and self._turns_outputs(inputs):
            summed = tf.matmul(summed, right, transpose_b=True)
        summed = tf.nn.bias_add(tf.cast(summed, tf.float32), self.bias)
        outputs = tf.tanh(summed) if self.is_tanh else summed
        return Pass(inputs, turned, kernel, left, right, outputs)

    def backward(
        self, done: Pass, gradient: "tf.Tensor", *, observe: "tf.Tensor", inputs_too: bool
    ) -> "tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]":
        """Return the gradients of W' and the bias, and that of the inputs.

        Args:
            done: the forward pass.
            gradient: dLoss/dh' (n, o).
            observe: whether the bases take this batch into their factors; a boolean scalar.
            inputs_too: False where nobody needs the gradient of the inputs; `gradient` is returned.
        """
        import tensorflow as tf

        left, right = done.left, done.right
        if self.is_tanh:
            gradient = tf.raw_ops.TanhGrad(y=done.outputs, dy=gradient)
        d_bias = tf.raw_ops.BiasAddGrad(out_backprop=gradient)
        turned = tf.cast(gradient, done.inputs.dtype)
        if left is not None or right is not None:
            observed = turned
            tf.cond(observe, lambda: self._observe(done.inputs, observed), tf.no_op)
        if right is not None and self._turns_outputs(done.inputs):
            turned = tf.matmul(turned, right)
        d_kernel = tf.matmul(done.turned, turned, transpose_a=True)
        if right is not None and not self._turns_outputs(done.inputs):
            d_kernel = tf.matmul(d_kernel, right)
        if left is not None and not self._turns_inputs(done.inputs):
            d_kernel = tf.matmul(left, d_kernel, transpose_a=True)
        if inputs_too:
            gradient = tf.matmul(turned, done.kernel, transpose_b=True)
            if left is not None and self._turns_inputs(done.inputs):
                gradient = tf.matmul(gradient, left, transpose_b=True)
            gradient = tf.cast(gradient, tf.float32)
        return (tf.cast(d_kernel, tf.float32), d_bias), gradient

    def _observe(self, inputs: "tf.Tensor", gradient: "tf.Tensor") -> "tf.Operation":
        import tensorflow as tf

        if self.left:
            self.left.observe(inputs)
        if self.right:
            self.right.observe(gradient)
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
        for var, m, v, grad in zip(weights, self.means, self.squares, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=var.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=tf.pow(recipe.beta_1, updates),
                beta2_power=tf.pow(recipe.beta_2, updates),
                lr=learning_rate,
                beta1=recipe.beta_1,
                beta2=recipe.beta_2,
                epsilon=recipe.epsilon,
                grad=grad,
            )

    def refresh(self, *, first: bool = False) -> None:
        """Refresh the bases, and turn weights and moments with them.

        Squares know no rotation: each goes with the basis vector it belongs to.
        """
        import tensorflow as tf

        kernel, mean, square = self.kernel, self.means[0], self.squares[0]
        if self.left:
            turn, order = self.left.decompose() if first else self.left.refresh()
            kernel.assign(tf.matmul(turn, kernel))
            mean.assign(tf.matmul(turn, mean))
            square.assign(tf.gather(square, order, axis=0))
        if self.right:
            turn, order = self.right.decompose() if first else self.right.refresh()
            kernel.assign(tf.matmul(kernel, turn, transpose_b=True))
            mean.assign(tf.matmul(mean, turn, transpose_b=True))
            square.assign(tf.gather(square, order, axis=1))

    def _turns_inputs(self, inputs: "tf.Tensor") -> bool:
        """Whether the left basis turns the n inputs, not the rows of the kernel."""
        return bool(inputs.shape[0] < self.kernel.shape[1])

    def _turns_outputs(self, inputs: "tf.Tensor") -> bool:
        """Whether the right basis turns the n outputs, not the columns of the kernel."""
        return bool(inputs.shape[0] < self.kernel.shape[0])
