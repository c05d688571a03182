"""Net2Net: a trained network made wider or deeper that computes what it did before."""

from . import elementwise, linear, normal, recurrent, shapes, torch_modules
from .deepening import deeper
from .registry import like
from .widening import double_width, refusals, wider

# Importing them makes their rules known.
_RULES = (elementwise, linear, normal, recurrent, shapes, torch_modules)

__all__ = ["deeper", "double_width", "like", "refusals", "wider"]
