"""What is known of Keras's activations by their names."""

from __future__ import annotations

__all__ = ["ELEMENTWISE"]

ELEMENTWISE = frozenset(
    "linear relu relu6 leaky_relu elu selu celu gelu silu mish sigmoid tanh softplus softsign "
    "hard_sigmoid hard_tanh hard_silu log_sigmoid exponential tanh_shrink soft_shrink hard_shrink "
    "squareplus sparse_plus sparse_sigmoid threshold".split()
)
"""Activations of every value by itself."""
