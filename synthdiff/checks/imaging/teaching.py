"""Teaching: the one way in which the nets that measure images learn.

It is kept apart from the training loop of the generators: an instrument must not change when they do, and what it
measures is the images it learns from, so a net learns for a fixed number of steps, without validation, averaging or
augmentation, from whatever it is given.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from synthdiff.seeds import derive, torch_generator


def teach(
    make: Callable[[], nn.Module],
    loss: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    truth: Tensor,
    *,
    size: int,
    rate: float,
    steps: int,
    seed: int,
) -> nn.Module:
    """Make a net and teach it.

    Parameters
    ----------
    make : callable
        Gives the net with its first weights.
    loss : callable
        Of what the net says of some images, and their truth.
    images, truth : Tensor
        With one entry an image, both.
    size : int
        Images a step, at most.
    rate : float
        The learning rate; it rises over the first tenth of the steps and falls to nothing.
    steps : int
    seed : int
        Of the first weights and of the order of images: the same for all that are to be compared.
    """
    size = min(size, len(images))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        net = make()
    generator = torch_generator(seed, "order")
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    order = torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, 10 * (step + 1) / steps) * (1 - step / steps)
        if len(order) < size:
            order = torch.cat([order, torch.randperm(len(images), generator=generator)])
        chosen, order = order[:size], order[size:]
        optimizer.zero_grad(set_to_none=True)
        loss(net(images[chosen]), truth[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net.eval()
