"""Make the file of radiographs beside this one: `python recipes/data/pneumonia/make.py pneumoniamnist.npz`.

The argument is PneumoniaMNIST in 28 x 28 pixels, as MedMNIST publishes it. Of its training split a random part is kept,
with the shares of the findings as they are there, under their names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

IMAGES, NAMES = 600, ("normal", "pneumonia")


def main(source: str) -> int:
    """Draw the images and write them."""
    with np.load(source) as arrays:
        images, labels = arrays["train_images"], arrays["train_labels"][:, 0]
    # Copies of the original differ in the order of the images, which must not decide.
    order = np.lexsort((*images.reshape(len(images), -1).T, labels))
    images, labels = images[order], labels[order]
    draw = np.random.default_rng(2026)
    kept = []
    for label in range(len(NAMES)):
        places = np.flatnonzero(labels == label)
        kept.append(draw.choice(places, round(IMAGES * len(places) / len(labels)), replace=False))
    chosen = draw.permutation(np.concatenate(kept))
    findings = np.array(NAMES)[labels[chosen]]
    np.savez_compressed(Path(__file__).with_name("pneumonia.npz"), images=images[chosen], findings=findings)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
