"""Fréchet distance and Inception Score: one number for a set of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ModelError


def frechet_distance(*, real: Tensor, generated: Tensor) -> float:
    r"""Squared Fréchet distance between two sets of features, each taken as Gaussian.

    .. math:: |m_r - m_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^{1/2})

    With Inception features this is the FID; here the features are those of the digit classifier,
    so the numbers compare only with each other. It falls as the sets grow: compare equal counts.

    Parameters
    ----------
    real, generated : tensor (N, F), (M, F)
        At least two rows each.

    Raises
    ------
    ModelError
        If a set is no matrix, has fewer than two rows or holds NaN, or the lengths F differ.

    References
    ----------
    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), "GANs trained by a two time-scale
    update rule converge to a local Nash equilibrium", eq. 6.

    Examples
    --------
    >>> features = torch.eye(3)
    >>> round(frechet_distance(real=features, generated=features + 1), 6)
    3.0
    """
    real, generated = check_features(real, 2), check_features(generated, 2)
    if real.shape[1] != generated.shape[1]:
        raise ModelError(
            f"features of lengths {real.shape[1]} and {generated.shape[1]} do not compare; take "
            "both from one classifier"
        )
    return gaussian_frechet_distance(
        real.mean(0), real.T.cov(), generated.mean(0), generated.T.cov()
    )


def gaussian_frechet_distance(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> float:
    """Squared Fréchet distance between two Gaussians.

    The trace of (C1 C2)^(1/2) is the sum of the singular values of C1^(1/2) C2^(1/2), which exists
    for singular covariances too and is never complex, unlike a square root of the product itself.

    Parameters
    ----------
    mean, other_mean : tensor (F,)
    covariance, other_covariance : tensor (F, F)
        Symmetric, positive semi-definite.

    References
    ----------
    Dowson and Landau (1982), "The Fréchet distance between multivariate normal distributions",
    Journal of Multivariate Analysis 12, 450-455.

    Examples
    --------
    >>> one, zero = torch.eye(1), torch.zeros(1)
    >>> gaussian_frechet_distance(zero, one, zero + 3, 4 * one)  # (0 - 3)^2 + (1 - 2)^2
    10.0
    """
    covariance, other_covariance = covariance.double(), other_covariance.double()
    roots = _root(covariance) @ _root(other_covariance)  # (F, F)
    cross = torch.linalg.svdvals(roots).sum()
    traces = covariance.trace() + other_covariance.trace()
    distance = (mean.double() - other_mean.double()).square().sum() + traces - 2 * cross
    # Rounding may leave a little less than zero.
    return max(float(distance), 0.0)


def _root(covariance: Tensor) -> Tensor:
    """Symmetric square root of a positive semi-definite matrix (F, F)."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def inception_score(probabilities: Tensor) -> float:
    """Exponential of the mean divergence of each image's classes from those of all images.

    exp(mean over x of KL(p(y|x) || p(y))), from 1 to the number of classes. Over all images at
    once: splitting them, as is often done, makes the score depend on the size of a split.

    Parameters
    ----------
    probabilities : tensor (N, classes)
        Rows sum to 1.

    Raises
    ------
    ModelError
        If a row is no probability distribution.

    References
    ----------
    Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen (2016), "Improved techniques for
    training GANs", section 4.

    Examples
    --------
    >>> round(inception_score(torch.eye(10)), 6), inception_score(torch.full((4, 10), 0.1))
    (10.0, 1.0)
    """
    values = check_features(probabilities, 1)
    if (values < 0).any() or ((values.sum(1) - 1).abs() > 1e-4).any():
        raise ModelError("rows of probabilities do not sum to 1; pass them through a softmax")
    marginal = values.mean(0)  # (classes,)
    entropy = -torch.special.xlogy(values, values).sum(1).mean()
    cross = -torch.special.xlogy(marginal, marginal).sum()
    return float((cross - entropy).exp())


def check_features(values: Tensor, least: int) -> Tensor:
    """The rows as float64 on the CPU, if they are a matrix of at least ``least`` finite rows."""
    if values.ndim != 2 or len(values) < least:
        raise ModelError(
            f"features of shape {tuple(values.shape)} are not (N, F) with N of {least} or more"
        )
    values = values.detach().double().cpu()
    if not values.isfinite().all():
        raise ModelError("features hold NaN or infinity; the images they come from do")
    return values
