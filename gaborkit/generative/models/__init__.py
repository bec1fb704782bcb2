"""Generative models by the names that commands use."""

from __future__ import annotations

from .dcgan import DCGAN
from .gan import GAN
from .gated_pixelcnn import GatedPixelCNN
from .model import Model
from .pixelcnn import PixelCNN
from .vae import AE, VAE

MODELS: dict[str, type[Model]] = {
    model.name: model for model in (PixelCNN, GatedPixelCNN, VAE, AE, GAN, DCGAN)
}
