"""A picture through kernels: what lies outside it, which engine, and what is wanted of responses.

The methods of a :class:`~gaborkit.GaborBank` are the functions here.
"""

from __future__ import annotations

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "FilterOptions": "options",
        "Plan": "planner",
        "Statistics": "reductions",
        "Strongest": "reductions",
        "bank_statistics": "reductions",
        "filter_array": "filter",
        "filter_bank": "filter",
        "iterate_bank": "filter",
        "plan_bank": "planner",
        "strongest_kernel": "reductions",
    },
)
