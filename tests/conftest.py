"""Settings for all tests: generated examples, threads, and the folder in which commands run."""

import os

# Threads of torch and of OpenBLAS wait for each other by spinning: on small pictures one is faster,
# many times so where other programs run. Read once, when the libraries are loaded;
# filtering/test_threads.py asks for two.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "gaborkit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gaborkit")


@pytest.fixture(autouse=True)
def _no_pulse(monkeypatch):
    """On a busy machine a test may be slow enough for a line that tells of it."""
    from gaborkit_cli import progress

    monkeypatch.setattr(progress, "EVERY", 1e6)


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


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """Run the test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scratch_filled(monkeypatch):
    """Fill what compiled code works in with a byte: of 255 are no numbers of floating point."""
    from gaborkit.filtering.engines import scratch

    def fill(byte):
        def take(size):
            block = scratch.aligned(size)
            block[:] = byte
            return block

        monkeypatch.setattr(scratch, "take", take)

    return fill


def trained(model, *options):
    """Fixture of a tiny model, trained once for all tests that ask for it."""

    @pytest.fixture(scope="session")
    def fixture(tmp_path_factory):
        from runs_for_tests import train

        return train(model, tmp_path_factory.mktemp(model), *options)

    return fixture


vae_run = trained("vae", "--size", 8)
conditional_run = trained("vae", "--size", 8, "--classes")
pixelcnn_run = trained("pixelcnn", "--size", 16, "--classes")
gan_run = trained("gan", "--size", 8)


@pytest.fixture(scope="session")
def colour_run(tmp_path_factory):
    """VAE of pictures in colour, 10 pixels a side."""
    from runs_for_tests import train, write_pictures

    folder = tmp_path_factory.mktemp("colour")
    return train("vae", folder, "--data", write_pictures(folder / "pets"), "--size", 10)
