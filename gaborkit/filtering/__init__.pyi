"""What the package offers, for type checkers; the names are imported at first use."""

from .filter import filter_array, filter_bank, iterate_bank
from .options import FilterOptions
from .planner import Plan, plan_bank
from .reductions import Statistics, Strongest, bank_statistics, strongest_kernel

__all__ = [
    "FilterOptions",
    "Plan",
    "Statistics",
    "Strongest",
    "bank_statistics",
    "filter_array",
    "filter_bank",
    "iterate_bank",
    "plan_bank",
    "strongest_kernel",
]
