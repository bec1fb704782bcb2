"""The commands, one a file of that name with ``command`` in it, imported when it is named.

The list of them is here, so that ``--help`` and a shell that completes import none.
"""

from __future__ import annotations

#: What each does in short, under headings, in the order of the help text.
SECTIONS = {
    "Filter and show": {
        "filter": "Filter pictures with a Gabor kernel or bank.",
        "volume": "Filter a scan, a stack or a video in space.",
        "plot": "Draw a kernel, a bank, its spectrum, or responses.",
        "explore": "Play with all of it on a page in a browser.",
        "stimulus": "Draw a Gabor stimulus in degrees of visual angle.",
    },
    "Describe and find": {
        "features": "Describe pictures by Gabor features, in a table.",
        "compare": "Say how alike two pictures are.",
        "retrieve": "Find pictures of a similar texture.",
        "classify": "Classify pictures by their Gabor features.",
        "segment": "Divide a picture into its textures.",
        "pixels": "Learn classes of pixels from scribbles, and apply them.",
        "defects": "Find defects of a regular texture.",
        "orient": "Orientation at each pixel, as hue or as numbers.",
        "edges": "Edges and lines, thin and by their kind.",
        "symmetry": "Lines and blobs by the symmetry of phase.",
        "flow": "Displacement between two pictures, or disparity.",
    },
    "Medicine and biometrics": {
        "radiomics": "IBSI statistics of a scan and its Gabor responses.",
        "vessels": "Vessels of a fundus, with or without examples.",
        "enhance": "Enhance the ridges of fingerprints.",
        "minutiae": "Endings and bifurcations of a fingerprint's ridges.",
        "iris": "Say whether two eyes are one, by codes of their irises.",
        "palm": "Say how alike two palms are, by their lines.",
    },
    "Generate": {
        "train": "Train a model of images, or go on with one.",
        "runs": "List what has been trained.",
        "sample": "Draw new images from a trained model.",
        "upscale": "Make a picture larger (SRGAN).",
        "complete": "Complete pictures of which the top is given.",
        "reconstruct": "Encode pictures and decode them again (VAE, AE).",
        "interpolate": "Go from one picture to another (VAE, AE).",
        "latent": "Draw the latent space (VAE, AE).",
        "evaluate": "Measure a trained model: likelihood, FID, modes, ...",
        "push": "Send a trained model to the Hugging Face Hub.",
    },
    "About gaborkit": {
        "bench": "Measure gaborkit beside the libraries that are installed.",
        "man": "Write manual pages of all commands.",
    },
}

COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}

#: Those of the generative part, which needs more than torch.
GENERATIVE = tuple(SECTIONS["Generate"])
