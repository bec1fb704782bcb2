"""Hong, Wan and Jain's method written straight down with OpenCV: what fingerprints.py races.

The fields are found block by block, in loops, as in the article. The tuned filter is written in the
three ways that are met: a kernel and a sum of products for each pixel, a kernel for each block, and
a kernel for the whole picture whose result is taken where it belongs.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np

BLOCK, LENGTH, SIGMA = 16, 32, 4.0

#: Kernels are kept for every 3 degrees and every hundredth of a cycle per pixel.
STEP, GRAIN = math.radians(3), 0.01


def enhance(image, filtered, size=25):
    """Enhanced print, mask, orientation and frequency, by one of the filters below."""
    image = ((image - image.mean()) / image.std()).astype(np.float32)
    theta = orientation(image)
    frequency = ridge_frequency(image, theta)
    mask = ridge_mask(image)
    theta, frequency, mask = (to_pixels(field, image.shape) for field in (theta, frequency, mask))
    mask = mask.astype(bool)
    return filtered(image, theta, frequency, mask, size), mask, theta, frequency


def blocks(shape, side=BLOCK):
    for i in range(shape[0] // side):
        for j in range(shape[1] // side):
            yield i, j, np.s_[i * side : (i + 1) * side, j * side : (j + 1) * side]


def to_pixels(field, shape):
    whole = np.kron(field, np.ones((BLOCK, BLOCK), field.dtype))
    rest = [(0, n - m) for n, m in zip(shape, whole.shape, strict=True)]
    return np.pad(whole, rest, mode="edge")


def orientation(image):
    gx = cv2.Sobel(image, cv2.CV_32F, 1, 0)
    gy = cv2.Sobel(image, cv2.CV_32F, 0, 1)
    theta = np.zeros((image.shape[0] // BLOCK, image.shape[1] // BLOCK), np.float32)
    for i, j, block in blocks(image.shape):
        x, y = gx[block], gy[block]
        theta[i, j] = math.atan2(2 * np.sum(x * y), np.sum(x**2 - y**2)) / 2
    sin, cos = (cv2.blur(part(2 * theta), (3, 3)) for part in (np.sin, np.cos))
    return np.arctan2(sin, cos) / 2


def ridge_frequency(image, theta):
    frequency = np.zeros(theta.shape, np.float32)
    for i, j, _ in blocks(image.shape):
        cos, sin = math.cos(theta[i, j]), math.sin(theta[i, j])
        x, y = (j + 0.5) * BLOCK, (i + 0.5) * BLOCK
        middle = np.array([[LENGTH / 2], [BLOCK / 2]])
        turn = np.array([[cos, -sin], [sin, cos]])
        turn = np.hstack([turn, np.array([[x], [y]]) - turn @ middle])
        window = cv2.warpAffine(
            image,
            turn,
            (LENGTH, BLOCK),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        profile = window.mean(0)
        peaks = [
            k
            for k in range(1, LENGTH - 1)
            if profile[k - 1] < profile[k] >= profile[k + 1] and profile[k] > profile.mean()
        ]
        if len(peaks) > 1:
            wavelength = (peaks[-1] - peaks[0]) / (len(peaks) - 1)
            if 3 <= wavelength <= 25:
                frequency[i, j] = 1 / wavelength
    known = (frequency > 0).astype(np.float32)
    smooth, weight = (cv2.GaussianBlur(part, (7, 7), 3) for part in (frequency, known))
    return np.where(weight > 1e-3, smooth / np.maximum(weight, 1e-3), frequency[known > 0].mean())


def ridge_mask(image):
    mask = np.zeros((image.shape[0] // BLOCK, image.shape[1] // BLOCK), np.uint8)
    for i, j, block in blocks(image.shape):
        mask[i, j] = image[block].std() > 0.5
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def gabor(theta, frequency, size):
    return cv2.getGaborKernel((size, size), SIGMA, theta, 1 / frequency, 1, 0)


def pixel_by_pixel(image, theta, frequency, mask, size):
    half, kernels = size // 2, {}
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REFLECT)
    found = np.zeros_like(image)
    for i, j in np.argwhere(mask):
        key = round(theta[i, j] / STEP), round(frequency[i, j] / GRAIN)
        if key not in kernels:
            kernels[key] = gabor(key[0] * STEP, key[1] * GRAIN, size).astype(np.float32)
        found[i, j] = np.sum(kernels[key] * padded[i : i + size, j : j + size])
    return found


def block_by_block(image, theta, frequency, mask, size, side=BLOCK):
    half = size // 2
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_REFLECT)
    found = np.zeros_like(image)
    for i, j, block in blocks(image.shape, side):
        if mask[block].any():
            top, left = i * side, j * side
            around = padded[top : top + side + 2 * half, left : left + side + 2 * half]
            middle = top + side // 2, left + side // 2
            kernel = gabor(theta[middle], frequency[middle], size)
            response = cv2.filter2D(around, cv2.CV_32F, kernel)
            found[block] = response[half:-half, half:-half] * mask[block]
    return found


def kernel_by_kernel(image, theta, frequency, mask, size):
    turns = np.rint(theta / STEP).astype(int) % round(math.pi / STEP)
    grains = np.rint(frequency / GRAIN).astype(int)
    found = np.zeros_like(image)
    for turn, grain in np.unique(np.stack([turns[mask], grains[mask]], 1), axis=0):
        chosen = mask & (turns == turn) & (grains == grain)
        kernel = gabor(turn * STEP, grain * GRAIN, size)
        response = cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
        found[chosen] = response[chosen]
    return found


FILTERS = {
    "a kernel a pixel": pixel_by_pixel,
    "a kernel a block of 16": block_by_block,
    "a kernel a block of 8": functools.partial(block_by_block, side=8),
    "all pixels a kernel, then selection": kernel_by_kernel,
}
