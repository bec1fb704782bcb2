"""Settings for all tests: generated examples, threads, and the folder in which commands run."""

import os

# Threads of torch and of OpenBLAS wait for each other by spinning: on small pictures one is faster,
# many times so where other programs run. Read once, when the libraries are loaded; test_threads.py
# asks for two.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "gaborkit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gaborkit")


@pytest.fixture
def coarse(monkeypatch):
    """Draw surfaces of few faces: many are slow."""
    from gaborkit.plotting import surfaces

    monkeypatch.setattr(surfaces, "_LEAST", 9)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run the test in a folder with a grey and a colour picture."""
    from commands_for_tests import COLOUR, GREY

    import gaborkit as gk

    monkeypatch.chdir(tmp_path)
    gk.write_image("grey.png", GREY)
    gk.write_image("colour.png", COLOUR)
    return tmp_path


@pytest.fixture
def unchanged(folder):
    """After the test the folder holds what it held, and nothing more, hidden files included."""

    def content():
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = content()
    yield
    assert content() == before
