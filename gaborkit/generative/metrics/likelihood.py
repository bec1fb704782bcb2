"""Likelihoods and bounds on them, always of a stated variable.

An overcomplete Gabor representation has no valid likelihood of pixels: what a model of Gabor
coefficients gives is a figure of that domain alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError
from ...io.tables import counted
from ..data import Split
from ..image_codes import Codes
from ..models.model import Model
from ..progress import Progress
from ..representation import Raw, Representation
from .figures import Figure

#: Logits held at once, which bounds the batch.
BUDGET = 2**24
LARGEST_BATCH = 256


@dataclass(frozen=True)
class Domain:
    """Of what variable a model's likelihood is.

    Attributes
    ----------
    text : str
    discrete : bool
        A probability, so that bits a dimension mean something; else a density.
    valid : bool
        Whether it is a likelihood at all.
    """

    text: str
    discrete: bool
    valid: bool = True


_GREY = (
    "The Bernoulli cross-entropy of values between 0 and 1 is no likelihood (Loaiza-Ganem and "
    "Cunningham, 2019); binarize the pixels, or train with the continuous Bernoulli"
)
_BINARY = (
    "A likelihood of grey values is none of pixels that are 0 or 1, on which a density may be as "
    "large as you like; train with the Bernoulli, or do not binarize"
)


def likelihood_domain(representation: Representation, likelihood: str | None = None) -> Domain:
    """Domain of the likelihood of a model of these features.

    Parameters
    ----------
    representation : Representation
        Fitted.
    likelihood : str, optional
        Name of a VAE's; None for a model of levels.

    References
    ----------
    Theis, van den Oord and Bethge (2016), "A note on the evaluation of generative models",
    section 3.1. Loaiza-Ganem and Cunningham (2019), "The continuous Bernoulli", on grey values.

    Examples
    --------
    >>> raw = Raw((1, 28, 28), "levels", levels=256).fit(torch.zeros(1, 1, 28, 28))
    >>> likelihood_domain(raw).text
    '8-bit pixels'
    >>> likelihood_domain(Raw((1, 28, 28)).fit(torch.zeros(1, 1, 28, 28)), "bernoulli").valid
    False
    """
    space = representation.space
    binarize = representation.binarize if isinstance(representation, Raw) else None
    if binarize is not None:
        how = {
            "dynamic": "dynamically binarized pixels",
            "static": "pixels binarized once, by draws of gaborkit",
            "threshold": "pixels binarized at 1/2",
        }[binarize]
        valid = space.scaling == "levels" or likelihood == "bernoulli"
        return Domain(how, discrete=valid, valid=valid)
    raw = isinstance(representation, Raw)
    if isinstance(representation, Raw) and representation.palette is not None:
        table = json.dumps(representation.palette.colours.tolist()).encode()
        key = hashlib.sha256(table).hexdigest()[:8]
        return Domain(f"pixels of a palette of {space.levels} colours (fit {key})", discrete=True)
    variable = "pixels" if raw else "Gabor coefficients"
    if not raw:
        # Other kernels or another fit make another variable.
        content = json.dumps(representation.to_dict(), sort_keys=True).encode()
        key = hashlib.sha256(content).hexdigest()[:8]
        variable += f" ({space.channels} x {space.height} x {space.width}, fit {key})"
    if space.scaling == "levels":
        if raw and space.levels == 256:
            return Domain("8-bit pixels", discrete=True)
        return Domain(f"{variable} quantised to {space.levels} levels", discrete=True)
    if likelihood == "bernoulli":
        return Domain(f"{variable} in [0, 1]", discrete=False, valid=False)
    if likelihood == "discretized-logistic":
        if raw:
            return Domain("8-bit pixels", discrete=True)
        return Domain(f"{variable}, mass within 1/510 of the range", discrete=False)
    if raw and space.scaling == "white":
        # The density depends on the deviation by which pixels were divided.
        gains = json.dumps(representation.gain.tolist()).encode()
        variable += f" divided by their deviation (fit {hashlib.sha256(gains).hexdigest()[:8]})"
    return Domain(f"{variable}, as a density", discrete=False)


def likelihood_figures(
    model: Model,
    representation: Representation,
    test: Split,
    *,
    name: str = "test",
    importance_samples: int = 50,
    repeats: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[list[Figure], list[str]]:
    """Negative log-likelihood, or bounds from above, with standard errors.

    Exact where the model has ``log_likelihood``; a bound where it has ``elbo``, and the
    importance-weighted one where it has ``iwae``. What draws latents is repeated, with new draws
    and, where the encoding is random, new features; all else is repeated only in the latter case.

    Of a prior over codes, the likelihood of the codes is exact. Where the model of the codes has a
    likelihood of pixels, p(codes) p(pixels | codes) of the codes of an image bounds that of its
    pixels from below.

    Parameters
    ----------
    model : Model
    representation : Representation
    test : Split
        Labels are needed where the model is conditional.
    name : str
        What the protocol calls the data.
    importance_samples, repeats, seed : int
    progress : callable, optional
        Called with images done, over all repeats, and their total.

    Returns
    -------
    figures, notes : list of Figure, list of str
        No figures and a note for a model without likelihood, such as a GAN.

    Raises
    ------
    ModelError
        If a count is less than 1, or a label is needed and missing.

    References
    ----------
    Kingma and Welling (2014), "Auto-encoding variational Bayes", eq. 10. Burda, Grosse and
    Salakhutdinov (2016), "Importance weighted autoencoders", eq. 8.
    """
    if importance_samples < 1 or repeats < 1:
        raise ModelError(
            f"importance_samples={importance_samples}, repeats={repeats}: give 1 or more of each"
        )
    # Neither method is every model's.
    methods: Any = model
    exact, bounded = hasattr(model, "log_likelihood"), hasattr(model, "elbo")
    if not exact and not bounded:
        return [], [f"a model of kind {model.name} has no likelihood"]
    if isinstance(representation, Codes):
        return _of_codes(methods, representation, test, name, repeats, seed, progress)
    drawn = hasattr(model, "iwae")
    likelihood = getattr(model.config, "likelihood", None)
    bernoulli = likelihood == "bernoulli"
    domain = likelihood_domain(representation, likelihood)
    where = f"{domain.text} of {counted(len(test), 'image')} of {name}"
    if not drawn and not representation.stochastic:
        repeats = 1
    times = f"{repeats} encodings" if representation.stochastic else f"{repeats} draws"
    runs = [] if repeats == 1 else [f"mean of {times}"]

    measures: dict[str, Callable[..., Tensor]] = {}
    if exact:
        measures["NLL, exact"] = lambda x, y, _: methods.log_likelihood(x, y)
    else:
        loss = "Cross-entropy + KL" if bernoulli else "Reconstruction + KL"
        measures["NLL, ELBO bound" if domain.valid else loss] = methods.elbo
        if domain.valid and drawn:
            measures[f"NLL, IWAE-{importance_samples} bound"] = lambda x, y, generator: (
                methods.iwae(x, y, importance_samples, generator)
            )
    values = _measure(model, representation, test, measures, repeats, seed, progress)
    figures, notes = [], []
    for title, nats in values.items():
        latents = "1 latent draw" if drawn else "codes of the encoder"
        ways = {"NLL, exact": "exact", "NLL, ELBO bound": f"{latents}, KL in closed form"}
        way = ways.get(title, f"{importance_samples} latent draws")
        protocol = "; ".join([where, way if domain.valid else "no likelihood", *runs])
        figures.append(_figure(title, nats, "nats", 1.0, protocol, where if domain.valid else None))
    if domain.discrete:
        # The tightest of the figures, once more.
        title, nats = list(values.items())[-1]
        figures.append(_in_bits(title, nats, representation.space.size, figures[-1]))
    if not domain.valid:
        notes.append(_GREY if bernoulli else _BINARY)
    if not isinstance(representation, Raw):
        notes.append(
            "A likelihood of Gabor coefficients is of that domain alone: it says nothing of pixels"
        )
    return figures, notes


def _of_codes(
    prior: Any,
    codes: Codes,
    test: Split,
    name: str,
    repeats: int,
    seed: int,
    progress: Progress | None,
) -> tuple[list[Figure], list[str]]:
    """Of codes, exactly; and of what the coder sees, a bound where it has a likelihood of it."""
    coder, space = codes.coder_on(prior.device), codes.space
    likelihood = getattr(coder.config, "likelihood", None)
    pixels = likelihood_domain(codes.seen, likelihood)
    repeats = repeats if codes.stochastic else 1
    runs = [f"mean of {repeats} encodings"] if repeats > 1 else []
    images = f"of {counted(len(test), 'image')} of {name}"
    where = f"{space.size} codes of {space.levels} (fit {codes.digest[:8]}) {images}"

    def exact(seen: Tensor, labels: Tensor | None, _: torch.Generator) -> Tensor:
        nats: Tensor = prior.log_likelihood(coder.codes(seen), labels)
        return nats

    def bound(seen: Tensor, labels: Tensor | None, _: torch.Generator) -> Tensor:
        coded = coder.codes(seen)
        nats: Tensor = prior.log_likelihood(coded, labels)
        return nats + coder.log_prob(seen, coded)

    measures: dict[str, Callable[..., Tensor]] = {"NLL of codes, exact": exact}
    if pixels.valid:
        measures["NLL, bound by codes"] = bound
    values = _measure(prior, codes.seen, test, measures, repeats, seed, progress)
    titles = list(values)
    protocol = "; ".join([where, "exact", *runs])
    figures = [_figure(titles[0], values[titles[0]], "nats", 1.0, protocol, where)]
    figures.append(_in_bits(titles[0], values[titles[0]], space.size, figures[-1]))
    if not pixels.valid:
        note = _GREY if likelihood == "bernoulli" else _BINARY
        return figures, [f"Of pixels the codes give no bound. {note}"]
    where = f"{pixels.text} {images}"
    protocol = "; ".join([where, "codes of the encoder", *runs])
    figures.append(_figure(titles[1], values[titles[1]], "nats", 1.0, protocol, where))
    if pixels.discrete:
        size = codes.seen.space.size
        figures.append(_in_bits(titles[1], values[titles[1]], size, figures[-1]))
    return figures, []


@torch.no_grad()
def _measure(
    model: Model,
    representation: Representation,
    test: Split,
    measures: dict[str, Callable[..., Tensor]],
    repeats: int,
    seed: int,
    progress: Progress | None,
) -> dict[str, Tensor]:
    """Negated nats, float64 (repeats, N), of each measure."""
    space = representation.space
    batch = min(max(BUDGET // (space.size * max(space.levels, 1)), 1), LARGEST_BATCH)
    encoding = torch.Generator().manual_seed(seed)
    drawing = torch.Generator(model.device).manual_seed(seed)
    measured: dict[str, list[Tensor]] = {title: [] for title in measures}
    training = model.training
    model.eval()
    try:
        for repeat in range(repeats):
            for start in range(0, len(test), batch):
                images = test.images[start : start + batch]
                features = representation.encode(images, encoding).to(model.device)
                labels = None
                if model.classes and test.labels is not None:
                    labels = test.labels[start : start + batch].to(model.device)
                for title, measure in measures.items():
                    measured[title].append(
                        -measure(features, labels, drawing).double().cpu()
                    )  # (B,)
                if progress is not None:
                    progress(repeat * len(test) + start + len(images), repeats * len(test))
    finally:
        model.train(training)
    return {title: torch.cat(parts).view(repeats, -1) for title, parts in measured.items()}


def _in_bits(title: str, nats: Tensor, size: int, figure: Figure) -> Figure:
    """A figure in nats (repeats, N) once more, for each of ``size`` dimensions."""
    scale = 1 / (math.log(2) * size)
    return _figure(f"{title}, bits", nats, "bits/dim", scale, figure.protocol, figure.domain)


def _figure(
    title: str, nats: Tensor, unit: str, scale: float, protocol: str, domain: str | None
) -> Figure:
    """Mean of nats (repeats, N), its errors over images and over repeats."""
    repeats, count = nats.shape
    values = nats * scale
    over_images = float(values.mean(0).std() / count**0.5) if count > 1 else None
    over_repeats = float(values.mean(1).std() / repeats**0.5) if repeats > 1 else None
    return Figure(
        title, float(values.mean()), over_images, unit, protocol, "lower", domain, over_repeats
    )
