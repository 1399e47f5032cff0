"""The diffusion core: noise processes, denoisers, how training draws noise, and the likelihood."""

from synthdiff.diffusion.denoiser import Denoise, Preconditioner, denoising_loss, precondition
from synthdiff.diffusion.likelihood import log_likelihood
from synthdiff.diffusion.schedule import LogNormal, Schedule, UniformTime
from synthdiff.diffusion.sde import EDM, SDE, VE, VP, SubVP

__all__ = [
    "EDM",
    "SDE",
    "VE",
    "VP",
    "Denoise",
    "LogNormal",
    "Preconditioner",
    "Schedule",
    "SubVP",
    "UniformTime",
    "denoising_loss",
    "log_likelihood",
    "precondition",
]
