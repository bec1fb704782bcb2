"""The commands, one a file of that name with ``command`` in it, imported when it is named.

The list of them is here, so that ``--help`` and a shell that completes import none.
"""

from __future__ import annotations

#: What each does in short, in the order of the help text.
COMMANDS = {
    "filter": "Filter pictures with a Gabor kernel or bank.",
    "plot": "Draw a kernel, a bank, its spectrum, or responses.",
    "explore": "Play with all of it on a page in a browser.",
    "man": "Write manual pages of all commands.",
    "bench": "Measure gaborkit beside the libraries that are installed.",
    "features": "Describe pictures by Gabor features, in a table.",
    "radiomics": "IBSI statistics of a scan and its Gabor responses.",
    "volume": "Filter a scan, a stack or a video in space.",
    "orient": "Orientation at each pixel, as hue or as numbers.",
    "edges": "Edges and lines, thin and by their kind.",
    "compare": "Say how alike two pictures are.",
    "enhance": "Enhance the ridges of fingerprints.",
    "minutiae": "Endings and bifurcations of a fingerprint's ridges.",
    "iris": "Say whether two eyes are one, by codes of their irises.",
    "palm": "Say how alike two palms are, by their lines.",
    "stimulus": "Draw a Gabor stimulus in degrees of visual angle.",
    "flow": "Displacement between two pictures, or disparity.",
    "symmetry": "Lines and blobs by the symmetry of phase.",
    "vessels": "Vessels of a fundus, with or without examples.",
    "segment": "Divide a picture into its textures.",
    "pixels": "Learn classes of pixels from scribbles, and apply them.",
    "retrieve": "Find pictures of a similar texture.",
    "defects": "Find defects of a regular texture.",
    "classify": "Classify pictures by their Gabor features.",
    "train": "Train a model of images, or go on with one.",
    "runs": "List what has been trained.",
    "sample": "Draw new images from a trained model.",
    "upscale": "Make a picture larger (SRGAN).",
    "complete": "Complete pictures of which the top is given.",
    "reconstruct": "Encode pictures and decode them again (VAE, AE).",
    "interpolate": "Go from one picture to another (VAE, AE).",
    "latent": "Draw the latent space (VAE, AE).",
    "push": "Send a trained model to the Hugging Face Hub.",
    "evaluate": "Measure a trained model: likelihood, FID, modes, ...",
}

#: Those of the generative part, which needs more than torch.
GENERATIVE = tuple(COMMANDS)[tuple(COMMANDS).index("train") :]
