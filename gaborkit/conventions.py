"""Placeholder, written in the next step."""
from typing import Any
class Conventions:
    def __init__(self, **f: Any) -> None: ...
    @classmethod
    def article(cls, *, sigma=1, theta=0, a=2, j=0):
        return cls(wavelength=6.283185307179586, sigma=2**.5*sigma, theta=theta, scale=a**j, norm="article")
