"""One self-contained HTML page about a model."""

from .callback import HTMLReport
from .page import report

__all__ = ["HTMLReport", "report"]
