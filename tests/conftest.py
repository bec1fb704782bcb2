"""Settings for generated examples: the same ones on every machine, without a deadline."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gaborkit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gaborkit")
